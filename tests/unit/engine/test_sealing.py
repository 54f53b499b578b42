"""Personal data at rest: sealed while it is needed, gone a week after the job."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared import fulfilment as f
from shared.fulfilment import Arrival, Collector, Fulfilment
from store_app.engine import sealing
from store_app.engine.sealing import PERSONAL, Unreadable, open_, seal
from store_app.engine.wiping import wipe
from tests.unit.engine.fakes import NOON, FakeServer, Store, a_job, a_store

JOB = UUID(int=1)
KEY = AESGCM(bytes(range(32)))
NONCE = bytes(12)
WHOLE = a_job(
    1,
    customer="Maria Sanchez",
    phone="217 555 0142",
    address=("12 Main Street", "Springfield"),
    proxies=(Collector(name="Bob Brown"),),
    code_hash="$argon2id$v=19$hash",
    note="Ring twice",
    arrival=Arrival(at=NOON, vehicle="Blue Fiat", bay="2"),
    proof=f.Proof(method="pass", collector="Bob Brown", at=NOON),
)
PERSONAL_WORDS = (
    "Maria Sanchez",
    "217 555 0142",
    "12 Main Street",
    "Bob Brown",
    "$argon2id",
    "Ring twice",
    "Blue Fiat",
)


def body(job: Fulfilment = WHOLE) -> dict[str, Any]:
    return job.model_dump(mode="json")


# ---------------------------------------------------------------- the blob


def test_what_is_sealed_opens_to_what_it_was() -> None:
    sealed = seal("fulfilment", "1", body(), KEY, NONCE)
    assert not [word for word in PERSONAL_WORDS if word in json.dumps(sealed)]
    assert open_("fulfilment", "1", sealed, KEY) == body()


def test_what_queries_ask_for_stays_in_the_clear() -> None:
    sealed = seal("fulfilment", "1", body(), KEY, NONCE)
    for name in ("id", "state", "number", "order_number", "locator", "finished_at"):
        assert sealed[name] == body()[name]


def test_a_body_without_its_blob_or_without_the_key_is_a_job_without_personal_data() -> None:
    sealed = seal("fulfilment", "1", body(), KEY, NONCE)
    bare = Fulfilment.model_validate({k: v for k, v in sealed.items() if k != sealing.FIELD})
    assert Fulfilment.model_validate(open_("fulfilment", "1", sealed, None)) == bare
    assert (bare.customer, bare.phone, bare.address, bare.proxies, bare.code_hash) == ("", None, (), (), None)
    assert (bare.arrival.vehicle, bare.arrival.bay) == (None, "2")
    assert bare.proof is not None
    assert (bare.proof.collector, bare.proof.method) == (None, "pass")


@pytest.mark.parametrize(("kind", "id_"), [("fulfilment", "2"), ("hand_off", "1")])
def test_a_blob_opens_in_its_own_row_only(kind: str, id_: str) -> None:
    with pytest.raises(Unreadable):
        open_(kind, id_, seal("fulfilment", "1", body(), KEY, NONCE), KEY)


def test_a_blob_that_was_changed_or_belongs_to_another_key_does_not_open() -> None:
    sealed = seal("fulfilment", "1", body(), KEY, NONCE)
    with pytest.raises(Unreadable):
        open_("fulfilment", "1", sealed, AESGCM(os.urandom(32)))
    blob = sealed[sealing.FIELD]
    for broken in (blob[:40] + ("A" if blob[40] != "A" else "B") + blob[41:], "not base64!", ""):
        with pytest.raises(Unreadable):
            open_("fulfilment", "1", {**sealed, sealing.FIELD: broken}, KEY)


def test_a_body_without_personal_data_is_kept_as_it_is() -> None:
    pick = f.Pick(fulfilment=JOB, line=1, total=1).model_dump(mode="json")
    anybody = f.HandOff(fulfilment=JOB, proof="pass").model_dump(mode="json")
    assert seal("pick", "1", pick, KEY, NONCE) == pick
    assert seal("hand_off", "1", anybody, KEY, NONCE) == anybody


def test_every_personal_field_exists_and_has_a_default() -> None:
    models: dict[str, Any] = {"fulfilment": Fulfilment, "hand_off": f.HandOff, "arrive": f.Arrive}
    models |= {"on_the_way": f.OnTheWay}
    for kind, model in models.items():
        for *above, name in PERSONAL[kind]:
            inner = {"arrival": f.Arrival, "proof": f.Proof}[above[0]] if above else model
            assert not inner.model_fields[name].is_required(), (kind, name)


# ---------------------------------------------------------------- on a device


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    server = FakeServer()
    server.put("fulfilment", str(JOB), WHOLE.model_copy(update={"proof": None, "arrival": Arrival(), "lines": ()}))
    server.put("fulfilment", str(UUID(int=2)), a_job(2, 1, customer="Jonathan Doe", proxies=(Collector(name="Bob"),)))
    made = asyncio.run(a_store(tmp_path, server))
    yield made
    made.engine.close()


def stored(store: Store, sql: str, *values: object) -> list[str]:
    return [row[0] for row in store.engine.db.all(sql, *values)]


def hand_over(store: Store, number: int = 2, collector: str = "Bob") -> None:
    """Pick, pack, stage and hand over all there is of a job, to somebody its customer named."""
    work, id_ = store.engine.work, UUID(int=number)
    work._session._allowed["lea"] = store.clock.now()
    for line in store.job(number).lines:
        assert work._pick(id_, line.line, line.open, None).ok
    assert work.pack(id_).ok
    assert work.stage(id_, "A1").ok
    assert work.arrive(id_, vehicle="Blue Fiat").ok
    assert work.hand_off(id_, proof="id_seen", collector=collector, proxy=True).ok


async def test_a_name_is_shown_and_found_though_the_database_does_not_hold_it(store: Store) -> None:
    assert store.job(1).customer == "Maria Sanchez"
    assert [job.id for job in store.engine.work.jobs(search="sanchez")] == [JOB]
    assert "Sanchez" not in "".join(stored(store, "SELECT body FROM document WHERE kind = 'fulfilment'"))
    store.restart()
    assert store.job(1).customer == "Maria Sanchez"
    assert [job.id for job in store.engine.work.jobs(search="sanchez")] == [JOB]


async def test_a_sealed_command_reaches_the_server_whole_and_the_same_again_after_it_lost_it(store: Store) -> None:
    hand_over(store)
    assert "Fiat" not in "".join(stored(store, "SELECT body FROM command"))
    assert await store.sync()
    first = [command for _, command, _ in store.server.commands["D1"]]
    assert [c["body"]["vehicle"] for c in first if c["body"]["kind"] == "arrive"] == ["Blue Fiat"]
    assert store.job(2) == store.server.job(2)
    del store.server.commands["D1"][2:]  # restored from a backup
    store.restart()
    assert await store.sync()
    assert [command for _, command, _ in store.server.commands["D1"]] == first


async def test_personal_data_is_gone_a_week_after_the_job_and_stays_gone(store: Store) -> None:
    hand_over(store)
    assert await store.sync()
    store.clock.pass_(days=6, hours=23)
    assert wipe(store.engine.db, store.engine.view) == 0
    assert store.job(2).customer == "Jonathan Doe"
    store.clock.pass_(hours=2)
    assert wipe(store.engine.db, store.engine.view) == 3  # the job, its arrival and its hand-off
    for _ in range(2):
        job = store.job(2)
        assert (job.customer, job.proxies, job.arrival.vehicle) == ("", (), None)
        assert job.proof is not None
        assert (job.proof.method, job.proof.collector) == ("id_seen", None)
        assert store.job(1).customer == "Maria Sanchez"  # still open
        assert {q.body.get("collector") for q in store.engine.outbox.journal()} == {None}
        store.restart()


async def test_neither_a_snapshot_nor_an_old_page_brings_wiped_data_back(store: Store) -> None:
    before = store.engine.replica.cursor
    hand_over(store)
    assert await store.sync()
    store.clock.pass_(days=8)
    wipe(store.engine.db, store.engine.view)
    store.server.put("fulfilment", str(UUID(int=2)), store.server.job(2))
    assert await store.sync()
    assert store.job(2).customer == ""
    store.engine.db.set_meta(epoch=None)  # a snapshot is fetched
    assert await store.sync()
    assert store.job(2).customer == ""
    assert store.job(1).customer == "Maria Sanchez"
    with store.engine.db.write() as tx:
        tx.executemany("UPDATE cursor SET seq = ? WHERE stream = ?", [(n, s) for s, n in before.items()])
    assert await store.sync()
    assert store.job(2).customer == ""
    assert wipe(store.engine.db, store.engine.view) == 0


async def test_a_command_that_waits_keeps_its_personal_data_however_old_it_is(store: Store) -> None:
    store.network.cut = True
    hand_over(store)
    store.clock.pass_(days=20)
    assert wipe(store.engine.db, store.engine.view) == 0
    store.network.heal()
    assert await store.sync()
    sent = [command["body"] for _, command, _ in store.server.commands["D1"]]
    assert [b["collector"] for b in sent if b["kind"] == "hand_off"] == ["Bob"]


async def test_a_wiped_command_can_still_be_sent_to_a_server_that_lost_it(store: Store) -> None:
    hand_over(store)
    assert await store.sync()
    done = len(store.server.commands["D1"])
    store.clock.pass_(days=8)
    wipe(store.engine.db, store.engine.view)
    del store.server.commands["D1"][2:]
    assert await store.sync()
    sent = [command["body"] for _, command, _ in store.server.commands["D1"]]
    assert len(sent) == done
    assert [b.get("collector") for b in sent if b["kind"] == "hand_off"] == [None]  # as the operators' guide says
    assert store.engine.outbox.waiting == 0


async def test_a_command_nobody_knows_the_outcome_of_is_asked_about_with_its_whole_body(store: Store) -> None:
    hand_over(store)
    store.network.fate = iter(["ok", "unheard", "lost"])  # hello, the push is carried out, the feed does not come
    assert not await store.sync()
    store.engine.db.set_meta(epoch=None)
    store.network.fate = iter(["ok", "ok", "lost"])  # hello, a snapshot settles it, and what became of it is not heard
    assert not await store.sync()
    unknown = store.engine.outbox.unexplained(200)
    assert "hand_off" in {queued.kind for queued in unknown}
    store.clock.pass_(days=8)
    assert wipe(store.engine.db, store.engine.view) == 1  # the job alone
    store.engine.db.set_meta(epoch=None)
    assert await store.sync()
    assert store.engine.outbox.unexplained(200) == []
    assert wipe(store.engine.db, store.engine.view) == 2


async def test_what_was_wiped_is_not_in_the_files_any_more(store: Store) -> None:
    hand_over(store)
    assert await store.sync()
    blobs = stored(store, "SELECT json_extract(body, '$.sealed') FROM document WHERE id = ?", str(UUID(int=2)))
    assert any(blobs[0].encode() in path.read_bytes() for path in store.folder.glob("store.sqlite3*"))
    store.clock.pass_(days=8)
    wipe(store.engine.db, store.engine.view)
    assert not any(blobs[0].encode() in path.read_bytes() for path in store.folder.glob("store.sqlite3*"))


async def test_what_a_snapshot_replaced_is_not_in_the_files_any_more(store: Store) -> None:
    blobs = stored(store, "SELECT json_extract(body, '$.sealed') FROM document WHERE kind = 'fulfilment'")
    store.engine.db.set_meta(epoch=None)
    assert await store.sync()
    store.engine.db.shrink_log()
    files = b"".join(path.read_bytes() for path in store.folder.glob("store.sqlite3*"))
    assert len(blobs) == 2
    assert not [blob for blob in blobs if blob.encode() in files]
    assert store.engine.db.one("PRAGMA secure_delete") == (1,)  # whatever the platform's SQLite was built with


async def test_the_sync_wipes_by_itself_without_a_network_too(store: Store) -> None:
    hand_over(store)
    assert await store.sync()
    store.network.cut = True
    store.clock.pass_(days=8)
    running = asyncio.create_task(store.engine.syncer.run_forever())
    async with asyncio.timeout(5):
        while store.job(2).customer:  # noqa: ASYNC110  (wiping tells nobody: nobody looks at such an old job)
            await asyncio.sleep(0)
    store.engine.syncer.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_damaged_blob_hides_a_name_and_stops_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with store.engine.db.write() as tx:
        tx.execute(
            "UPDATE document SET body = json_set(body, '$.sealed', 'AAAA'), mark = NULL WHERE id = ?", (str(JOB),)
        )
    store.restart()
    assert (store.job(1).customer, store.job(2).customer) == ("", "Jonathan Doe")
    assert "personal data" in caplog.text


def test_the_log_of_scans_keeps_no_code_that_may_be_a_person(store: Store) -> None:
    store.engine.work.scan(None, "@ANSI 636026 DAQD12345678 DCSSANCHEZ", screen="any")
    store.engine.close()
    logged = b"".join(path.read_bytes() for path in store.folder.glob("store.sqlite3*"))
    assert b"SANCHEZ" not in logged
    store.restart()
    assert [code for (code,) in store.engine.db.all("SELECT code FROM scan_log")] == ["?"]
