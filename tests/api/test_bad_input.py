"""Bad input: each a clear problem that names the field and the remedy, and nothing half done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import build
from tests.build import World
from tests.shop import OTHER, STORE, open_shop

COUNTED = ("customer_order", "order_line", "order_key", "money_entry", "reservation", "fulfilment", "event", "outbox")


async def counts(world: World) -> dict[str, int]:
    """Rows in everything an order writes to."""
    sql = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS n FROM {name}" for name in COUNTED)
    return {row["name"]: row["n"] for row in await world.rows(sql)}


def line(**more: Any) -> list[dict[str, Any]]:
    return [{"sku": "APPLE", "quantity": 1, "unit_price": 349, **more}]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown item": ({"lines": line(sku="NO-SUCH")}, "lines.0.sku"),
    "no units": ({"lines": line(quantity=0)}, "lines.0.quantity"),
    "less than no units": ({"lines": line(quantity=-2)}, "lines.0.quantity"),
    "more units than anybody buys": ({"lines": line(quantity=10**9)}, "lines.0.quantity"),
    "half a unit": ({"lines": line(quantity=1.5)}, "lines.0.quantity"),
    "units as text": ({"lines": line(quantity="1")}, "lines.0.quantity"),
    "no lines": ({"lines": []}, "lines"),
    "a price below zero": ({"lines": line(unit_price=-1)}, "lines.0.unit_price"),
    "a discount above the price": ({"lines": line(discount=999_999)}, "lines.0.discount"),
    "another currency": ({"currency": "EUR"}, "currency"),
    "no currency at all": ({"currency": "dollars"}, "currency"),
    "long ago": ({"placed_at": "1999-01-01T00:00:00Z"}, "placed_at"),
    "tomorrow": ({"placed_at": "2199-01-01T00:00:00Z"}, "placed_at"),
    "a time without its offset": ({"placed_at": "2026-11-01T12:00:00"}, "placed_at"),
    "wanted before it was ordered": ({"wanted_by": "2000-01-01T00:00:00Z"}, "wanted_by"),
    "unknown channel": ({"channel": "fax"}, "channel"),
    "unknown store": ({"node": "S-404"}, "node"),
    "a warehouse to collect from": ({"node": "W-1"}, "node"),
    "nowhere to collect": ({"node": None}, "node"),
    "a payment that does not add up": (
        {"payment": {"kind": "authorised", "reference": "a", "amount": 1}},
        "payment.amount",
    ),
    "an unknown field": ({"colour": "red"}, "colour"),
    "a name of nothing": ({"customer": {"name": " "}}, "customer.name"),
}


@pytest.mark.parametrize("case", BAD, ids=str)
async def test_a_bad_order_names_the_field_and_the_remedy_and_leaves_no_trace(world: World, case: str) -> None:
    shop = await open_shop(world)
    wrong, field = BAD[case]
    before = await counts(world)
    answer = await world.client.post("/v1/orders", json=shop.order(("APPLE", 1), **wrong))
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    named = {error["field"]: error for error in problem["errors"]}
    assert any(name == field or name.startswith(f"{field}.") for name in named), named
    assert problem["detail"]
    assert all(error["message"] for error in problem["errors"])
    assert problem.get("remedy") or any(error.get("remedy") for error in problem["errors"])
    assert await counts(world) == before


async def test_a_bad_order_stands_beside_the_good_ones_which_are_in(world: World) -> None:
    shop = await open_shop(world)
    rows = [shop.order(("APPLE", 1)), shop.order(("BREAD", 1))]
    rows.insert(1, {**shop.order(("APPLE", 1)), "lines": line(sku="NO-SUCH")})
    rows.insert(2, {**shop.order(("APPLE", 1)), "lines": line(quantity=0)})
    answer = await world.client.post("/v1/orders/batch", json={"orders": rows})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert [placed is not None for placed in said["placed"]] == [True, False, False, True]
    assert [row["status"] for row in said["results"]] == ["created", "refused", "refused", "created"]
    assert [row["errors"][0]["field"] for row in said["results"][1:3]] == ["lines.0.sku", "lines.0.quantity"]
    assert (await counts(world))["customer_order"] == 2


async def test_the_same_order_again_is_the_same_order_and_another_body_is_refused(world: World) -> None:
    shop = await open_shop(world)
    body = shop.order(("APPLE", 2))
    first = await world.client.post("/v1/orders", json=body)
    before = await counts(world)
    again = await world.client.post("/v1/orders", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    other = await world.client.post("/v1/orders", json={**body, "shipping": 500})
    assert other.status_code == 409
    assert other.json()["errors"][0]["field"] == "external_id"
    assert other.json()["remedy"]
    both = await world.client.post("/v1/orders/batch", json={"orders": [body, {**body, "shipping": 1}]})
    assert [row["status"] for row in both.json()["results"]] == ["unchanged", "refused"]
    assert await counts(world) == before


async def test_a_code_with_a_wrong_check_digit_is_told_and_the_good_items_are_in(world: World) -> None:
    await open_shop(world)
    items = [
        {"sku": "GOOD", "name": "Good", "price": 1, "barcodes": ["4006381333931"]},
        {"sku": "BAD", "name": "Bad", "price": 1, "barcodes": ["4006381333932"]},
    ]
    answer = await world.client.post("/v1/items", json={"items": items})
    good, bad = answer.json()["results"]
    assert (good["status"], bad["status"]) == ("created", "refused")
    assert bad["errors"][0]["field"] == "barcodes.0"
    assert "check digit" in bad["errors"][0]["message"]
    assert bad["errors"][0]["remedy"]
    assert (await world.client.get("/v1/items/BAD")).status_code == 404


@pytest.mark.parametrize("body", [b'{"channel": "web", ', b"", b"[1, 2", b"\xff\xfe", b"null"], ids=repr)
async def test_what_is_no_json_is_said_so(world: World, body: bytes) -> None:
    await open_shop(world)
    before = await counts(world)
    answer = await world.client.post("/v1/orders", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert await counts(world) == before


async def test_ten_megabytes_are_refused_before_they_are_read(world: World) -> None:
    shop = await open_shop(world)
    body = json.dumps(shop.order(("APPLE", 1), customer={"name": "x" * 10_000_000}))
    answer = await world.client.post("/v1/orders", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["remedy"]


async def test_wrong_tokens_and_other_stores_orders(world: World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    stranger = await world.asking("bk_" + "x" * 43)
    assert (await stranger.get("/v1/orders")).status_code == 401
    nobody = await world.asking(None)
    assert (await nobody.post("/v1/orders", json=shop.order(("APPLE", 1)))).status_code == 401
    elsewhere = await world.asking((await build.person(world.db, "manager", nodes=[OTHER])).token)
    assert (await elsewhere.get(f"/v1/orders/{order['id']}")).status_code in (403, 404)
    job = order["jobs"][0]["id"]
    command = {"kind": "accept", "fulfilment": job}
    answer = await elsewhere.post("/v1/fulfilments/commands", json={"commands": [command]})
    assert "applied" not in answer.text
    assert (await shop.page(order["id"]))["jobs"][0]["state"] == "offered"


ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "a receipt of nothing": (
        "/v1/receipts",
        {"sku": "APPLE", "node": STORE, "quantity": 5, "document": "D-1", "line": 1},
        {"quantity": 0},
        "quantity",
    ),
    "a receipt at a store that is none": (
        "/v1/receipts",
        {"sku": "APPLE", "node": STORE, "quantity": 5, "document": "D-1", "line": 1},
        {"node": "S-404", "line": 2},
        "node",
    ),
    "a correction of an item that is none": (
        "/v1/adjustments",
        {"sku": "APPLE", "node": STORE, "delta": -1, "reason": "damage"},
        {"sku": "NO-SUCH"},
        "sku",
    ),
    "a correction by nothing": (
        "/v1/adjustments",
        {"sku": "APPLE", "node": STORE, "delta": -1, "reason": "damage"},
        {"delta": 0},
        "delta",
    ),
}


@pytest.mark.parametrize("case", ROWS, ids=str)
async def test_a_bad_row_about_stock_stands_beside_the_good_one(world: World, case: str) -> None:
    shop = await open_shop(world)
    path, good, wrong, field = ROWS[case]
    before = (await shop.stock("APPLE"))["on_hand"]
    answer = await world.client.post(path, json={path.rpartition("/")[2]: [good, {**good, **wrong}]})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["results"]
    assert second["status"] == "refused", answer.text
    assert second["errors"][0]["field"] == field
    assert second["errors"][0]["message"]
    assert first["status"] != "refused"
    assert (await shop.stock("APPLE"))["on_hand"] == before + good.get("quantity", good.get("delta"))
