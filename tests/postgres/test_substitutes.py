"""Substitutes in the books: units, stock and money of a line follow what the store took instead."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from server.check import check
from server.kit import outbox
from server.messages.links import link_token
from server.messages.rules import render
from tests import build
from tests.shop import OTHER, STORE, Shop, Tablet, open_shop

CARD = {"kind": "token", "reference": "tok_visa"}
PAID = {"kind": "paid", "reference": "paid-1"}


async def bought(shop: Shop, *lines: tuple[str, int], **more: Any) -> tuple[dict[str, Any], str]:
    """An order with its job."""
    order = await shop.buy(*lines, **{"payment": CARD, **more})
    await outbox.drain(shop.world.parts)
    order = await shop.page(order["id"])
    return order, order["jobs"][0]["id"]


async def whole(world: build.World) -> None:
    await outbox.drain(world.parts)
    assert [each for each in await check(world.db) if each.violations] == []


def units(page: dict[str, Any]) -> list[tuple[int, str, dict[str, int]]]:
    return [(line["line"], line["sku"], line["units"]) for line in page["lines"]]


async def to_the_counter(tablet: Tablet, job: str) -> None:
    await tablet.push(
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
        tablet.command("hand_off", fulfilment=job, proof="pass"),
    )


async def test_a_cheaper_substitute_is_paid_at_its_own_price(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 2), instead=("APPLE",))
    tablet = await shop.tablet()
    await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1, reason="damaged")
    page = await shop.page(order["id"])
    assert units(page) == [(1, "BREAD", {"allocated": 1, "replaced": 1}), (1001, "APPLE", {"allocated": 1})]
    apple = page["lines"][1]
    assert (apple["replaces"], apple["unit_price"], apple["tax"], apple["total"]) == (1, 349, 2, 351)
    bread, apples = await shop.stock("BREAD"), await shop.stock("APPLE")
    assert (bread["reserved"], bread["not_sellable"], apples["reserved"]) == (1, 1, 1)
    await whole(world)
    await tablet.do("pick", fulfilment=job, line=1, total=1)
    await to_the_counter(tablet, job)
    await whole(world)
    page = await shop.page(order["id"])
    assert page["status"] == "completed"
    assert (page["money"]["captured"], page["money"]["released"]) == (503 + 351, 502 - 351)
    assert (await shop.stock("APPLE"))["on_hand"] == 9
    assert "job.substitute" in await shop.timeline(order["id"])


async def test_a_dearer_substitute_costs_no_more_than_what_was_ordered(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("APPLE", 1), instead=("WINE",), payment=PAID)
    tablet = await shop.tablet()
    assert await tablet.do("substitute", fulfilment=job, line=1, sku="WINE", total=1) == "applied"
    await to_the_counter(tablet, job)
    await whole(world)
    page = await shop.page(order["id"])
    assert page["lines"][1]["total"] == page["lines"][0]["total"] == 356
    assert (page["money"]["captured"], page["money"]["refunded"]) == (356, 0)


async def test_what_was_paid_beyond_a_cheaper_substitute_is_paid_back(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 1), instead=("APPLE",), payment=PAID)
    tablet = await shop.tablet()
    await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1)
    assert (await shop.page(order["id"]))["money"]["refunded"] == 0
    await to_the_counter(tablet, job)
    await whole(world)
    assert (await shop.page(order["id"]))["money"]["refunded"] == 506 - (349 + 4)


async def test_the_customer_refuses_it_at_the_counter_and_pays_nothing_for_it(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 1), ("WINE", 1), instead=("APPLE",))
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("substitute", fulfilment=job, line=1, sku="APPLE", total=1),
        tablet.command("pick", fulfilment=job, line=2, total=1),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
        tablet.command(
            "hand_off",
            fulfilment=job,
            proof="pass",
            refused=[{"line": 1001, "quantity": 1, "reason": "not_ordered"}],
        ),
    )
    await whole(world)
    page = await shop.page(order["id"])
    assert (page["money"]["captured"], page["money"]["released"]) == (1306, 506)
    assert (await shop.stock("APPLE"))["on_hand"] == 10


async def test_a_substitute_that_goes_back_leaves_no_trace_but_the_timeline_and_a_doubt(world: build.World) -> None:
    """One was damaged, one was not found: where one is missing the rest is doubted until somebody counts."""
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 3), instead=("APPLE",))
    before = [await shop.stock(sku) for sku in ("BREAD", "APPLE")]
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("substitute", fulfilment=job, line=1, sku="APPLE", total=1, reason="damaged"),
        tablet.command("substitute", fulfilment=job, line=1, sku="APPLE", total=2),
    )
    await whole(world)
    assert await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=0) == "applied"
    await whole(world)
    assert units(await shop.page(order["id"])) == [(1, "BREAD", {"allocated": 3})]
    bread, apple = [await shop.stock(sku) for sku in ("BREAD", "APPLE")]
    assert (bread["doubt"], bread["available"], apple["doubt"]) == (8, 0, 0)
    assert [{**bread, "doubt": 0, "available": before[0]["available"]}, apple] == before


async def test_everything_at_once_after_a_shift_offline_is_the_same_as_step_by_step(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 2), instead=("APPLE", "WINE"))
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("substitute", fulfilment=job, line=1, sku="WINE", total=1),
        tablet.command("substitute", fulfilment=job, line=1, sku="WINE", total=0),
        tablet.command("substitute", fulfilment=job, line=1, sku="APPLE", total=2),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
        tablet.command("hand_off", fulfilment=job, proof="pass"),
    )
    await whole(world)
    assert units(await shop.page(order["id"])) == [(1, "BREAD", {"replaced": 2}), (1001, "APPLE", {"fulfilled": 2})]


async def test_a_job_sent_back_sends_the_customer_to_another_store_for_what_they_ordered(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 2), instead=("APPLE",), method="ship")
    node = order["jobs"][0]["node"]
    tablet = await shop.tablet(node)
    await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1)
    await tablet.do("reject", fulfilment=job, reason="no_capacity")
    await whole(world)
    page = await shop.page(order["id"])
    assert units(page) == [(1, "BREAD", {"allocated": 2})]
    assert page["jobs"][-1]["node"] != node


async def test_taken_off_a_shelf_that_holds_others_promises_the_newest_promise_breaks(world: build.World) -> None:
    shop = await open_shop(world, stock=2)
    _, job = await bought(shop, ("BREAD", 1), instead=("APPLE",))
    other, _ = await bought(shop, ("APPLE", 2), method="ship", node=None)
    first = other["jobs"][0]["node"]
    tablet = await shop.tablet(first)
    if first != STORE:  # the router may have chosen any store: promise all apples of ours
        other, _ = await bought(shop, ("APPLE", 2))
    assert (await shop.stock("APPLE"))["available"] == 0
    tablet = await shop.tablet()
    assert await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1) == "applied"
    await whole(world)
    apples = await shop.stock("APPLE")
    assert apples["reserved"] <= apples["on_hand"] == 2
    assert "stock.promise_broken" in await shop.timeline(other["id"])


async def test_what_the_record_does_not_know_of_was_there_all_the_same(world: build.World) -> None:
    shop = await open_shop(world, stock=0)
    await world.client.post(
        "/v1/receipts",
        json={"receipts": [{"sku": "BREAD", "node": STORE, "quantity": 1, "document": "D", "line": 1}]},
    )
    _, job = await bought(shop, ("BREAD", 1), instead=("APPLE",))
    tablet = await shop.tablet()
    assert await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1) == "applied"
    await whole(world)
    assert (await shop.stock("APPLE"))["on_hand"] == 1


async def test_what_the_customer_did_not_agree_to_is_an_exception_and_changes_nothing(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 1))
    tablet = await shop.tablet()
    assert await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1) == "exception"
    assert units(await shop.page(order["id"])) == [(1, "BREAD", {"allocated": 1})]
    kinds = await world.rows("SELECT kind FROM fulfilment_exception")
    assert kinds == [{"kind": "substitute_not_agreed"}]
    await whole(world)


@pytest.mark.parametrize("reason", ["no_capacity", "too_late"])
async def test_taken_for_a_job_that_was_called_off_it_is_found_when_it_leaves(world: build.World, reason: str) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 1), instead=("APPLE",))
    tablet, second = await shop.tablet(), await shop.tablet()
    await second.do("reject", fulfilment=job, reason=reason)
    assert await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1) == "exception"
    await whole(world)
    left = [{"line": 1001, "quantity": 1}]
    assert await tablet.do("hand_off", fulfilment=job, proof="pass", lines=left) == "exception"
    await whole(world)
    assert (await shop.stock("APPLE"))["on_hand"] == 9
    assert (await shop.page(order["id"]))["money"]["captured"] == 0


async def test_consent_means_the_catalogues_substitutes_at_no_higher_price(world: build.World) -> None:
    shop = await open_shop(world)
    row = {"sku": "BREAD", "name": "Bread", "price": 499, "substitutes": ["WINE", "APPLE", "GHOST"]}
    await world.client.post("/v1/items", json={"items": [row]})
    order, job = await bought(shop, ("BREAD", 1), instead="same_or_lower_price")
    assert order["lines"][0]["substitutes"] == ["APPLE"]
    tablet = await shop.tablet()
    await tablet.pull()
    doc = tablet.documents[("fulfilment", job)]
    assert doc is not None
    assert doc["lines"][0]["substitutes"] == ["APPLE"]


async def test_an_order_that_names_what_cannot_stand_in_is_told_which_and_why(world: build.World) -> None:
    shop = await open_shop(world)
    row = {"sku": "WINE", "name": "Wine", "price": 1299, "min_age": 18, "flags": ["age_restricted"]}
    answer = await world.client.post("/v1/items", json={"items": [row]})
    assert answer.status_code == 200, answer.text
    answer = await world.client.post("/v1/orders", json=shop.order(("BREAD", 1), instead=("APPLE", "GHOST", "WINE")))
    assert answer.status_code == 422
    assert [(e["field"], e["message"]) for e in answer.json()["errors"]] == [
        ("lines.0.substitutes.1", "No item has the SKU GHOST."),
        ("lines.0.substitutes.2", "WINE cannot stand in for BREAD."),
    ]


async def test_care_cancels_a_substitute_like_anything_else(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 1), instead=("APPLE",), shipping=499)
    tablet = await shop.tablet()
    await tablet.do("substitute", fulfilment=job, line=1, sku="APPLE", total=1)
    answer = await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "changed their mind"})
    assert answer.status_code == 200, answer.text
    await whole(world)
    page = await shop.page(order["id"])
    assert (page["status"], page["money"]["released"]) == ("cancelled", 506 + 499)
    assert OTHER not in {each["node"] for each in page["jobs"]}


async def test_the_customer_reads_what_is_in_the_bag_and_for_what(world: build.World) -> None:
    shop = await open_shop(world)
    order, job = await bought(shop, ("BREAD", 2), instead=("APPLE",))
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("substitute", fulfilment=job, line=1, sku="APPLE", total=1),
        tablet.command("pick", fulfilment=job, line=1, total=1),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
    )
    await outbox.drain(world.parts)
    letters = await world.rows("SELECT values FROM message WHERE kind = 'ready_for_pickup'")
    assert "1 x Red apples 1 kg (for Sourdough loaf)" in render("ready_for_pickup", "en", letters[0]["values"]).text
    page = await (await world.asking(None)).get(f"/c/{link_token(world.parts.keys, UUID(order['id']))}")
    assert "1 replaced by Red apples 1 kg" in page.text
    assert "instead of Sourdough loaf" in page.text
