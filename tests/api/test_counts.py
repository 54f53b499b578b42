"""Counts and what happens around them: a count is true as of its own time, in whatever order the news arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import permutations
from typing import Any

import pytest

from server.check import check
from tests.morning import at, heard_of_later
from tests.shop import OTHER, STORE, Shop, Tablet


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with heard_of_later(database_url) as opened:
        yield opened


def done(tablet: Tablet, minutes: float, kind: str, **body: Any) -> dict[str, Any]:
    """A command that was done then, and waits on its tablet."""
    return tablet.command(kind, **body) | {"made_at": at(minutes)}


def counted(tablet: Tablet, minutes: float, units: int, **more: Any) -> dict[str, Any]:
    return done(tablet, minutes, "count", sku="APPLE", node=tablet.node, units=units, **more)


async def sellable(shop: Shop, node: str = STORE) -> int:
    return int((await shop.stock("APPLE", node))["on_hand"])


async def recounts(shop: Shop) -> list[dict[str, Any]]:
    answer = await shop.world.client.get("/v1/exceptions", params={"state": "open"})
    return [each for each in answer.json()["items"] if each["kind"] == "recount"]


async def nothing_is_wrong(shop: Shop) -> None:
    assert [found for found in await check(shop.world.db) if found.violations] == []


async def outcome(tablet: Tablet, *commands: dict[str, Any]) -> list[str]:
    return [each["status"] for each in (await tablet.push(*commands))["outcomes"]]


# ---------------------------------------------------------------- one device


async def test_a_count_puts_the_record_right_and_says_so_on_the_ledger(shop: Shop) -> None:
    tablet = await shop.tablet(STORE, "associate")
    assert await tablet.do("count", sku="APPLE", node=STORE, units=7, bin="B-9", mode="blind") == "applied"
    assert await sellable(shop) == 7
    movements = (await shop.world.client.get("/v1/movements", params={"sku": "APPLE", "node": STORE})).json()
    assert (movements["movements"][0]["reason"], movements["movements"][0]["quantity"]) == ("count", -3)
    await tablet.pull()
    stock = tablet.documents[("stock", "APPLE")]
    assert stock is not None
    assert (stock["bin"], stock["buckets"]["sellable"]) == ("B-9", 7)
    assert stock["counted_at"]
    assert await recounts(shop) == []
    await nothing_is_wrong(shop)


async def test_what_is_in_a_tote_is_not_on_the_shelf_and_not_missing(shop: Shop) -> None:
    tablet = await shop.tablet()
    job = (await shop.buy(("APPLE", 4)))["jobs"][0]["id"]
    assert await outcome(tablet, done(tablet, 0, "pick", fulfilment=job, line=1, total=3), counted(tablet, 30, 6)) == [
        "applied",
        "applied",
    ]
    assert await sellable(shop) == 9  # 6 on the shelf, 3 in the tote
    await outcome(tablet, done(tablet, 40, "pick", fulfilment=job, line=1, total=4), counted(tablet, 50, 5))
    assert await sellable(shop) == 9
    await nothing_is_wrong(shop)


async def test_units_that_wait_to_be_put_back_belong_to_the_record_and_not_to_the_shelf(shop: Shop) -> None:
    tablet = await shop.tablet()
    order = await shop.buy(("APPLE", 4))
    job = order["jobs"][0]["id"]
    await tablet.do("pick", fulfilment=job, line=1, total=4)
    await shop.world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "changed their mind"})
    assert await tablet.do("count", sku="APPLE", node=STORE, units=6) == "applied"
    assert await sellable(shop) == 10
    task = (await shop.world.client.get("/v1/exceptions")).json()["items"][0]
    found = [{"line": 1, "quantity": 3}]
    assert await tablet.do("settle_exception", exception=task["id"], resolution="put_back", lines=found) == "applied"
    assert await sellable(shop) == 9
    assert await tablet.do("count", sku="APPLE", node=STORE, units=9) == "applied"
    assert await sellable(shop) == 9
    await nothing_is_wrong(shop)


async def test_fewer_than_was_promised_breaks_the_newest_promise(shop: Shop) -> None:
    tablet = await shop.tablet()
    first, second = await shop.buy(("APPLE", 4)), await shop.buy(("APPLE", 6))
    assert await tablet.do("count", sku="APPLE", node=STORE, units=5) == "applied"
    assert (await shop.page(first["id"]))["lines"][0]["units"]["allocated"] == 4
    assert (await shop.page(second["id"]))["lines"][0]["units"]["allocated"] == 1
    assert (await shop.stock("APPLE"))["reserved"] == 5
    await nothing_is_wrong(shop)


async def test_a_count_of_what_nobody_sells_or_by_a_stranger_is_held(shop: Shop) -> None:
    tablet, stranger = await shop.tablet(), await shop.tablet(OTHER)
    assert await tablet.do("count", sku="GHOST", node=STORE, units=1) == "held"
    assert await stranger.do("count", sku="APPLE", node=STORE, units=1) == "held"
    assert await sellable(shop) == 10


# ---------------------------------------------------------------- several devices, in any order of arrival


def orders_of(story: Sequence[int]) -> list[tuple[int, ...]]:
    """Every order in which news may arrive; that of one device stays."""
    return sorted(set(permutations(story)))


async def arrive(shop: Shop, queues: Sequence[tuple[Tablet, list[dict[str, Any]]]], turns: Sequence[int]) -> None:
    """Each turn is the device whose next command arrives."""
    waiting = [list(commands) for _, commands in queues]
    for turn in turns:
        await queues[turn][0].push(waiting[turn].pop(0))


async def _a_morning(shop: Shop) -> list[tuple[Tablet, list[dict[str, Any]]]]:
    """12 apples are really there and 10 on record. Cleo throws 1 away, Anna picks 3, Ben counts the 8 on the shelf;
    then Cleo receives 5, and Anna puts 1 back."""
    anna, ben, cleo = await shop.tablet(), await shop.tablet(), await shop.tablet()
    job = (await shop.buy(("APPLE", 3)))["jobs"][0]["id"]
    annas = [
        done(anna, 10, "pick", fulfilment=job, line=1, total=3),
        done(anna, 40, "pick", fulfilment=job, line=1, total=2),
    ]
    bens = [counted(ben, 20, 8)]
    cleos = [
        done(cleo, 5, "adjust_stock", sku="APPLE", node=STORE, bucket="sellable", delta=-1, reason="damage"),
        done(cleo, 30, "receive", document="D-1", node=STORE, sku="APPLE", good=5),
    ]
    return [(anna, annas), (ben, bens), (cleo, cleos)]


@pytest.mark.parametrize("turns", orders_of((0, 0, 1, 2, 2)), ids=str)
async def test_the_record_is_the_same_in_whatever_order_the_morning_arrives(shop: Shop, turns: Sequence[int]) -> None:
    await arrive(shop, await _a_morning(shop), turns)
    assert await sellable(shop) == 8 + 3 + 5  # counted, in the tote then, received since
    assert await recounts(shop) == []
    await nothing_is_wrong(shop)


@pytest.mark.parametrize("turns", orders_of((0, 0, 0, 0, 1)), ids=str)
async def test_a_bag_that_left_before_the_count_is_not_missed_twice(shop: Shop, turns: Sequence[int]) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    job = (await shop.buy(("APPLE", 2)))["jobs"][0]["id"]
    annas = [
        done(anna, 1, "pick", fulfilment=job, line=1, total=2),
        done(anna, 2, "pack", fulfilment=job),
        done(anna, 3, "stage", fulfilment=job, place="A1"),
        done(anna, 4, "hand_off", fulfilment=job, proof="id_seen"),
    ]
    await arrive(shop, [(anna, annas), (ben, [counted(ben, 30, 8)])], turns)
    assert await sellable(shop) == 8
    assert await recounts(shop) == []
    await nothing_is_wrong(shop)


@pytest.mark.parametrize("turns", orders_of((0, 1, 2)), ids=str)
async def test_the_newest_count_stands_whoever_comes_first(shop: Shop, turns: Sequence[int]) -> None:
    anna, ben, cleo = await shop.tablet(), await shop.tablet(), await shop.tablet()
    sale = done(cleo, 20, "adjust_stock", sku="APPLE", node=STORE, bucket="sellable", delta=-1, reason="theft")
    queues = [(anna, [counted(anna, 10, 4)]), (ben, [counted(ben, 30, 6)]), (cleo, [sale])]
    await arrive(shop, queues, turns)
    assert await sellable(shop) == 6
    assert await recounts(shop) == []
    await nothing_is_wrong(shop)


async def test_who_comes_with_an_older_count_hears_of_the_newer_one(shop: Shop) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    await ben.push(counted(ben, 30, 6))
    (answer,) = (await anna.push(counted(anna, 10, 4)))["outcomes"]
    assert answer["status"] == "adjusted"
    assert answer["notice"]["code"] == "counted_since"
    assert (answer["notice"]["values"]["units"], answer["notice"]["values"]["by"]) == (6, ben.person.id)
    rows = await shop.world.rows("SELECT units, overtaken FROM stock_count ORDER BY happened_at")
    assert rows == [{"units": 4, "overtaken": True}, {"units": 6, "overtaken": False}]


async def test_a_sale_at_the_till_before_the_count_is_contained_in_it_though_it_comes_late(shop: Shop) -> None:
    ben = await shop.tablet()
    await ben.push(counted(ben, 30, 6))
    for minutes, receipt in ((10, "1"), (40, "2")):
        lines = [{"sku": "APPLE", "quantity": 1}]
        sale = {"node": STORE, "till": "1", "receipt": receipt, "sold_at": at(minutes), "lines": lines}
        assert (await shop.world.client.post("/v1/counter-sales", json={"sales": [sale]})).status_code == 200
    assert await sellable(shop) == 5
    await nothing_is_wrong(shop)


# ---------------------------------------------------------------- what cannot be put in order


@pytest.mark.parametrize("turns", orders_of((0, 1)), ids=str)
async def test_a_pick_within_two_minutes_of_a_count_asks_for_another_count(shop: Shop, turns: Sequence[int]) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    job = (await shop.buy(("APPLE", 1)))["jobs"][0]["id"]
    pick = done(anna, 29, "pick", fulfilment=job, line=1, total=1)
    await arrive(shop, [(anna, [pick]), (ben, [counted(ben, 30, 8)])], turns)
    (task,) = await recounts(shop)
    assert (task["owner_role"], task["node"], task["fulfilment"]) == ("associate", STORE, None)
    assert (task["values"]["sku"], task["values"]["units"], task["values"]["why"]) == ("APPLE", 8, "close")
    assert task["due_at"]
    await nothing_is_wrong(shop)

    await anna.push(counted(anna, 60, 9))
    assert await recounts(shop) == []
    (settled,) = [
        each
        for each in (await shop.world.client.get("/v1/exceptions", params={"state": "settled"})).json()["items"]
        if each["kind"] == "recount"
    ]
    assert (settled["resolution"], settled["settled_by"]) == ("counted", anna.person.id)
    assert await sellable(shop) == 10  # 9 on the shelf and 1 in the tote
    await nothing_is_wrong(shop)


@pytest.mark.parametrize("turns", orders_of((0, 1)), ids=str)
async def test_two_counts_at_once_that_differ_ask_for_a_third(shop: Shop, turns: Sequence[int]) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    await arrive(shop, [(anna, [counted(anna, 30, 8)]), (ben, [counted(ben, 31, 7)])], turns)
    assert await sellable(shop) == 7
    assert [task["values"]["units"] for task in await recounts(shop)] == [7]


@pytest.mark.parametrize("turns", orders_of((0, 1)), ids=str)
async def test_two_counts_at_once_that_agree_are_enough(shop: Shop, turns: Sequence[int]) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    await arrive(shop, [(anna, [counted(anna, 30, 8)]), (ben, [counted(ben, 31, 8)])], turns)
    assert await sellable(shop) == 8
    assert await recounts(shop) == []


async def test_a_clock_that_went_back_between_two_commands_asks_for_another_count(shop: Shop) -> None:
    tablet = await shop.tablet()
    first = done(tablet, 60, "adjust_stock", sku="BREAD", node=STORE, bucket="sellable", delta=-1, reason="theft")
    await tablet.push(first, counted(tablet, 10, 8))
    assert [task["values"]["why"] for task in await recounts(shop)] == ["clock"]
    assert await sellable(shop) == 8


async def test_more_taken_than_was_counted_asks_for_another_count(shop: Shop) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    await ben.push(counted(ben, 30, 0))
    theft = done(anna, 60, "adjust_stock", sku="APPLE", node=STORE, bucket="sellable", delta=-1, reason="theft")
    await anna.push(theft)
    assert await sellable(shop) == 0
    assert [task["values"]["why"] for task in await recounts(shop)] == ["contradicted"]
    await nothing_is_wrong(shop)


async def test_a_lead_may_say_that_a_count_stands(shop: Shop) -> None:
    anna, ben = await shop.tablet(STORE, "associate"), await shop.tablet()
    await arrive(shop, [(anna, [counted(anna, 30, 8)]), (ben, [counted(ben, 31, 7)])], (0, 1))
    (task,) = await recounts(shop)
    assert await anna.do("settle_exception", exception=task["id"], resolution="count_stands") == "held"
    assert await ben.do("settle_exception", exception=task["id"], resolution="count_stands") == "applied"
    assert await recounts(shop) == []


# ---------------------------------------------------------------- deliveries


async def test_what_is_received_is_on_hand_what_is_damaged_is_not_for_sale(shop: Shop) -> None:
    tablet = await shop.tablet(STORE, "associate")
    got = {"node": STORE, "document": "LS-4711", "sku": "APPLE"}
    for good, damaged in ((1, 0), (2, 0), (2, 1)):
        assert await tablet.do("receive", **got, good=good, damaged=damaged) == "applied"
    assert await tablet.do("receive", **got, good=2, damaged=1) == "already_done"
    atp = await shop.stock("APPLE")
    assert (atp["on_hand"], atp["not_sellable"]) == (13, 1)
    assert await tablet.do("receive", **got, good=1, damaged=1) == "applied"  # scanned once too often
    assert (await shop.stock("APPLE"))["on_hand"] == 12
    await tablet.pull()
    doc = tablet.documents[("received", "APPLE||LS-4711")]
    assert doc is not None
    assert doc["by"] == {tablet.device.id: {"good": 1, "damaged": 1}}
    await nothing_is_wrong(shop)


@pytest.mark.parametrize("turns", orders_of((0, 0, 1, 1)), ids=str)
async def test_two_devices_that_receive_one_delivery_add_up(shop: Shop, turns: Sequence[int]) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    got = {"node": STORE, "document": "LS-4711", "sku": "APPLE", "line": 3}
    queues = [
        (anna, [done(anna, n, "receive", **got, good=n) for n in (1, 2)]),
        (ben, [done(ben, n, "receive", **got, good=3 * n, damaged=1) for n in (1, 2)]),
    ]
    await arrive(shop, queues, turns)
    atp = await shop.stock("APPLE")
    assert (atp["on_hand"], atp["not_sellable"]) == (10 + 2 + 6 + 1, 1)
    await ben.pull()
    doc = ben.documents[("received", "APPLE|3|LS-4711")]
    assert doc is not None
    assert {device: each["good"] for device, each in doc["by"].items()} == {anna.device.id: 2, ben.device.id: 6}
    await nothing_is_wrong(shop)
