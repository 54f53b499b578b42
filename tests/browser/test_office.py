"""Head office's plain pages in a real browser: found from the live page, readable on a desk and a phone."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.harness import shot
from tests.browser.shop_floor import Floor
from tests.browser.test_live import DESK, PHONE, TABLET, signed_in
from tests.shop import OTHER, Shop


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_nodes_are_switched_off_and_on_from_head_office(shop_floor: Floor, chrome: Browser) -> None:
    async def busy(shop: Shop) -> None:
        await shop.buy(("APPLE", 1))
        off = {"taking_orders": False, "methods": ["pickup", "curbside"], "reason": "short_staffed", "note": "two ill"}
        await shop.world.client.post(f"/v1/nodes/{OTHER}/switch", json=off)

    shop_floor.run(busy)
    page = signed_in(chrome, shop_floor, DESK)
    page.get_by_role("link", name="Nodes").click()
    row = page.get_by_role("row", name=f"Store {OTHER}")
    expect(row).to_contain_text("short staffed, “two ill”")
    shot(page, "nodes-desk")
    row.get_by_role("button", name="Switch on").click()
    expect(row).not_to_contain_text("two ill")
    row.get_by_text("Switch off").first.click()
    row.get_by_label("Why").fill("flooded")
    row.get_by_role("button", name="Switch off").click()
    expect(row).to_contain_text("“flooded”")
    for size, name in ((TABLET, "nodes-tablet"), (PHONE, "nodes-phone")):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert fits(page), name
        shot(page, name)
    row.get_by_role("button", name="Switch on").click()
    expect(row).not_to_contain_text("flooded")


def test_a_hold_is_taken_and_released_and_its_order_is_a_link_away(shop_floor: Floor, chrome: Browser) -> None:
    async def held(shop: Shop) -> str:
        order = await shop.buy(("BREAD", 2))
        for kind, reason in (("fraud", "card from elsewhere"), ("address", "no such street")):
            await shop.world.client.post(f"/v1/orders/{order['id']}/hold", json={"kind": kind, "reason": reason})
        return str(order["number"])

    number = shop_floor.run(held)
    page = signed_in(chrome, shop_floor, DESK, role="agent")
    page.get_by_role("link", name="Holds").click()
    row = page.get_by_role("row", name=number).filter(has_text="card from elsewhere")
    row.get_by_role("button", name="Take it").click()
    expect(row).to_contain_text("Leave it")
    for size, name in ((DESK, "holds-desk"), (TABLET, "holds-tablet"), (PHONE, "holds-phone")):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert fits(page), name
        shot(page, name)
    row.get_by_text("Deal with it").click()
    shot(page, "holds-phone-open")
    row.get_by_label("Note").fill("the bank says yes")
    row.get_by_role("button", name="Release the order").click()
    expect(page.get_by_role("row", name=number)).to_have_count(1)
    page.get_by_role("link", name=number).click()
    expect(page.get_by_role("dialog")).to_contain_text("Hold ended: goes on, the bank says yes")


def test_queues_are_read_and_looked_at_again(shop_floor: Floor, chrome: Browser) -> None:
    order = shop_floor.run(lambda shop: shop.buy(("WINE", 90), method="ship"))
    page = signed_in(chrome, shop_floor, DESK)
    page.get_by_role("link", name="Queues").click()
    row = page.get_by_role("row", name=order["number"])
    expect(row).to_contain_text("Red wine")
    for size, name in ((DESK, "queues-desk"), (TABLET, "queues-tablet"), (PHONE, "queues-phone")):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert fits(page), name
        shot(page, name)
    row.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("status")).to_contain_text("still without a node")
    page.get_by_role("link", name=order["number"]).click()
    expect(page.get_by_role("dialog")).to_contain_text(order["number"])
