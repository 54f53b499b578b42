"""The board of head office, over the API and behind the live page's door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from server.pages import session
from tests import build
from tests.shop import STORE, open_shop


async def planner(world: build.World, *scopes: str) -> httpx.AsyncClient:
    """A browser signed in at the live page with a planner's key."""
    key = await build.api_key(world.db, "planner", scopes=scopes or None)
    page = await world.asking(None)
    answer = await page.post("/live/sign-in", data={"key": key.token})
    assert answer.status_code == 303, answer.text
    return page


async def test_the_board_counts_orders_jobs_and_what_waits(world: build.World) -> None:
    shop = await open_shop(world)
    await shop.buy(("APPLE", 2))
    await shop.buy(("BREAD", 999), method="ship")
    await world.client.post("/v1/orders", json=shop.order(("WINE", 1), payment={"kind": "token", "reference": "tok"}))

    board = (await world.client.get("/v1/board")).json()

    assert {status: n for status, n in board["orders"].items() if n} == {"allocated": 1, "backordered": 1, "held": 1}
    assert sum(board["per_minute"]) == 3
    assert len(board["per_minute"]) == 15
    assert {w["reason"]: w["count"] for w in board["waiting"]} == {"payment": 1, "backordered": 1}
    here = next(node for node in board["nodes"] if node["code"] == STORE)
    assert (here["offered"], here["in_work"], here["ready"]) == (2, 0, 0)  # and ten of the loaves


async def test_work_moves_through_the_columns_of_its_node(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    job, tablet = order["jobs"][0]["id"], await shop.tablet()

    async def load() -> tuple[int, int, int]:
        nodes = (await world.client.get("/v1/board")).json()["nodes"]
        here = next(node for node in nodes if node["code"] == STORE)
        return here["offered"], here["in_work"], here["ready"]

    await tablet.push(tablet.command("pick", fulfilment=job, line=1, total=1))
    assert await load() == (0, 1, 0)
    await tablet.push(tablet.command("pack", fulfilment=job), tablet.command("stage", fulfilment=job, place="A1"))
    assert await load() == (0, 0, 1)
    await tablet.do("hand_off", fulfilment=job, proof="pass")
    assert await load() == (0, 0, 0)


async def test_the_newest_orders_say_where_they_went_and_why_and_hide_the_customer(world: build.World) -> None:
    shop = await open_shop(world)
    first = await shop.buy(("APPLE", 1))
    second = await shop.buy(("BREAD", 1), method="ship")

    page = (await world.client.get("/v1/board/orders", params={"limit": 1})).json()
    (newest,) = page["items"]
    assert (newest["number"], newest["customer"], newest["place"]) == (second["number"], "Maria S.", "Springfield")
    assert "sends this in one parcel" in newest["jobs"][0]["why"]
    assert "maria@example.com" not in str(page)

    after = (await world.client.get("/v1/board/orders", params={"limit": 1, "after": page["next"]})).json()
    assert [row["number"] for row in after["items"]] == [first["number"]]
    assert after["next"] is None
    there = (await world.client.get("/v1/board/orders", params={"node": "W-1"})).json()
    assert there["items"] == []
    here = (await world.client.get("/v1/board/orders", params={"node": STORE, "limit": 1})).json()
    assert [row["number"] for row in here["items"]] == [second["number"]]
    rest = (await world.client.get("/v1/board/orders", params={"node": STORE, "after": here["next"]})).json()
    assert [row["number"] for row in rest["items"]] == [first["number"]]
    wrong = await world.client.get("/v1/board/orders", params={"after": "bm9uc2Vuc2U"})
    assert wrong.status_code == 422


async def test_the_door_takes_a_key_and_gives_a_cookie_scripts_cannot_read(world: build.World) -> None:
    key = await build.api_key(world.db, "planner")
    browser = await world.asking(None)
    door = await browser.get("/live")
    assert "Sign in" in door.text
    assert "script-src 'self'" in door.headers["content-security-policy"]

    answer = await browser.post("/live/sign-in", data={"key": f" {key.token} "})
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/live", "Max-Age=43200"))
    assert key.token not in cookie
    assert "Sign out" in (await browser.get("/live")).text

    await browser.post("/live/sign-out")
    assert "Sign in" in (await browser.get("/live")).text


async def test_wrong_keys_are_told_so(world: build.World) -> None:
    browser = await world.asking(None)
    unknown = await browser.post("/live/sign-in", data={"key": "bk_nobody"})
    assert unknown.status_code == 401
    assert "not one of our keys" in unknown.text
    till = await build.api_key(world.db, "integration", scopes=["stock.feed"])
    narrow = await browser.post("/live/sign-in", data={"key": till.token})
    assert narrow.status_code == 403
    assert "may not read the board" in narrow.text
    store = await build.person(world.db, "manager")
    assert (await browser.post("/live/sign-in", data={"key": store.token})).status_code == 401
    assert (await browser.get("/live/now")).status_code == 401


async def test_a_session_ends_with_its_time_and_with_its_key(world: build.World) -> None:
    key = await build.api_key(world.db, "planner")
    keys, now = world.parts.keys, datetime.now(UTC)
    over = session.make(keys, UUID(key.id), now - session.LASTS - timedelta(seconds=1))
    good = session.make(keys, UUID(key.id), now)
    forged = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")

    async def ask(cookie: str) -> int:
        browser = await world.asking(None)
        return (await browser.get("/live/now", headers={"Cookie": f"{session.COOKIE}={cookie}"})).status_code

    assert [await ask(cookie) for cookie in (good, over, forged, "!", "")] == [200, 401, 401, 401, 401]
    await world.client.post(f"/v1/keys/{key.id}/revoke")
    assert await ask(good) == 401


async def test_the_page_asks_again_only_for_what_changed(world: build.World) -> None:
    shop = await open_shop(world)
    page = await planner(world)
    seen = await page.get("/live/now")
    assert (await page.get("/live/now", headers={"If-None-Match": seen.headers["etag"]})).status_code == 304
    await shop.buy(("APPLE", 1))
    fresh = await page.get("/live/now", headers={"If-None-Match": seen.headers["etag"]})
    assert fresh.status_code == 200
    assert len(fresh.json()["orders"]) == 1


async def test_names_and_addresses_need_more_than_the_board(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    path = f"/live/orders/{order['id']}"
    narrow = await planner(world, "board.read")
    assert (await narrow.get("/live/now")).status_code == 200
    assert (await narrow.get(path)).status_code == 403
    whole = (await (await planner(world)).get(path)).json()
    assert whole["order"]["customer"]["name"] == "Maria Sanchez"
    assert whole["why"][0]["why"]["summary"]
    assert whole["timeline"][0]["code"] == "order.placed"
