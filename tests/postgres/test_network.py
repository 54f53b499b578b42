"""Loading nodes and channels, and the switch, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.build import World

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
