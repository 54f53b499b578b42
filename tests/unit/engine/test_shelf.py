"""Counting and receiving on the device: shown at once, kept through anything, in totals that cannot count twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from shared.fulfilment import Cancel
from shared.put_back import TaskLine
from shared.reasons import Bucket
from shared.stock import StockDoc
from shared.sync import ExceptionDoc
from store_app.engine.stock_work import BEGUN_FOR
from tests.unit.engine.fakes import GTIN, NODE, NOON, Store, a_store, an_item

JOB = UUID(int=1)
NOTE = "LS-4711"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Signed in, in step, and then offline."""
    made = await a_store(tmp_path)
    made.network.cut = True
    yield made
    made.engine.close()


def here(store: Store, sku: str = "SKU-1") -> StockDoc:
    found = store.engine.lookup.stock(sku)
    assert found is not None
    return found


def waiting(store: Store) -> list[tuple[str, object]]:
    """The queue's counts and receipts: kind, and what they say."""
    queue = store.engine.outbox.unsettled()
    return [(q.kind, q.body.get("units", q.body.get("good"))) for q in queue if q.kind in ("count", "receive")]


# ---------------------------------------------------------------- counting


async def test_a_count_shows_at_once_and_settles_later(store: Store) -> None:
    assert store.engine.stock_work.count("SKU-1", 3).ok
    assert (here(store).buckets.sellable, here(store).atp.on_hand, here(store).atp.available) == (3, 3, 2)
    assert here(store).counted_at is not None
    store.restart()
    assert here(store).buckets.sellable == 3
    store.network.heal()
    assert await store.sync()
    assert here(store).buckets.sellable == store.server.position("SKU-1").buckets.sellable == 3


