"""Photos on the device: sealed, on the disk before their command, sent in pieces after it, kept a week, then gone."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from shared.errors import Conflict
from shared.fulfilment import State
from shared.proofs import PIECE_BYTES, Photo, Signature
from shared.reasons import Bucket
from store_app.engine.photos import FOLDER
from store_app.engine.state import Link
from store_app.engine.transport import Answer
from tests.unit.engine.fakes import GTIN, NODE, FakeServer, Store, _ok, _problem, a_job, a_store, open_engine

JOB = UUID(int=1)
SIGNED = Signature(strokes=(((100, 300), (180, 140), (240, 320)),))


def picture(size: int = 2 * PIECE_BYTES + 500, more: bytes = b"") -> bytes:
    return b"\xff\xd8\xff" + more + bytes(n * n % 251 for n in range(size - 3 - len(more)))


def hashed(file: bytes) -> str:
    return hashlib.sha256(file).hexdigest()


@dataclass
class PhotoServer(FakeServer):
    """Takes photos as the real one does: in pieces, by hash, once a command has named them."""

    files: dict[str, bytes] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    pieces: list[int] = field(default_factory=list)
    """Sizes of what came."""
    spoils: int = 0
    """How many photos still come out wrong."""
    piece_answer: Answer | None = None

    def named(self) -> dict[str, Photo]:
        bodies = [command["body"] for queue in self.commands.values() for _, command, _ in queue]
        bodies += [command["body"] for queue in self.revoked.values() for command in queue]
        found = [Photo.model_validate(body["photo"]) for body in bodies if body.get("photo")]
        return {photo.sha256: photo for photo in found}

    def take(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        self.requests.append("piece")
        if self.piece_answer is not None:
            return self.piece_answer
        shut_out = headers["authorization"].removeprefix("Bearer token-") in self.revoked
        if shut_out != ("/quarantine/" in path):
            return _problem(401, "not_signed_in")
        sha256 = path.rpartition("/")[2]
        photo = self.named().get(sha256)
        if photo is None:
            return _problem(404, "not_found")
        here = self.files.setdefault(sha256, b"")
        if sha256 not in self.whole and int(headers["upload-offset"]) == len(here):
            self.pieces += [len(content)] if content else []
            self.files[sha256] = here + content
        return self._closed(sha256, photo)

    def _closed(self, sha256: str, photo: Photo) -> Answer:
        here = self.files[sha256]
        if len(here) == photo.size and self.spoils:
            self.spoils -= 1
            self.files[sha256] = b""
            return _problem(422, "invalid_input")
        if len(here) == photo.size:
            assert hashed(here) == sha256
            self.whole.add(sha256)
        return _ok({"sha256": sha256, "size": photo.size, "received": len(here), "whole": sha256 in self.whole})


@pytest.fixture
def server() -> PhotoServer:
    server = PhotoServer()
    server.put("fulfilment", str(JOB), a_job(1, 1))
    return server


@pytest.fixture
def store(server: PhotoServer, tmp_path: Path) -> Iterator[Store]:
    made = asyncio.run(a_store(tmp_path, server, signed_in="lea"))
    yield made
    made.engine.close()


def hand_off(store: Store, photo: bytes | None = None, signature: Signature | None = None) -> bool:
    if not store.job().lines[0].picked:
        assert store.engine.work.scan(JOB, GTIN[1]).ok
    return store.engine.work.hand_off(JOB, proof="id_seen", photo=photo, signature=signature).ok


def files(store: Store) -> list[str]:
    return sorted(file.name for file in (store.folder / FOLDER).glob("*"))


def waiting(store: Store) -> int:
    return store.engine.syncer.status.photos


async def test_a_photo_follows_its_command_in_pieces(store: Store, server: PhotoServer) -> None:
    file = picture()
    store.network.cut = True
    assert hand_off(store, file, SIGNED)
    assert not await store.sync()
    assert (waiting(store), files(store)) == (1, [hashed(file)])
    store.network.heal()
    server.requests.clear()
    assert await store.sync()
    assert server.files == {hashed(file): file}
    assert server.pieces == [PIECE_BYTES, PIECE_BYTES, 500]
    assert server.requests.index("push") < server.requests.index("piece")
    assert (waiting(store), store.engine.outbox.waiting) == (0, 0)
    proof = store.job().proof
    assert proof is not None
    assert (proof.signed, proof.photo) == (True, True)


async def test_a_broken_line_costs_one_piece(store: Store, server: PhotoServer) -> None:
    file = picture(5 * PIECE_BYTES)
    store.network.cut = True
    hand_off(store, file)
    store.network.heal()
    fates = ["ok", "ok", "ok", "ok"]  # hello, push, pull, how much is there
    store.network.fate = iter([*fates, "ok", "lost"])
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.OFFLINE
    store.network.fate = iter([*fates[:2], "ok", "unheard"])  # the piece arrives, and nobody hears so
    await store.sync()
    assert await store.sync()
    assert server.pieces == [PIECE_BYTES] * 5
    assert server.files[hashed(file)] == file


async def test_what_lies_on_the_disk_cannot_be_read_without_the_key(store: Store) -> None:
    file = picture(9000, b"Exif: the customer's garden")
    hand_off(store, file, SIGNED)
    on_disk = [path.read_bytes() for path in store.folder.rglob("*") if path.is_file()]
    assert all(b"the customer's garden" not in each for each in on_disk)
    assert all(b"180,140" not in each and b"180, 140" not in each for each in on_disk)
    assert store.engine.store.photos.content(hashed(file)) == file


async def test_a_command_queued_while_a_photo_is_sent_goes_first(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(4 * PIECE_BYTES))
    asked = server.take

    def somebody_works(path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        if len(server.pieces) == 1 and store.engine.outbox.last_n < 5:
            store.engine.stock_work.adjust("SKU-2", Bucket.SELLABLE, -1, "theft")
        return asked(path, content, headers)

    server.take = somebody_works  # type: ignore[method-assign]
    assert await store.sync()
    at = [place for place, what in enumerate(server.requests) if what == "push"][-1]
    assert server.requests[at + 1 :].count("piece") == 2
    assert store.engine.store.photos.waiting == 0


# ---------------------------------------------------------------- power cuts


class Dark(BaseException):
    """The battery is empty."""


def power_cut(store: Store) -> None:
    """Open the store as the disk has it; nothing was closed."""
    store.engine.db._writer.close()
    store.engine.db._reader.close()
    store.engine = open_engine(store.folder, store.network, store.clock)


async def test_a_battery_that_dies_between_photo_and_command_leaves_neither_behind(
    store: Store, server: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.engine.work.scan(JOB, GTIN[1])

    def dies(*_: object) -> None:
        raise Dark

    monkeypatch.setattr(store.engine.outbox, "append", dies)
    with pytest.raises(Dark):
        hand_off(store, picture())
    assert len(files(store)) == 1
    power_cut(store)
    assert store.job().state is State.PICKED  # the hand-off was never confirmed
    assert waiting(store) == 1
    assert await store.sync()
    assert (waiting(store), server.files) == (0, {})  # the server says that nobody has named it
    store.clock.pass_(days=8)
    store.engine.syncer._wipe()
    assert files(store) == []


async def test_a_battery_that_dies_after_the_command_loses_no_photo(store: Store, server: PhotoServer) -> None:
    file = picture()
    assert hand_off(store, file)
    power_cut(store)
    assert waiting(store) == 1
    assert await store.sync()
    assert server.files == {hashed(file): file}


async def test_the_photo_is_on_the_disk_before_the_command(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    append, flush = store.engine.outbox.append, os.fsync
    monkeypatch.setattr("store_app.engine.photos.os.fsync", lambda fd: (told.append("fsync"), flush(fd))[1])
    monkeypatch.setattr(store.engine.outbox, "append", lambda *a: (told.append("command"), append(*a))[1])
    store.engine.work.scan(JOB, GTIN[1])
    told.clear()
    assert hand_off(store, picture())
    assert told == ["fsync", "fsync", "command"]  # the file, its name in the folder, then the command


async def test_half_a_file_is_nothing(store: Store) -> None:
    hand_off(store, picture())
    (store.folder / FOLDER / f"{'cd' * 32}.part").write_bytes(b"half")
    store.restart()
    assert len(files(store)) == 1


async def test_a_store_that_is_damaged_and_begun_anew_keeps_its_photos(store: Store, server: PhotoServer) -> None:
    file = picture()
    store.network.cut = True
    hand_off(store, file)
    store.network.heal()
    store.engine.db.damaged = True  # as SQLite says when it is used
    assert await store.sync()
    assert store.engine.mended is not None
    assert server.files == {hashed(file): file}
    assert waiting(store) == 0


async def test_a_photo_that_was_spoilt_on_the_disk_keeps_no_other_from_going(store: Store, server: PhotoServer) -> None:
    file = picture()
    server.put("fulfilment", str(UUID(int=2)), a_job(2, 1))
    await store.sync()
    hand_off(store, picture(700))
    spoilt = store.folder / FOLDER / hashed(picture(700))
    spoilt.write_bytes(spoilt.read_bytes()[:-5] + b"?????")
    other = UUID(int=2)
    store.engine.work.scan(other, GTIN[1])
    assert store.engine.work.hand_off(other, proof="id_seen", photo=file).ok
    assert await store.sync()
    assert (server.files, waiting(store)) == ({hashed(file): file}, 0)


# ---------------------------------------------------------------- what the server says


async def test_a_photo_that_does_not_add_up_is_sent_again_from_the_start(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(900))
    server.spoils = 2
    assert await store.sync()
    assert server.whole == {hashed(picture(900))}


async def test_a_photo_the_server_never_takes_is_let_be_and_offered_again_a_day_later(
    store: Store, server: PhotoServer
) -> None:
    hand_off(store, picture(900))
    server.spoils = 99
    assert await store.sync()
    assert (waiting(store), len(files(store))) == (0, 1)
    server.spoils = 0
    pieces = len(server.pieces)
    assert await store.sync()
    assert len(server.pieces) == pieces
    store.clock.pass_(days=1, minutes=1)
    assert await store.sync()
    assert server.whole == {hashed(picture(900))}


async def test_a_server_that_fails_on_a_photo_fails_on_nothing_else(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(900))
    server.piece_answer = (500, {"content-type": "application/problem+json"}, b"{}")
    assert await store.sync()
    assert (store.engine.syncer.status.link, store.engine.outbox.waiting, waiting(store)) == (Link.ONLINE, 0, 1)
    server.piece_answer = None
    assert await store.sync()
    assert waiting(store) == 0


async def test_a_sign_in_page_of_some_network_takes_no_photo(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(900))
    server.piece_answer = (200, {"content-type": "text/html"}, b"<html>Welcome to our Wi-Fi</html>")
    assert not await store.sync()
    assert waiting(store) == 1


async def test_after_a_restore_what_the_server_lost_is_sent_again_for_a_week(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(900))
    assert await store.sync()
    assert files(store) == [hashed(picture(900))]
    server.files.clear(), server.whole.clear()
    server.epoch += 1
    assert await store.sync()
    assert server.whole == {hashed(picture(900))}
    sent = len(server.pieces)
    server.epoch += 1  # and one that has lost nothing is only asked
    assert await store.sync()
    assert len(server.pieces) == sent


async def test_a_week_after_it_was_sent_a_photo_leaves_the_device_and_one_that_waits_stays(
    store: Store, server: PhotoServer
) -> None:
    hand_off(store, picture(900))
    assert await store.sync()
    server.put("fulfilment", str(UUID(int=2)), a_job(2, 1))
    await store.sync()
    store.network.cut = True
    store.engine.work.scan(UUID(int=2), GTIN[1])
    assert store.engine.work.hand_off(UUID(int=2), proof="id_seen", photo=picture(800)).ok
    store.clock.pass_(days=6)
    store.engine.syncer._wipe()
    assert len(files(store)) == 2
    store.clock.pass_(days=1, hours=2)
    store.engine.syncer._wipe()
    assert files(store) == [hashed(picture(800))]
    store.network.heal()
    assert await store.sync()
    store.clock.pass_(days=6)
    store.engine.syncer._wipe()
    assert files(store) == [hashed(picture(800))]  # a week from when it was sent, however long it had waited


async def test_what_the_server_never_wants_goes_after_a_week_too(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(900))
    server.spoils = 99
    for _ in range(8):
        await store.sync()
        store.clock.pass_(days=1, hours=1)
    store.engine.syncer._wipe()
    assert files(store) == []


# ---------------------------------------------------------------- leaving


async def test_a_device_with_a_photo_to_send_stays_what_it_is(store: Store, server: PhotoServer) -> None:
    hand_off(store, picture(900))
    server.piece_answer = (500, {"content-type": "application/problem+json"}, b"{}")
    await store.sync()
    assert store.engine.outbox.waiting == 0
    with pytest.raises(Conflict, match="1 photos"):
        store.engine.reset()
    assert (await store.engine.enrol(server.code, "Other")).notice.code == "commands_wait"
    server.piece_answer = None
    await store.sync()
    store.engine.reset()
    assert files(store) == []


async def test_a_revoked_device_leaves_its_photos_and_keeps_none(store: Store, server: PhotoServer) -> None:
    file = picture()
    store.network.cut = True
    hand_off(store, file)
    store.network.heal()
    server.revoked["D1"] = []
    store.network.fate = iter(["ok", "ok", "ok", "ok", "lost"])  # hello, the queue, how much, a piece; then the line
    await store.sync()
    assert store.engine.enrolled  # nothing is destroyed yet
    store.network.heal()
    await store.sync()
    assert not store.engine.enrolled
    assert server.files == {hashed(file): file}
    assert files(store) == []


# ---------------------------------------------------------------- at the counter


def asks_for(store: Store, proof: object) -> None:
    node = store.engine.lookup.node.model_copy(update={"policy": {"proof": proof}})
    store.server.put("node", NODE, node)


async def test_a_store_that_asks_for_a_signature_gets_one_or_a_leads_word(store: Store) -> None:
    asks_for(store, "signature")
    assert await store.sync()
    store.engine.work.scan(JOB, GTIN[1])
    work = store.engine.work
    assert work.proof_lacking(store.job(), signed=False, photo=True) == "signature"
    assert work.hand_off(JOB, proof="id_seen", photo=picture(900)).notice.code == "proof_lacking"
    assert files(store) == []
    assert work.hand_off(JOB, proof="id_seen", signature=SIGNED).ok


async def test_a_lead_lets_a_bag_go_without_what_the_store_asks_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks_for(store, "either")
    assert await store.sync()
    store.engine.work.scan(JOB, GTIN[1])
    assert not store.engine.work.hand_off(JOB, proof="id_seen", lead="lea").ok
    monkeypatch.setattr(store.engine.session, "lead_allows", lambda lead: lead == "lea")
    assert store.engine.work.hand_off(JOB, proof="id_seen", lead="lea").ok


async def test_what_is_no_picture_is_not_kept_and_hands_nothing_over(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    for file in (b"<svg>", picture(2 * 1024 * 1024 + 1)):
        assert store.engine.work.hand_off(JOB, proof="id_seen", photo=file).notice.code == "no_photo"
    assert (files(store), store.job().state) == ([], State.PICKED)


async def test_a_photo_of_a_hand_off_that_was_not_made_is_let_go(store: Store) -> None:
    assert hand_off(store, picture(900))
    again = store.engine.work.hand_off(JOB, proof="id_seen", photo=picture(800))
    assert (again.ok, again.notice.code) == (False, "already_handed_off")
    assert files(store) == [hashed(picture(900))]
