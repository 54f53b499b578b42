"""Loading nodes and channels, and the switch, on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.network import service as network
from tests import build
from tests.build import World
from tests.shop import open_shop

pytestmark = pytest.mark.postgres


def node(code: str, **more: object) -> dict[str, object]:
    return {"code": code, "name": f"Store {code}", "type": "store", "time_zone": "America/Chicago", **more}


async def test_a_bad_node_says_why_and_the_good_one_goes_in(world: World) -> None:
    rows = [node("S-1"), node("S-2", time_zone="Mars/Base"), {"code": "S-3", "problems": []}]
    results = (await world.client.post("/v1/nodes", json={"nodes": rows})).json()["results"]
    assert [r["status"] for r in results] == ["created", "refused", "refused"]
    assert [e["field"] for e in results[1]["errors"]] == ["time_zone"]
    assert "problems" in {e["field"] for e in results[2]["errors"]}
    assert [n["code"] for n in (await world.client.get("/v1/nodes")).json()["nodes"]] == ["S-1"]


async def test_a_channel_names_existing_nodes_once(world: World) -> None:
    await world.client.post("/v1/nodes", json={"nodes": [node("S-1")]})
    channel = {"code": "web", "name": "Web", "nodes": [{"node": "S-1"}, {"node": "S-1"}, {"node": "S-9"}]}
    results = (await world.client.post("/v1/channels", json={"channels": [channel]})).json()["results"]
    assert [e["field"] for e in results[0]["errors"]] == ["nodes.1.node", "nodes.2.node"]


async def test_a_node_is_switched_off_and_on(world: World) -> None:
    await world.client.post("/v1/nodes", json={"nodes": [node("S-1")]})
    answer = await world.client.post("/v1/nodes/S-1/switch", json={"taking_orders": False})
    assert (answer.json()["taking_orders"], answer.json()["version"]) == (False, 2)
    assert (await world.client.post("/v1/nodes/S-9/switch", json={"taking_orders": True})).status_code == 404


async def test_a_node_is_switched_off_for_a_while_and_for_some(world: World) -> None:
    shop = await open_shop(world)
    until = datetime.now(UTC) + timedelta(hours=1)
    off = {"taking_orders": False, "methods": ["pickup"], "until": until.isoformat(), "reason": "short_staffed"}
    view = (await world.client.post("/v1/nodes/S-1/switch", json={**off, "note": "two ill"})).json()
    assert view["taking_orders"] is True, "parcels and curbside go on"
    said = view["switched_off"][0]
    assert (said["method"], said["reason"], said["note"], said["by"]) == (
        "pickup",
        "short_staffed",
        "two ill",
        "Test key",
    )
    waits = await shop.buy(("APPLE", 1))
    why = (await world.client.get(f"/v1/orders/{waits['id']}/why")).json()["lines"][0]["why"]
    assert (waits["status"], why["excluded"]) == ("backordered", {"switched_off": 1})
    assert "has switched such orders off for now" in why["summary"]
    assert (await shop.buy(("APPLE", 1), method="curbside"))["status"] == "allocated"


async def test_a_switch_goes_on_by_itself_and_everybody_hears_of_it(database_url: str) -> None:
    now = [datetime(2026, 11, 23, 16, 0, tzinfo=UTC)]
    async with build.world(database_url, clock=lambda: now[0]) as world:
        shop = await open_shop(world)
        until = now[0] + timedelta(hours=2)
        body = {"taking_orders": False, "until": until.isoformat(), "reason": "weather"}
        assert (await world.client.post("/v1/nodes/S-1/switch", json=body)).json()["taking_orders"] is False
        assert await world.write(network.switch_on_due) == 0
        now[0] = until
        assert (await world.client.get("/v1/nodes/S-1")).json()["taking_orders"] is True, "whoever says it, and when"
        assert (await shop.buy(("APPLE", 1), placed_at=now[0].isoformat()))["status"] == "allocated"
        assert await world.write(network.switch_on_due) == 1
        assert await world.rows("SELECT * FROM node_off") == []
        audit = await world.rows("SELECT action, actor FROM audit WHERE stream = 'node:S-1' ORDER BY n")
        assert [(r["action"], r["actor"]) for r in audit] == [
            ("node.switched_off", world.admin.id),
            ("node.switched_on", "system"),
        ]
        told = await world.rows("SELECT body->>'reason' AS reason FROM event WHERE kind = 'NodeSwitched' ORDER BY seq")
        assert [r["reason"] for r in told] == ["weather", None]


async def test_a_switch_says_what_is_wrong_with_its_time(world: World) -> None:
    await world.client.post("/v1/nodes", json={"nodes": [node("S-1")]})
    past = {"taking_orders": False, "until": "2020-01-01T00:00:00Z"}
    answer = await world.client.post("/v1/nodes/S-1/switch", json=past)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "until")
    on = {"taking_orders": True, "until": "2036-01-01T00:00:00Z"}
    answer = await world.client.post("/v1/nodes/S-1/switch", json=on)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "until")


async def test_loading_a_node_anew_leaves_its_switch_alone(world: World) -> None:
    await world.client.post("/v1/nodes", json={"nodes": [node("S-1")]})
    await world.client.post("/v1/nodes/S-1/switch", json={"taking_orders": False})
    await world.client.post("/v1/nodes", json={"nodes": [node("S-1", name="Another name")]})
    view = (await world.client.get("/v1/nodes/S-1")).json()
    assert (view["name"], view["taking_orders"]) == ("Another name", False)


async def test_what_is_wrong_with_a_nodes_facts_is_said_by_field(world: World) -> None:
    rows = [
        node("S-1", collections=[{"at": "17:00", "order_by": "18:00"}]),
        node("S-2", special_days=[{"day": "2026-12-24", "hours": {"opens": "12:00", "closes": "09:00"}}]),
        node("S-3", capacity_by_method={"drone": 5}),
        node("S-4", cutoff="16:00", collections=[{"at": "17:00"}]),
        node("S-5", capacity_by_weekday=[1, 2, 3]),
        node("S-6", special_days=[{"day": "2026-12-24"}], holidays=["2026-12-24"]),
    ]
    results = (await world.client.post("/v1/nodes", json={"nodes": rows})).json()["results"]
    assert [[e["field"] for e in r["errors"]] for r in results] == [
        ["collections.0.order_by"],
        ["special_days.0.hours.closes"],
        ["capacity_by_method.drone.[key]"],
        ["cutoff"],
        ["capacity_by_weekday"],
        ["special_days.0.day"],
    ]


async def test_special_days_and_drivers_are_kept_as_they_were_sent(world: World) -> None:
    facts = {
        "special_days": [{"day": "2026-12-24", "hours": None, "capacity": 5, "note": "Christmas Eve"}],
        "collections": [{"at": "17:00", "carrier": "ups", "service": None, "order_by": "16:00", "days": [1, 5]}],
        "capacity_by_weekday": [1, 2, 3, 4, 5, 6, None],
        "capacity_by_method": {"ship": 9},
    }
    await world.client.post("/v1/nodes", json={"nodes": [node("S-1", **facts)]})
    view = (await world.client.get("/v1/nodes/S-1")).json()
    assert {name: view[name] for name in facts} == facts
    again = (await world.client.post("/v1/nodes", json={"nodes": [node("S-1", **facts)]})).json()["results"]
    assert again[0]["status"] == "unchanged"