async def test_what_is_in_a_tote_belongs_to_the_record_and_not_to_the_shelf(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.engine.work.scan(JOB, GTIN[1])
    store.engine.stock_work.count("SKU-1", 3)
    assert here(store).buckets.sellable == 5
    store.engine.work.scan(JOB, GTIN[1])
    assert here(store).buckets.sellable == 5  # picked after the count: it moved from the shelf to the tote
    store.restart()
    assert here(store).buckets.sellable == 5


async def test_units_to_put_back_are_not_on_the_shelf(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    assert store.engine.view.in_hand("SKU-1") == 1
    store.network.heal()
    assert await store.sync()
    store.server.order(Cancel(fulfilment=JOB))
    lines = (TaskLine(line=1, sku="SKU-1", freed=1),)
    task = ExceptionDoc(id=UUID(int=7), kind="put_back", node=NODE, fulfilment=JOB, lines=lines, opened_at=NOON)
    store.server.put("exception", str(task.id), task)
    assert await store.sync()
    assert store.engine.view.in_hand("SKU-1") == 1
    assert store.engine.work.settle_exception(task.id, "put_back").ok
    assert store.engine.view.in_hand("SKU-1") == 0


async def test_a_correction_after_the_count_moves_it_one_before_does_not(store: Store) -> None:
    stock = store.engine.stock_work
    stock.adjust("SKU-1", Bucket.SELLABLE, 2, "found")
    stock.count("SKU-1", 3)
    assert here(store).buckets.sellable == 3
    stock.adjust("SKU-1", Bucket.SELLABLE, -1, "theft")
    assert here(store).buckets.sellable == 2


async def test_a_count_that_is_not_saved_yet_outlives_a_flat_battery(store: Store) -> None:
    stock = store.engine.stock_work
    for units in (1, 2):
        said = stock.count_scan("SKU-1", GTIN[1])
        assert said is not None
        assert (said.ok, said.notice.values["units"]) == (True, units)
    store.restart()
    assert store.engine.stock_work.begun("SKU-1") == 2
    store.server.clock.at += BEGUN_FOR
    assert store.engine.stock_work.begun("SKU-1") == 0
    assert waiting(store) == []


async def test_a_saved_count_is_not_begun_any_more(store: Store) -> None:
    store.engine.stock_work.count_scan("SKU-1", GTIN[1])
    store.engine.stock_work.count("SKU-1", 1)
    assert store.engine.stock_work.begun("SKU-1") == 0


async def test_another_item_at_the_shelf_is_named_and_an_unknown_code_too(store: Store) -> None:
    stock = store.engine.stock_work
    other, unknown = stock.count_scan("SKU-1", GTIN[2]), stock.count_scan("SKU-1", "0000")
    assert other is not None
    assert unknown is not None
    assert (other.notice.code, other.item and other.item.sku) == ("not_counted_here", "SKU-2")
    assert (unknown.ok, unknown.notice.code, unknown.notice.values["scanned"]) == (False, "unknown_code", "0000")
    assert stock.count_scan("SKU-1", "BTN:B:BADGE-LEA") is None  # somebody signs in, whatever is on the screen
    assert stock.begun("SKU-1") == 0


async def test_nobody_counts_less_than_nothing_or_an_item_that_is_not_there(store: Store) -> None:
    stock = store.engine.stock_work
    assert stock.count("SKU-1", -1).notice.code == "below_zero"
    assert stock.count("SKU-1", 10**6).notice.code == "too_many"
    assert stock.count("SKU-9", 1).notice.code == "unknown_item"
    store.engine.session.sign_out()
    assert stock.count("SKU-1", 1).notice.code == "sign_in_first"


# ---------------------------------------------------------------- receiving


async def test_each_scan_of_a_delivery_is_in_the_queue_and_on_hand_at_once(store: Store) -> None:
    stock = store.engine.stock_work
    for _ in range(3):
        said = stock.receive_scan(NOTE, GTIN[1])
        assert said is not None
        assert said.ok
    stock.receive_scan(NOTE, GTIN[1], part="damaged")
    assert waiting(store) == [("receive", 1), ("receive", 2), ("receive", 3), ("receive", 3)]
    assert (here(store).buckets.sellable, here(store).buckets.damaged, here(store).atp.on_hand) == (8, 1, 9)
    (line,) = stock.delivery(NOTE)
    assert (line.sku, line.good, line.damaged) == ("SKU-1", 3, 1)
    store.restart()
    (line,) = store.engine.stock_work.delivery(NOTE)
    assert (line.good, line.damaged) == (3, 1)
    assert here(store).buckets.sellable == 8
    store.sign_in()
    store.engine.stock_work.receive_scan(NOTE, GTIN[1])
    assert store.engine.stock_work.got(NOTE, "SKU-1").good == 4


async def test_a_device_goes_on_from_its_total_after_everything_has_settled(store: Store) -> None:
    stock = store.engine.stock_work
    stock.receive_scan(NOTE, GTIN[1])
    stock.receive_scan(NOTE, GTIN[1])
    store.network.heal()
    assert await store.sync()
    assert store.engine.outbox.waiting == 0
    assert here(store).buckets.sellable == store.server.position("SKU-1").buckets.sellable == 7
    store.network.cut = True
    stock.receive_scan(NOTE, GTIN[1])
    assert waiting(store) == [("receive", 3)]
    assert here(store).buckets.sellable == 8
    assert stock.deliveries() == [NOTE]


async def test_what_was_scanned_by_mistake_is_taken_back(store: Store) -> None:
    stock = store.engine.stock_work
    stock.receive_scan(NOTE, GTIN[1])
    stock.receive_scan(NOTE, GTIN[2])
    assert stock.receive(NOTE, "SKU-1", 0, 0).ok
    assert here(store).buckets.sellable == 5
    assert {line.sku: line.good for line in stock.delivery(NOTE)} == {"SKU-1": 0, "SKU-2": 1}
    assert stock.receive(NOTE, "SKU-1", -1, 0).notice.code == "below_zero"


async def test_the_first_units_of_an_item_make_a_position(store: Store) -> None:
    store.network.heal()
    store.server.put("item", "SKU-3", an_item(3, barcodes=("NEW-3",)))
    assert await store.sync()
    assert store.engine.lookup.stock("SKU-3") is None
    said = store.engine.stock_work.receive_scan(NOTE, "NEW-3")
    assert said is not None
    assert said.ok
    assert (here(store, "SKU-3").atp.available, here(store, "SKU-3").node) == (1, NODE)


async def test_one_code_for_two_items_is_asked_about(store: Store) -> None:
    store.network.heal()
    store.server.put("item", "SKU-3", an_item(3, barcodes=(GTIN[1],)))
    assert await store.sync()
    stock = store.engine.stock_work
    said = stock.receive_scan(NOTE, GTIN[1])
    assert said is not None
    assert (said.ok, said.notice.code, {item.sku for item in said.choices}) == (False, "which_item", {"SKU-1", "SKU-3"})
    assert waiting(store) == []


async def test_a_delivery_has_a_number_and_an_item_is_none(store: Store) -> None:
    stock = store.engine.stock_work
    assert stock.delivery_number("  LS-4711 ") == "LS-4711"
    assert stock.delivery_number(GTIN[1]) is None
    assert stock.delivery_number("   ") is None
