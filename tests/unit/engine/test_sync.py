"""The queue and the feed: nothing is lost, nothing happens twice, and only the feed settles."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import fulfilment as f
from shared.errors import Conflict
from shared.reasons import Bucket
from store_app.engine.state import Link
from tests.unit.engine.fakes import GTIN, FakeNetwork, FakeServer, Store, a_job, a_store, an_item, open_engine

JOB = UUID(int=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = asyncio.run(a_store(tmp_path))
    yield made
    made.engine.close()


def same_as_server(store: Store) -> None:
    assert store.engine.outbox.waiting == 0
    for kind, id_ in store.server.docs:
        if kind == "fulfilment":
            assert store.job(UUID(id_).int) == store.server.job(UUID(id_).int)
        if kind == "stock":
            assert store.engine.lookup.stock(id_) == store.server.position(id_)


# ---------------------------------------------------------------- the queue


async def test_a_pick_without_a_network_shows_at_once_and_waits(store: Store) -> None:
    store.network.cut = True
    result = store.engine.work.scan(JOB, GTIN[1])
    assert (result.ok, result.tone) == (True, "right")
    assert store.job().lines[0].picked == 1
    assert store.engine.syncer.status.waiting == 1
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.OFFLINE


async def test_what_was_done_survives_closing_the_app(store: Store) -> None:
    store.network.cut = True
    store.engine.work.scan(JOB, GTIN[1])
    store.restart()
    assert store.job().lines[0].picked == 1
    store.network.heal()
    assert await store.sync()
    assert store.server.job().lines[0].picked == 1
    same_as_server(store)


async def test_commands_are_numbered_without_gaps_over_a_restart(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.restart()
    store.sign_in()
    store.engine.work.scan(JOB, GTIN[1])
    numbers = [queued.n for queued in reversed(store.engine.outbox.journal())]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_command_is_settled_by_the_feed_and_not_by_the_answer_to_the_push(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.network.fate = iter(["ok", "ok", "lost"])  # hello, push, then the pull is lost
    assert not await store.sync()
    assert len(store.server.commands["D1"]) == 2
    assert store.engine.outbox.waiting == 1
    assert [queued.state for queued in store.engine.outbox.unsettled()] == ["sent"]
    assert store.job().lines[0].picked == 1
    assert await store.sync()
    assert store.engine.outbox.waiting == 0
    assert store.job().lines[0].picked == 1


async def test_an_effect_that_comes_with_the_feed_is_never_replayed_on_top(store: Store) -> None:
    for _ in range(3):
        store.engine.work.scan(JOB, GTIN[1])
    store.network.fate = iter(["ok", "unheard", "ok"])  # the push is carried out, its answer lost, the feed pulled
    await store.sync()
    assert store.job().lines[0].picked == 3
    assert store.engine.outbox.waiting == 0
    same_as_server(store)


async def test_a_page_that_comes_twice_changes_nothing(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    before = store.engine.replica.cursor
    assert await store.sync()
    page = await store.engine.client.pull(before, 0, 500)
    assert page.rows
    assert store.engine.replica.apply(page) == 0
    same_as_server(store)


async def test_what_became_of_a_command_is_shown_until_somebody_looked(store: Store) -> None:
    store.network.cut = True
    store.engine.work.accept(JOB)
    store.server.order(f.Accept(fulfilment=JOB))
    store.network.heal()
    assert await store.sync()
    (unseen,) = store.engine.outbox.unseen()
    assert unseen.outcome is not None
    assert unseen.outcome.notice is not None
    assert (unseen.outcome.status, unseen.outcome.notice.code) == ("refused", "taken")
    assert store.engine.syncer.status.needs_you == 1
    store.engine.seen(unseen.n)
    assert store.engine.syncer.status.needs_you == 0


async def test_an_adjustment_shows_at_once_and_is_counted_once(store: Store) -> None:
    assert store.engine.stock_work.adjust("SKU-1", Bucket.SELLABLE, -2, "theft").ok
    here = store.engine.lookup.stock("SKU-1")
    assert here is not None
    assert (here.buckets.sellable, here.atp.available) == (3, 2)
    assert await store.sync()
    same_as_server(store)
    assert store.server.position("SKU-1").buckets.sellable == 3


async def test_who_worked_under_a_lease_that_is_anothers_by_now_is_told_once(store: Store) -> None:
    assert store.engine.work.accept(JOB).ok
    assert await store.sync()
    store.network.cut = True
    store.server.order(f.TakeOver(fulfilment=JOB))
    for _ in range(2):
        store.engine.work.scan(JOB, GTIN[1])
    store.network.heal()
    assert await store.sync()
    outcomes = [queued.outcome for queued in store.engine.outbox.journal(2) if queued.outcome]
    assert [(each.status, each.notice and each.notice.code) for each in outcomes] == [
        ("adjusted", "taken_meanwhile")
    ] * 2
    assert (len(store.engine.outbox.unseen()), store.job().lines[0].picked) == (1, 2)
    assert store.job().lease == store.server.job().lease


async def test_who_helps_with_a_job_that_they_know_to_be_anothers_is_told_nothing(store: Store) -> None:
    store.server.order(f.TakeOver(fulfilment=JOB))
    assert await store.sync()
    store.engine.work.scan(JOB, GTIN[1])
    assert await store.sync()
    assert store.engine.outbox.unseen() == []


# ---------------------------------------------------------------- the server's answers


async def test_a_server_that_failed_on_one_command_still_gets_those_before_it(store: Store) -> None:
    for _ in range(3):
        store.engine.work.scan(JOB, GTIN[1])
    store.server.fails_on = {3}
    for _ in range(5):
        assert not await store.sync()
    assert len(store.server.commands["D1"]) == 2
    assert store.engine.syncer.status.stuck == 3
    assert store.engine.syncer.status.needs_you == 1
    store.server.put("fulfilment", str(UUID(int=2)), a_job(2))
    await store.sync()
    assert store.job(2).number == "B-2-AA/1"  # the feed goes on
    store.server.fails_on = set()
    assert await store.sync()
    assert store.engine.syncer.status.stuck is None
    same_as_server(store)


async def test_a_captive_portal_is_no_connection(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.server.answer_with = (200, {"content-type": "text/html"}, b"<h1>Welcome to the Wi-Fi</h1>")
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.OFFLINE
    store.server.answer_with = (403, {"content-type": "text/html"}, b"<h1>Sign in first</h1>")
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.OFFLINE


async def test_a_revoked_device_says_so_and_keeps_its_queue(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    done = store.server.commands.pop("D1")
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.REVOKED
    assert store.engine.outbox.waiting == 1
    store.server.commands["D1"] = done
    assert await store.sync()
    same_as_server(store)


async def test_an_app_that_is_too_old_says_so_and_keeps_its_queue(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    body = b'{"type": "urn:baton:update_needed", "code": "update_needed", "detail": "Update the app."}'
    store.server.answer_with = (426, {"content-type": "application/problem+json"}, body)
    assert not await store.sync()
    assert store.engine.syncer.status.link is Link.UPDATE_NEEDED
    assert store.engine.outbox.waiting == 1


async def test_the_difference_of_the_clocks_is_measured_and_sent_along(store: Store) -> None:
    class Ahead:
        def now(self) -> object:
            return store.clock.now() + timedelta(hours=25)

    store.server.clock = Ahead()  # type: ignore[assignment]
    assert await store.sync()
    store.engine.work.scan(JOB, GTIN[1])
    assert store.engine.outbox.unsettled()[0].offset_ms == 25 * 3600 * 1000


# ---------------------------------------------------------------- snapshots and restored servers


async def test_a_snapshot_replaces_the_replica_and_leaves_the_queue(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.server.take_out("item", "SKU-2")
    store.server.put("item", "SKU-9", an_item(9))
    store.server.put("fulfilment", str(UUID(int=2)), a_job(2))
    store.server.compact()
    assert await store.sync()
    assert "snapshot" in store.server.requests[-4:]
    assert store.engine.lookup.item("SKU-2") is None
    assert [item.sku for item in store.engine.lookup.search_items("shirt 9")] == ["SKU-9"]
    same_as_server(store)


async def test_commands_whose_effect_a_snapshot_contains_are_settled_by_it(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.network.fate = iter(["ok", "unheard", "lost"])  # carried out, but nobody heard
    await store.sync()
    store.server.compact()
    assert await store.sync()
    assert store.engine.outbox.waiting == 0
    outcome = store.engine.outbox.journal()[0].outcome
    assert outcome is not None
    assert outcome.status == "applied"
    same_as_server(store)


async def test_a_snapshot_that_was_cut_short_leaves_the_old_replica(store: Store) -> None:
    store.server.compact()
    store.server.put("fulfilment", str(UUID(int=2)), a_job(2))
    store.server.compact()
    whole = store.server._snapshot

    def cut(device: str) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = whole(device)
        return status, dict(headers), body[: len(body) // 2]

    store.server._snapshot = cut  # type: ignore[method-assign]
    assert not await store.sync()
    assert store.engine.work.job(UUID(int=2)) is None
    assert store.job().number == "B-1-AA/1"
    store.server._snapshot = whole  # type: ignore[method-assign]
    assert await store.sync()
    assert store.job(2).number == "B-2-AA/1"


async def test_a_server_restored_from_a_backup_gets_the_journal_again(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    assert await store.sync()
    restored = FakeServer(clock=store.clock, epoch=2)
    restored.commands["D1"] = []
    store.network.server = store.server = restored
    assert await store.sync()
    assert [id_ for id_, _, _ in restored.commands["D1"]] == [
        str(q.id) for q in reversed(store.engine.outbox.journal())
    ]
    assert restored.job().lines[0].picked == 1
    same_as_server(store)


async def test_a_device_that_lost_its_last_commits_goes_on_after_what_the_server_has(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    assert await store.sync()
    with store.engine.db.write() as tx:
        tx.execute("DELETE FROM command WHERE n = 2")
    store.restart()
    store.sign_in()
    store.engine.work.scan(JOB, GTIN[1])
    for _ in range(3):
        await store.sync()
    assert store.server.job().lines[0].picked == 2
    same_as_server(store)


async def test_a_snapshot_does_not_settle_a_command_that_has_the_number_of_a_lost_one(store: Store) -> None:
    """The push is lost, the feed has forgotten too much, and the snapshot has a command of this number."""
    store.engine.work.scan(JOB, GTIN[1])
    assert await store.sync()
    with store.engine.db.write() as tx:
        tx.execute("DELETE FROM command WHERE n = 2")
    store.restart()
    store.sign_in()
    store.engine.work.scan(JOB, GTIN[1])
    store.server.put("item", "SKU-9", an_item(9))
    store.server.compact()
    store.network.fate = iter(["ok", "lost", "ok", "ok", "lost"])  # hello, push, pull: resync, a snapshot, what became
    assert not await store.sync()
    for _ in range(3):
        await store.sync()
    assert store.engine.outbox.waiting == 0
    assert {str(queued.id) for queued in store.engine.outbox.journal()} <= {
        id_ for id_, _, _ in store.server.commands["D1"]
    }
    same_as_server(store)


# ---------------------------------------------------------------- enrolment


async def test_a_wrong_code_enrols_nothing(tmp_path: Path) -> None:
    server = FakeServer()
    engine = open_engine(tmp_path, FakeNetwork(server), server.clock)
    result = await engine.enrol("999999", "Tablet")
    assert (result.ok, result.notice.code, engine.enrolled) == (False, "enrolment_refused", False)
    assert engine.syncer.status.link is Link.NOT_ENROLLED
    engine.close()


async def test_a_device_is_not_reset_while_commands_wait(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    with pytest.raises(Conflict, match="1 commands and 0 photos wait"):
        store.engine.reset()
    assert not (await store.engine.enrol(store.server.code, "Tablet")).ok
    assert await store.sync()
    store.engine.reset()
    assert not store.engine.enrolled
    assert store.engine.work.jobs() == []


async def test_a_device_enrolled_again_begins_its_numbers_anew(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    assert await store.sync()
    assert (await store.engine.enrol(store.server.code, "Tablet")).ok
    assert await store.sync()
    store.sign_in()
    assert [queued.n for queued in store.engine.outbox.journal()] == [1]
    assert store.job().lines[0].picked == 1


async def test_keys_are_not_in_the_database(store: Store) -> None:
    store.engine.close()
    assert b"token-D1" not in (store.folder / "store.sqlite3").read_bytes()
    assert (store.folder / "device.json").stat().st_mode & 0o077 == 0
    store.engine = open_engine(store.folder, store.network, store.clock)


# ---------------------------------------------------------------- staying connected


async def test_connected_a_new_command_goes_up_and_news_come_down(store: Store) -> None:
    running = asyncio.create_task(store.engine.syncer.run_forever())
    await _until(lambda: store.engine.syncer.status.online)
    store.engine.work.scan(JOB, GTIN[1])
    await _until(lambda: store.server.job().lines[0].picked == 1 and store.engine.outbox.waiting == 0)
    store.server.put("fulfilment", str(UUID(int=2)), a_job(2))
    await _until(lambda: store.engine.work.job(UUID(int=2)) is not None)
    store.network.cut = True
    await _until(lambda: not store.engine.syncer.status.online)
    store.engine.work.scan(JOB, GTIN[1])
    store.network.heal()
    store.engine.syncer.poke()
    await _until(lambda: store.engine.syncer.status.online and store.engine.outbox.waiting == 0)
    store.engine.syncer.stop()
    await asyncio.wait_for(running, 5)
    same_as_server(store)


async def _until(true: object) -> None:
    for _ in range(2000):
        if true():  # type: ignore[operator]
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")


# ---------------------------------------------------------------- any interleaving at all

FATES = st.lists(st.sampled_from(["ok", "ok", "lost", "unheard", "twice", "late"]), max_size=40)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("scan"), st.integers(0, 1), st.integers(1, 2)),
        st.tuples(st.just("unpick"), st.integers(0, 1), st.integers(1, 2)),
        st.tuples(st.just("short"), st.integers(0, 1), st.integers(1, 2)),
        st.tuples(st.just("pack"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("adjust"), st.integers(0, 1), st.integers(1, 2)),
        st.tuples(st.just("sync"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("sync"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("cancel"), st.just(0), st.integers(1, 2)),
        st.tuples(st.just("compact"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


async def _act(stores: list[Store], what: str, which: int, number: int) -> None:
    store = stores[which]
    work = store.engine.work
    if what == "sync":
        await store.sync()
    elif what == "restart":
        store.restart()
        store.sign_in()
    elif what == "scan":
        work.scan(JOB, GTIN[number])
    elif what == "unpick":
        work.unpick(JOB, number)
    elif what == "short":
        work.short(JOB, number, 1, "not_found")
    elif what == "pack":
        work.pack(JOB)
    elif what == "adjust":
        store.engine.stock_work.adjust(f"SKU-{number}", Bucket.SELLABLE, 1, "found")
    elif what == "compact":
        store.server.compact()
    else:
        units = f.LineUnits(line=number, quantity=1)
        store.server.order(f.Cancel(fulfilment=JOB, lines=(units,)))


async def _history(steps: list[tuple[str, int, int]], fates: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = FakeServer()
        stores = [await a_store(Path(folder) / str(place), server) for place in range(2)]
        try:
            for store, fate in zip(stores, fates, strict=True):
                store.network.fate = iter(fate)
            for step in steps:
                await _act(stores, *step)
            for store in stores:
                store.network.heal()
            for _ in range(2):
                for store in stores:
                    assert await store.sync()
            for store in stores:
                same_as_server(store)
            made = [str(q.id) for store in stores for q in store.engine.outbox.journal(1000)]
            assert sorted(server.applied) == sorted(made)
            added = sum(q.body["delta"] for s in stores for q in s.engine.outbox.journal(1000) if "delta" in q.body)
            assert sum(server.position(f"SKU-{n}").buckets.sellable for n in (1, 2)) == 10 + added
        finally:
            for store in stores:
                store.engine.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.tuples(FATES, FATES))
def test_whatever_the_network_does_everything_settles_exactly_once(
    steps: list[tuple[str, int, int]], fates: tuple[list[str], list[str]]
) -> None:
    asyncio.run(_history(steps, list(fates)))
