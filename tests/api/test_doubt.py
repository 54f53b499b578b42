"""Stock that heals itself: what was not found is doubted, somebody is asked to count, and the count ends the doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.check import check
from server.inventory.rules import casts_doubt, doubted_units
from server.kit import outbox
from shared.fulfilment import Exit
from tests import build
from tests.shop import OTHER, STORE, WAREHOUSE, Shop, Tablet, open_shop


async def tasks(shop: Shop) -> list[dict[str, Any]]:
    """Open ones that ask for a count."""
    answer = await shop.world.client.get("/v1/exceptions", params={"state": "open"})
    return [each for each in answer.json()["items"] if each["kind"] == "doubted"]


async def missed(shop: Shop, reason: str = "not_found", *, method: str = "ship") -> Tablet:
    """A picker finds one of two apples, and says why not the other."""
    job = (await shop.buy(("APPLE", 2), method=method))["jobs"][0]
    tablet = await shop.tablet(job["node"], "associate")
    await tablet.push(
        tablet.command("pick", fulfilment=job["id"], line=1, total=1),
        tablet.command("short", fulfilment=job["id"], line=1, total=1, reason=reason),
    )
    return tablet


async def nothing_is_wrong(shop: Shop) -> None:
    assert [found for found in await check(shop.world.db) if found.violations] == []


async def test_what_was_not_found_is_promised_to_nobody_until_it_was_counted(world: build.World) -> None:
    shop = await open_shop(world)
    tablet = await missed(shop)
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["reserved"], here["doubt"], here["available"]) == (9, 1, 8, 0)
    later = await shop.buy(("APPLE", 1), method="ship")
    assert later["jobs"][0]["node"] == OTHER
    task = (await tasks(shop))[0]
    assert (task["node"], task["owner_role"], task["values"]["units"]) == (STORE, "associate", 8)

    assert await tablet.do("count", sku="APPLE", node=STORE, units=5) == "applied"
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["doubt"], here["available"]) == (6, 0, 5)
    assert await tasks(shop) == []
    again = await shop.buy(("APPLE", 1), method="ship")
    assert again["jobs"][0]["node"] == STORE
    await nothing_is_wrong(shop)


async def test_devices_see_the_doubt_and_the_task(world: build.World) -> None:
    shop = await open_shop(world)
    tablet = await missed(shop)
    await outbox.drain(world.parts)
    await tablet.pull()
    stock = tablet.documents[("stock", "APPLE")]
    assert stock is not None
    assert stock["atp"]["doubt"] == 8
    assert [d["kind"] for (kind, _), d in tablet.documents.items() if kind == "exception" and d] == ["doubted"]


async def test_a_damaged_unit_was_there_and_casts_no_doubt(world: build.World) -> None:
    shop = await open_shop(world)
    await missed(shop, "damaged")
    assert (await shop.stock("APPLE"))["doubt"] == 0
    assert await tasks(shop) == []


async def test_a_warehouse_counts_by_itself(world: build.World) -> None:
    shop = await open_shop(world)
    nothing = b"\n".join(b'{"sku": "APPLE", "node": "%s", "units": 0}' % node.encode() for node in (STORE, OTHER))
    as_of = datetime.now(UTC).isoformat()
    await world.client.post("/v1/stock/figures", content=nothing, params={"source": "erp", "as_of": as_of})
    job = (await shop.buy(("APPLE", 2), method="ship"))["jobs"][0]
    assert job["node"] == WAREHOUSE
    short = {"kind": "short", "fulfilment": job["id"], "line": 1, "total": 1, "reason": "not_found"}
    answer = await world.client.post("/v1/fulfilments/commands", json={"commands": [short]})
    assert answer.status_code == 200
    here = await shop.stock("APPLE", WAREHOUSE)
    assert (here["on_hand"], here["doubt"]) == (9, 0)
    assert await tasks(shop) == []


async def test_what_leaves_the_shelf_was_there(world: build.World) -> None:
    shop = await open_shop(world)
    await missed(shop)
    lines = [{"sku": "APPLE", "quantity": 3}]
    sale = {"node": STORE, "till": "1", "receipt": "1", "sold_at": datetime.now(UTC).isoformat(), "lines": lines}
    await world.client.post("/v1/counter-sales", json={"sales": [sale]})
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["doubt"]) == (6, 6)
    receipt = {"sku": "APPLE", "node": STORE, "quantity": 20, "document": "LS-1", "line": 1}
    await world.client.post("/v1/receipts", json={"receipts": [receipt]})
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["doubt"], here["available"]) == (26, 6, 19)
    await nothing_is_wrong(shop)


async def test_a_count_of_afterwards_that_was_heard_of_first_leaves_no_doubt(world: build.World) -> None:
    shop = await open_shop(world)
    job = (await shop.buy(("APPLE", 2), method="ship"))["jobs"][0]["id"]
    picker, counter = await shop.tablet(), await shop.tablet()
    short = picker.command("short", fulfilment=job, line=1, total=2, reason="not_found")
    await counter.push(counter.command("count", sku="APPLE", node=STORE, units=7))
    early = datetime.now(UTC) - timedelta(hours=1)
    await picker.push(short | {"made_at": early.isoformat()})
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["doubt"]) == (7, 0)
    await nothing_is_wrong(shop)


async def test_a_lead_may_vouch_for_the_record(world: build.World) -> None:
    shop = await open_shop(world)
    await missed(shop)
    task = (await tasks(shop))[0]
    lead = await shop.tablet(STORE, "lead")
    assert await lead.do("settle_exception", exception=task["id"], resolution="record_stands") == "applied"
    here = await shop.stock("APPLE")
    assert (here["doubt"], here["available"]) == (0, 8)
    assert await tasks(shop) == []


async def test_a_second_picker_who_finds_none_adds_to_the_same_task(world: build.World) -> None:
    shop = await open_shop(world)
    first = (await shop.buy(("APPLE", 2)))["jobs"][0]["id"]
    second = (await shop.buy(("APPLE", 3)))["jobs"][0]["id"]
    tablet = await shop.tablet()
    await tablet.do("short", fulfilment=first, line=1, total=2, reason="not_found")
    assert (await shop.stock("APPLE"))["doubt"] == 8
    await tablet.do("short", fulfilment=second, line=1, total=3, reason="not_found")
    assert (await shop.stock("APPLE"))["doubt"] == 5
    assert len(await tasks(shop)) == 1
    await nothing_is_wrong(shop)


@pytest.mark.parametrize(
    ("exit_", "reason", "doubted"),
    [
        (Exit.REROUTE, "not_found", True),
        (Exit.CANCEL, "display_only", True),
        (Exit.REPLACED, "not_found", True),
        (Exit.RESTORED, "not_found", False),
        (Exit.REROUTE, "damaged", False),
        (Exit.REROUTE, "no_capacity", False),
        (Exit.FULFILLED, None, False),
    ],
)
def test_only_who_looked_and_found_none_casts_doubt(exit_: Exit, reason: str | None, doubted: bool) -> None:
    assert casts_doubt(exit_, reason) is doubted


def test_what_is_in_somebodys_hands_is_not_doubted() -> None:
    assert (doubted_units(8, 3), doubted_units(2, 3), doubted_units(8, 0)) == (5, 0, 8)
