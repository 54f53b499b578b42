"""The last push of a revoked device: held and shown, never carried out, never dropped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from shared.api import QUARANTINE
from tests import build
from tests.build import World
from tests.shop import OTHER, STORE, open_shop

pytestmark = pytest.mark.postgres


def command(n: int, **body: Any) -> dict[str, Any]:
    """A command of a device's queue."""
    return {
        "n": n,
        "id": str(UUID(int=n)),
        "actor": "p",
        "made_at": "2026-11-23T10:00:00Z",
        "body": {"kind": "hand_off", "fulfilment": str(UUID(int=1)), "proof": "pass"} | body,
    }


async def held(world: World, device: str) -> list[dict[str, Any]]:
    answer = await world.client.get(f"/v1/devices/{device}/quarantine")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def listed(world: World, query: str = "?unreturned=true") -> list[str]:
    return [row["id"] for row in (await world.client.get(f"/v1/devices{query}")).json()["items"]]


async def test_what_a_revoked_device_sends_last_is_held_and_shown(world: World) -> None:
    device = await build.device(world.db, STORE)
    mine = await world.asking(device.token)
    assert (await world.client.post(f"/v1/devices/{device.id}/revoke")).status_code == 200
    assert await listed(world) == [device.id]
    queue = [command(n, collector=f"Collector {n}") for n in (1, 2, 3)]
    first = await mine.post(QUARANTINE, json={"commands": queue[:2], "more": True})
    assert (first.status_code, first.json()) == (200, {"device": device.id, "held": 2})
    assert await listed(world) == [device.id]  # not all of it yet
    last = await mine.post(QUARANTINE, json={"commands": queue[2:]})
    assert last.json() == {"device": device.id, "held": 3}
    assert await listed(world) == []
    (view,) = (await world.client.get("/v1/devices")).json()["items"]
    assert view["returned_at"] is not None
    shown = await held(world, device.id)
    assert [(row["n"], row["id"], row["body"]) for row in shown] == [(c["n"], c["id"], c["body"]) for c in queue]
    assert await world.rows("SELECT * FROM device_command") == []
    audit = await world.rows("SELECT action FROM audit WHERE stream = 'node:S-1' ORDER BY n")
    assert [row["action"] for row in audit] == ["device.revoke", "device.returned"]


async def test_a_last_push_whose_answer_was_lost_is_sent_again_without_harm(world: World) -> None:
    device = await build.device(world.db, STORE, revoked=True)
    mine = await world.asking(device.token)
    for _ in range(2):
        answer = await mine.post(QUARANTINE, json={"commands": [command(1), command(2)]})
        assert answer.json()["held"] == 2
    answer = await mine.post(QUARANTINE, json={"commands": [command(2), command(3)]})  # somebody went on meanwhile
    assert answer.json()["held"] == 3
    assert [row["n"] for row in await held(world, device.id)] == [1, 2, 3]
    assert len(await world.rows("SELECT * FROM audit WHERE action = 'device.returned'")) == 1


async def test_what_was_carried_out_before_is_not_held_again(world: World) -> None:
    shop = await open_shop(world)
    tablet = await shop.tablet()
    mine = await world.asking(tablet.device.token)
    body = {"kind": "signed_in", "person": tablet.person.id, "by": "badge"}
    done = {**command(1), "actor": tablet.person.id, "body": body}
    assert (await mine.post("/v1/sync/push", json={"commands": [done]})).status_code == 200
    await world.client.post(f"/v1/devices/{tablet.device.id}/revoke")
    assert (await mine.post("/v1/sync/push", json={"commands": [done]})).status_code == 401
    answer = await mine.post(QUARANTINE, json={"commands": [done, command(2)]})
    assert answer.json()["held"] == 1
    assert [row["n"] for row in await held(world, tablet.device.id)] == [2]


async def test_a_device_with_an_empty_queue_returns_it_too(world: World) -> None:
    device = await build.device(world.db, STORE, revoked=True)
    assert (await (await world.asking(device.token)).post(QUARANTINE, json={"commands": []})).json()["held"] == 0
    assert await listed(world) == []


async def test_this_door_opens_for_a_revoked_device_only(world: World) -> None:
    good = await build.device(world.db, STORE)
    person = await build.person(world.db, "manager", nodes=[STORE])
    for token, status in ((None, 401), ("bd_unknown", 401), (person.token, 401), (good.token, 403)):
        client = await world.asking(token)
        assert (await client.post(QUARANTINE, json={"commands": [command(1)]})).status_code == status, token
    assert await world.rows("SELECT * FROM quarantine") == []


async def test_the_queue_is_shown_to_the_managers_of_its_store_and_to_nobody_else(world: World) -> None:
    device = await build.device(world.db, STORE, revoked=True)
    await (await world.asking(device.token)).post(QUARANTINE, json={"commands": [command(n) for n in range(1, 8)]})
    for role, node, status in (("manager", STORE, 200), ("manager", OTHER, 404), ("lead", STORE, 403)):
        person = await build.person(world.db, role, nodes=[node])
        answer = await (await world.asking(person.token)).get(f"/v1/devices/{device.id}/quarantine")
        assert answer.status_code == status, (role, node)
    seen, after = [], ""
    while True:
        page = (await world.client.get(f"/v1/devices/{device.id}/quarantine?limit=3{after}")).json()
        seen += [row["n"] for row in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_a_command_nobody_can_read_is_held_as_it_came(world: World) -> None:
    device = await build.device(world.db, STORE, revoked=True)
    odd = {**command(1), "schema": 99, "body": {"kind": "from_the_future", "text": "?"}}
    answer = await (await world.asking(device.token)).post(QUARANTINE, json={"commands": [odd]})
    assert answer.status_code == 200, answer.text
    (row,) = await held(world, device.id)
    assert (row["schema"], row["body"]) == (99, odd["body"])
