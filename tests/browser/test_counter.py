"""The counter, the curb, the order and the manager's desk in the real app, as a manager on a phone."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page

from server.fulfilment import service as jobs
from server.kit.auth import Actor
from server.people import service
from server.people.rules import NewPerson
from server.people.service import Secrets
from shared.fulfilment import Arrive, Command, Pack, Pick, Stage
from shared.passes import pin_verifier
from tests.browser.harness import PHONE, TABLET, find, opened, press, sees, shot, until, wedge
from tests.browser.shop_floor import ADMIN, CODES, Floor
from tests.shop import STORE, Shop

PIN = "135790"
WORKER = Actor("key", "test", "Test", frozenset({"integration"}))


@pytest.fixture(scope="module")
def manager(shop_floor: Floor) -> str:
    """The badge of the store's manager."""

    async def hire(shop: Shop) -> str:
        world = shop.world
        secrets = [Secrets(pin_verifier=pin_verifier(PIN, world.parts.keys.pin_key, b"0123456789abcdef"))]
        new = NewPerson(name="Mona Marsh", roles=["manager"], nodes=[STORE])
        people = await world.write(lambda tx: service.add_people(tx, ADMIN, [new], secrets=secrets))
        return (await world.write(lambda tx: service.issue_badge(tx, ADMIN, people[0].id))).label

    return shop_floor.run(hire)


def bag(shop_floor: Floor, *lines: tuple[str, int]) -> dict[str, Any]:
    """A curbside order, picked and staged, whose customer stands in bay 2."""

    async def make(shop: Shop) -> dict[str, Any]:
        order = await shop.buy(*lines, method="curbside")
        job = UUID(order["jobs"][0]["id"])
        picks: list[Command] = [
            Pick(fulfilment=job, line=n, total=units) for n, (_, units) in enumerate(lines, start=1)
        ]
        then = [
            Pack(fulfilment=job),
            Stage(fulfilment=job, place="A1"),
            Arrive(fulfilment=job, vehicle="Blue Volvo", bay="2"),
        ]
        results = await shop.world.write(lambda tx: jobs.carry_out(tx, WORKER, [*picks, *then]))
        assert all(getattr(result, "status", None) == "applied" for result in results), results
        return order

    return shop_floor.run(make)


def enter(page: Page, shop_floor: Floor, badge: str) -> None:
    wedge(page, shop_floor.new_code())
    sees(page, "Mona Marsh")
    wedge(page, badge)
    sees(page, "Today")


def way(page: Page, name: str) -> None:
    """One of the places behind *More*."""
    press(page, "More", exact=True)
    sees(page, "Find a bag")
    page.wait_for_timeout(500)
    press(page, re.compile(f"^{name}"))


def scroll(page: Page, by: int) -> None:
    page.mouse.move(195, 420)
    page.mouse.wheel(0, by)
    page.wait_for_timeout(500)


def test_a_bag_goes_out_to_the_car_in_part_on_a_leads_word(shop_floor: Floor, chrome: Browser, manager: str) -> None:
    order = bag(shop_floor, ("APPLE", 3))
    with opened(chrome, shop_floor.app, size=PHONE) as page:
        enter(page, shop_floor, manager)
        way(page, "Curbside")
        sees(page, "Blue Volvo")
        shot(page, "curbside-390")
        press(page, "Not there")
        sees(page, "Paused at")
        press(page, "Is back")
        press(page, "Bring it out")
        sees(page, "The bag stands at")
        press(page, "No pass and no code: ask a lead")
        press(page, re.compile("^Photo ID seen"))
        press(page, re.compile("^Mona Marsh"))
        for digit in PIN:
            press(page, digit, exact=True)
        sees(page, "Photo ID seen, allowed by a lead")
        scroll(page, 600)
        press(page, "Does not take Red apples")
        press(page, "Fewer: Red apples")
        press(page, re.compile("^Damaged"))
        sees(page, "2 go back: Damaged")
        shot(page, "hand-off-part-390")
        press(page, "Hand over", exact=True)
        sees(page, "Handed over")

    async def units(shop: Shop) -> dict[str, int]:
        found: dict[str, int] = (await shop.page(order["id"]))["lines"][0]["units"]
        return found

    until(lambda: shop_floor.run(units) == {"fulfilled": 1, "cancelled": 2}, "the hand-off at the server")


def test_an_item_and_an_order_tell_their_story(shop_floor: Floor, chrome: Browser, manager: str) -> None:
    order = bag(shop_floor, ("BREAD", 1))
    with opened(chrome, shop_floor.app, size=PHONE) as page:
        enter(page, shop_floor, manager)
        wedge(page, CODES["BREAD"])
        sees(page, "Promised to orders")
        sees(page, re.compile("S-2, 140 km"))
        shot(page, "item-390")
        press(page, "Correct the stock")
        press(page, "Fewer: Sourdough loaf")
        sees(page, "Difference: −1")
        press(page, "Used as a sample")
        press(page, "Correct it")
        sees(page, "Stock corrected")
        press(page, "Orders", exact=True)
        find(page, "textbox", re.compile("^Number")).click()
        page.keyboard.type(order["number"])
        press(page, f"Order {order['number']}")
        sees(page, "Being prepared")
        shot(page, "order-390")
        scroll(page, 900)
        sees(page, "Ready for the customer")
        shot(page, "order-story-390")


def test_a_manager_takes_no_pickups_for_a_while_and_head_office_sees_why(
    shop_floor: Floor, chrome: Browser, manager: str
) -> None:
    async def node(shop: Shop) -> dict[str, object]:
        found: dict[str, object] = (await shop.world.client.get(f"/v1/nodes/{STORE}")).json()
        return found

    with opened(chrome, shop_floor.app, size=PHONE) as page:
        enter(page, shop_floor, manager)
        way(page, "Manager's desk")
        sees(page, "Web orders")
        shot(page, "desk-web-390")
        press(page, "Switch off")
        press(page, "Pickup")
        shot(page, "desk-switch-390")
        press(page, "Too few people here")
        press(page, "Stop them now")
        sees(page, re.compile("Off until"))
        shot(page, "desk-off-390")
        off = shop_floor.run(node)["switched_off"]
        assert isinstance(off, list)
        assert [(each["method"], each["reason"]) for each in off] == [("pickup", "short_staffed")]
        assert off[0]["until"] is not None
        press(page, "Switch on")
        sees(page, "Curbside")
        page.wait_for_timeout(1500)
        assert shop_floor.run(node)["switched_off"] == []


def test_the_desk_lets_a_device_in_and_gives_a_new_pin(shop_floor: Floor, chrome: Browser, manager: str) -> None:
    with opened(chrome, shop_floor.app, size=TABLET) as page:
        enter(page, shop_floor, manager)
        way(page, "Manager's desk")
        sees(page, "This device")
        press(page, "Let a new device in")
        sees(page, re.compile("[0-9A-Z]{4}-[0-9A-Z]{4}"))
        page.mouse.click(400, 60)
        page.wait_for_timeout(600)
        press(page, re.compile("^Robin Reed"))
        press(page, "New PIN")
        sees(page, re.compile(r"\b\d{6}\b"))
        shot(page, "desk-pin-820")
