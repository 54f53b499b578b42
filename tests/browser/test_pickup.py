"""A pickup order in the real app, by wedge scans with nothing focused, from an empty device to the customer's hands."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from tests.browser.harness import opened, played_on, press, sees, shot, wedge
from tests.browser.shop_floor import CODES, Floor, buy, enter, page_of, pass_of


@played_on("tablet")
def test_a_pickup_order_is_picked_packed_and_handed_over(
    shop_floor: Floor, chrome: Browser, size: dict[str, int]
) -> None:
    order = buy(shop_floor, ("APPLE", 2), ("BREAD", 1))
    number = order["jobs"][0]["number"]
    with opened(chrome, shop_floor.app, size=size) as page:
        enter(page, shop_floor)
        press(page, number)
        sees(page, "Why me")
        press(page, "Pick 3 units")
        sees(page, f"Pick {number}")
        wedge(page, CODES["WINE"])
        sees(page, "This is Red wine")
        wedge(page, "no-such-code")
        sees(page, "Nobody knows the code")
        for sku in ("APPLE", "APPLE", "BREAD"):
            wedge(page, CODES[sku])
            sees(page, "Picked")
        sees(page, "Where does it stand")
        shot(page, f"pack-{size['width']}")
        wedge(page, "BTN:S:A1")
        sees(page, "Stands at A1")
        ready = page_of(shop_floor, order)
        assert ready["jobs"][0]["state"] == "ready"
        given = pass_of(shop_floor, order["jobs"][0]["id"])
        wedge(page, given.pass_text[:-4] + "AAAA")
        sees(page, re.compile("not ours, or it is damaged|no pickup pass"))
        wedge(page, given.pass_text)
        sees(page, "Pass checked")
        shot(page, f"hand-off-{size['width']}")
        press(page, "Hand over")
        sees(page, "Handed over")
    done = page_of(shop_floor, order)
    assert done["status"] in ("fulfilled", "completed")
    assert {state for line in done["lines"] for state in line["units"]} == {"fulfilled"}


def test_what_is_not_on_the_shelf_is_said_and_the_rest_goes_out(shop_floor: Floor, chrome: Browser) -> None:
    order = buy(shop_floor, ("APPLE", 1), ("WINE", 1))
    with opened(chrome, shop_floor.app) as page:
        enter(page, shop_floor)
        press(page, order["jobs"][0]["number"])
        press(page, "Pick 2 units")
        sees(page, f"Pick {order['jobs'][0]['number']}")
        wedge(page, CODES["APPLE"])
        sees(page, re.compile("Red apples.*Done"))
        press(page, "Not there")
        press(page, re.compile("Not found"))
        press(page, "Report 1 unit")
        sees(page, "Where does it stand")
        wedge(page, "BTN:S:A2")
        sees(page, "Stands at A2")
    after = page_of(shop_floor, order)
    assert [line["units"] for line in after["lines"]] == [{"allocated": 1}, {"backordered": 1}]
