"""Feeds of stock: figures of another system beside sales, counts and promises, in whatever order they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from server.check import check
from server.inventory import streams
from server.kit import outbox
from tests import build
from tests.morning import at, heard_of_later
from tests.shop import OTHER, STORE, Shop, Tablet, open_shop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with heard_of_later(database_url) as opened:
        yield opened


async def send(shop: Shop, kind: str, rows: Sequence[dict[str, Any] | bytes], **query: Any) -> dict[str, Any]:
    """Feed rows; the answer."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    answer = await shop.world.client.post(
        f"/v1/stock/{kind}", content=b"\n".join(lines), params={"source": "erp", **query}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def figure(units: int, minutes: float, sku: str = "APPLE", node: str = STORE) -> dict[str, Any]:
    return {"sku": sku, "node": node, "units": units, "as_of": at(minutes)}


def delta(key: str, units: int, minutes: float, reason: str = "sale") -> dict[str, Any]:
    return {"key": key, "sku": "APPLE", "node": STORE, "delta": units, "reason": reason, "at": at(minutes)}


def counts(answer: dict[str, Any]) -> dict[str, int]:
    return {n: answer[n] for n in ("changed", "unchanged", "overtaken", "refused") if answer[n]}


async def till(shop: Shop, units: int, minutes: float, receipt: str) -> None:
    lines = [{"sku": "APPLE", "quantity": units}]
    sale = {"node": STORE, "till": "1", "receipt": receipt, "sold_at": at(minutes), "lines": lines}
    answer = await shop.world.client.post("/v1/counter-sales", json={"sales": [sale]})
    assert answer.json()["results"][0]["status"] == "created"


def done(tablet: Tablet, minutes: float, kind: str, **body: Any) -> dict[str, Any]:
    """A command that was done then, and waits on its tablet."""
    return tablet.command(kind, **body) | {"made_at": at(minutes)}


async def on_hand(shop: Shop, node: str = STORE) -> int:
    return int((await shop.stock("APPLE", node))["on_hand"])


async def ledger(shop: Shop) -> list[tuple[str, int]]:
    """What was booked of the first store's apples after the opening, oldest first."""
    answer = await shop.world.client.get("/v1/movements", params={"sku": "APPLE", "node": STORE})
    return [(m["reason"], m["quantity"]) for m in reversed(answer.json()["movements"])][1:]


async def nothing_is_wrong(shop: Shop) -> None:
    assert [found for found in await check(shop.world.db) if found.violations] == []


# ---------------------------------------------------------------- figures


async def test_only_the_difference_is_booked_and_only_once(shop: Shop) -> None:
    snapshot = [figure(12, 0), figure(10, 0, sku="BREAD"), figure(10, 0, node=OTHER)]
    first = await send(shop, "figures", snapshot)
    assert (counts(first), first["lines"], first["next_line"]) == ({"changed": 1, "unchanged": 2}, 3, 4)
    assert counts(await send(shop, "figures", snapshot)) == {"unchanged": 3}
    assert (await on_hand(shop), await ledger(shop)) == (12, [("feed", 2)])
    await nothing_is_wrong(shop)


