"""Jobs that nobody has begun move to other nodes where that saves, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.check import check
from server.fulfilment import service as fulfilment
from server.kit.transaction import Tx
from server.routing.looking_again import Overtaken, look_again_at_offers
from server.routing.rules import DEFAULT, LooksAgain
from tests import build
from tests.shop import OTHER, STORE, Shop, activate, open_shop


async def opened(world: build.World, *, looks: bool = True) -> Shop:
    """Nothing on the shelves, and a plan that looks again."""
    shop = await open_shop(world, stock=0)
    plan = DEFAULT.model_copy(update={"name": "again", "looks_again": LooksAgain() if looks else None})
    await activate(world, plan)
    return shop


async def came(world: build.World, document: str, *units: tuple[str, str, int]) -> None:
    rows = [
        {"sku": sku, "node": node, "quantity": count, "document": document, "line": line}
        for line, (sku, node, count) in enumerate(units, start=1)
    ]
    answer = await world.client.post("/v1/receipts", json={"receipts": rows})
    assert {r["status"] for r in answer.json()["results"]} == {"created"}, answer.text


async def at_one_shelf(world: build.World, shop: Shop) -> tuple[str, str]:
    """The first order took the apple that lies beside the only bread; the second had to be split."""
    await came(world, "PO-1", ("APPLE", STORE, 1), ("APPLE", OTHER, 1), ("BREAD", STORE, 1))
    apples = (await shop.buy(("APPLE", 1), method="ship"))["id"]
    both = (await shop.buy(("APPLE", 1), ("BREAD", 1), method="ship"))["id"]
    return apples, both


async def jobs(shop: Shop, order: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.page(order))["jobs"]
    return [job for job in found if job["state"] != "cancelled"]


async def nodes_of(shop: Shop, orders: Sequence[str]) -> list[list[str]]:
    return [sorted(job["node"] for job in await jobs(shop, order)) for order in orders]


async def clean(world: build.World) -> bool:
    return [each for each in await check(world.db) if each.violations] == []


async def test_two_orders_exchange_what_they_hold_and_a_parcel_is_saved(world: build.World) -> None:
    shop = await opened(world)
    orders = await at_one_shelf(world, shop)
    assert await nodes_of(shop, orders) == [[STORE], [STORE, OTHER]]
    promised = max(job["due_at"] for job in await jobs(shop, orders[0]))
    load = await world.rows("SELECT node, sum(ship) AS jobs FROM node_day GROUP BY node ORDER BY node")
    assert {row["node"]: int(row["jobs"]) for row in load} == {STORE: 2, OTHER: 1}
    assert await world.write(look_again_at_offers) == 2
    assert await nodes_of(shop, orders) == [[OTHER], [STORE]]
    assert (await jobs(shop, orders[0]))[0]["due_at"] <= promised
    assert {(await shop.page(order))["status"] for order in orders} == {"allocated"}
    load = await world.rows("SELECT node, sum(ship) AS jobs FROM node_day GROUP BY node ORDER BY node")
    assert {row["node"]: int(row["jobs"]) for row in load} == {STORE: 1, OTHER: 1}
    assert await world.rows("SELECT * FROM routing_refusal") == []
    assert await clean(world)
    told = (await world.client.get(f"/v1/orders/{orders[0]}/timeline")).json()["entries"]
    assert [each["values"]["kind"] for each in told if each["code"] == "job.cancel"] == ["moved"]
    why = (await world.client.get(f"/v1/orders/{orders[0]}/why")).json()["lines"][-1]["why"]
    assert "at the least cost for all orders decided together" in why["summary"]
    assert await world.write(look_again_at_offers) == 0


async def test_a_plan_that_does_not_look_again_moves_nothing(world: build.World) -> None:
    shop = await opened(world, looks=False)
    orders = await at_one_shelf(world, shop)
    assert await world.write(look_again_at_offers) == 0
    assert await nodes_of(shop, orders) == [[STORE], [STORE, OTHER]]


async def test_a_job_that_somebody_has_begun_stays(world: build.World) -> None:
    shop = await opened(world)
    orders = await at_one_shelf(world, shop)
    (job,) = await jobs(shop, orders[0])
    tablet = await shop.tablet(STORE)
    await tablet.push(tablet.command("accept", fulfilment=job["id"]))
    assert await world.write(look_again_at_offers) == 0
    assert await nodes_of(shop, orders) == [[STORE], [STORE, OTHER]]


async def test_a_store_keeps_what_it_has_had_for_a_while(world: build.World) -> None:
    shop = await opened(world)
    await at_one_shelf(world, shop)

    async def later(tx: Tx) -> int:
        tx.now += timedelta(minutes=31)
        return await look_again_at_offers(tx)

    assert await world.write(later) == 0
    assert await world.write(look_again_at_offers) == 2


async def test_an_order_that_waits_for_the_rest_of_it_is_left_alone(world: build.World) -> None:
    shop = await opened(world)
    await came(world, "PO-1", ("APPLE", OTHER, 1))
    order = (await shop.buy(("APPLE", 1), ("WINE", 1), method="ship"))["id"]
    await came(world, "PO-2", ("APPLE", STORE, 1))
    assert await world.write(look_again_at_offers) == 0
    assert await nodes_of(shop, [order]) == [[OTHER]]


async def test_who_is_overtaken_keeps_what_they_have(world: build.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the move somebody at the counter takes the apple that came in."""
    shop = await opened(world)
    await came(world, "PO-1", ("APPLE", OTHER, 1))
    order = (await shop.buy(("APPLE", 1), method="ship"))["id"]
    await came(world, "PO-2", ("APPLE", STORE, 1))
    withdraw = fulfilment.withdraw

    async def overtaken(tx: Tx, job_ids: Sequence[UUID]) -> None:
        await shop.buy(("APPLE", 1))
        await withdraw(tx, job_ids)

    monkeypatch.setattr(fulfilment, "withdraw", overtaken)
    with pytest.raises(Overtaken):
        await world.write(look_again_at_offers)
    assert await nodes_of(shop, [order]) == [[OTHER]]
    monkeypatch.setattr(fulfilment, "withdraw", withdraw)
    assert await world.write(look_again_at_offers) == 0
    assert await clean(world)


async def test_two_looks_at_once_move_everything_once(world: build.World) -> None:
    shop = await opened(world)
    orders = await at_one_shelf(world, shop)
    moved = await asyncio.gather(*(world.write(look_again_at_offers) for _ in range(2)), return_exceptions=True)
    assert sum(n for n in moved if isinstance(n, int)) == 2
    assert await nodes_of(shop, orders) == [[OTHER], [STORE]]
    assert await clean(world)
