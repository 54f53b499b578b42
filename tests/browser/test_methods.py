"""A curbside and a ship-from-store order in the real app, from placement to the end, on phone and tablet.

The customer's part is done on the customer's own page, the associate's by wedge scans with nothing focused.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from playwright.sync_api import Browser, Page

from server.messages.links import link_token
from tests.browser.harness import find, opened, played_on, press, sees, shot, until, wedge
from tests.browser.shop_floor import CODES, Floor, buy, enter, page_of, pass_of
from tests.shop import Shop

TRACKING = "1Z999AA10123456784"


def pick_by_wedge(page: Page, order: dict[str, Any], *skus: str) -> None:
    """Open the job, and scan until everything is in the bag."""
    number = order["jobs"][0]["number"]
    press(page, number)
    press(page, re.compile(rf"Pick {len(skus)} unit"))
    sees(page, f"Pick {number}")
    for sku in skus:
        wedge(page, CODES[sku])
        sees(page, "Picked")


def customers_page(chrome: Browser, shop_floor: Floor, order: dict[str, Any]) -> Page:
    """What the link in the message opens."""

    async def link(shop: Shop) -> str:
        return link_token(shop.world.parts.keys, UUID(order["id"]))

    page = chrome.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"http://{shop_floor.site.host}:{shop_floor.site.port}/c/{shop_floor.run(link)}")
    return page


def stock_of(shop_floor: Floor, sku: str) -> dict[str, int]:
    return shop_floor.run(lambda shop: shop.stock(sku))


@played_on("tablet")
def test_a_curbside_order_goes_out_to_the_car_to_a_named_friend(
    shop_floor: Floor, chrome: Browser, size: dict[str, int]
) -> None:
    before = stock_of(shop_floor, "APPLE")["on_hand"]
    customer = {"name": "Maria Sanchez", "email": "maria@example.com", "proxies": ["Pablo Prado"]}
    order = buy(shop_floor, ("APPLE", 1), method="curbside", customer=customer)
    with opened(chrome, shop_floor.app, size=size) as page:
        enter(page, shop_floor)
        pick_by_wedge(page, order, "APPLE")
        sees(page, "Where does it stand")
        wedge(page, "BTN:S:A1")
        sees(page, "Stands at A1")
        until(lambda: page_of(shop_floor, order)["jobs"][0]["state"] == "ready", "the bag to be ready")

        theirs = customers_page(chrome, shop_floor, order)
        assert theirs.get_by_role("img", name="Your pickup pass as a QR code").is_visible()
        theirs.get_by_role("button", name="I'm on my way").click()
        theirs.get_by_text("We know that you are on your way.").wait_for()
        theirs.get_by_label("Your car").fill("Green Mini")
        theirs.get_by_label("Bay").select_option("2")
        theirs.get_by_role("button", name="I've arrived").click()
        theirs.get_by_text("You are here, bay 2.").wait_for()

        sees(page, "Green Mini")
        shot(page, f"arrived-{size['width']}")
        wedge(page, pass_of(shop_floor, order["jobs"][0]["id"]).pass_text)
        sees(page, "Right pass")
        press(page, re.compile("^Pablo Prado"))
        press(page, "Hand over", exact=True)
        sees(page, "Handed over")
        until(lambda: page_of(shop_floor, order)["status"] == "completed", "the money to be taken")
    done = page_of(shop_floor, order)
    assert done["lines"][0]["units"] == {"fulfilled": 1}
    assert done["money"]["captured"] == done["money"]["total"]
    assert stock_of(shop_floor, "APPLE")["on_hand"] == before - 1
    theirs.reload()
    theirs.get_by_text("All done. Thank you.").wait_for()
    theirs.close()


@played_on("phone")
def test_a_parcel_is_packed_labelled_and_given_to_the_driver(
    shop_floor: Floor, chrome: Browser, size: dict[str, int]
) -> None:
    order = buy(shop_floor, ("BREAD", 1), ("WINE", 1), method="ship")
    assert order["jobs"][0]["method"] == "ship_from_store"
    number, tracking = order["jobs"][0]["number"], TRACKING[:-1] + str(size["width"])[-1]
    with opened(chrome, shop_floor.app, size=size) as page:
        enter(page, shop_floor)
        pick_by_wedge(page, order, "BREAD", "WINE")
        sees(page, "Maria Sanchez")
        sees(page, "12 Main Street")
        find(page, "textbox", "Carrier").click()
        page.wait_for_timeout(500)
        page.keyboard.type("UPS")
        until(lambda: find(page, "textbox", "Carrier").input_value() == "UPS", "the carrier to stand there")
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        wedge(page, tracking)  # the label is on the box by now
        sees(page, "Tracking number read")
        shot(page, f"label-{size['width']}")
        press(page, "Label it")
        until(lambda: page_of(shop_floor, order)["jobs"][0]["state"] == "awaiting_carrier", "the label")
        sees(page, "Driver took 1 parcel")
        page.wait_for_timeout(500)  # nobody scans in the blink of an eye
        wedge(page, tracking)
        sees(page, f"{number} is loaded")
        shot(page, f"van-{size['width']}")
        press(page, "Driver took 1")
        sees(page, "1 parcel is on its way")
        until(lambda: page_of(shop_floor, order)["status"] == "fulfilled", "the parcel to leave")
    done = page_of(shop_floor, order)
    assert [line["units"] for line in done["lines"]] == [{"fulfilled": 1}, {"fulfilled": 1}]
    until(lambda: page_of(shop_floor, order)["money"]["captured"] == done["money"]["total"], "the money to be taken")


def test_a_camera_that_may_not_be_used_is_said_so(shop_floor: Floor, chrome: Browser) -> None:
    order = buy(shop_floor, ("BREAD", 1))
    with opened(chrome, shop_floor.app) as page:
        enter(page, shop_floor)
        press(page, order["jobs"][0]["number"])
        press(page, "Pick 1 unit")
        press(page, "Scan with the camera")
        sees(page, re.compile("camera", re.IGNORECASE))
        shot(page, "no-camera")