async def test_the_stream_may_say_once_when_all_figures_were_true(shop: Shop) -> None:
    row = {"sku": "APPLE", "node": STORE, "units": 4}
    assert counts(await send(shop, "figures", [row], as_of=at(0))) == {"changed": 1}
    never = await send(shop, "figures", [row])
    assert never["problems"][0]["errors"][0]["field"] == "as_of"
    later = await send(shop, "figures", [row], as_of=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert later["problems"][0]["errors"][0]["message"] == "This is in the future."


async def test_what_was_sold_since_does_not_come_back(shop: Shop) -> None:
    await till(shop, 3, 30, "r-1")
    assert await on_hand(shop) == 7
    assert counts(await send(shop, "figures", [figure(10, 10)])) == {"unchanged": 1}
    assert await on_hand(shop) == 7
    await send(shop, "figures", [figure(9, 20)])
    assert await on_hand(shop) == 6
    await nothing_is_wrong(shop)


async def test_a_sale_told_late_is_not_taken_off_a_figure_that_had_it(shop: Shop) -> None:
    await send(shop, "figures", [figure(8, 20)])
    await till(shop, 2, 10, "r-1")
    assert await on_hand(shop) == 8
    assert await ledger(shop) == [("feed", -2), ("feed", 2), ("sale", -2)]
    await till(shop, 1, 30, "r-2")
    assert await on_hand(shop) == 7
    await nothing_is_wrong(shop)


async def test_a_bag_handed_over_offline_leaves_a_figure_that_could_not_know(shop: Shop) -> None:
    job = (await shop.buy(("APPLE", 2)))["jobs"][0]["id"]
    tablet = await shop.tablet()
    pushed = [
        done(tablet, 1, "pick", fulfilment=job, line=1, total=2),
        done(tablet, 2, "pack", fulfilment=job),
        done(tablet, 3, "stage", fulfilment=job, place="A1"),
        done(tablet, 4, "hand_off", fulfilment=job, proof="pass"),
    ]
    await send(shop, "figures", [figure(10, 60)])
    await tablet.push(*pushed)
    assert await on_hand(shop) == 8
    await nothing_is_wrong(shop)


async def test_of_a_count_and_a_figure_the_newer_one_stands(shop: Shop) -> None:
    tablet = await shop.tablet()
    await tablet.push(done(tablet, 10, "count", sku="APPLE", node=STORE, units=7))
    assert counts(await send(shop, "figures", [figure(9, 5)])) == {"overtaken": 1}
    assert await on_hand(shop) == 7
    await send(shop, "figures", [figure(9, 20)])
    assert await on_hand(shop) == 9
    late = await tablet.push(done(tablet, 15, "count", sku="APPLE", node=STORE, units=6))
    assert late["outcomes"][0]["notice"]["code"] == "counted_since"
    assert await on_hand(shop) == 9
    await tablet.push(done(tablet, 25, "count", sku="APPLE", node=STORE, units=6))
    assert await on_hand(shop) == 6
    await nothing_is_wrong(shop)


async def test_the_end_is_the_same_in_whatever_order_the_news_comes(database_url: str) -> None:
    """Six units at 20; one more and four fewer after it; what was before is in it."""
    news = [
        ("figures", figure(9, 5)),
        ("figures", figure(6, 20)),
        ("deltas", delta("a", -2, 10)),
        ("deltas", delta("b", 1, 25, "return")),
        ("deltas", delta("c", -4, 30)),
    ]
    async with build.world(database_url) as world:
        shop = await open_shop(world)
        ends = {}
        orders = list(permutations(news))
        pears = [{"sku": f"PEAR{n}", "name": "Pears", "price": 100} for n in range(len(orders))]
        await world.client.post("/v1/items", json={"items": pears})
        for n, order in enumerate(orders):
            sku = f"PEAR{n}"
            for kind, row in order:
                await send(shop, kind, [{**row, "sku": sku, **({"key": f"{n}{row['key']}"} if "key" in row else {})}])
            ends[sku] = (await shop.stock(sku))["on_hand"]
        assert set(ends.values()) == {3}
        await nothing_is_wrong(shop)


async def test_fewer_than_was_promised_breaks_the_newest_promise(shop: Shop) -> None:
    first, second = await shop.buy(("APPLE", 4)), await shop.buy(("APPLE", 6))
    assert counts(await send(shop, "figures", [figure(5, 0)])) == {"changed": 1}
    assert (await shop.page(first["id"]))["lines"][0]["units"]["allocated"] == 4
    assert (await shop.page(second["id"]))["lines"][0]["units"]["allocated"] == 1
    assert (await shop.stock("APPLE"))["reserved"] == 5
    await nothing_is_wrong(shop)


async def test_more_sold_since_than_a_figure_had_leaves_nothing_and_says_so(shop: Shop) -> None:
    await till(shop, 5, 30, "r-1")
    assert counts(await send(shop, "figures", [figure(3, 10)])) == {"changed": 1}
    assert await on_hand(shop) == 0
    assert await ledger(shop) == [("sale", -5), ("evidence", 2), ("feed", -7)]
    await nothing_is_wrong(shop)


async def test_a_feed_may_name_a_position_the_node_never_had(shop: Shop) -> None:
    await shop.world.client.post("/v1/items", json={"items": [{"sku": "NEW", "name": "New", "price": 1}]})
    row = {"sku": "NEW", "node": STORE, "units": 3, "as_of": at(0)}
    assert counts(await send(shop, "figures", [row])) == {"changed": 1}
    assert (await shop.stock("NEW"))["available"] == 3


async def test_devices_hear_of_it_after_the_commit(shop: Shop) -> None:
    tablet = await shop.tablet()
    await send(shop, "figures", [figure(12, 0)])
    await outbox.drain(shop.world.parts)
    await tablet.pull()
    stock = tablet.documents[("stock", "APPLE")]
    assert stock is not None
    assert (stock["buckets"]["sellable"], stock["elsewhere"]) == (12, 20)


# ---------------------------------------------------------------- bad rows and broken streams


async def test_bad_rows_are_named_by_their_line_and_the_good_ones_are_in(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PIECE", 3)
    answer = await send(
        shop,
        "figures",
        [
            figure(11, 0),
            figure(1, 0, sku="NOBODY"),
            figure(1, 0, node="S-99"),
            figure(-1, 0, sku="BREAD"),
            b'{"sku": "BREAD", "node": "S-1", "units": 3, "as_off": "2026-01-01T00:00:00Z"}',
            b'{"sku": "BREAD", "node": "S-1", "uni',
            figure(12, 0),
            b"",
            figure(9, 0, sku="WINE"),
            figure(11, 0),
        ],
        first_line=101,
    )
    assert counts(answer) == {"changed": 2, "unchanged": 1, "refused": 6}
    found = [(p["line"], p["key"], p["errors"][0]["field"]) for p in answer["problems"]]
    assert sorted(found) == [
        (102, "NOBODY", "sku"),
        (103, "S-99", "node"),
        (104, "BREAD", "units"),
        (105, "BREAD", "as_off"),
        (106, None, "line"),
        (107, "APPLE", "units"),
    ]
    assert all(error["remedy"] for p in answer["problems"] for error in p["errors"])
    assert (await on_hand(shop), answer["next_line"]) == (11, 111)


async def test_two_figures_of_one_moment_are_told_apart_in_one_piece_as_well(shop: Shop) -> None:
    answer = await send(shop, "figures", [figure(9, 0), figure(11, 0), figure(9, 0), figure(8, -5), figure(7, 5)])
    assert counts(answer) == {"changed": 1, "overtaken": 2, "unchanged": 1, "refused": 1}
    assert (answer["problems"][0]["line"], await on_hand(shop)) == (2, 7)


async def test_a_stream_that_was_cut_off_goes_on_or_begins_again(shop: Shop) -> None:
    rows = [json.dumps(delta(f"mv-{n}", 1, n, "receipt")).encode() for n in range(6)]
    cut = await send(shop, "deltas", [*rows[:3], rows[3][:20]])
    assert (counts(cut), cut["problems"][0]["line"]) == ({"changed": 3, "refused": 1}, 4)
    assert counts(await send(shop, "deltas", rows)) == {"changed": 3, "unchanged": 3}
    assert await on_hand(shop) == 16
    other = await send(shop, "deltas", [delta("mv-1", 5, 1, "receipt")])
    assert other["problems"][0]["errors"][0]["message"] == "mv-1 came before with other content."
    assert await on_hand(shop) == 16


async def test_a_client_that_goes_away_leaves_in_what_came(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE", 2)

    async def lines() -> AsyncIterator[bytes]:
        for n in range(5):
            yield json.dumps(delta(f"mv-{n}", 1, n, "receipt")).encode() + b"\n"
        yield b'{"key": "mv-5", "sku": "APPLE", "no'
        raise ClientDisconnect

    await shop.world.client.post("/v1/stock/deltas", content=lines(), params={"source": "erp"})
    assert await on_hand(shop) == 15
    await nothing_is_wrong(shop)


async def test_damaged_units_come_and_go_beside_the_others(shop: Shop) -> None:
    await send(shop, "deltas", [{**delta("d", 2, 0, "damage"), "bucket": "damaged"}, delta("e", -2, 0, "damage")])
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["not_sellable"], here["available"]) == (10, 2, 8)
    nothing = await send(shop, "deltas", [{**delta("f", 1, 0), "delta": 0}])
    assert nothing["problems"][0]["errors"][0]["field"] == "delta"
    await nothing_is_wrong(shop)


# ---------------------------------------------------------------- real concurrency


async def test_snapshots_while_shops_sell_bring_nothing_back_and_oversell_nothing(world: build.World) -> None:
    """Another system hears of every sale at the till at once, and sends what it has, several times, while customers
    order and tills sell, with its figures overtaking each other."""
    shop = await open_shop(world, stock=60)
    sold: list[datetime] = []

    async def sell(n: int) -> None:
        now = datetime.now(UTC)
        sold.append(now)
        lines = [{"sku": "APPLE", "quantity": 1}]
        sale = {"node": STORE, "till": "1", "receipt": str(n), "sold_at": now.isoformat(), "lines": lines}
        await asyncio.sleep(0.002 * (n % 5))
        await world.client.post("/v1/counter-sales", json={"sales": [sale]})

    async def snapshot() -> None:
        now = datetime.now(UTC)
        row = {"sku": "APPLE", "node": STORE, "units": 60 - sum(when <= now for when in sold), "as_of": now.isoformat()}
        await asyncio.sleep(0.003 * (now.microsecond % 4))
        await send(shop, "figures", [row])

    for n in range(0, 24, 4):
        await asyncio.gather(
            *(sell(n + each) for each in range(4)),
            *(snapshot() for _ in range(3)),
            *(shop.buy(("APPLE", 3), method="ship") for _ in range(4)),
        )
    here = await shop.stock("APPLE")
    assert here["on_hand"] == 60 - len(sold)
    assert here["reserved"] <= here["on_hand"]
    await nothing_is_wrong(shop)
