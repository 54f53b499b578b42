"""Routing plans as they are kept and used: drafts, activation, what orders are decided by, runs and queues."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jsonschema_rs

from server.check import check
from server.kit import audit, outbox
from server.kit.transaction import Tx
from server.routing import plans, service, waits
from server.routing.nodes import routing_nodes
from server.routing.open_orders import load_whole
from server.routing.plan import plan
from server.routing.rules import DEFAULT, Otherwise, PlanBody, RoutingPlan, Rule
from server.routing.weighing import Weight
from tests import build
from tests.shop import OTHER, STORE, WAREHOUSE, activate, open_shop

PLANS = "/v1/routing/plans"
NEAREST = [{"criterion": "proximity", "weight": 1}]


def written(*rules: dict[str, Any], name: str = "autumn", **more: Any) -> dict[str, Any]:
    found = [{"weights": NEAREST, **rule} for rule in rules or ({"name": "Everybody"},)]
    return {"name": name, "rules": found, **more}


def body(*rules: dict[str, Any], **more: Any) -> PlanBody:
    return PlanBody.model_validate(written(*rules, **more))


FAR_FIRST = {"name": "Warehouse", "nodes": {"types": ["warehouse"]}, "orders": {"methods": ["ship"]}}
REST = {"name": "Rest"}


async def draft(world: build.World, plan: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await world.client.post(PLANS, json={"plan": plan, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decisions(world: build.World, order: str) -> list[dict[str, Any]]:
    return await world.rows("SELECT * FROM routing_decision WHERE order_id = CAST(:id AS uuid) ORDER BY id", id=order)


# ---------------------------------------------------------------- what decides


async def test_orders_are_decided_by_the_active_plan_and_their_decisions_name_it(world: build.World) -> None:
    shop = await open_shop(world)
    first = await shop.buy(("APPLE", 1), method="ship")
    await draft(world, written(FAR_FIRST, REST))
    second = await shop.buy(("APPLE", 1), method="ship")
    assert await activate(world, body(FAR_FIRST, REST)) == "autumn v2"
    third = await shop.buy(("APPLE", 1), method="ship")
    assert [order["jobs"][0]["node"] for order in (first, second, third)] == [STORE, STORE, WAREHOUSE]
    named = [(row["plan"], row["version"]) for o in (first, second, third) for row in await decisions(world, o["id"])]
    assert named == [("standard", 1), ("standard", 1), ("autumn", 2)]
    why = (await world.client.get(f"/v1/orders/{third['id']}/why")).json()["lines"][0]["why"]
    assert why["plan"] == "autumn v2, Warehouse"
    assert [each for each in await check(world.db) if each.violations] == []


async def test_a_decision_can_be_worked_out_again_from_the_plan_it_names(world: build.World) -> None:
    shop = await open_shop(world)
    await activate(world, body(FAR_FIRST, REST))
    wanted = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    order = await shop.buy(("APPLE", 9), ("WINE", 10), method="ship", wanted_by=wanted)
    (row,) = await decisions(world, order["id"])
    await activate(world, body(REST))
    await world.write(_undone)

    async def again(tx: Tx) -> tuple[str, str]:
        demands, _ = await load_whole(tx, [UUID(order["id"])])
        candidates, digest = await service.snapshot(tx, await routing_nodes(tx), demands)
        routing_plan = await plans.load(tx, row["plan"], row["version"])
        return digest, plan(demands, candidates, routing_plan, now=row["at"])[0].to_json().decode()

    assert await world.read(again) == (row["digest"], row["body"])
    assert (row["plan"], row["version"]) == ("autumn", 1)


async def _undone(tx: Tx) -> None:
    """Stock and jobs as they were before anybody bought."""
    await tx.run("UPDATE stock_position SET reserved = 0")
    await tx.run("DELETE FROM node_day")


async def test_what_the_catalogue_says_of_an_item_is_obeyed(world: build.World) -> None:
    shop = await open_shop(world, stock=2)
    items = [
        {"sku": "APPLE", "name": "Apples", "price": 349, "flags": ["kit"]},
        {"sku": "BREAD", "name": "Bread", "price": 499, "flags": ["ship_alone"]},
    ]
    await world.client.post("/v1/items", json={"items": items})
    apart = await shop.buy(("APPLE", 3), ("WINE", 1), method="ship")
    assert apart["lines"][0]["units"]["backordered"] == 3
    assert [job["units"] for job in apart["jobs"]] == [1]
    alone = await shop.buy(("BREAD", 1), ("WINE", 1), method="ship")
    assert sorted((job["node"], job["units"]) for job in alone["jobs"]) == [(STORE, 1), (STORE, 1)]
    assert [each for each in await check(world.db) if each.violations] == []


# ---------------------------------------------------------------- runs and queues


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(hour=10, minute=1, second=0, microsecond=0)

    def __call__(self) -> datetime:
        return self.now


async def test_orders_wait_for_the_next_run_unless_they_are_routed_at_once(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        shop = await open_shop(world)
        runs = [{"when": "at_once", "orders": {"methods": ["pickup"]}}, {"when": "every", "minutes": 15}]
        await activate(world, body(REST, runs=runs))
        now = clock.now.isoformat()
        bag = await shop.buy(("APPLE", 1), placed_at=now)
        parcel = await shop.buy(("APPLE", 1), method="ship", placed_at=now)
        assert (bag["status"], parcel["status"]) == ("allocated", "routing")
        clock.now += timedelta(minutes=13, seconds=59)
        assert await world.write(service.route_due) == 0
        clock.now += timedelta(seconds=1)
        assert await world.write(service.route_due) == 1
        assert (await shop.page(parcel["id"]))["status"] == "allocated"
        assert await world.write(service.route_due) == 0
        late = await shop.buy(("APPLE", 1), method="ship", placed_at=now)
        await activate(world, body(REST))
        assert await world.write(service.route_due) == 1  # the plan that waited is not active any more
        assert (await shop.page(late["id"]))["status"] == "allocated"
        await outbox.drain(world.parts)
        assert [each for each in await check(world.db) if each.violations] == []


async def test_what_no_node_can_give_waits_in_its_queue_and_is_cancelled_in_time(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        shop = await open_shop(world, stock=1)
        queue = {"action": "queue", "queue": "unfillable", "cancel_after_days": 2}
        await activate(world, body({"name": "Rest", "otherwise": queue}))
        now = clock.now.isoformat()
        order = await shop.buy(("APPLE", 9), ("BREAD", 1), method="ship", placed_at=now)
        began = clock.now
        (row,) = await world.rows("SELECT * FROM routing_wait")
        assert (str(row["order_id"]), row["line"], row["queue"], row["rule"]) == (order["id"], 1, "unfillable", "Rest")
        assert (row["since"], row["cancel_at"]) == (began, began + timedelta(days=2))

        clock.now += timedelta(days=1)
        receipt = {"sku": "APPLE", "node": STORE, "quantity": 6, "document": "PO-1", "line": 1}
        await world.client.post("/v1/receipts", json={"receipts": [receipt]})
        assert await world.write(service.route_waiting) == 1
        assert await world.rows("SELECT * FROM routing_wait") == []

        short = await shop.buy(("WINE", 5), method="ship", placed_at=clock.now.isoformat())
        patience = timedelta(days=9)
        clock.now += timedelta(days=2) - timedelta(seconds=1)
        assert await world.write(lambda tx: waits.cancel_overdue(tx, after=patience)) == 0
        clock.now += timedelta(seconds=1)
        assert await world.write(lambda tx: waits.cancel_overdue(tx, after=patience)) == 1
        assert (await shop.page(short["id"]))["lines"][0]["units"]["cancelled"] == 2
        assert await world.rows("SELECT * FROM routing_wait") == []
        await outbox.drain(world.parts)
        assert [each for each in await check(world.db) if each.violations] == []


async def test_looked_at_again_units_have_waited_since_they_were_first(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        shop = await open_shop(world, stock=0)
        await activate(world, body(REST))
        order = await shop.buy(("APPLE", 2), method="ship", placed_at=clock.now.isoformat())
        since = clock.now
        clock.now += timedelta(hours=5)
        rejected = {"name": "Rest", "otherwise": {"action": "queue", "queue": "rejected", "cancel_after_days": 1}}
        await activate(world, body(rejected))
        await world.write(lambda tx: service.route(tx, [UUID(order["id"])]))
        (row,) = await world.rows("SELECT * FROM routing_wait")
        assert (row["queue"], row["since"], row["cancel_at"]) == ("rejected", since, since + timedelta(days=1))


# ---------------------------------------------------------------- drafts and versions


async def test_the_built_in_plan_is_active_until_another_is_and_is_written_down_with_the_first_draft(
    world: build.World,
) -> None:
    shown = (await world.client.get(f"{PLANS}/active")).json()
    assert (shown["name"], shown["version"], shown["status"]) == ("standard", 1, "active")
    assert RoutingPlan.model_validate(shown["plan"]) == DEFAULT
    made = await draft(world, written(name="standard"), note="Nearest only")
    assert (made["version"], made["status"], made["note"]) == (2, "draft", "Nearest only")
    listed = (await world.client.get(PLANS)).json()["plans"]
    assert [(each["version"], each["status"]) for each in listed] == [(1, "active"), (2, "draft")]


async def test_a_draft_changes_and_nobody_overwrites_what_they_have_not_seen(world: build.World) -> None:
    await draft(world, written())
    changed = {"plan": written({"name": "Rest", "split": {"max_parcels": 1}}), "revision": 1}
    answer = await world.client.put(f"{PLANS}/autumn/1", json=changed)
    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    stale = await world.client.put(f"{PLANS}/autumn/1", json=changed)
    assert (stale.status_code, stale.json()["remedy"]) == (409, "Read it again, and make your change there.")
    renamed = await world.client.put(f"{PLANS}/autumn/1", json={"plan": written(name="winter"), "revision": 2})
    assert (renamed.status_code, renamed.json()["errors"][0]["field"]) == (422, "plan.name")


async def test_versions_that_decided_never_change_and_can_decide_again(world: build.World) -> None:
    await draft(world, written())
    assert (await world.client.post(f"{PLANS}/autumn/1/activate")).json()["status"] == "active"
    again = await world.client.post(f"{PLANS}/autumn/1/activate")
    assert (again.status_code, again.json()["detail"]) == (409, "autumn v1 is active already.")
    change = await world.client.put(f"{PLANS}/autumn/1", json={"plan": written(), "revision": 1})
    assert (change.status_code, change.json()["detail"]) == (409, "autumn v1 is active.")
    assert (await world.client.post(f"{PLANS}/autumn/1/archive")).status_code == 409
    back = (await world.client.post(f"{PLANS}/standard/1/activate")).json()
    assert (back["status"], back["activated_by"]) == ("active", "Test key")
    listed = (await world.client.get(PLANS)).json()["plans"]
    assert [(each["name"], each["status"]) for each in listed] == [("standard", "active"), ("autumn", "archived")]
    aside = await draft(world, written())
    assert (await world.client.post(f"{PLANS}/autumn/{aside['version']}/archive")).json()["status"] == "archived"
    assert (await world.client.get(f"{PLANS}/autumn/9")).status_code == 404


async def test_two_activations_at_once_leave_one_active_plan_and_a_whole_audit(world: build.World) -> None:
    for name in ("autumn", "winter", "spring"):
        await draft(world, written(name=name))
    answers = await asyncio.gather(
        *(world.client.post(f"{PLANS}/{name}/1/activate") for name in ("autumn", "winter", "spring") * 2)
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    rows = await world.rows("SELECT name, status FROM routing_plan")
    assert [row["status"] for row in rows].count("active") == 1
    audited = await world.rows("SELECT subject, detail FROM audit WHERE action = 'plan.activated' ORDER BY n")
    assert len(audited) == sum(answer.status_code == 200 for answer in answers)
    last = "standard v1"
    for row in audited:
        assert row["detail"]["instead_of"] == last
        last = row["subject"]
    assert last == next(f"{row['name']} v1" for row in rows if row["status"] == "active")
    assert await world.read(audit.broken) == []


async def test_orders_that_come_in_while_plans_change_are_decided_by_one_of_them(world: build.World) -> None:
    shop = await open_shop(world, stock=100)
    await draft(world, written(FAR_FIRST, REST))

    async def change() -> None:
        for path in ("autumn/1", "standard/1") * 4:
            assert (await world.client.post(f"{PLANS}/{path}/activate")).status_code == 200

    bought, _ = await asyncio.gather(
        asyncio.gather(*(shop.buy(("APPLE", 1), method="ship") for _ in range(24))), change()
    )
    where = {("standard", STORE), ("autumn", WAREHOUSE)}
    rows = await world.rows("SELECT plan, body::jsonb->'choices'->0->>'node' AS node FROM routing_decision")
    assert len(rows) == len(bought)
    assert {(row["plan"], row["node"]) for row in rows} <= where


# ---------------------------------------------------------------- documents


async def test_a_bad_plan_is_told_every_field_and_what_may_be_meant(world: build.World) -> None:
    await open_shop(world)
    bad = written(
        {
            "name": "First",
            "wieghts": [],
            "weights": [{"criterion": "proximty", "weight": 1}, {"criterion": "capacity", "weight": -1}],
            "orders": {"chanels": ["web"]},
            "split": {"max_parcels": 9},
        },
    )
    answer = await world.client.post(PLANS, json={"plan": bad})
    assert answer.status_code == 422
    told = {each["field"]: (each["message"], each["remedy"]) for each in answer.json()["errors"]}
    assert {field: message for field, (message, _) in told.items()} == {
        "plan.rules.0.wieghts": "There is no such field; perhaps weights is meant.",
        "plan.rules.0.weights.0.criterion": "There is no criterion 'proximty'; perhaps proximity is meant.",
        "plan.rules.0.weights.1.weight": "Input should be greater than or equal to 0.",
        "plan.rules.0.orders.chanels": "There is no such field; perhaps channels is meant.",
        "plan.rules.0.split.max_parcels": "Input should be less than or equal to 6.",
    }
    assert all(remedy for _, remedy in told.values())
    unknown = written(
        {"name": "First", "nodes": {"only": ["S-1", "S-7"]}, "orders": {"channels": ["wep"]}}, {"name": "Rest"}
    )
    refused = (await world.client.post(PLANS, json={"plan": unknown})).json()
    assert [(each["field"], each["message"]) for each in refused["errors"]] == [
        ("plan.rules.0.nodes.only.1", "There is no node S-7; perhaps S-2 is meant."),
        ("plan.rules.0.orders.channels.0", "There is no channel wep; perhaps web is meant."),
    ]
    assert await world.rows("SELECT * FROM routing_plan") == []


async def test_a_plan_whose_node_is_gone_is_not_activated(world: build.World) -> None:
    await open_shop(world)
    await draft(world, written({"name": "First", "nodes": {"only": [OTHER]}}))
    await world.write(lambda tx: tx.run("DELETE FROM node WHERE code = :code", code=OTHER))
    assert (await world.client.post(f"{PLANS}/autumn/1/activate")).status_code == 422


async def test_the_schema_says_what_is_accepted(world: build.World) -> None:
    schema = (await world.client.get(f"{PLANS}/schema")).json()
    assert jsonschema_rs.meta.is_valid(schema)
    judge = jsonschema_rs.Draft202012Validator(schema)
    assert judge.is_valid(written(FAR_FIRST, REST))
    assert judge.is_valid(DEFAULT.model_dump(mode="json", exclude={"version"}))
    for wrong in (
        {"weights": [{"criterion": "proximty", "weight": 1}]},
        {"weights": [{"criterion": "proximity", "weight": 1, "params": {"full_km": 0}}]},
        {"weights": [{"criterion": "capacity", "weight": 1, "params": {"full_km": 10}}]},
        {"split": {"max_parcels": 7}},
        {"nodes": {"typs": []}},
    ):
        assert not judge.is_valid(written({"name": "First", **wrong})), wrong
        assert (await world.client.post(PLANS, json={"plan": written({"name": "First", **wrong})})).status_code == 422


async def test_two_versions_are_compared_field_by_field(world: build.World) -> None:
    await draft(world, written(FAR_FIRST, REST))
    nearer = {"name": "Warehouse", "nodes": {"types": ["warehouse"], "max_km": 50}, "orders": {"methods": ["ship"]}}
    await draft(world, written({"name": "Rest first", "orders": {"min_value": 10}}, nearer, REST, batch="together"))
    answer = (await world.client.get(f"{PLANS}/autumn/2/diff", params={"against": "autumn@1"})).json()
    assert (answer["before"], answer["after"]) == ("autumn v1", "autumn v2")
    assert [tuple(each.values()) for each in answer["differences"]] == [
        (None, "batch", "in_order", "together"),
        (None, "order of rules", "Warehouse, Rest", "Rest first, Warehouse, Rest"),
        ("Warehouse", "nodes.max_km", None, "50"),
        (
            "Rest first",
            "",
            None,
            "For orders worth 0.10 or more. Weighs distance 1. At most 3 parcels. What is left goes to the next rule.",
        ),
    ]
    same = (await world.client.get(f"{PLANS}/standard/1/diff")).json()
    assert same["differences"] == []
    assert (await world.client.get(f"{PLANS}/autumn/2/diff", params={"against": "nobody@1"})).status_code == 404


# ---------------------------------------------------------------- previews


async def test_a_preview_says_what_would_happen_and_writes_nothing(world: build.World) -> None:
    shop = await open_shop(world, stock=1)
    routed = await shop.buy(("APPLE", 1), method="ship")
    waiting = await shop.buy(("BREAD", 5), method="ship")
    await draft(world, written(FAR_FIRST, {"name": "Rest", "otherwise": {"action": "queue", "queue": "rejected"}}))

    async def everything(tx: Tx) -> dict[str, Any]:
        tables = await tx.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {
            t["tablename"]: await tx.value(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {t['tablename']} t"
            )
            for t in tables
        }

    before = await world.read(everything)
    asked = {"orders": [routed["number"].lower(), waiting["id"]]}
    answer = await world.client.post(f"{PLANS}/autumn/1/preview", json=asked)
    assert answer.status_code == 200, answer.text
    assert await world.read(everything) == before
    first, second = answer.json()["orders"]
    assert (first["number"], first["routed_already"], first["changes"]) == (routed["number"], True, True)
    assert [(line["node"], line["rule"], line["name"]) for line in first["lines"]] == [
        (WAREHOUSE, "Warehouse", "Red apples 1 kg")
    ]
    assert [(line["node"], line["rule"]) for line in first["now"]] == [(STORE, "Everything")]
    assert "sends this in one parcel" in first["lines"][0]["why"]["summary"]
    assert (second["routed_already"], second["parcels"]) == (False, 0)
    assert [(line["node"], line["quantity"], line["queue"]) for line in second["lines"]] == [(None, 2, "rejected")]


async def test_a_preview_is_what_then_happens(world: build.World) -> None:
    shop = await open_shop(world, stock=3)
    order = await shop.buy(("APPLE", 20), ("WINE", 2), method="ship")
    receipts = [
        {"sku": "APPLE", "node": n, "quantity": 4, "document": "P", "line": i}
        for i, n in enumerate((OTHER, WAREHOUSE), 1)
    ]
    await world.client.post("/v1/receipts", json={"receipts": receipts})
    made = await draft(world, written(FAR_FIRST, REST))
    preview = await world.client.post(f"{PLANS}/autumn/{made['version']}/preview", json={"orders": [order["number"]]})
    (foreseen,) = preview.json()["orders"]
    await world.client.post(f"{PLANS}/autumn/{made['version']}/activate")
    await world.write(lambda tx: service.route(tx, [UUID(order["id"])]))
    last = (await decisions(world, order["id"]))[-1]
    lines = (await world.client.get(f"/v1/orders/{order['id']}/why")).json()["lines"]
    now = [line for line in lines if datetime.fromisoformat(line["at"]) == last["at"]]
    assert [(line["node"], line["quantity"], line["why"]) for line in foreseen["lines"]] == [
        (line["node"], line["quantity"], line["why"])
        for line in sorted(now, key=lambda line: (line["line"], line["node"] is None, line["node"]))
    ]


async def test_a_preview_of_an_unknown_order_names_it(world: build.World) -> None:
    answer = await world.client.post(f"{PLANS}/standard/1/preview", json={"orders": ["B-1", "no\u0000pe"]})
    assert answer.status_code == 422
    answer = await world.client.post(f"{PLANS}/standard/1/preview", json={"orders": ["B-9999-XX"]})
    assert [each["field"] for each in answer.json()["errors"]] == ["orders.0"]


def test_a_rule_says_how_long_units_wait() -> None:
    rule = Rule(name="x", weights=(Weight(criterion="proximity", weight=1),), otherwise=Otherwise(cancel_after_days=1))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert rule.otherwise.outcome("x", now).cancel_at == now + timedelta(days=1)
