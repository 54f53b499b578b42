"""A shift goes on while the server is gone: six jobs of all three methods from the shelf to the customer on one device,
a job that two devices take, an order that head office cancels meanwhile. Then the server is back, and both people see
what happened and what to do.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page

from server.fulfilment import queries
from tests.benchmarks.site import serve
from tests.browser.harness import PHONE, PROCESSES, TABLET, find, opened, press, sees, served, shot, until, wedge
from tests.browser.shop_floor import CODES, PIN, Floor, buy, enter, floor, page_of, pass_of, sign_in
from tests.browser.test_hub import SECOND, broken, second_person, stop_server
from tests.browser.test_needs_you import cancel
from tests.shop import Shop


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Floor, str]]:
    """A floor with a second store app, in a process of its own as the first one is."""
    with floor(tmp_path_factory.mktemp("robin")) as up:
        server = f"http://{up.site.host}:{up.site.port}"
        with served(data=tmp_path_factory.mktemp("sam"), server=server) as second:
            yield up, second


def number(order: dict[str, Any]) -> str:
    return str(order["jobs"][0]["number"])


def begin(page: Page, order: dict[str, Any], units: int) -> None:
    """From the slip with the job's number to the pick screen."""
    wedge(page, f"BTN:J:{number(order)}")
    sees(page, "Why me")
    press(page, re.compile(rf"Pick {units} unit"))
    sees(page, f"Pick {number(order)}")


def bagged(page: Page, order: dict[str, Any], sku: str, place: str) -> None:
    """One unit, from the shelf to its place."""
    begin(page, order, 1)
    wedge(page, CODES[sku])
    sees(page, "Where does it stand")
    wedge(page, f"BTN:S:{place}")
    sees(page, f"Stands at {place}")


def given_on_sight(page: Page, order: dict[str, Any], person: str) -> None:
    """No pass can have been sent for a bag that nobody but this device knows to be ready: a lead looks at an ID."""
    wedge(page, f"BTN:J:{number(order)}")
    sees(page, "Why me")
    press(page, "Hand over")
    sees(page, "The bag stands at")
    press(page, "No pass and no code: ask a lead")
    press(page, re.compile("^Photo ID seen"))
    press(page, re.compile(f"^{person}"))
    for digit in PIN:
        press(page, digit, exact=True)
    sees(page, "Photo ID seen, allowed by a lead")
    press(page, "Hand over", exact=True)
    sees(page, "Handed over")


def given_by_pass(page: Page, pass_text: str) -> None:
    wedge(page, pass_text)
    sees(page, re.compile("Right pass|Pass checked"))
    press(page, "Hand over", exact=True)
    sees(page, "Handed over")


def on_the_van(page: Page, order: dict[str, Any], tracking: str) -> None:
    """One unit into a box, labelled and given to the driver."""
    begin(page, order, 1)
    wedge(page, CODES["WINE"])
    sees(page, "12 Main Street")
    find(page, "textbox", "Carrier").click()
    page.wait_for_timeout(500)
    page.keyboard.type("UPS")
    until(lambda: find(page, "textbox", "Carrier").input_value() == "UPS", "the carrier to stand there")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    wedge(page, tracking)
    sees(page, "Tracking number read")
    press(page, "Label it")
    sees(page, "Driver took 1 parcel")
    page.wait_for_timeout(500)
    wedge(page, tracking)
    sees(page, f"{number(order)} is loaded")
    press(page, "Driver took 1")
    sees(page, "1 parcel is on its way")


def states(shop: Floor, orders: list[dict[str, Any]]) -> list[str]:
    return [page_of(shop, order)["jobs"][0]["state"] for order in orders]


def units_picked(shop: Floor, order: dict[str, Any]) -> int:
    async def ask(inside: Shop) -> int:
        job = await inside.world.read(lambda tx: queries.job(tx, UUID(order["jobs"][0]["id"])))
        assert job is not None
        return job.lines[0].picked

    return shop.run(ask)


def test_a_shift_goes_on_without_the_server_and_both_people_see_what_happened(
    shift: tuple[Floor, str], chrome: Browser
) -> None:
    shop, sams_app = shift
    badge = second_person(shop)
    collected = [buy(shop, ("APPLE", 1)) for _ in range(2)]
    curbside = [buy(shop, ("BREAD", 1), method="curbside") for _ in range(2)]
    sent = [buy(shop, ("WINE", 1), method="ship") for _ in range(2)]
    doomed, contested = buy(shop, ("APPLE", 1)), buy(shop, ("BREAD", 2))
    with (
        contextlib.ExitStack() as stack,
        opened(chrome, shop.app, size=TABLET) as robin,
        opened(chrome, sams_app, size=PHONE) as sam,
    ):
        enter(robin, shop)
        wedge(sam, shop.new_code())
        sees(sam, shop.person)
        sign_in(sam, badge)
        for page in (robin, sam):
            sees(page, number(collected[0]))

        # before noon: two bags are ready, their customers have their passes
        bagged(robin, collected[0], "APPLE", "A1")
        bagged(robin, curbside[0], "BREAD", "A2")
        ready = [collected[0], curbside[0]]
        until(lambda: states(shop, ready) == ["ready"] * 2, "both bags to be ready")
        passes = [pass_of(shop, order["jobs"][0]["id"]).pass_text for order in ready]
        sees(robin, "Online")

        stop_server(shop)  # it is asserted that its process is gone
        for page in (robin, sam):
            sees(page, "Offline")
            shot(page, f"shift-offline-{'robin' if page is robin else 'sam'}")

        for pass_text in passes:
            given_by_pass(robin, pass_text)
        for order, sku in ((collected[1], "APPLE"), (curbside[1], "BREAD")):
            bagged(robin, order, sku, "A1")
            given_on_sight(robin, order, shop.person)
        for place, order in enumerate(sent):
            on_the_van(robin, order, f"1Z999AA1012345678{place}")
        begin(robin, contested, 2)
        wedge(robin, CODES["BREAD"])
        sees(robin, re.compile("1 of 2|Picked"))

        bagged(sam, doomed, "APPLE", "A2")
        begin(sam, contested, 2)
        for _ in range(2):
            wedge(sam, CODES["BREAD"])
        sees(sam, "Where does it stand")
        cancel(shop, doomed)

        # the server is back; Robin's tablet sleeps a little longer
        robins_app = PROCESSES[shop.app]
        os.kill(robins_app.pid, signal.SIGSTOP)
        try:
            stack.enter_context(serve(shop.database, port=shop.site.port))
            until(lambda: units_picked(shop, contested) == 2, "Sam's work to arrive", patience=90)
        finally:
            os.kill(robins_app.pid, signal.SIGCONT)
        for page in (sam, robin):
            sees(page, re.compile("Needs you: "), timeout=90_000)
            press(page, re.compile("^Needs you: "))
        sees(sam, re.compile(f"Order {doomed['number']} was cancelled. Put back: 1"))
        shot(sam, "shift-cancelled-sam")
        sees(robin, re.compile(f"{SECOND} took this .* ago"))
        sees(robin, re.compile(f"Hand {SECOND} what you have in hand"))
        shot(robin, "shift-taken-robin")
        six = [*collected, *curbside, *sent]
        until(lambda: states(shop, six) == ["handed_off"] * 4 + ["shipped"] * 2, "all six to be recorded", patience=60)
    assert [line["units"] for order in six for line in page_of(shop, order)["lines"]] == [{"fulfilled": 1}] * 6
    assert page_of(shop, doomed)["lines"][0]["units"] == {"cancelled": 1}
    assert units_picked(shop, contested) == 2
    assert broken(shop) == []
