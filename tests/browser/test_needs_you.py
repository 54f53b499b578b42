"""An order is cancelled under somebody's hands: they are told, carry the units back by scanning, and it is gone
everywhere."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from playwright.sync_api import Browser, Page

from tests.benchmarks.site import serve
from tests.browser.harness import PHONE, opened, played_on, press, press_to, sees, shot, until, wedge
from tests.browser.shop_floor import CODES, Floor, buy, enter
from tests.shop import Shop


def cancel(shop_floor: Floor, order: dict[str, Any]) -> None:
    """At head office."""

    async def ask(shop: Shop) -> None:
        answer = await shop.world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "changed their mind"})
        assert answer.status_code == 200, answer.text

    shop_floor.run(ask)


def to_settle(shop_floor: Floor, order: dict[str, Any], state: str = "open") -> list[dict[str, Any]]:
    """What the server lists of this order."""

    async def ask(shop: Shop) -> list[dict[str, Any]]:
        answer = await shop.world.client.get("/v1/exceptions", params={"order": order["number"], "state": state})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    return shop_floor.run(ask)


def pick_and_stage(page: Page, order: dict[str, Any], place: str) -> None:
    """Two apples and a loaf, into a bag that stands at `place`."""
    press(page, order["jobs"][0]["number"])
    press_to(page, "Pick 3 units", f"Pick {order['jobs'][0]['number']}")
    for sku in ("APPLE", "APPLE", "BREAD"):
        wedge(page, CODES[sku])
        sees(page, "Picked")
    sees(page, "Where does it stand")
    wedge(page, f"BTN:S:{place}")
    sees(page, f"Stands at {place}")


def carry_back(page: Page, order: dict[str, Any], place: str) -> None:
    """From the message to the last shelf."""
    sees(page, re.compile(f"Order {order['number']} was cancelled. Put back: 3"))
    page.wait_for_timeout(500)
    shot(page, f"cancelled-{page.viewport_size['width']}" if page.viewport_size else "cancelled")
    press(page, "Put back", exact=True)
    sees(page, f"They stand at {place}")
    sees(page, "00-1")
    wedge(page, CODES["WINE"])
    sees(page, "Red wine 0.75 l is not on this list")
    for sku in ("APPLE", "BREAD", "APPLE"):
        wedge(page, CODES[sku])
        sees(page, "Back: ")
        page.wait_for_timeout(200)
    press(page, "Everything is back")
    sees(page, "Nothing needs you")


@played_on("phone")
def test_a_cancelled_bag_is_carried_back_and_gone_from_every_list(
    shop_floor: Floor, chrome: Browser, size: dict[str, int]
) -> None:
    order = buy(shop_floor, ("APPLE", 2), ("BREAD", 1))
    with opened(chrome, shop_floor.app, size=size) as page, opened(chrome, shop_floor.app, size=PHONE) as second:
        for each in (page, second):
            enter(each, shop_floor)
        pick_and_stage(page, order, "A1")
        cancel(shop_floor, order)
        sees(second, "Needs you: 1")
        carry_back(page, order, "A1")
        until(lambda: to_settle(shop_floor, order) == [], "the server to have it settled")
        sees(second, re.compile("Online"))
    (settled,) = to_settle(shop_floor, order, "settled")
    assert settled["resolution"] == "put_back"
    assert UUID(settled["settled_by"])


def test_a_shift_without_a_network_hears_of_the_cancellation_when_it_is_back(
    shop_floor: Floor, chrome: Browser
) -> None:
    order, site = buy(shop_floor, ("APPLE", 2), ("BREAD", 1)), shop_floor.site
    with ExitStack() as stack:
        page = stack.enter_context(opened(chrome, shop_floor.app, size=PHONE))
        enter(page, shop_floor)
        sees(page, order["jobs"][0]["number"])
        until(lambda: told(page, "Online"), "the sign-in to be sent")
        site.process.terminate()
        site.process.wait(timeout=20)
        sees(page, "Offline")
        pick_and_stage(page, order, "A2")
        cancel(shop_floor, order)
        press(page, "More", exact=True)
        press(page, re.compile("^Sent and waiting"))
        sees(page, "Send now")
        stack.enter_context(serve(shop_floor.database, port=site.port))
        press(page, "Send now")
        carry_back(page, order, "A2")
        until(lambda: to_settle(shop_floor, order) == [], "the server to have it settled")


def told(page: Page, words: str) -> bool:
    """Whether this is on the screen now."""
    return words in page.locator("flt-semantics-host").inner_text()
