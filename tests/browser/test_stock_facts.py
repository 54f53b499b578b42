"""A delivery is scanned in and a shelf is counted while the server is gone; then it is back, and the stock is right."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.benchmarks.site import serve
from tests.browser.harness import PHONE, opened, played_on, press, sees, shot, until, wedge
from tests.browser.shop_floor import CODES, Floor, enter, floor
from tests.browser.test_hub import broken, stop_server
from tests.shop import Shop


def on_hand(shop_floor: Floor, sku: str) -> tuple[int, int]:
    """As head office reads it: in the building, and not for sale."""

    async def ask(shop: Shop) -> tuple[int, int]:
        atp = await shop.stock(sku)
        return atp["on_hand"], atp["not_sellable"]

    return shop_floor.run(ask)


def receive(page: Page, name: str) -> None:
    """A delivery note, three apples and a damaged one, all with a scanner and nothing focused."""
    press(page, "More")
    press(page, re.compile("^Receive"))
    sees(page, "Which delivery is it?")
    wedge(page, CODES["APPLE"])
    sees(page, "not a delivery note")
    wedge(page, "LS-4711")
    sees(page, "Scan each unit")
    for _ in range(3):
        wedge(page, CODES["APPLE"])
    sees(page, "Units received: 3")
    press(page, "Damaged", exact=True)
    wedge(page, CODES["APPLE"])
    sees(page, re.compile("3 good, 1 damaged"))
    wedge(page, "4012345678901")
    sees(page, "Nobody knows the code")
    page.wait_for_timeout(400)
    shot(page, f"receive-{name}")
    press(page, "Done", exact=True)
    sees(page, "Say how many are really there")


def count(page: Page, name: str, sku: str, scans: int) -> None:
    """Each unit is scanned; the figure on record is not shown."""
    wedge(page, CODES[sku])
    press(page, "Count", exact=True)
    sees(page, "How many are there?")
    for _ in range(scans):
        wedge(page, CODES[sku])
    sees(page, re.compile(f"{scans} ×"))
    wedge(page, CODES["WINE"])
    sees(page, "That is Red wine")
    page.wait_for_timeout(400)
    shot(page, f"count-{name}")
    press(page, "Save count")
    sees(page, re.compile(f"{scans} counted"))
    page.wait_for_timeout(400)
    shot(page, f"counted-{name}")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Floor]:
    """A store of its own for each test: its server is stopped and started."""
    with floor(tmp_path) as made:
        yield made


@played_on("phone")
def test_a_store_counts_and_receives_without_a_server(shop: Floor, chrome: Browser, size: dict[str, int]) -> None:
    name = "phone" if size == PHONE else "tablet"
    with contextlib.ExitStack() as stack, opened(chrome, shop.app, size=size) as page:
        enter(page, shop)
        sees(page, "Online")
        stop_server(shop)
        sees(page, "Offline")
        receive(page, name)
        count(page, name, "BREAD", 4)
        count(page, f"apples-{name}", "APPLE", 2)
        stack.enter_context(serve(shop.database, port=shop.site.port))
        until(lambda: on_hand(shop, "BREAD") == (4, 0), "the count of the bread", patience=90)
        until(lambda: on_hand(shop, "APPLE") == (3, 1), "the delivery and the count of the apples", patience=60)
        sees(page, "Online", timeout=60_000)
        assert broken(shop) == []
