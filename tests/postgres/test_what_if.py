"""Real orders played again: the plan that decided gives what it gave, another one what it would have given."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from server.kit.transaction import Tx
from server.routing import whatif
from server.routing.rules import DEFAULT
from tests import build
from tests.command import baton
from tests.shop import OTHER, STORE, WAREHOUSE, Shop, Tablet, activate, open_shop

PLANS = "/v1/routing/plans"
ITEMS = ("APPLE", "BREAD", "WINE")
NEVER_SPLIT = DEFAULT.model_copy(
    update={
        "name": "whole",
        "rules": (
            DEFAULT.rules[0].model_copy(
                update={"split": DEFAULT.rules[0].split.model_copy(update={"max_parcels": 1, "partly": False})}
            ),
        ),
    }
)


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=3)

    def __call__(self) -> datetime:
        return self.now


async def free(tx: Tx) -> dict[tuple[str, str], int]:
    rows = await tx.rows("SELECT sku, node, sellable - reserved - safety_stock - doubt AS free FROM stock_position")
    return {(row["sku"], row["node"]): row["free"] for row in rows}


async def sent(tablet: Tablet, job: dict[str, Any], *lines: tuple[int, int]) -> None:
    """Pick, pack and give to the carrier."""
    commands = [tablet.command("pick", fulfilment=job["id"], line=line, total=units) for line, units in lines]
    commands += [tablet.command("pack", fulfilment=job["id"])]
    pushed = await tablet.push(*commands)
    assert {each["status"] for each in pushed["outcomes"]} == {"applied"}, pushed


async def a_day(shop: Shop, clock: Clock) -> tuple[datetime, dict[tuple[str, str], int]]:
    """An order, a moment, then orders, a receipt and a sale at the till. Returns the moment and what was free at it."""

    async def buy(*lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        clock.now += timedelta(minutes=7)
        return await shop.buy(*lines, method="ship", placed_at=clock.now.isoformat(), **more)

    tablet = await shop.tablet()
    early = await buy(("APPLE", 2))
    assert early["jobs"][0]["node"] == STORE
    clock.now += timedelta(hours=1)
    moment, began = clock.now, await shop.world.read(free)
    await sent(tablet, early["jobs"][0], (1, 2))
    bag = await shop.buy(("BREAD", 2), placed_at=clock.now.isoformat())
    tablet_commands = [
        tablet.command("pick", fulfilment=bag["jobs"][0]["id"], line=1, total=2),
        tablet.command("pack", fulfilment=bag["jobs"][0]["id"]),
        tablet.command("stage", fulfilment=bag["jobs"][0]["id"], place="A1"),
        tablet.command("hand_off", fulfilment=bag["jobs"][0]["id"], proof="id_seen"),
    ]
    await tablet.push(*tablet_commands)
    for n in range(4):
        await buy(("APPLE", 2 + n), ("WINE", 1 + n % 2))
    sale = {
        "node": OTHER,
        "till": "1",
        "receipt": "1",
        "sold_at": clock.now.isoformat(),
        "lines": [{"sku": "WINE", "quantity": 3}],
    }
    answer = await shop.world.client.post("/v1/counter-sales", json={"sales": [sale]})
    assert answer.json()["results"][0]["status"] == "created", answer.text
    await buy(("WINE", 3), ("BREAD", 3))
    clock.now += timedelta(minutes=30)
    receipt = {"sku": "BREAD", "node": WAREHOUSE, "quantity": 9, "document": "PO-1", "line": 1}
    await shop.world.client.post("/v1/receipts", json={"receipts": [receipt]})
    await buy(("BREAD", 8), ("APPLE", 1))
    clock.now += timedelta(hours=1)
    return moment, began


async def test_the_plan_that_decided_gives_again_what_it_gave(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        shop = await open_shop(world, stock=6)
        moment, began = await a_day(shop, clock)
        stretch = await world.read(lambda tx: whatif.load_stretch(tx, moment, clock.now, most=100))
        assert stretch.stock == began
        assert len(stretch.orders) == 7

        asked = {"since": moment.isoformat(), "until": clock.now.isoformat()}
        answer = await world.client.post(f"{PLANS}/standard/1/what-if", json=asked)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["differences"] == {}
        real = await world.rows(
            "SELECT sum(allocated + fulfilled)::int AS given, sum(backordered)::int AS waits,"
            " sum(quantity)::int AS units FROM order_line l JOIN customer_order o ON o.id = l.order_id"
            " WHERE o.received_at >= :since",
            since=moment,
        )
        jobs = await world.rows(
            "SELECT count(*)::int AS n FROM fulfilment f JOIN customer_order o ON o.id = f.order_id"
            " WHERE o.received_at >= :since",
            since=moment,
        )
        plan = found["plan"]
        assert (plan["units_given"], sum(plan["waiting"].values())) == (real[0]["given"], real[0]["waits"])
        assert (found["orders"], found["units"], plan["parcels"]) == (7, real[0]["units"], jobs[0]["n"])
        assert plan["orders_split"] > 0

        await activate(world, NEVER_SPLIT)
        other = (await world.client.post(f"{PLANS}/whole/1/what-if", json={**asked, "against": "standard@1"})).json()
        assert other["against"] == plan
        assert other["plan"]["orders_split"] == 0
        assert other["differences"]["orders_split"] == -plan["orders_split"]
        again = (await world.client.post(f"{PLANS}/whole/1/what-if", json={**asked, "against": "standard@1"})).json()
        assert again == other


async def test_a_stretch_has_its_limits(world: build.World) -> None:
    await open_shop(world)
    now = datetime.now(UTC)
    for since, until in ((now, now), (now, now - timedelta(days=1)), (now - timedelta(days=36), now)):
        asked = {"since": since.isoformat(), "until": until.isoformat()}
        answer = await world.client.post(f"{PLANS}/standard/1/what-if", json=asked)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "until")
    empty = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    nothing = (await world.client.post(f"{PLANS}/standard/1/what-if", json=empty)).json()
    assert (nothing["orders"], nothing["plan"]["fill_rate"], nothing["differences"]) == (0, 0.0, {})


def test_the_command_plays_a_plan_that_is_only_a_file(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(NEVER_SPLIT.model_dump_json(exclude={"version"}))
    asked = ["routing", "simulate", "--plan", str(file), "--from", "2026-11-01", "--to", "2026-11-02"]
    told = baton(*asked, "--json", database=database_url)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["plan"]["plan"], found["against"]["plan"], found["orders"]) == ("whole v1", "standard v1", 0)
    assert "shelves emptied" in baton(*asked, database=database_url).stdout
