"""What needs a person on a device: one list, most urgent first, that the pill counts; and the walk to the shelves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared import fulfilment as f
from shared.put_back import Found, TaskLine
from shared.stock import StockDoc
from shared.sync import ExceptionDoc
from store_app.engine.needs import concerns
from tests.unit.engine.fakes import GTIN, NODE, NOON, FakeServer, Store, a_position, a_store

JOB = UUID(int=1)


def an_exception(number: int, kind: str = "put_back", **more: Any) -> ExceptionDoc:
    return ExceptionDoc(id=UUID(int=number), kind=kind, node=NODE, opened_at=NOON, **more)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await a_store(tmp_path, FakeServer())
    yield store
    store.engine.close()


async def open_at(store: Store, *docs: ExceptionDoc) -> None:
    for doc in docs:
        store.server.put("exception", str(doc.id), doc)
    assert await store.sync()


async def test_what_is_due_first_comes_first_and_care_is_not_waited_for(store: Store) -> None:
    soon, later, care = (
        an_exception(1, "arrived_after_close", owner_role="associate", due_at=NOON + timedelta(minutes=5)),
        an_exception(2, owner_role="associate", due_at=NOON + timedelta(hours=2)),
        an_exception(3, "shipped_after_close", owner_role="agent", due_at=NOON + timedelta(minutes=1)),
    )
    await open_at(store, later, care, soon)
    assert [need.key for need in store.engine.work.needs()] == [f"e{each.id}" for each in (care, soon, later)]
    assert [need.key for need in store.engine.work.today().needs_you] == [f"e{soon.id}", f"e{later.id}"]
    assert store.engine.app_state().sync.needs_you == 2


async def test_a_cancellation_under_way_is_one_thing_and_not_one_per_scan(store: Store) -> None:
    store.network.cut = True
    for _ in range(3):
        store.engine.work.scan(JOB, GTIN[1])
    store.server.order(f.Cancel(fulfilment=JOB))
    task = an_exception(1, fulfilment=JOB, opened_by="anna", lines=(TaskLine(line=1, sku="SKU-1", freed=3),))
    store.server.put("exception", str(task.id), task)
    store.network.heal()
    assert await store.sync()
    (need,) = store.engine.work.needs()
    assert need.put_back
    assert need.urgent
    assert store.engine.app_state().sync.needs_you == 1
    assert concerns(need, "anna", store.job())
    assert not concerns(need, "lea", None)


async def test_a_claim_that_came_too_late_is_said_by_the_task_to_put_back(store: Store) -> None:
    store.network.cut = True
    store.engine.work.accept(JOB)
    store.engine.work.scan(JOB, GTIN[1])
    store.server.order(f.Cancel(fulfilment=JOB))
    task = an_exception(1, fulfilment=JOB, opened_by="anna", lines=(TaskLine(line=1, sku="SKU-1", freed=1),))
    store.server.put("exception", str(task.id), task)
    store.network.heal()
    assert await store.sync()
    assert [each.outcome.notice.code for each in store.engine.outbox.unseen()] == ["job_closed"]  # type: ignore[union-attr]
    assert [need.key for need in store.engine.work.needs()] == [f"e{task.id}"]
    assert store.engine.app_state().sync.needs_you == 1
    assert store.engine.work.settle_exception(task.id, "put_back").ok
    assert store.engine.work.needs() == []
    assert store.engine.app_state().sync.needs_you == 0


async def test_a_refused_claim_is_red_and_stays_until_it_was_seen(store: Store) -> None:
    store.network.cut = True
    store.engine.work.accept(JOB)
    store.server.order(f.Accept(fulfilment=JOB))
    store.network.heal()
    assert await store.sync()
    (need,) = store.engine.work.needs()
    assert (need.notice.code, need.urgent, need.job) == ("taken", True, JOB)
    assert need.answer is not None
    store.engine.seen(need.answer.n)
    assert store.engine.work.needs() == []


async def test_what_is_settled_offline_is_gone_at_once_and_sent_later(store: Store) -> None:
    task = an_exception(1, lines=(TaskLine(line=1, sku="SKU-1", freed=2),))
    await open_at(store, task)
    store.network.cut = True
    found = [Found(line=1, quantity=1)]
    assert store.engine.work.settle_exception(task.id, "put_back", None, found).ok
    assert store.engine.work.needs() == []
    assert store.engine.work.settle_exception(task.id, "put_back").notice.code == "already_done"
    (queued,) = store.engine.outbox.unsettled()
    assert queued.body["lines"] == [{"line": 1, "quantity": 1}]


# ---------------------------------------------------------------- the walk


async def a_walk(store: Store) -> ExceptionDoc:
    store.server.put("stock", "SKU-1", a_position("SKU-1", sellable=3, bin="B-2", walk=9))
    store.server.put("stock", "SKU-2", a_position("SKU-2", sellable=3, bin="A-1", walk=2))
    lines = (TaskLine(line=1, sku="SKU-1", freed=2), TaskLine(line=2, sku="SKU-2", freed=1))
    doc = an_exception(1, lines=lines)
    await open_at(store, doc)
    return doc


async def test_units_are_carried_in_walking_order(store: Store) -> None:
    steps = store.engine.work.carry_list(await a_walk(store))
    assert [step.stock.bin for step in steps if isinstance(step.stock, StockDoc)] == ["A-1", "B-2"]


async def test_a_scan_counts_one_unit_and_says_when_it_is_too_much_or_not_on_the_list(store: Store) -> None:
    doc, work = await a_walk(store), store.engine.work

    def scan(raw: str, **back: int) -> tuple[bool, str, int, int]:
        said = work.carry_scan(doc, {int(line[1:]): units for line, units in back.items()}, raw)
        assert said is not None
        return said.ok, said.notice.code, said.line, said.units

    assert scan(GTIN[1]) == (True, "carried_back", 1, 1)
    assert scan(GTIN[1], n1=2) == (False, "carried_all", 0, 0)
    assert scan("no-such-code") == (False, "unknown_code", 0, 0)
    short = doc.model_copy(update={"lines": doc.lines[1:]})
    other = work.carry_scan(short, {}, GTIN[1])
    assert other is not None
    assert other.notice.code == "not_in_task"
    assert work.carry_scan(doc, {}, "BTN:B:BADGE-ANNA") is None
    assert store.engine.outbox.unsettled() == []
