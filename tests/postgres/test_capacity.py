"""A node's day: its own calendar, its limits, places given back, and orders of the same moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from server.check import check
from server.routing import service as routing
from tests import build
from tests.benchmarks.site import serve
from tests.build import World
from tests.shop import OTHER, STORE, WAREHOUSE, Shop, open_shop

pytestmark = pytest.mark.postgres
DAY = {"opens": "09:00", "closes": "17:00"}


async def limited(world: World, code: str, **facts: Any) -> None:
    """Change facts of a node that is there already."""
    view = (await world.client.get(f"/v1/nodes/{code}")).json()
    computed = ("open_now", "taking_orders", "switched_off", "version")
    body = {**{k: v for k, v in view.items() if k not in computed}, **facts}
    answer = await world.client.post("/v1/nodes", json={"nodes": [body]})
    assert answer.json()["results"][0]["status"] == "updated", answer.text


async def days(world: World) -> dict[str, dict[str, Any]]:
    found = (await world.client.get("/v1/node-days")).json()["items"]
    return {each["node"]: each for each in found}


async def sound(world: World) -> None:
    assert [f.name for f in await check(world.db) if f.violations] == []


async def test_a_full_way_of_delivery_is_full_and_says_so(world: World) -> None:
    shop = await open_shop(world)
    await limited(world, STORE, capacity_by_method={"pickup": 1}, capacity_per_day=3)
    await shop.buy(("APPLE", 1))
    waits = await shop.buy(("APPLE", 1))
    assert waits["status"] == "backordered"
    why = (await world.client.get(f"/v1/orders/{waits['id']}/why")).json()["lines"][0]["why"]
    assert "has no capacity left for this way of delivery" in why["summary"]
    assert (await shop.buy(("APPLE", 1), method="curbside"))["status"] == "allocated"
    here = (await days(world))[STORE]
    assert (here["jobs"], here["in_all"], here["left"]) == ({"ship": 0, "pickup": 1, "curbside": 1}, 2, 1)
    await sound(world)


@pytest.mark.parametrize("exit_", ["reject", "short", "cancel"])
async def test_a_job_that_is_not_done_gives_its_place_back(world: World, exit_: str) -> None:
    shop = await open_shop(world)
    await limited(world, STORE, capacity_per_day=1)
    order = await shop.buy(("APPLE", 1))
    job, tablet = order["jobs"][0]["id"], await shop.tablet()
    assert (await days(world))[STORE]["left"] == 0
    if exit_ == "cancel":
        await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "no"})
    elif exit_ == "reject":
        await tablet.do("reject", fulfilment=job, reason="no_capacity")
    else:
        await tablet.do("short", fulfilment=job, line=1, total=1, reason="not_found")
    assert (await days(world))[STORE]["left"] == 1
    assert (await shop.buy(("BREAD", 1)))["status"] == "allocated"
    await sound(world)


async def test_what_was_sent_back_counts_where_it_is_now(world: World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), method="ship")
    job, tablet = order["jobs"][0], await shop.tablet(order["jobs"][0]["node"])
    await tablet.do("reject", fulfilment=job["id"], reason="no_capacity")
    now_at = next(j["node"] for j in (await shop.page(order["id"]))["jobs"] if j["state"] == "offered")
    found = await days(world)
    assert now_at != job["node"]
    assert (found[job["node"]]["in_all"], found[now_at]["in_all"]) == (0, 1)
    await sound(world)


async def test_a_bag_that_nobody_collected_was_work_all_the_same(world: World) -> None:
    shop = await open_shop(world)
    order, tablet = await shop.buy(("APPLE", 1)), await shop.tablet()
    job = order["jobs"][0]["id"]
    await tablet.do("pick", fulfilment=job, line=1, total=1)
    await tablet.do("pack", fulfilment=job, packages=[{"id": "1", "lines": [{"line": 1, "quantity": 1}]}])
    await tablet.do("stage", fulfilment=job, place="A1")
    commands = {"commands": [{"kind": "expire", "fulfilment": job}]}
    answer = (await world.client.post("/v1/fulfilments/commands", json=commands)).json()
    assert (await shop.page(order["id"]))["jobs"][0]["state"] == "expired", answer
    assert (await days(world))[STORE]["in_all"] == 1
    await sound(world)


async def test_the_day_is_the_nodes_own(database_url: str) -> None:
    """In the evening of a Chicago Monday it is Tuesday in UTC; after closing time the work is Tuesday's here too."""
    now = [datetime(2026, 11, 24, 1, 0, tzinfo=UTC)]
    async with build.world(database_url, clock=lambda: now[0]) as world:
        shop = await open_shop(world)
        await limited(world, STORE, capacity_per_day=1, hours=[{"opens": "09:00", "closes": "21:00"}] * 7)
        await limited(world, OTHER, capacity_per_day=1, hours=[DAY] * 7)

        async def buy(node: str) -> str:
            order = await shop.buy(("APPLE", 1), node=node, placed_at=now[0].isoformat())
            return str(order["status"])

        assert await buy(STORE) == "allocated"
        assert await buy(STORE) == "backordered"
        assert await buy(OTHER) == "allocated"
        found = await days(world)
        assert (found[STORE]["day"], found[OTHER]["day"]) == ("2026-11-23", "2026-11-24")
        now[0] += timedelta(hours=13)  # Tuesday, eight in the morning in Chicago
        found = await days(world)
        assert (found[STORE]["left"], found[OTHER]["left"]) == (1, 0)
        assert await buy(STORE) == "allocated"
        assert await buy(OTHER) == "backordered"


