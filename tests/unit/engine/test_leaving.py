"""A revoked device gives its queue back and destroys its keys; one that lost contact for a week locks."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared import passes
from store_app.engine.state import Link
from tests.unit.engine.fakes import GTIN, PIN_KEY, FakeServer, Store, a_job, a_person, a_store

JOB = UUID(int=1)
PIN = "482915"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    server = FakeServer()
    verifier = passes.pin_verifier(PIN, base64.b64decode(PIN_KEY), bytes(16))
    server.put("person", "anna", a_person("anna", "Anna", pin_verifier=verifier))
    server.put("fulfilment", str(UUID(int=2)), a_job(2, 1, customer="Jonathan Doe"))
    made = asyncio.run(a_store(tmp_path, server))
    yield made
    made.engine.close()


def left(store: Store) -> list[dict[str, Any]]:
    return store.server.revoked["D1"]


def secrets(store: Store) -> Path:
    return store.folder / "device.json"


# ---------------------------------------------------------------- revoked


async def test_a_revoked_device_gives_its_queue_back_and_destroys_its_keys(store: Store) -> None:
    store.network.cut = True
    for _ in range(2):
        store.engine.work.scan(JOB, GTIN[1])
    assert store.engine.work.arrive(UUID(int=2), vehicle="Blue Fiat").ok
    store.network.heal()
    store.server.revoked["D1"] = []
    assert not await store.sync()
    assert [(c["n"], c["body"]["kind"]) for c in left(store)] == [(2, "pick"), (3, "pick"), (4, "arrive")]
    assert left(store)[2]["body"]["vehicle"] == "Blue Fiat"  # whole
    assert len(store.server.commands["D1"]) == 1  # nothing was carried out
    engine = store.engine
    assert not secrets(store).exists()
    assert (engine.enrolled, engine.session.person, engine.outbox.waiting) == (False, None, 0)
    assert engine.work.jobs() == []
    assert engine.db.all("SELECT * FROM document") == []
    assert engine.shut_out is not None
    assert engine.shut_out.given == 3
    assert engine.syncer.status.link is Link.REVOKED
    assert engine.app_state().sync.shut_out
    store.restart()
    assert store.engine.syncer.status.link is Link.REVOKED
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.REVOKED


async def test_a_device_with_nothing_to_send_erases_itself_too(store: Store) -> None:
    store.server.revoked["D1"] = []
    await store.sync()
    assert store.engine.shut_out is not None
    assert (store.engine.shut_out.given, store.engine.enrolled) == (0, False)


async def test_a_long_queue_goes_in_pieces(store: Store) -> None:
    store.network.cut = True
    with store.engine.db.write():
        for number in range(450):
            store.engine.session._enter(a_person("anna", f"Anna {number}"), "badge", {})
    store.network.heal()
    store.server.revoked["D1"] = []
    store.server.requests.clear()
    await store.sync()
    assert store.server.requests == ["hello", "quarantine", "quarantine", "quarantine"]
    assert [c["n"] for c in left(store)] == list(range(2, 452))


@pytest.mark.parametrize("fate", ["lost", "unheard"])
async def test_nothing_is_destroyed_before_the_server_has_said_yes(store: Store, fate: str) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.server.revoked["D1"] = []
    store.network.fate = iter(["ok", fate])  # hello, then the last push
    assert not await store.sync()
    assert store.engine.enrolled
    assert secrets(store).exists()
    assert (store.engine.outbox.waiting, store.engine.syncer.status.link) == (1, Link.REVOKED)
    assert store.engine.app_state().sync.shut_out
    await store.sync()
    assert len(left(store)) == 1
    assert not store.engine.enrolled


async def test_a_server_that_does_not_know_the_device_gets_it_to_destroy_nothing(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    known = store.server.commands.pop("D1")  # restored from a backup that is older than the device
    assert not await store.sync()
    assert (store.engine.enrolled, store.engine.outbox.waiting) == (True, 1)
    assert store.job().customer == "Maria 1."
    store.server.commands["D1"] = known
    assert await store.sync()
    assert store.engine.outbox.waiting == 0
    assert not store.engine.app_state().sync.shut_out


async def test_what_is_done_during_the_last_push_is_given_back_as_well(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.server.revoked["D1"] = []
    hold, picked = store.server._quarantine, iter([True])

    def meanwhile(device: str, body: Any) -> Any:
        if next(picked, False):
            assert store.engine.work.scan(JOB, GTIN[1]).ok
        return hold(device, body)

    store.server._quarantine = meanwhile  # type: ignore[method-assign]
    await store.sync()
    assert [c["body"]["total"] for c in left(store)] == [1, 2]
    assert not store.engine.enrolled


async def test_a_device_that_died_while_erasing_goes_on_when_it_is_opened(store: Store) -> None:
    store.network.cut = True
    store.engine.work.scan(JOB, GTIN[1])
    store.engine.db.set_meta(shut_out={"at": store.clock.now().isoformat(), "given": 1})
    secrets(store).unlink()  # and the battery was empty
    store.restart()
    assert store.engine.db.all("SELECT * FROM command") == []
    assert store.engine.db.all("SELECT * FROM document") == []
    assert store.engine.syncer.status.link is Link.REVOKED


async def test_keys_that_were_set_aside_when_the_battery_died_are_destroyed_at_the_next_start(store: Store) -> None:
    aside = secrets(store).with_suffix(".gone")
    secrets(store).rename(aside)
    store.engine.db.set_meta(shut_out={"at": store.clock.now().isoformat(), "given": 0})
    store.restart()
    assert not aside.exists()
    assert not store.engine.enrolled
    assert store.engine.db.all("SELECT * FROM document") == []


async def test_an_erased_device_can_be_let_in_again_with_another_key(store: Store) -> None:
    before = secrets(store).read_text()
    store.server.revoked["D1"] = []
    await store.sync()
    assert (await store.engine.enrol(store.server.code, "Tablet")).ok
    assert await store.sync()
    assert store.engine.shut_out is None
    assert store.job(2).customer == "Jonathan Doe"
    assert secrets(store).read_text() != before
    store.sign_in()
    assert store.engine.work.scan(JOB, GTIN[1]).n == 2


async def test_the_sync_erases_a_revoked_device_by_itself(store: Store) -> None:
    store.server.revoked["D1"] = []
    running = asyncio.create_task(store.engine.syncer.run_forever())
    async with asyncio.timeout(5):
        while store.engine.enrolled:  # noqa: ASYNC110  (the real loop sets its own pace)
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


# ---------------------------------------------------------------- no contact


def test_a_week_without_contact_locks_the_device_and_keeps_its_queue(store: Store) -> None:
    store.network.cut = True
    assert store.engine.work.arrive(UUID(int=2), vehicle="Blue Fiat").ok
    store.clock.pass_(days=6, hours=23)
    assert store.engine.session.sign_in_badge("BTN:B:BADGE-ANNA").ok
    store.clock.pass_(hours=2)
    session = store.engine.session
    assert (session.shut, session.person, store.engine.app_state().person) == (True, None, None)
    assert session.sign_in_badge("BTN:B:BADGE-ANNA").notice.code == "shut"
    assert session.sign_in_pin("anna", PIN).notice.code == "shut"
    assert store.engine.work.scan(JOB, GTIN[1]).notice.code == "sign_in_first"
    store.restart()
    assert store.engine.session.sign_in_badge("BTN:B:BADGE-ANNA").notice.code == "shut"
    assert [q.kind for q in store.engine.outbox.unsettled()] == ["arrive", "signed_in"]
    rows = sqlite3.connect(store.folder / "store.sqlite3").execute("SELECT body FROM command").fetchall()
    assert "Fiat" not in str(rows)


async def test_contact_unlocks_the_device_and_sends_what_it_kept(store: Store) -> None:
    store.network.cut = True
    assert store.engine.work.arrive(UUID(int=2), vehicle="Blue Fiat").ok
    store.clock.pass_(days=8)
    store.restart()
    assert not await store.sync()
    assert store.engine.session.shut
    store.network.heal()
    assert await store.sync()
    assert not store.engine.session.shut
    store.sign_in()
    assert store.server.job(2).arrival.vehicle == "Blue Fiat"


async def test_hearing_from_the_server_counts_though_it_fails_on_a_command(store: Store) -> None:
    store.network.cut = True
    store.engine.work.scan(JOB, GTIN[1])
    store.clock.pass_(days=8)
    store.network.heal()
    store.server.fails_on = {2}
    assert not await store.sync()
    assert not store.engine.session.shut


def test_screens_are_told_when_the_device_locks(store: Store) -> None:
    store.network.cut = True
    store.engine.session.sign_out()
    store.engine.tick()
    told: list[bool] = []
    store.engine.subscribe(lambda: told.append(True))
    store.engine.tick()
    assert told == []
    store.clock.pass_(days=8)
    store.engine.tick()
    store.engine.tick()
    assert told == [True]
