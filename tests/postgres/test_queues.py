"""Queues on PostgreSQL: what waits, since when and why, looked at again, and told when it waits long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.inventory import service as inventory
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from server.routing import queues, service
from shared.stock import MovementReason
from tests.build import World
from tests.postgres.test_capacity import limited, sound
from tests.postgres.test_promises import a_day
from tests.shop import OTHER, STORE, WAREHOUSE, open_shop

pytestmark = pytest.mark.postgres


async def figures(world: World) -> dict[str, dict[str, Any]]:
    found = (await world.client.get("/v1/queues")).json()["queues"]
    return {each["queue"]: each for each in found}


async def waiting(world: World, queue: str, **params: Any) -> list[dict[str, Any]]:
    answer = await world.client.get(f"/v1/queues/{queue}", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def receive(world: World, sku: str, units: int, node: str = STORE) -> None:
    async def work(tx: Tx) -> None:
        await inventory.post(tx, [inventory.Fact(sku, node, units, MovementReason.RECEIPT)], actor=SYSTEM.id)

    await world.write(work)


async def test_a_queue_says_what_waits_and_why_nobody_has_it(world: World) -> None:
    shop = await open_shop(world, stock=2)
    await limited(world, OTHER, capacity_per_day=0)
    order = await shop.buy(("APPLE", 9), method="ship")
    pickup = await shop.buy(("BREAD", 1), node=OTHER)
    found = (await figures(world))["backorder"]
    assert (found["orders"], found["lines"], found["units"], found["long"]) == (2, 2, 6, 0)
    assert found["reasons"] == {"no_capacity": 2}
    by_order = {row["order_id"]: row for row in await waiting(world, "backorder")}
    row = by_order[order["id"]]
    assert (row["number"], row["line"], row["sku"], row["name"], row["units"]) == (
        order["number"],
        1,
        "APPLE",
        "Red apples 1 kg",
        5,
    )
    assert row["words"].startswith("No node for 5 units: the node that has most of them has no capacity left")
    assert row["excluded"]["no_capacity"] == 1
    assert "has no capacity left" in by_order[pickup["id"]]["words"]
    assert await waiting(world, "backorder", reason="no_stock") == []
    assert await waiting(world, "unfillable") == []
    first = (await world.client.get("/v1/queues/backorder", params={"limit": 1})).json()
    second = await waiting(world, "backorder", limit=1, after=first["next"])
    assert {first["items"][0]["order_id"], second[0]["order_id"]} == {order["id"], pickup["id"]}


async def test_looking_again_finds_what_has_come_and_says_what_is_left(world: World) -> None:
    shop = await open_shop(world, stock=0)
    one, two = await shop.buy(("APPLE", 1), method="ship"), await shop.buy(("BREAD", 1), method="ship")
    held = await shop.buy(("APPLE", 1), method="ship")
    await world.client.post(f"/v1/orders/{held['id']}/hold", json={"kind": "fraud", "reason": "odd"})
    await receive(world, "APPLE", 5)
    body = {"orders": [one["id"], two["id"], held["id"], "0198c0de-0000-7000-8000-000000000001"]}
    answer = (await world.client.post("/v1/queues/retry", json=body)).json()["orders"]
    assert [(row["order_id"], row["still_waiting"], row["on_hold"]) for row in answer] == [
        (one["id"], 0, False),
        (two["id"], 1, False),
        (held["id"], 0, True),
    ]
    assert (await shop.page(one["id"]))["status"] == "allocated"
    assert (await shop.page(held["id"]))["status"] == "held"
    assert [row["order_id"] for row in await waiting(world, "backorder")] == [two["id"]]
    await sound(world)


async def test_who_was_looked_at_longest_ago_is_looked_at_next_so_that_nobody_is_forgotten(database_url: str) -> None:
    async with a_day(database_url, stock=1) as day:
        for code in (STORE, OTHER, WAREHOUSE):
            await limited(day.world, code, capacity_per_day=0)
        orders = []
        for _ in range(4):
            orders.append(await day.buy(("APPLE", 1), method="ship"))
            day.now += timedelta(seconds=1)
        looked: list[str] = []
        for _ in range(2):
            day.now += timedelta(minutes=6)
            before = day.now
            assert await day.world.write(lambda tx: service.route_waiting(tx, limit=2)) == 2
            rows = await day.world.rows("SELECT order_id FROM routing_wait WHERE tried_at = :at", at=before)
            looked += [str(row["order_id"]) for row in rows]
        assert sorted(looked) == sorted(order["id"] for order in orders)
        assert await day.world.write(service.route_waiting) == 2, "the others had their turn a minute ago"


async def test_what_waits_long_is_told_once_and_shown(database_url: str) -> None:
    async with a_day(database_url, stock=0) as day:
        order = await day.buy(("APPLE", 1), method="ship")
        day.now += timedelta(hours=23)
        assert await day.world.write(queues.tell_long) == 0
        day.now += timedelta(hours=1)
        assert await day.world.write(queues.tell_long) == 1
        assert await day.world.write(queues.tell_long) == 0
        assert (await figures(day.world))["backorder"]["long"] == 1
        assert (await waiting(day.world, "backorder"))[0]["long"] is True
        assert "routing.waits_long" in await day.shop.timeline(order["id"])


async def test_what_was_cancelled_waits_no_more(world: World) -> None:
    shop = await open_shop(world, stock=0)
    order = await shop.buy(("APPLE", 1), method="ship")
    await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "no"})
    assert await world.rows("SELECT order_id FROM routing_wait") == []
    assert (await figures(world))["backorder"]["lines"] == 0
