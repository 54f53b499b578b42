"""Head office's live page in a real browser: sign in by link, watch an order arrive and go through the store."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests import build
from tests.browser.harness import PATIENCE, shot
from tests.browser.shop_floor import Floor
from tests.shop import STORE, Shop

DESK, TABLET, PHONE = (1280, 900), (820, 1180), (390, 844)


def signed_in(
    chrome: Browser, shop_floor: Floor, size: tuple[int, int], look: str = "light", role: str = "planner"
) -> Page:
    """A page that came by a link with a planner's key."""

    async def key(shop: Shop) -> str:
        return (await build.api_key(shop.world.db, role, name=f"Pat {role.title()}")).token

    context = chrome.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=look)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"http://{shop_floor.site.host}:{shop_floor.site.port}/live#{shop_floor.run(key)}")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^Live\."), timeout=PATIENCE)
    assert "bk_" not in page.url
    assert wrong == []
    return page


def test_an_order_arrives_with_its_reason_and_moves_as_the_store_works(shop_floor: Floor, chrome: Browser) -> None:
    page = signed_in(chrome, shop_floor, DESK)
    order = shop_floor.run(lambda shop: shop.buy(("APPLE", 2)))
    row = page.locator("#orders li", has_text=order["number"])
    expect(row).to_contain_text("Store S-1, new. The customer chose Store S-1", timeout=PATIENCE)
    expect(page.locator("#nodes tr", has_text="Store S-1").locator("td").nth(1)).to_have_text("1")

    async def pick(shop: Shop) -> None:
        tablet = await shop.tablet()
        await tablet.push(tablet.command("pick", fulfilment=order["jobs"][0]["id"], line=1, total=2))

    shop_floor.run(pick)
    expect(row).to_contain_text("Store S-1, picked", timeout=PATIENCE)
    shot(page, "live-desk")

    row.get_by_role("button", name=order["number"]).click()
    detail = page.get_by_role("dialog")
    expect(detail).to_contain_text("Picked 2 × Red apples 1 kg")
    expect(detail).to_contain_text("Maria Sanchez")
    shot(page, "live-detail")
    detail.get_by_role("button", name="Close").click()


def test_a_node_is_found_chosen_and_left_again(shop_floor: Floor, chrome: Browser) -> None:
    parcel = shop_floor.run(lambda shop: shop.buy(("WINE", 1), method="ship"))
    page = signed_in(chrome, shop_floor, TABLET, "dark")
    other = "Store W-1"
    page.get_by_label("Find a node").fill("w-1")
    expect(page.locator("#nodes tbody tr")).to_have_count(1)
    page.get_by_role("button", name=other).click()
    expect(page.get_by_role("heading", name=f"Orders of {other}")).to_be_visible()
    expect(page.locator("#orders")).to_contain_text("This node has had no order yet.")
    page.get_by_role("button", name="All nodes").click()
    expect(page.locator("#orders")).to_contain_text(parcel["number"])
    shot(page, "live-tablet-dark")


def test_the_page_says_when_the_server_is_silent_and_comes_back(shop_floor: Floor, chrome: Browser) -> None:
    page = signed_in(chrome, shop_floor, PHONE)
    shot(page, "live-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the phone"
    page.route("**/live/now**", lambda route: route.abort())
    expect(page.get_by_role("status")).to_contain_text("No answer from the server", timeout=PATIENCE)
    page.unroute("**/live/now**")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^Live\."), timeout=PATIENCE)


def test_markup_in_names_is_text(shop_floor: Floor, chrome: Browser) -> None:
    customer = {"name": "<b onclick=alert(1)>Eve</b> <script>alert(2)</script>"}
    order = shop_floor.run(lambda shop: shop.buy(("BREAD", 1), customer=customer))
    page = signed_in(chrome, shop_floor, DESK)
    row = page.locator("#orders li", has_text=order["number"])
    expect(row).to_contain_text("<b <")
    row.get_by_role("button", name=order["number"]).click()
    expect(page.get_by_role("dialog")).to_contain_text("<script>alert(2)</script>")
    assert page.locator("dialog script, dialog b").count() == 0


def test_a_wrong_key_is_told_so(shop_floor: Floor, chrome: Browser) -> None:
    page = chrome.new_page()
    page.goto(f"http://{shop_floor.site.host}:{shop_floor.site.port}/live#bk_nonsense")
    expect(page.get_by_role("alert")).to_contain_text("not one of our keys", timeout=PATIENCE)
    assert STORE not in page.content()
    shot(page, "live-door")
