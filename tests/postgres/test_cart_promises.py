"""What a cart is promised is what the router does when it is ordered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.inventory import service as inventory
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from server.routing.rules import PlanBody
from tests import build
from tests.shop import ADDRESS, OTHER, STORE, WAREHOUSE, Shop, activate, open_shop

TO = {"country": "US", "postal_code": "62701", "location": ADDRESS["location"]}
HERE = ADDRESS["location"]


async def promised(world: build.World, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    body = {"channel": "web", "lines": [{"sku": sku, "quantity": units} for sku, units in lines], **more}
    answer = await world.client.post("/v1/promises", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def jobs(shop: Shop, order: dict[str, Any]) -> list[tuple[str, datetime]]:
    rows = await shop.world.rows(
        "SELECT node, due_at FROM fulfilment WHERE order_id = CAST(:id AS uuid) ORDER BY node", id=order["id"]
    )
    return [(row["node"], row["due_at"]) for row in rows]


async def test_an_order_is_sent_from_where_and_when_its_cart_was_promised(world: build.World) -> None:
    shop = await open_shop(world, stock=2)
    cart = (("APPLE", 3), ("BREAD", 1))
    ship = (await promised(world, *cart, ship_to=TO))["ship"]
    assert ship["complete"]
    assert sum(unit["quantity"] for parcel in ship["parcels"] for unit in parcel["items"]) == 4
    order = await shop.buy(*cart, method="ship")
    told = [(parcel["node"], datetime.fromisoformat(parcel["leaves_at"])) for parcel in ship["parcels"]]
    assert await jobs(shop, order) == sorted(told)
    assert max(at for _, at in told) == datetime.fromisoformat(ship["leaves_by"])
    assert datetime.fromisoformat(ship["order_by"]) > datetime.now(UTC)


async def test_a_bag_is_ready_when_and_where_its_cart_was_promised(world: build.World) -> None:
    shop = await open_shop(world)
    asked = await promised(world, ("APPLE", 1), stores=[OTHER, STORE], ways=["pickup"])
    assert asked["ship"] is None
    assert [(c["node"], c["way"], c["complete"]) for c in asked["collect"]] == [
        (OTHER, "pickup", True),
        (STORE, "pickup", True),
    ]
    order = await shop.buy(("APPLE", 1))
    [(node, due)] = await jobs(shop, order)
    told = datetime.fromisoformat(asked["collect"][1]["ready_at"])
    assert node == STORE
    assert abs(due - told) < timedelta(seconds=60)


async def test_the_nearest_stores_that_offer_it_are_named_by_distance(world: build.World) -> None:
    await open_shop(world)
    found = (await promised(world, ("APPLE", 1), near=HERE))["collect"]
    assert [(c["node"], c["way"]) for c in found] == [
        (STORE, "pickup"),
        (STORE, "curbside"),
        (OTHER, "pickup"),
        (OTHER, "curbside"),
    ]
    assert 0 < found[0]["distance_km"] < found[2]["distance_km"]
    found = (await promised(world, ("APPLE", 1), near=HERE, nearest=1, stores=[WAREHOUSE], ways=["pickup"]))["collect"]
    assert [(c["node"], c["complete"]) for c in found] == [(WAREHOUSE, False), (STORE, True)]
    assert found[0]["missing"][0]["reason"] == "not_capable"


async def test_what_is_missing_is_said_with_its_reason(world: build.World) -> None:
    shop = await open_shop(world, stock=1)
    await shop.buy(("BREAD", 1))
    found = await promised(world, ("APPLE", 5), ("BREAD", 1), ship_to=TO, stores=[STORE], ways=["ship", "curbside"])
    assert (found["ship"]["complete"], found["ship"]["leaves_by"]) == (False, None)
    assert [(m["sku"], m["quantity"], m["reason"]) for m in found["ship"]["missing"]] == [("APPLE", 2, "no_stock")]
    [here] = found["collect"]
    assert (here["complete"], here["items"]) == (False, [{"sku": "APPLE", "quantity": 1}])
    assert [(m["sku"], m["quantity"], m["reason"]) for m in here["missing"]] == [
        ("APPLE", 4, "too_little"),
        ("BREAD", 1, "no_stock"),
    ]
    assert all(m["why"] for m in here["missing"])
    assert here["ready_at"]


async def test_what_a_cart_has_claimed_is_there_for_it_and_for_nobody_else(world: build.World) -> None:
    await open_shop(world, stock=2)
    claim = {"cart": "maria", "sku": "APPLE", "node": STORE, "quantity": 2}
    assert (await world.client.post("/v1/reservations", json=claim)).status_code == 201
    for cart, there in (("maria", True), ("ali", False), (None, False)):
        found = await promised(world, ("APPLE", 2), stores=[STORE], ways=["pickup"], cart=cart)
        assert found["collect"][0]["complete"] is there


async def test_asking_writes_nothing(world: build.World) -> None:
    await open_shop(world)
    tables = ("event", "reservation", "routing_decision", "customer_order", "fulfilment", "node_day")

    async def counts() -> list[int]:
        return [(await world.rows(f"SELECT count(*)::int AS n FROM {table}"))[0]["n"] for table in tables]

    before = await counts()
    await promised(world, ("APPLE", 1), ship_to=TO, near=HERE)
    assert await counts() == before


async def test_a_node_that_takes_no_orders_now_is_not_promised(world: build.World) -> None:
    shop = await open_shop(world)
    await world.client.post(f"/v1/nodes/{STORE}/switch", json={"taking_orders": False})
    found = await promised(world, ("APPLE", 1), ship_to=TO, stores=[STORE], ways=["ship", "pickup"])
    assert [parcel["node"] for parcel in found["ship"]["parcels"]] == [OTHER]
    assert found["collect"][0]["missing"][0]["reason"] == "switched_off"
    assert (await shop.buy(("APPLE", 1), method="ship"))["jobs"][0]["node"] == OTHER


async def test_a_cart_that_would_wait_for_a_run_is_promised_by_its_time(world: build.World) -> None:
    await open_shop(world)
    at_once = (await promised(world, ("APPLE", 1), stores=[STORE], ways=["pickup"]))["collect"][0]["ready_at"]
    wall = (datetime.now(UTC) + timedelta(hours=11)).strftime("%H:%M")
    plan = {
        "name": "daily",
        "rules": [{"name": "all", "weights": [{"criterion": "proximity", "weight": 1}]}],
        "runs": [{"when": "at", "times": [wall]}],
    }
    await activate(world, PlanBody.model_validate(plan))
    found = await promised(world, ("APPLE", 1), stores=[STORE], ways=["pickup"])
    later = datetime.fromisoformat(found["collect"][0]["ready_at"]) - datetime.fromisoformat(at_once)
    assert found["plan"] == "daily v1"
    assert timedelta(hours=10, minutes=58) < later < timedelta(hours=11, minutes=2)


async def test_what_customers_may_still_change_their_mind_about_is_promised_by_when_they_no_longer_may(
    world: build.World,
) -> None:
    await open_shop(world)
    at_once = (await promised(world, ("APPLE", 1), stores=[STORE], ways=["pickup"]))["collect"][0]["ready_at"]
    channel = {"code": "web", "name": "Web", "nodes": [{"node": STORE}], "remorse_minutes": 30}
    await world.client.post("/v1/channels", json={"channels": [channel]})
    found = (await promised(world, ("APPLE", 1), stores=[STORE], ways=["pickup"]))["collect"][0]["ready_at"]
    later = datetime.fromisoformat(found) - datetime.fromisoformat(at_once)
    assert timedelta(minutes=29) < later < timedelta(minutes=31)


async def test_what_nobody_has_comes_with_the_time_for_which_it_is_expected(world: build.World) -> None:
    await open_shop(world, stock=1)
    at = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    answer = await world.client.post("/v1/expected-items", json={"items": [{"sku": "APPLE", "expected_at": at}]})
    assert answer.status_code == 200, answer.text
    [missing] = (await promised(world, ("APPLE", 2), stores=[STORE], ways=["pickup"]))["collect"][0]["missing"]
    assert datetime.fromisoformat(missing["expected_at"]) == datetime.fromisoformat(at)


async def test_fifty_items_in_all_ways_are_answered_at_once(world: build.World) -> None:
    await open_shop(world)
    skus = [f"SKU-{n}" for n in range(50)]
    items = [{"sku": sku, "name": sku, "price": 100} for sku in skus]
    assert (await world.client.post("/v1/items", json={"items": items})).status_code == 200

    async def fill(tx: Tx) -> None:
        rows = [
            {"sku": sku, "node": node, "quantity": 3, "bin": None, "walk": 0, "safety_stock": 0}
            for n, sku in enumerate(skus)
            for node in ((STORE, OTHER, WAREHOUSE) if n % 2 else (OTHER, WAREHOUSE))
        ]
        await inventory.open_positions(tx, rows, actor=SYSTEM.id)

    await world.write(fill)
    found = await promised(world, *((sku, 2) for sku in skus), ship_to=TO, near=HERE)
    assert found["ship"]["complete"]
    assert {c["node"]: c["complete"] for c in found["collect"]} == {STORE: False, OTHER: True}
    assert len(found["collect"][0]["missing"]) == 25


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"lines": [{"sku": "APPLE", "quantity": 1}, {"sku": "NONE", "quantity": 1}]}, ["lines.1.sku"]),
        ({"channel": "none", "stores": [STORE, "S-9"]}, ["channel", "stores.1"]),
        ({"stores": []}, ["ship_to"]),
        ({"lines": [{"sku": "APPLE", "quantity": 0}]}, ["lines.0.quantity"]),
        ({"near": {"latitude": 100, "longitude": 0}}, ["near.latitude"]),
        ({"ways": ["pigeon"]}, ["ways.0"]),
    ],
)
async def test_a_cart_that_cannot_be_looked_at_says_every_field_and_its_remedy(
    world: build.World, more: dict[str, Any], fields: list[str]
) -> None:
    await open_shop(world)
    body = {"channel": "web", "lines": [{"sku": "APPLE", "quantity": 1}], "stores": [STORE], **more}
    answer = await world.client.post("/v1/promises", json=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == fields
    assert all(each["remedy"] for each in answer.json()["errors"])
