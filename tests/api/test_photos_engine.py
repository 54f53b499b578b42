"""A device's photos against the real server: taken offline, sent over a line that breaks, shown to an agent."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.sync import epochs
from shared.proofs import PIECE_BYTES, Signature
from store_app.engine import Engine
from store_app.engine.transport import Answer, Offline
from tests import build
from tests.shop import STORE, Shop, Tablet, open_shop

pytestmark = pytest.mark.postgres
SIGNED = Signature(strokes=(((100, 300), (180, 140), (240, 320)),))


def picture(size: int = 4 * PIECE_BYTES - 77) -> bytes:
    return b"\xff\xd8\xff" + bytes(n * n % 251 for n in range(size - 3))


@dataclass
class BreaksOff(build.InProcess):
    """A line that is cut whenever `breaks` says so, before a piece arrives or after."""

    client: Any
    cut: bool = False
    breaks: Iterator[str] = field(default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        super().__init__(self.client)

    async def request(self, method: str, path: str, **how: Any) -> Answer:
        fate = next(self.breaks, "") if how.get("content") else ""
        if fate == "before":
            raise Offline("cut")
        answer = await super().request(method, path, **how)
        if fate == "after":
            raise Offline("cut")
        return answer


@dataclass
class Counter:
    shop: Shop
    tablet: Tablet
    engine: Engine
    line: BreaksOff
    job: str

    async def hand_off_offline(self, photo: bytes | None = None) -> None:
        self.line.cut = True
        assert self.engine.work.scan(UUID(self.job), self.shop.codes["APPLE"]).ok
        assert self.engine.work.hand_off(self.job, proof="id_seen", signature=SIGNED, photo=photo).ok
        assert not await self.engine.syncer.run_once()
        self.line.cut = False

    async def proof(self) -> dict[str, Any]:
        """What an agent of customer care sees."""
        agent = await build.person(self.shop.world.db, "agent", nodes=[])
        asking = await self.shop.world.asking(agent.token)
        (proof,) = (await asking.get(f"/v1/fulfilments/{self.job}/proofs")).json()["proofs"]
        if proof["photo"] and proof["photo"]["arrived_at"]:
            picture = await asking.get(f"/v1/fulfilments/{self.job}/proofs/{proof['photo']['sha256']}")
            proof["picture"] = picture.content
        return dict(proof)


@pytest.fixture
async def counter(world: build.World, tmp_path: Path) -> AsyncIterator[Counter]:
    shop = await open_shop(world)
    tablet, order = await shop.tablet(), await shop.buy(("APPLE", 1))
    line = BreaksOff(await world.asking(tablet.device.token))
    engine = Engine.open(tmp_path, "http://unused", transport=line)
    engine.client.token = tablet.device.token
    engine.db.set_meta(device=tablet.device.id, node=STORE)
    engine.view.load(tablet.device.id, ())
    assert await engine.syncer.run_once(), engine.syncer.status
    person = engine.lookup.person(tablet.person.id)
    assert person is not None
    engine.session._enter(person, "badge", {})
    yield Counter(shop, tablet, engine, line, order["jobs"][0]["id"])
    engine.close()


async def test_what_was_taken_offline_reaches_an_agent_over_a_line_that_breaks(counter: Counter) -> None:
    photo = picture()
    await counter.hand_off_offline(photo)
    counter.line.breaks = iter(["", "before", "after", "before"])
    tries = 0
    while not await counter.engine.syncer.run_once():
        tries += 1
    assert tries == 3
    proof = await counter.proof()
    assert proof["signature"] == SIGNED.model_dump(mode="json")
    assert (proof["picture"], proof["photo"]["sha256"]) == (photo, hashlib.sha256(photo).hexdigest())
    assert counter.engine.syncer.status.photos == 0


async def test_the_long_poll_goes_on_while_photos_are_sent(counter: Counter) -> None:
    photo = picture()
    await counter.hand_off_offline(photo)
    syncing = asyncio.create_task(counter.engine.syncer.run_forever())
    for _ in range(200):
        await asyncio.sleep(0.05)
        if counter.engine.syncer.status.online and not counter.engine.syncer.status.photos:
            break
    assert (await counter.proof())["picture"] == photo
    second = await counter.shop.buy(("BREAD", 1))
    for _ in range(200):
        await asyncio.sleep(0.05)
        if counter.engine.work.job(second["jobs"][0]["id"]):
            break
    assert counter.engine.work.job(second["jobs"][0]["id"])
    counter.engine.syncer.stop()
    syncing.cancel()
    await asyncio.gather(syncing, return_exceptions=True)


async def test_a_restored_server_is_sent_the_photo_it_has_lost(counter: Counter) -> None:
    await counter.hand_off_offline(picture(5000))
    assert await counter.engine.syncer.run_once()
    world = counter.shop.world
    lost = "UPDATE attachment SET content = NULL, whole_at = NULL"
    await world.write(lambda tx: tx.run(lost))
    await world.write(lambda tx: epochs.begin(tx, "operator", "a backup"))
    assert "picture" not in await counter.proof()
    assert await counter.engine.syncer.run_once()
    assert (await counter.proof())["picture"] == picture(5000)


async def test_a_revoked_device_leaves_its_photo_before_it_destroys_its_keys(counter: Counter) -> None:
    await counter.hand_off_offline(picture())
    world = counter.shop.world
    await world.client.post(f"/v1/devices/{counter.tablet.device.id}/revoke")
    counter.line.breaks = iter(["", "before"])
    assert not await counter.engine.syncer.run_once()
    assert counter.engine.enrolled
    assert not await counter.engine.syncer.run_once()
    assert not counter.engine.enrolled
    kept = await world.rows("SELECT content FROM attachment WHERE whole_at IS NOT NULL")
    assert [bytes(row["content"]) for row in kept] == [picture()]
    (held, *_) = [
        row["body"]
        for row in (await world.client.get(f"/v1/devices/{counter.tablet.device.id}/quarantine")).json()["items"]
        if row["body"]["kind"] == "hand_off"
    ]
    assert held["signature"] == SIGNED.model_dump(mode="json")


async def test_a_stores_wish_for_a_signature_reaches_its_devices(counter: Counter) -> None:
    nodes = (await counter.shop.world.client.get(f"/v1/nodes/{STORE}")).json()
    computed = ("open_now", "taking_orders", "switched_off", "version")
    wish = {k: v for k, v in nodes.items() if k not in computed} | {"proof": "signature"}
    answer = await counter.shop.world.client.post("/v1/nodes", json={"nodes": [wish]})
    assert answer.json()["results"][0]["status"] == "updated", answer.text
    assert await counter.engine.syncer.run_once()
    job = counter.engine.work.job(UUID(counter.job))
    assert job is not None
    assert counter.engine.work.proof_lacking(job, signed=False, photo=False) == "signature"
