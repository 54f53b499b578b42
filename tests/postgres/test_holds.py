"""Holds on PostgreSQL: what they stop, who deals with them, how they end, and two people at the same moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from server.check import check
from server.kit import outbox
from server.orders import resolving
from tests import build
from tests.build import World
from tests.shop import STORE, Shop, open_shop

pytestmark = pytest.mark.postgres


async def put_on_hold(world: World, order: dict[str, Any], kind: str = "fraud", **more: Any) -> dict[str, Any]:
    body = {"kind": kind, "reason": "looks odd", **more}
    answer = await world.client.post(f"/v1/orders/{order['id']}/hold", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def resolve(client: httpx.AsyncClient, hold: str, resolution: str, **more: Any) -> httpx.Response:
    return await client.post(f"/v1/holds/{hold}/resolve", json={"resolution": resolution, **more})


async def agent(world: World, name: str) -> httpx.AsyncClient:
    return await world.asking((await build.api_key(world.db, "agent", name=name)).token)


async def sound(world: World) -> None:
    await outbox.drain(world.parts)
    assert [(f.name, f.examples) for f in await check(world.db) if f.violations] == []


async def test_a_hold_takes_back_what_the_store_has_not_picked(world: World) -> None:
    shop = await open_shop(world)
    order, tablet = await shop.buy(("APPLE", 2), ("BREAD", 1)), await shop.tablet()
    job = order["jobs"][0]["id"]
    await tablet.do("pick", fulfilment=job, line=1, total=1)
    held = await put_on_hold(world, order)
    assert (held["held"], held["with_nodes"]) == (2, 1)
    page = await shop.page(order["id"])
    assert [line["units"] for line in page["lines"]] == [{"held": 1, "allocated": 1}, {"held": 1}]
    assert (await shop.stock("BREAD"))["reserved"] == 0
    await tablet.pull()
    document = tablet.documents[("fulfilment", job)]
    assert document is not None
    assert [(line["quantity"], line["cancelled"]) for line in document["lines"]] == [(2, 1), (1, 1)]
    await sound(world)
    assert (await resolve(world.client, held["hold"], "release")).status_code == 200
    page = await shop.page(order["id"])
    assert [line["units"] for line in page["lines"]] == [{"allocated": 2}, {"allocated": 1}]
    assert {j["node"] for j in page["jobs"]} == {STORE}, "being put on hold is not held against the store"
    await sound(world)


async def test_a_job_of_which_nothing_is_picked_goes_away_with_its_place_in_the_day(world: World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2))
    await put_on_hold(world, order)
    page = await shop.page(order["id"])
    assert ([j["state"] for j in page["jobs"]], page["status"]) == (["cancelled"], "held")
    days = (await world.client.get("/v1/node-days")).json()["items"]
    assert {day["node"]: day["in_all"] for day in days}[STORE] == 0
    await sound(world)


async def test_while_a_hold_is_open_nothing_is_routed_again(world: World) -> None:
    shop = await open_shop(world)
    order, tablet = await shop.buy(("APPLE", 2), method="ship"), None
    job = order["jobs"][0]
    tablet = await shop.tablet(job["node"])
    await tablet.do("pick", fulfilment=job["id"], line=1, total=1)
    hold = await put_on_hold(world, order)
    await tablet.do("reject", fulfilment=job["id"], reason="no_capacity")
    page = await shop.page(order["id"])
    assert page["lines"][0]["units"] == {"held": 2}
    await sound(world)
    await resolve(world.client, hold["hold"], "release")
    assert (await shop.page(order["id"]))["lines"][0]["units"] == {"allocated": 2}


async def test_what_is_picked_whole_is_not_held_and_the_answer_says_what_to_do(world: World) -> None:
    shop = await open_shop(world)
    order, tablet = await shop.buy(("APPLE", 1)), await shop.tablet()
    await tablet.do("pick", fulfilment=order["jobs"][0]["id"], line=1, total=1)
    answer = await world.client.post(f"/v1/orders/{order['id']}/hold", json={"kind": "fraud", "reason": "odd"})
    assert (answer.status_code, "Cancel units instead" in answer.text) == (409, True)
    assert await world.rows("SELECT id FROM order_hold") == []


async def test_an_order_goes_on_when_the_last_of_its_holds_is_resolved(world: World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    first = await put_on_hold(world, order, "fraud")
    second = await put_on_hold(world, order, "address")
    twice = await world.client.post(f"/v1/orders/{order['id']}/hold", json={"kind": "fraud", "reason": "again"})
    assert (twice.status_code, "on hold for fraud already" in twice.text) == (409, True)
    await resolve(world.client, second["hold"], "release")
    assert (await shop.page(order["id"]))["status"] == "held"
    await resolve(world.client, first["hold"], "release", note="the bank says yes")
    page = await shop.page(order["id"])
    assert page["status"] == "allocated"
    assert [(h["kind"], h["resolution"], h["resolved_by"], h["note"]) for h in page["holds"]] == [
        ("fraud", "release", "Test key", "the bank says yes"),
        ("address", "release", "Test key", ""),
    ]
    await sound(world)


async def test_cancelling_from_a_hold_cancels_what_it_held_and_closes_the_others(world: World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    first, _ = await put_on_hold(world, order, "fraud"), await put_on_hold(world, order, "manual")
    assert (await resolve(world.client, first["hold"], "cancel")).status_code == 200
    page = await shop.page(order["id"])
    assert [h["resolution"] for h in page["holds"]] == ["cancel", "order_cancelled"]
    assert page["lines"][0]["units"] == {"cancelled": 1}
    assert (await world.client.get("/v1/holds")).json()["items"] == []
    await sound(world)


async def test_of_two_people_who_resolve_a_hold_one_is_told_what_the_other_said(world: World) -> None:
    shop = await open_shop(world)
    ana, ben = await agent(world, "Ana"), await agent(world, "Ben")
    for _ in range(8):
        order = await shop.buy(("APPLE", 1))
        hold = (await put_on_hold(world, order))["hold"]
        answers = await asyncio.gather(resolve(ana, hold, "release"), resolve(ben, hold, "cancel"))
        assert sorted(a.status_code for a in answers) == [200, 409]
        released = answers[0].status_code == 200
        late = answers[1 if released else 0]
        who, what = ("Ana", "release") if released else ("Ben", "cancel")
        assert f"{who} resolved it before: {what}." in late.json()["detail"]
        assert (await shop.page(order["id"]))["status"] in (("allocated",) if released else ("cancelled", "completed"))
    await sound(world)


async def test_who_takes_a_hold_has_it_until_they_leave_it_or_somebody_takes_it_over(world: World) -> None:
    shop = await open_shop(world)
    hold = (await put_on_hold(world, await shop.buy(("APPLE", 1))))["hold"]
    ana, ben = await agent(world, "Ana"), await agent(world, "Ben")
    both = await asyncio.gather(*(c.post(f"/v1/holds/{hold}/take", json={}) for c in (ana, ben)))
    assert sorted(a.status_code for a in both) == [200, 409]
    assert (await ben.post(f"/v1/holds/{hold}/take", json={"over": True})).json()["assignee_name"] == "Ben"
    refused = await ana.post(f"/v1/holds/{hold}/take", json={})
    assert (refused.status_code, "Ben looks after this already" in refused.text) == (409, True)
    assert [t["id"] for t in (await ben.get("/v1/holds", params={"assignee": "me"})).json()["items"]] == [hold]
    await ben.post(f"/v1/holds/{hold}/leave")
    await ana.post(f"/v1/holds/{hold}/note", json={"note": "no answer"})
    await resolve(ana, hold, "release")
    story = (await ana.get(f"/v1/holds/{hold}")).json()["history"]
    steps = [(s["what"], s["by"], s["words"]) for s in story if s["what"] != "taken"]
    assert steps == [
        ("opened", "Test key", "looks odd"),
        ("left", "Ben", ""),
        ("noted", "Ana", "no answer"),
        ("resolved", "Ana", "release"),
    ]
    assert (await ana.post(f"/v1/holds/{hold}/note", json={"note": "late"})).status_code == 409


async def test_holds_are_listed_by_kind_and_due_time_in_pages(database_url: str) -> None:
    now = [datetime(2026, 11, 23, 16, 0, tzinfo=UTC)]
    async with build.world(database_url, clock=lambda: now[0]) as world:
        shop = await open_shop(world)
        orders = [await shop.buy(("APPLE", 1), placed_at=now[0].isoformat()) for _ in range(3)]
        for order, kind in zip(orders, ("address", "fraud", "manual"), strict=True):
            await put_on_hold(world, order, kind)
            now[0] += timedelta(seconds=1)
        soon = (now[0] + timedelta(minutes=5)).isoformat()
        await put_on_hold(world, orders[2], "swap", due_at=soon)

        async def kinds(**params: Any) -> list[str]:
            found = (await world.client.get("/v1/holds", params=params)).json()
            return [each["kind"] for each in found["items"]]

        assert await kinds() == ["swap", "fraud", "address", "manual"]
        assert await kinds(kind="fraud") == ["fraud"]
        assert await kinds(overdue="true") == []
        first = (await world.client.get("/v1/holds", params={"limit": 2})).json()
        assert await kinds(limit=2, after=first["next"]) == ["address", "manual"]
        now[0] += timedelta(hours=5)
        assert await kinds(overdue="true") == ["swap", "fraud"]
        assert await world.write(resolving.tell_overdue) == 2
        assert await world.write(resolving.tell_overdue) == 0, "said once"
        waiting = {w["reason"]: w["overdue"] for w in (await world.client.get("/v1/board")).json()["waiting"]}
        assert waiting == {"address": 0, "fraud": 1, "manual": 0, "swap": 1}


# ---------------------------------------------------------------- a change of mind


async def with_remorse(shop: Shop, minutes: int) -> None:
    channel = {"code": "web", "name": "Web", "nodes": [{"node": STORE}], "remorse_minutes": minutes}
    await shop.world.client.post("/v1/channels", json={"channels": [channel]})


async def test_a_remorse_window_ends_by_itself_and_the_order_is_routed(database_url: str) -> None:
    now = [datetime(2026, 11, 23, 16, 0, tzinfo=UTC)]
    async with build.world(database_url, clock=lambda: now[0]) as world:
        shop = await open_shop(world)
        await with_remorse(shop, 30)
        order = await shop.buy(("APPLE", 1), placed_at=now[0].isoformat())
        assert (order["status"], order["jobs"]) == ("pending", [])
        assert datetime.fromisoformat(order["holds"][0]["due_at"]) == now[0] + timedelta(minutes=30)
        await sound(world)
        now[0] += timedelta(minutes=29)
        assert await world.write(resolving.end_windows) == 0
        now[0] += timedelta(minutes=1)
        assert await world.write(resolving.end_windows) == 1
        page = await shop.page(order["id"])
        assert (page["status"], page["holds"][0]["resolution"]) == ("allocated", "window_over")
        assert await world.write(resolving.tell_overdue) == 0, "a window is nobody's task"
        late = await shop.buy(("APPLE", 1), placed_at=(now[0] - timedelta(hours=1)).isoformat())
        assert late["status"] == "allocated", "its time was over before it came in"
        await sound(world)


async def test_within_the_window_the_customer_changes_their_mind_and_nothing_was_done(world: World) -> None:
    shop = await open_shop(world)
    await with_remorse(shop, 30)
    order = await shop.buy(("APPLE", 1))
    cancelled = await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "changed my mind"})
    assert cancelled.json() == {"cancelled": 1}
    page = await shop.page(order["id"])
    assert (page["holds"][0]["resolution"], page["jobs"]) == ("order_cancelled", [])
    await sound(world)


async def test_an_order_that_waits_for_its_payment_too_is_held_until_both_are_there(database_url: str) -> None:
    now = [datetime(2026, 11, 23, 16, 0, tzinfo=UTC)]
    async with build.world(database_url, clock=lambda: now[0]) as world:
        shop = await open_shop(world)
        await with_remorse(shop, 30)
        token = {"kind": "token", "reference": "tok_visa"}
        order = await shop.buy(("APPLE", 1), placed_at=now[0].isoformat(), payment=token)
        assert order["status"] == "held"
        await outbox.drain(world.parts)
        assert (await shop.page(order["id"]))["status"] == "pending", "paid: only the window is left"
        await sound(world)
        now[0] += timedelta(minutes=30)
        await world.write(resolving.end_windows)
        assert (await shop.page(order["id"]))["status"] == "allocated"
        assert Counter(h["kind"] for h in (await shop.page(order["id"]))["holds"]) == {"payment": 1, "remorse": 1}
        await sound(world)
