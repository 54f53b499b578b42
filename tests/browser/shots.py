"""Takes the pictures of the README and the docs from the real app: `python -m tests.browser.shots`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.harness import PHONE, TABLET, browser, opened, press, sees, wedge
from tests.browser.shop_floor import CODES, Floor, buy, enter, floor
from tests.browser.test_live import signed_in

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, floor(Path(folder)) as shop, browser() as chrome:
        order = buy(shop, ("APPLE", 2), ("BREAD", 1))
        buy(shop, ("WINE", 1), method="curbside")
        buy(shop, ("BREAD", 1), method="ship")
        number = order["jobs"][0]["number"]
        with opened(chrome, shop.app, size=PHONE) as page:
            enter(page, shop)
            page.wait_for_timeout(3500)
            page.screenshot(path=PICTURES / "today.png")
            press(page, number)
            press(page, "Pick 3 units")
            sees(page, f"Pick {number}")
            wedge(page, CODES["WINE"])
            sees(page, "This is Red wine")
            page.screenshot(path=PICTURES / "wrong-item.png")
        with opened(chrome, shop.app, size=TABLET) as page:
            enter(page, shop)
            page.wait_for_timeout(3500)
            wedge(page, CODES["APPLE"])
            sees(page, "Other stores")
            page.wait_for_timeout(1000)
            page.screenshot(path=PICTURES / "stock.png")
        live(shop, chrome)


def live(shop: Floor, chrome: Browser) -> None:
    """Head office's page with the orders of this store."""
    page = signed_in(chrome, shop, (1280, 860))
    page.wait_for_timeout(3000)
    page.screenshot(path=PICTURES / "live.png")


if __name__ == "__main__":
    main()
