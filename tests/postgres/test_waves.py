"""A batch that waited together: in order, or decided together, through the real service."""

from __future__ import annotations

import pytest

from server.check import check
from server.routing import service as routing
from server.routing.rules import DEFAULT
from tests import build
from tests.shop import OTHER, STORE, Shop, activate, open_shop


async def _came(world: build.World, *units: tuple[str, str, int]) -> None:
    rows = [
        {"sku": sku, "node": node, "quantity": count, "document": "PO-1", "line": line}
        for line, (sku, node, count) in enumerate(units, start=1)
    ]
    answer = await world.client.post("/v1/receipts", json={"receipts": rows})
    assert {r["status"] for r in answer.json()["results"]} == {"created"}, answer.text


async def _nodes(shop: Shop, order: str) -> list[str]:
    return sorted(job["node"] for job in (await shop.page(order))["jobs"])


@pytest.mark.parametrize(
    ("batch", "first", "second"),
    [("in_order", [STORE], [STORE, OTHER]), ("together", [OTHER], [STORE])],
)
async def test_a_batch_is_decided_as_its_plan_says(
    world: build.World, batch: str, first: list[str], second: list[str]
) -> None:
    """One of two apples lies beside the bread. The order of apples alone may have the other one, a little farther."""
    shop = await open_shop(world, stock=0)
    apples = (await shop.buy(("APPLE", 1), method="ship"))["id"]
    both = (await shop.buy(("APPLE", 1), ("BREAD", 1), method="ship"))["id"]
    await _came(world, ("APPLE", STORE, 1), ("APPLE", OTHER, 1), ("BREAD", STORE, 1))
    assert await _nodes(shop, apples) == await _nodes(shop, both) == []
    await activate(world, DEFAULT.model_copy(update={"name": "wave", "batch": batch}))
    assert await world.write(routing.route_waiting) == 2
    assert (await _nodes(shop, apples), await _nodes(shop, both)) == (first, second)
    assert {(await shop.page(order))["status"] for order in (apples, both)} == {"allocated"}
    held = await world.rows("SELECT sku, node, reserved FROM stock_position WHERE reserved > 0 ORDER BY sku, node")
    assert [(row["sku"], row["node"], row["reserved"]) for row in held] == [
        ("APPLE", STORE, 1),
        ("APPLE", OTHER, 1),
        ("BREAD", STORE, 1),
    ]
    assert [each for each in await check(world.db) if each.violations] == []
    lines = (await world.client.get(f"/v1/orders/{apples}/why")).json()["lines"]
    told = "at the least cost for all orders decided together" in lines[-1]["why"]["summary"]
    assert told == (batch == "together")
