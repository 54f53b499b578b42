"""Head office's plain pages, as a browser without a script gets them."""

from __future__ import annotations

import httpx

from tests import build
from tests.shop import OTHER, STORE, open_shop


async def office(world: build.World, *roles: str) -> httpx.AsyncClient:
    """A browser signed in at head office's pages."""
    key = await build.api_key(world.db, *(roles or ("planner",)), name="Pat Planner")
    page = await world.asking(None)
    answer = await page.post("/live/sign-in", data={"key": key.token})
    assert answer.status_code == 303, answer.text
    return page


async def test_the_nodes_page_shows_how_full_each_day_is_and_what_is_switched_off(world: build.World) -> None:
    shop = await open_shop(world)
    await shop.buy(("APPLE", 1))
    off = {"taking_orders": False, "methods": ["pickup"], "reason": "short_staffed", "note": "two <ill>"}
    await world.client.post(f"/v1/nodes/{OTHER}/switch", json=off)
    page = await office(world)
    shown = (await page.get("/live/nodes")).text
    assert "Pickup <b>1</b>" in shown
    assert "short staffed, “two &lt;ill&gt;”" in shown
    assert "by Test key" in shown
    only = (await page.get("/live/nodes", params={"only": "off"})).text
    assert (f"Store {OTHER}" in only, f"Store {STORE}" in only) == (True, False)
    assert "No node fits" in (await page.get("/live/nodes", params={"find": "nowhere"})).text


async def test_head_office_switches_a_node_off_and_on_again(world: build.World) -> None:
    await open_shop(world)
    page = await office(world)
    answer = await page.post(f"/live/nodes/{STORE}/switch", data={"taking_orders": "no", "note": "flooded"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/live/nodes")
    view = (await world.client.get(f"/v1/nodes/{STORE}")).json()
    assert (view["taking_orders"], view["switched_off"][0]["note"]) == (False, "flooded")
    await page.post(f"/live/nodes/{STORE}/switch", data={"taking_orders": "yes"})
    assert (await world.client.get(f"/v1/nodes/{STORE}")).json()["taking_orders"] is True
    gone = await page.post("/live/nodes/S-404/switch", data={"taking_orders": "yes"})
    assert "No node S-404." in gone.text


async def test_forms_come_from_our_pages_and_from_people_who_may(world: build.World) -> None:
    await open_shop(world)
    page, agent = await office(world), await office(world, "agent")
    path, off = f"/live/nodes/{STORE}/switch", {"taking_orders": "no", "note": "x"}
    for said in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "same-site", "Origin": "null"}):
        assert (await page.post(path, data=off, headers=said)).status_code == 403
    assert "Switch off" not in (await agent.get("/live/nodes")).text
    assert "may not do network.switch" in (await agent.post(path, data=off)).text
    stranger = await (await world.asking(None)).post(path, data=off)
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/live")
    assert (await world.client.get(f"/v1/nodes/{STORE}")).json()["taking_orders"] is True


async def test_holds_are_taken_noted_and_released_on_their_page(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), customer={"name": "Eve <b>"})
    hold = (await world.client.post(f"/v1/orders/{order['id']}/hold", json={"kind": "fraud", "reason": "odd"})).json()
    agent, planner = await office(world, "agent"), await office(world)
    path = f"/live/holds/{hold['hold']}"
    await agent.post(path, data={"do": "take"})
    await agent.post(path, data={"do": "note", "note": "no answer"})
    shown = (await agent.get("/live/holds", params={"whose": "me"})).text
    for words in (
        order["number"],
        "Suspected fraud",
        "Eve &lt;b&gt;",
        "“no answer”",
        "Leave it",
        f"/live?order={order['id']}",
    ):
        assert words in shown, words
    looking = (await planner.get("/live/holds")).text
    assert (order["number"] in looking, "Deal with it" in looking) == (True, False)
    assert "may not do order.hold" in (await planner.post(path, data={"do": "release"})).text
    assert "Write a note first." in (await agent.post(path, data={"do": "note"})).text
    assert (await agent.post(path, data={"do": "release", "note": "fine"})).status_code == 303
    assert (await shop.page(order["id"]))["status"] == "allocated"
    assert "resolved it before: release." in (await agent.post(path, data={"do": "cancel"})).text


async def test_the_queues_page_says_why_units_wait_and_looks_again(world: build.World) -> None:
    shop = await open_shop(world, stock=0)
    order = await shop.buy(("APPLE", 2), method="ship")
    page = await office(world)
    shown = (await page.get("/live/queues")).text
    for words in (order["number"], "2 × Red apples 1 kg", "No node has the last 2 units.", "3 has none available"):
        assert words in shown, words
    again = (await page.post(f"/live/queues/{order['id']}/retry", data={"queue": "backorder"})).text
    assert "Looked again: 2 units still without a node." in again
    assert "Nothing waits here." in (await page.get("/live/queues", params={"queue": "unfillable"})).text
