"""Real concurrency: three server processes, many buyers at once, the last units of an item."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import httpx

from tests import build
from tests.benchmarks.site import Site, serve
from tests.shop import OTHER, STORE, WAREHOUSE, Shop, open_shop

BUYERS, UNITS = 64, 20


async def _buy(shop: Shop, sites: list[Site], token: str, lines: tuple[str, int], count: int) -> list[dict[str, Any]]:
    """`count` buyers at once, spread over the servers; their answers."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=f"http://{site.host}:{site.port}",
                    headers={"Authorization": f"Bearer {token}"},
                    limits=httpx.Limits(max_connections=100),
                    timeout=60,
                )
            )
            for site in sites
        ]
        bodies = [shop.order(lines, method="ship") for _ in range(count)]
        answers = await asyncio.gather(
            *(clients[i % len(clients)].post("/v1/orders", json=body) for i, body in enumerate(bodies))
        )
    assert {a.status_code for a in answers} == {201}, Counter(a.text for a in answers if a.status_code != 201)
    return [a.json() for a in answers]


async def test_the_last_units_are_sold_once_whoever_asks(database_url: str) -> None:
    async with build.world(database_url) as world:
        shop = await open_shop(world, stock=0)
        await _stock(world, {STORE: UNITS})
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(serve(database_url)) for _ in range(3)]
            placed = await _buy(shop, sites, world.admin.token, ("APPLE", 1), BUYERS)
        assert Counter(p["status"] for p in placed) == {"allocated": UNITS, "backordered": BUYERS - UNITS}
        assert await world.rows(
            "SELECT sellable, reserved FROM stock_position WHERE sku = 'APPLE' AND node = 'S-1'"
        ) == [{"sellable": UNITS, "reserved": UNITS}]
        live = await world.rows("SELECT sum(quantity)::bigint AS units FROM reservation WHERE sku = 'APPLE'")
        assert live == [{"units": UNITS}]


async def test_units_spread_over_nodes_are_all_sold_and_none_twice(database_url: str) -> None:
    async with build.world(database_url) as world:
        shop = await open_shop(world, stock=0)
        await _stock(world, {STORE: 7, OTHER: 7, WAREHOUSE: 6})
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(serve(database_url)) for _ in range(2)]
            placed = await _buy(shop, sites, world.admin.token, ("APPLE", 1), BUYERS)
        assert Counter(p["status"] for p in placed) == {"allocated": UNITS, "backordered": BUYERS - UNITS}
        over = await world.rows("SELECT node FROM stock_position WHERE reserved > sellable")
        assert over == []


async def test_the_same_order_sent_ten_times_at_once_is_placed_once(database_url: str) -> None:
    async with build.world(database_url) as world:
        shop = await open_shop(world)
        body = shop.order(("APPLE", 1))
        answers = await asyncio.gather(*(world.client.post("/v1/orders", json=body) for _ in range(10)))
        assert {a.json()["id"] for a in answers} == {answers[0].json()["id"]}
        assert sorted(a.status_code for a in answers) == [200] * 9 + [201]
        assert len(await world.rows("SELECT id FROM customer_order")) == 1


async def test_a_till_and_buyers_at_once_never_promise_what_is_gone(database_url: str) -> None:
    async with build.world(database_url) as world:
        shop = await open_shop(world, stock=10)
        sales = [
            {
                "node": STORE,
                "till": "1",
                "receipt": f"r-{n}",
                "sold_at": "2026-11-01T10:00:00Z",
                "lines": [{"sku": "APPLE", "quantity": 1}],
            }
            for n in range(8)
        ]
        buying = [world.client.post("/v1/orders", json=shop.order(("APPLE", 1), method="ship")) for _ in range(24)]
        selling = [world.client.post("/v1/counter-sales", json={"sales": [sale]}) for sale in sales]
        answers = await asyncio.gather(*buying, *selling)
        assert {a.status_code for a in answers} <= {200, 201}
        broken = await world.rows("SELECT sku, node FROM stock_position WHERE reserved > sellable OR sellable < 0")
        assert broken == []
        drift = await world.rows(
            "SELECT p.sku, p.node FROM stock_position p LEFT JOIN (SELECT sku, node, sum(quantity) AS units FROM"
            " stock_movement WHERE bucket = 'sellable' GROUP BY 1, 2) m USING (sku, node)"
            " WHERE p.sellable <> coalesce(m.units, 0)"
        )
        assert drift == []


async def _stock(world: build.World, units: dict[str, int]) -> None:
    rows = [
        {"sku": "APPLE", "node": node, "quantity": count, "document": "PO-1", "line": i}
        for i, (node, count) in enumerate(units.items(), start=1)
    ]
    answer = await world.client.post("/v1/receipts", json={"receipts": rows})
    assert {r["status"] for r in answer.json()["results"]} == {"created"}, answer.text
