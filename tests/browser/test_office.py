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
