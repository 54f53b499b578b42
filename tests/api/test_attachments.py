"""Photos of hand-offs: sent in pieces after their command, kept when they are what their hash says, shown to few."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from server.fulfilment import attachments
from server.kit import audit
from server.pages.board import board
from shared.api import ATTACHMENTS, LEFT_ATTACHMENTS, MEDIA_TYPE, QUARANTINE
from shared.proofs import PIECE_BYTES
from tests import build
from tests.build import World
from tests.shop import OTHER, STORE, Shop, Tablet, open_shop

pytestmark = pytest.mark.postgres
SIGNATURE = {"strokes": [[[100, 300], [180, 140], [240, 320]]]}


def picture(size: int = 3 * PIECE_BYTES - 1000, first: bytes = b"\xff\xd8\xff\xe0") -> bytes:
    """Bytes that begin like a JPEG."""
    return first + bytes(n * n % 251 for n in range(size - len(first)))


def named(file: bytes, **other: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(file).hexdigest(), "type": "image/jpeg", "size": len(file)} | other


@dataclass
class Counter:
    """A store with a tablet, whose customer takes a bag that was picked."""

    shop: Shop
    tablet: Tablet
    asking: httpx.AsyncClient
    job: str

    async def hand_off(self, **more: Any) -> str:
        return await self.tablet.do("hand_off", fulfilment=self.job, proof="id_seen", **more)

    async def put(self, sha256: str, start: int, piece: bytes, *, door: str = ATTACHMENTS) -> httpx.Response:
        headers = {"Upload-Offset": str(start), "Content-Type": "application/octet-stream"}
        return await self.asking.put(f"{door}/{sha256}", content=piece, headers=headers)

    async def send(self, file: bytes, photo: dict[str, Any], start: int = 0) -> httpx.Response:
        """All pieces from `start` on; the last answer."""
        for begin in range(start, len(file), PIECE_BYTES):
            answer = await self.put(photo["sha256"], begin, file[begin : begin + PIECE_BYTES])
        return answer

    async def proofs(self, client: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        answer = await (client or self.shop.world.client).get(f"/v1/fulfilments/{self.job}/proofs")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["proofs"]
        return found

    async def photo(self, sha256: str) -> httpx.Response:
        return await self.shop.world.client.get(f"/v1/fulfilments/{self.job}/proofs/{sha256}")


@pytest.fixture
async def counter(world: World) -> Counter:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    tablet, job = await shop.tablet(), order["jobs"][0]["id"]
    assert await tablet.do("pick", fulfilment=job, line=1, total=1) == "applied"
    return Counter(shop, tablet, await world.asking(tablet.device.token), job)


async def test_a_signature_and_a_photo_reach_those_who_may_see_them(counter: Counter) -> None:
    file = picture()
    photo = named(file)
    assert await counter.hand_off(signature=SIGNATURE, photo=photo, collector="Tom", proxy=True) == "applied"
    assert (await counter.photo(photo["sha256"])).status_code == 404
    answer = await counter.send(file, photo)
    assert answer.headers["content-type"].startswith(MEDIA_TYPE)
    assert answer.json() == {"sha256": photo["sha256"], "size": len(file), "received": len(file), "whole": True}
    (proof,) = await counter.proofs()
    assert (proof["method"], proof["collector"], proof["proxy"]) == ("id_seen", "Tom", True)
    assert proof["signature"] == SIGNATURE
    assert proof["photo"].pop("arrived_at") is not None
    assert proof["photo"] == photo
    shown = await counter.photo(photo["sha256"])
    assert (shown.content, shown.headers["content-type"]) == (file, "image/jpeg")
    assert (shown.headers["cache-control"], shown.headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_every_look_is_written_down(counter: Counter) -> None:
    file = picture(900)
    await counter.hand_off(photo=named(file))
    await counter.send(file, named(file))
    await counter.proofs()
    await counter.photo(named(file)["sha256"])
    looks = await counter.shop.world.rows("SELECT action, subject FROM audit WHERE action LIKE '%.read' ORDER BY n")
    assert looks == [{"action": action, "subject": counter.job} for action in ("proof.read", "photo.read")]
    assert await counter.shop.world.write(lambda tx: audit.broken(tx)) == []


async def test_the_devices_of_a_store_are_told_that_there_is_one_and_no_more(counter: Counter) -> None:
    await counter.hand_off(signature=SIGNATURE, photo=named(picture(900)))
    await counter.tablet.pull()
    job = counter.tablet.documents["fulfilment", counter.job]
    assert job is not None
    assert (job["proof"]["signed"], job["proof"]["photo"]) == (True, True)
    assert "strokes" not in str(job)


async def test_who_may_not_sees_nothing(counter: Counter) -> None:
    await counter.hand_off(signature=SIGNATURE)
    world = counter.shop.world
    for role, node, status in (("associate", STORE, 403), ("planner", STORE, 403), ("manager", OTHER, 404)):
        person = await build.person(world.db, role, nodes=[node])
        answer = await (await world.asking(person.token)).get(f"/v1/fulfilments/{counter.job}/proofs")
        assert answer.status_code == status, role
    agent = await build.person(world.db, "agent", nodes=[])
    assert len(await counter.proofs(await world.asking(agent.token))) == 1


async def test_a_file_that_broke_off_goes_on_where_it_stopped(counter: Counter) -> None:
    file = picture()
    photo = named(file)
    await counter.hand_off(photo=photo)
    sha256 = photo["sha256"]
    assert (await counter.put(sha256, 0, file[:PIECE_BYTES])).json()["received"] == PIECE_BYTES
    for _ in range(2):  # the answer was lost; the same piece comes again, and one from further on
        assert (await counter.put(sha256, 0, file[:PIECE_BYTES])).json()["received"] == PIECE_BYTES
    ahead = await counter.put(sha256, 2 * PIECE_BYTES, file[2 * PIECE_BYTES :])
    assert (ahead.status_code, ahead.json()["received"]) == (200, PIECE_BYTES)
    state = (await counter.asking.get(f"{ATTACHMENTS}/{sha256}")).json()
    assert state == {"sha256": sha256, "size": len(file), "received": PIECE_BYTES, "whole": False}
    assert (await counter.send(file, photo, PIECE_BYTES)).json()["whole"] is True
    assert (await counter.photo(sha256)).content == file
    assert await counter.shop.world.rows("SELECT * FROM attachment_piece") == []


async def test_two_devices_send_the_same_at_once_and_it_is_there_once(counter: Counter) -> None:
    file = picture()
    photo = named(file)
    await counter.hand_off(photo=photo)
    other = await counter.shop.tablet()
    tablets = [counter, Counter(counter.shop, other, await counter.shop.world.asking(other.device.token), counter.job)]

    async def send(one: Counter) -> list[int]:
        """As a device does: piece after piece, each one twice at once, from where the server says."""
        statuses, received, whole = [], 0, False
        while not whole:
            piece = file[received : received + PIECE_BYTES]
            answers = await asyncio.gather(*(one.put(photo["sha256"], received, piece) for _ in range(2)))
            statuses += [answer.status_code for answer in answers]
            received = max(answer.json()["received"] for answer in answers)
            whole = any(answer.json()["whole"] for answer in answers)
        return statuses

    statuses = await asyncio.gather(*(send(one) for one in tablets))
    assert set(statuses[0]) | set(statuses[1]) == {200}
    assert (await counter.photo(photo["sha256"])).content == file
    assert await counter.shop.world.rows("SELECT count(*) AS n FROM attachment") == [{"n": 1}]


async def test_bytes_that_do_not_add_up_are_thrown_away_and_good_ones_taken_afterwards(counter: Counter) -> None:
    file = picture()
    photo = named(file)
    await counter.hand_off(photo=photo)
    bad = await counter.send(file[:-1] + b"?", photo)
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "body")
    assert "Upload-Offset 0" in bad.json()["remedy"]
    assert (await counter.asking.get(f"{ATTACHMENTS}/{photo['sha256']}")).json()["received"] == 0
    assert (await counter.photo(photo["sha256"])).status_code == 404
    assert (await counter.send(file, photo)).json()["whole"] is True


async def test_what_one_device_spoils_another_one_sends_well(counter: Counter) -> None:
    file = picture()
    photo = named(file)
    await counter.hand_off(photo=photo)
    assert (await counter.put(photo["sha256"], 0, b"\xff\xd8\xff" + bytes(PIECE_BYTES - 3))).status_code == 200
    other = await counter.shop.tablet()
    good = Counter(counter.shop, other, await counter.shop.world.asking(other.device.token), counter.job)
    assert (await good.send(file, photo)).json()["whole"] is True


async def test_another_type_than_was_named_is_not_kept(counter: Counter) -> None:
    file = picture(900, b"<html><script>")
    await counter.hand_off(photo=named(file))
    answer = await counter.send(file, named(file))
    assert answer.status_code == 422
    assert "none of image/jpeg" in answer.json()["detail"]


async def test_more_than_was_named_and_a_piece_too_long_are_refused(counter: Counter) -> None:
    file = picture()
    photo = named(file)
    await counter.hand_off(photo=photo)
    long = await counter.put(photo["sha256"], 0, file[: PIECE_BYTES + 1])
    assert (long.status_code, long.json()["code"]) == (413, "too_large")
    for start in (0, PIECE_BYTES):
        await counter.put(photo["sha256"], start, file[start : start + PIECE_BYTES])
    more = await counter.put(photo["sha256"], 2 * PIECE_BYTES, file[2 * PIECE_BYTES :] + b"?")
    assert (more.status_code, more.json()["errors"][0]["field"]) == (422, "body")


async def test_a_photo_larger_than_two_megabytes_cannot_be_named(counter: Counter) -> None:
    assert await counter.hand_off(photo=named(picture(900), size=2 * 1024 * 1024 + 1)) == "held"
    answer = await counter.put(named(picture(900))["sha256"], 0, picture(900))
    assert answer.status_code == 404


async def test_nothing_is_taken_that_no_command_of_the_store_has_named(counter: Counter) -> None:
    file = picture(900)
    answer = await counter.put(named(file)["sha256"], 0, file)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, "path.sha256")
    await counter.hand_off(photo=named(file))
    stranger = await counter.shop.tablet(OTHER)
    elsewhere = Counter(counter.shop, stranger, await counter.shop.world.asking(stranger.device.token), counter.job)
    assert (await elsewhere.put(named(file)["sha256"], 0, file)).status_code == 404


async def test_the_photo_of_a_held_command_is_taken_too(counter: Counter) -> None:
    file = picture(900)
    command = counter.tablet.command("hand_off", fulfilment=counter.job, proof="shaman", photo=named(file))
    assert (await counter.tablet.push(command))["outcomes"][0]["status"] == "held"
    assert (await counter.send(file, named(file))).json()["whole"] is True


async def test_what_was_left_at_a_second_hand_off_is_kept_as_evidence(counter: Counter) -> None:
    await counter.hand_off(signature=SIGNATURE)
    other = await counter.shop.tablet()
    status = await other.do("hand_off", fulfilment=counter.job, proof="id_seen", signature=SIGNATURE, collector="Eve")
    assert status == "exception"
    assert [proof["collector"] for proof in await counter.proofs()] == [None, "Eve"]


async def test_a_revoked_device_leaves_its_photos_with_its_queue(counter: Counter) -> None:
    file = picture()
    photo, world = named(file), counter.shop.world
    command = counter.tablet.command("hand_off", fulfilment=counter.job, proof="id_seen", photo=photo)
    refused = await counter.put(photo["sha256"], 0, file[:100], door=LEFT_ATTACHMENTS)
    assert refused.status_code == 403
    await world.client.post(f"/v1/devices/{counter.tablet.device.id}/revoke")
    assert (await counter.asking.post(QUARANTINE, json={"commands": [command]})).status_code == 200
    assert (await counter.put(photo["sha256"], 0, file[:100])).status_code == 401
    for start in range(0, len(file), PIECE_BYTES):
        answer = await counter.put(photo["sha256"], start, file[start : start + PIECE_BYTES], door=LEFT_ATTACHMENTS)
    assert answer.json()["whole"] is True


async def test_the_board_says_which_photos_have_not_come_for_a_day(counter: Counter) -> None:
    await counter.hand_off(photo=named(picture(900)))
    world = counter.shop.world

    async def missing() -> int:
        seen = await world.write(board)
        return sum(row.count for row in seen.waiting if row.reason == "photo")

    assert await missing() == 0
    day = "UPDATE attachment SET named_at = named_at - interval '25 hours'"
    await world.write(lambda tx: tx.run(day))
    assert await missing() == 1
    await counter.send(picture(900), named(picture(900)))
    assert await missing() == 0


async def test_pieces_nobody_goes_on_with_are_forgotten(counter: Counter) -> None:
    file = picture()
    await counter.hand_off(photo=named(file))
    await counter.put(named(file)["sha256"], 0, file[:PIECE_BYTES])
    world = counter.shop.world
    assert await world.write(attachments.forget_pieces) == 0
    back = attachments.FORGOTTEN + timedelta(hours=1)
    await world.write(lambda tx: tx.run("UPDATE attachment_piece SET at = at - CAST(:back AS interval)", back=back))
    assert await world.write(attachments.forget_pieces) == 1
    assert (await counter.send(file, named(file))).json()["whole"] is True


async def test_the_story_says_what_was_left(counter: Counter) -> None:
    await counter.hand_off(signature=SIGNATURE)
    order = (await counter.shop.world.rows("SELECT order_id FROM fulfilment"))[0]["order_id"]
    entries = (await counter.shop.world.client.get(f"/v1/orders/{order}/timeline")).json()["entries"]
    (entry,) = [each for each in entries if each["code"] == "job.hand_off"]
    assert (entry["values"]["signed"], entry["values"]["photo"]) == (1, 0)