async def test_what_waits_for_capacity_is_routed_on_the_next_day(database_url: str) -> None:
    now = [datetime(2026, 11, 23, 16, 0, tzinfo=UTC)]
    async with build.world(database_url, clock=lambda: now[0]) as world:
        shop = await open_shop(world)
        await limited(world, STORE, capacity_per_day=1)
        await shop.buy(("APPLE", 1), placed_at=now[0].isoformat())
        waits = await shop.buy(("APPLE", 1), placed_at=now[0].isoformat())
        await world.write(routing.route_waiting)
        assert (await shop.page(waits["id"]))["status"] == "backordered"
        now[0] += timedelta(days=1)
        await world.write(routing.route_waiting)
        assert (await shop.page(waits["id"]))["status"] == "allocated"


async def test_orders_of_the_same_moment_never_overrun_a_node(database_url: str) -> None:
    """Two server processes, 48 buyers, eight places in the whole network, whatever each of them saw when it planned."""
    async with build.world(database_url) as world:
        shop = await open_shop(world, stock=100)
        for code, limits in (
            (STORE, {"capacity_per_day": 5, "capacity_by_method": {"ship": 3}}),
            (OTHER, {"capacity_per_day": 4}),
            (WAREHOUSE, {"capacity_per_day": 1}),
        ):
            await limited(world, code, **limits)
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(serve(database_url)) for _ in range(2)]
            placed = await _at_once(shop, [f"http://{s.host}:{s.port}" for s in sites], world.admin.token, 48)
        assert Counter(placed) == {"allocated": 8, "backordered": 40}
        jobs = await world.rows("SELECT node, count(*) AS jobs FROM fulfilment GROUP BY node ORDER BY node")
        assert jobs == [{"node": STORE, "jobs": 3}, {"node": OTHER, "jobs": 4}, {"node": WAREHOUSE, "jobs": 1}]
        await sound(world)


async def _at_once(shop: Shop, sites: list[str], token: str, count: int) -> list[str]:
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=site, headers={"Authorization": f"Bearer {token}"}, timeout=60)
            )
            for site in sites
        ]
        bodies = [shop.order(("APPLE", 1), method="ship") for _ in range(count)]
        answers = await asyncio.gather(
            *(clients[i % len(clients)].post("/v1/orders", json=body) for i, body in enumerate(bodies))
        )
    return [str(answer.json()["status"]) for answer in answers]
