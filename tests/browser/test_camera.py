"""An order picked with the camera: Chromium's own looks at the real barcode, and the app's scanning reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.film import film_of, switches
from tests.browser.harness import browser, opened, played_on, press, sees, until
from tests.browser.shop_floor import CODES, Floor, buy, enter, page_of


@pytest.fixture(scope="module")
def camera(shop_floor: Floor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose camera looks at a bottle of wine."""
    film = tmp_path_factory.mktemp("camera") / "wine.y4m"
    film_of(CODES["WINE"], film)
    with browser(*switches(film)) as running:
        yield running


@played_on("tablet")
def test_the_camera_picks_what_it_sees(shop_floor: Floor, camera: Browser, size: dict[str, int]) -> None:
    order = buy(shop_floor, ("WINE", 1))
    number = order["jobs"][0]["number"]
    with opened(camera, shop_floor.app, size=size, permissions=["camera"]) as page:
        enter(page, shop_floor)
        press(page, number)
        press(page, "Pick 1 unit")
        sees(page, f"Pick {number}")
        press(page, "Scan with the camera")
        sees(page, re.compile("Picked|Where does it stand"))
        until(lambda: page_of(shop_floor, order)["jobs"][0]["state"] == "picked", "the pick at the server")
