"""Substitutes in the real app: offered where something is not there, scanned, put back, handed over and paid."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from tests.browser.harness import opened, played_on, press, sees, shot, until, wedge
from tests.browser.shop_floor import CODES, Floor, buy, enter, page_of, pass_of


@played_on("phone")
def test_what_the_customer_takes_instead_is_offered_scanned_and_handed_over(
    shop_floor: Floor, chrome: Browser, size: dict[str, int]
) -> None:
    order = buy(shop_floor, ("BREAD", 2), instead=("APPLE", "WINE"))
    job = order["jobs"][0]
    with opened(chrome, shop_floor.app, size=size) as page:
        enter(page, shop_floor)
        press(page, job["number"])
        press(page, "Pick 2 units")
        sees(page, "The customer would also take")
        shot(page, f"instead-agreed-{size['width']}")
        wedge(page, CODES["WINE"])
        sees(page, re.compile("Red wine.*may stand in"))
        sees(page, "no more than for what they ordered")
        shot(page, f"instead-asked-{size['width']}")
        press(page, "Take it, Sourdough loaf is not there")
        sees(page, "1 of 2")
        press(page, re.compile("Undo: Red wine"))
        sees(page, "2 of 2")
        press(page, "Not there")
        press(page, re.compile("Damaged"))
        sees(page, "The customer takes instead")
        shot(page, f"instead-offered-{size['width']}")
        wedge(page, CODES["APPLE"])
        sees(page, "Taken instead: Red apples")
        wedge(page, CODES["APPLE"])
        sees(page, "Where does it stand")
        wedge(page, "BTN:S:A1")
        sees(page, "Stands at A1")
        given = pass_of(shop_floor, job["id"])
        wedge(page, given.pass_text)
        sees(page, "Pass checked")
        sees(page, "Instead of Sourdough loaf")
        shot(page, f"instead-hand-off-{size['width']}")
        press(page, "Hand over")
        sees(page, "Handed over")
    done = page_of(shop_floor, order)
    assert [(line["sku"], line["units"]) for line in done["lines"]] == [
        ("BREAD", {"replaced": 2}),
        ("APPLE", {"fulfilled": 2}),
    ]
    paid = done["lines"][1]["total"]
    assert paid < done["lines"][0]["total"]
    until(lambda: page_of(shop_floor, order)["money"]["captured"] == paid, "the gateway")
