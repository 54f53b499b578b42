"""Head office's pages of routing plans, as a browser without scripts sees them."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx

from server.pages.sources import source_of
from tests import build
from tests.shop import STORE, WAREHOUSE, open_shop

PAGES = "/live/plans"
NEAREST = [{"criterion": "proximity", "weight": 1}]


def written(*rules: dict[str, Any], **more: Any) -> str:
    found = [{"weights": NEAREST, **rule} for rule in rules or ({"name": "Everybody"},)]
    return json.dumps({"name": "autumn", "rules": found, **more})


FAR_FIRST = {"name": "Warehouse first", "nodes": {"types": ["warehouse"]}, "orders": {"methods": ["ship"]}}


async def planner(world: build.World, *roles: str, scopes: list[str] | None = None) -> httpx.AsyncClient:
    key = await build.api_key(world.db, *(roles or ("planner",)), scopes=scopes, name="Pat Planner")
    page = await world.asking(None)
    assert (await page.post("/live/sign-in", data={"key": key.token})).status_code == 303
    return page


def plain(answer: httpx.Response) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def save(page: httpx.AsyncClient, plan: str, *, of: str = "standard/1", **more: str) -> httpx.Response:
    return await page.post(f"{PAGES}/{of}/edit", data={"plan": plan, "note": "", "revision": "1", **more})


async def test_a_planner_drafts_tries_and_activates_a_plan(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), method="ship")
    page = await planner(world)
    assert "standard v1 active made by Baton" in plain(await page.get(PAGES))
    assert "Weighs parcels 1, distance 1, load 0.3 and stock 0.2." in plain(await page.get(f"{PAGES}/standard/1"))

    saved = await save(page, written(FAR_FIRST, {"name": "Rest"}), note="Empty the warehouse")
    assert (saved.status_code, saved.headers["location"]) == (303, f"{PAGES}/autumn/1")
    shown = plain(await page.get(f"{PAGES}/autumn/1"))
    assert "Empty the warehouse" in shown
    assert "Asks nodes of the type warehouse." in shown
    assert "order of rules Everything Warehouse first, Rest" in shown
    assert "Rule Everything For all orders. Weighs parcels 1" in shown

    tried = plain(await page.post(f"{PAGES}/autumn/1/preview", data={"orders": order["number"]}))
    assert f"{order['number']} decides otherwise than the active plan" in tried
    assert f"1 × Red apples 1 kg: Store {WAREHOUSE} by Warehouse first" in tried
    assert f"1 × Red apples 1 kg: Store {STORE} by Everything" in tried

    assert "Activate autumn v1?" in plain(await page.get(f"{PAGES}/autumn/1/activate"))
    done = await page.post(f"{PAGES}/autumn/1/activate")
    assert done.status_code == 303
    assert "autumn v1 active made by Pat Planner" in plain(await page.get(PAGES))
    again = await page.post(f"{PAGES}/autumn/1/activate")
    assert (again.status_code, "active already" in plain(again)) == (422, True)


async def test_what_is_wrong_is_shown_at_its_line(world: build.World) -> None:
    await open_shop(world)
    page = await planner(world)
    bad = written({"name": "First", "weights": [{"criterion": "proximty", "weight": 1}], "nodes": {"only": ["S-7"]}})
    answer = await save(page, bad)
    assert answer.status_code == 422
    text = html.unescape(re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, re.DOTALL)[0])
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "proximty" in each)
    read = plain(answer)
    assert f"Line {line}" in read
    assert "rules.0.weights.0.criterion : There is no criterion 'proximty'; perhaps proximity is meant." in read
    assert json.loads(text) == json.loads(bad)

    unknown = plain(await save(page, bad.replace("proximty", "proximity")))
    assert (
        "rules.0.nodes.only.0 : There is no node S-7; perhaps S-2 is meant. Correct it, or load the node first."
        in unknown
    )

    torn = await save(page, '{\n "name": "autumn",\n "rules": [\n')
    assert "Line 3" in plain(torn)
    assert "This is not JSON yet" in plain(torn)
    assert "S-7" not in plain(await page.get(PAGES))


async def test_a_draft_is_changed_once_and_put_aside(world: build.World) -> None:
    page = await planner(world)
    await save(page, written())
    assert "Change autumn v1" in plain(await page.get(f"{PAGES}/autumn/1/edit"))
    assert (await save(page, written({"name": "Other"}), of="autumn/1", revision="1")).status_code == 303
    late = await save(page, written({"name": "Third"}), of="autumn/1", revision="1")
    assert (late.status_code, "Pat Planner changed this draft meanwhile." in plain(late)) == (422, True)
    assert (await page.post(f"{PAGES}/autumn/1/archive")).status_code == 303
    assert "autumn v1 archived" in plain(await page.get(PAGES))


async def test_the_pages_are_for_those_who_may(world: build.World) -> None:
    stranger = await world.asking(None)
    for path in ("", "/standard/1", "/standard/1/edit", "/standard/1/activate"):
        answer = await stranger.get(PAGES + path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/live")
    assert (await save(stranger, written())).headers["location"] == "/live"
    agent = await planner(world, "agent")
    assert "New draft from this" not in plain(await agent.get(f"{PAGES}/standard/1"))
    assert (await save(agent, written())).status_code == 422
    assert (await agent.post(f"{PAGES}/standard/1/archive")).status_code == 422
    board_only = await planner(world, "planner", scopes=["board.read"])
    assert (await board_only.get(PAGES)).headers["location"] == "/live"
    assert await world.rows("SELECT * FROM routing_plan") == []


async def test_another_site_cannot_send_our_forms(world: build.World) -> None:
    page = await planner(world)
    elsewhere = {"Origin": "https://elsewhere.example"}
    answer = await page.post(f"{PAGES}/standard/1/edit", data={"plan": written()}, headers=elsewhere)
    assert answer.status_code == 403
    ours = {"Origin": "http://baton.test"}
    assert (await page.post(f"{PAGES}/standard/1/edit", data={"plan": written()}, headers=ours)).status_code == 303


async def test_markup_in_a_plan_is_text(world: build.World) -> None:
    page = await planner(world)
    await save(page, written({"name": "<script>alert(1)</script>"}), note="<b>bold</b>")
    for path in ("/autumn/1", "/autumn/1/edit", ""):
        text = (await page.get(PAGES + path)).text
        assert "<b>bold" not in text
        assert "<script>alert" not in text


async def test_orders_that_are_not_there_are_named(world: build.World) -> None:
    page = await planner(world)
    answer = await page.post(f"{PAGES}/standard/1/preview", data={"orders": "B-9999-XX"})
    assert (answer.status_code, "No order B-9999-XX." in plain(answer)) == (422, True)


def test_every_field_of_a_document_has_its_line() -> None:
    source = source_of({"name": "a", "rules": [{"name": "x", "weights": [{"criterion": "c" * 90, "weight": 1}]}, {}]})
    assert json.loads(source.text)["rules"][0]["weights"][0]["weight"] == 1
    for path, line in source.places.items():
        if path and not path.rpartition(".")[2].isdigit():
            assert f'"{path.rpartition(".")[2]}"' in source.lines[line - 1], path
    assert source.line_of("rules.0.weights.0.no_such") == source.line_of("rules.0.weights.0")
