"""A bag goes out while the server is gone, signed for on the glass and with a photo of Chromium's own camera; then the
server is back, and customer care sees both. A store that asks for a signature gets one before the bag goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from server.network.rules import NewNode
from tests.benchmarks.site import Site, serve
from tests.browser.film import film_of, switches
from tests.browser.harness import PHONE, browser, find, opened, played_on, press, sees, shot, until, wedge
from tests.browser.shop_floor import CODES, Floor, buy, enter, floor, pass_of
from tests.browser.test_hub import stop_server
from tests.shop import STORE, Shop

DRAWN = ((0.1, 0.6), (0.25, 0.2), (0.35, 0.75), (0.5, 0.3), (0.6, 0.65), (0.85, 0.45))


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """A floor whose server each test starts and stops."""
    with floor(tmp_path_factory.mktemp("counter")) as up:
        stop_server(up)
        yield up


def server(counter: Floor) -> contextlib.AbstractContextManager[Site]:
    """At the address where the store app looks for it."""
    return serve(counter.database, port=counter.site.port)


@pytest.fixture(scope="module")
def camera(counter: Floor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose camera looks at a bottle of wine."""
    film = tmp_path_factory.mktemp("camera") / "wine.y4m"
    film_of(CODES["WINE"], film)
    with browser(*switches(film)) as running:
        yield running


def bagged(page: Page, order: dict[str, Any]) -> None:
    """One unit, from the shelf to its place."""
    number = order["jobs"][0]["number"]
    sees(page, number)
    wedge(page, f"BTN:J:{number}")
    sees(page, "Why me")
    press(page, "Pick 1 unit")
    sees(page, f"Pick {number}")
    wedge(page, CODES["BREAD"])
    sees(page, "Where does it stand")
    wedge(page, "BTN:S:A1")
    sees(page, "Stands at A1")


def scroll(page: Page) -> None:
    """To the end of the screen."""
    page.mouse.move(195, 420)
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(500)


def signed(page: Page, name: str) -> None:
    """Open the pad, draw with a finger, use it."""
    scroll(page)
    press(page, "Signature", exact=True)
    sees(page, "Please sign here")
    page.wait_for_timeout(600)
    pad = page.locator("flt-semantics", has_text="Signing pad. Draw with a finger.").last.bounding_box()
    assert pad is not None
    points = [(pad["x"] + pad["width"] * x, pad["y"] + pad["height"] * y) for x, y in DRAWN]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=8)
        page.wait_for_timeout(60)
    page.mouse.up()
    page.wait_for_timeout(300)
    shot(page, f"sign-{name}")
    press(page, "Use this signature")
    sees(page, "Remove signature")


def photographed(page: Page, name: str) -> None:
    """Open the camera, take a picture, look at it, use it."""
    scroll(page)
    press(page, "Photo", exact=True)
    sees(page, "Show the bag and where it went")
    shot(page, f"photo-before-{name}")
    press(page, "Take the photo")
    sees(page, "Use this photo")
    page.wait_for_timeout(500)
    shot(page, f"photo-taken-{name}")
    press(page, "Use this photo")
    sees(page, "Remove photo")


def proofs_of(shop_floor: Floor, order: dict[str, Any]) -> list[dict[str, Any]]:
    """What an agent is shown, the photo's bytes under `picture`."""

    async def ask(shop: Shop) -> list[dict[str, Any]]:
        job = order["jobs"][0]["id"]
        found: list[dict[str, Any]] = (await shop.world.client.get(f"/v1/fulfilments/{job}/proofs")).json()["proofs"]
        for proof in found:
            if proof["photo"] and proof["photo"]["arrived_at"]:
                at = f"/v1/fulfilments/{job}/proofs/{proof['photo']['sha256']}"
                proof["picture"] = (await shop.world.client.get(at)).content
        return found

    return shop_floor.run(ask)


@played_on("tablet")
def test_a_bag_goes_out_without_the_server_with_a_signature_and_a_photo(
    counter: Floor, camera: Browser, size: dict[str, int]
) -> None:
    order, name = buy(counter, ("BREAD", 1)), str(size["width"])
    with opened(camera, counter.app, size=size, permissions=["camera"]) as page:
        with server(counter):
            enter(page, counter)
            bagged(page, order)
            given = pass_of(counter, order["jobs"][0]["id"])
        wedge(page, given.pass_text)
        sees(page, "Pass checked")
        signed(page, name)
        photographed(page, name)
        shot(page, f"hand-off-proofs-{name}")
        press(page, "Hand over", exact=True)
        sees(page, "Handed over")
        press(page, "More", exact=True)
        press(page, re.compile("^Sent and waiting"))
        sees(page, "1 photo waits to be sent")
        shot(page, f"queue-photo-{name}")
        with server(counter):
            press(page, "Send now")
            until(lambda: any("picture" in proof for proof in proofs_of(counter, order)), "the photo to arrive", 60)
            sees(page, "Everything is sent")
    (proof,) = proofs_of(counter, order)
    assert proof["method"] == "pass"
    assert proof["by"] == counter.person
    assert len(proof["signature"]["strokes"][0]) >= len(DRAWN)
    assert hashlib.sha256(proof["picture"]).hexdigest() == proof["photo"]["sha256"]
    with Image.open(io.BytesIO(proof["picture"])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (640, 480))


def test_a_store_that_asks_for_a_signature_gets_one_before_the_bag_goes(counter: Floor, camera: Browser) -> None:
    async def ask_for_signatures(shop: Shop) -> None:
        node = (await shop.world.client.get(f"/v1/nodes/{STORE}")).json()
        wish = {field: node[field] for field in NewNode.model_fields} | {"proof": "signature"}
        answer = await shop.world.client.post("/v1/nodes", json={"nodes": [wish]})
        assert [row["status"] for row in answer.json()["results"]] == ["updated"], answer.text

    order = buy(counter, ("BREAD", 1))
    counter.run(ask_for_signatures)
    with server(counter), opened(camera, counter.app, size=PHONE) as page:
        enter(page, counter)
        bagged(page, order)
        wedge(page, pass_of(counter, order["jobs"][0]["id"]).pass_text)
        sees(page, "Pass checked")
        sees(page, "This store asks for a signature")
        assert page.get_by_role("button", name="Hand over", exact=True).first.is_disabled()
        shot(page, "hand-off-asks-390")
        signed(page, "asked-390")
        press(page, "Hand over", exact=True)
        sees(page, "Handed over")
        press(page, "Orders", exact=True)
        find(page, "textbox", re.compile("^Number")).click()
        page.keyboard.type(order["number"])
        press(page, f"Order {order['number']}")
        sees(page, "Ordered at")
        page.wait_for_timeout(500)
        scroll(page)
        sees(page, re.compile("Handed over .*, signed"))
        press(page, "Show signature and photo")
        sees(page, "Taken by the customer")
        shot(page, "order-proofs-390")
    (proof,) = proofs_of(counter, order)
    assert proof["signature"]["strokes"]
