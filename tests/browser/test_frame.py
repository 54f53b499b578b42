"""The frame and its parts in a real browser, on the gallery's sample values."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.film import film_of, switches
from tests.browser.harness import (
    LANDSCAPE,
    PHONE,
    TABLET,
    browser,
    find,
    opened,
    press,
    ready,
    sees,
    served,
    shot,
    show,
    until,
    wedge,
)

pytestmark = pytest.mark.browser
ROUTES = {"today": "/", "work": "/work/B-1051-3D", "stock": "/stock", "orders": "/orders", "more": "/more"}
JUMPER = "4006381333931"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose camera looks at the jumper's barcode."""
    film = tmp_path_factory.mktemp("camera") / "barcode.y4m"
    film_of(JUMPER, film)
    with browser(*switches(film)) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gallery")


@pytest.fixture(scope="module")
def gallery(folder: Path) -> Iterator[str]:
    with served("--gallery", data=folder) as address:
        yield address


@pytest.fixture(scope="module")
def phone(chromium: Browser, gallery: str) -> Iterator[Page]:
    """One page that tests lead where they need it; those that change the sample state open their own."""
    with opened(chromium, gallery) as page:
        yield page


def test_a_screen_reader_finds_where_it_is_and_where_it_can_go(phone: Page, gallery: str) -> None:
    show(phone, gallery + "/")
    for name in ("Today", "Stock", "Orders", "More", "Start next", "Scan with the camera", "Online"):
        find(phone, "button", name, exact=True).wait_for()
    find(phone, "button", "Marie Laurent is signed in. Switch").wait_for()
    find(phone, "heading", "Today").wait_for()
    sees(phone, "Lyon Part-Dieu")
    sees(phone, "Pick 5 units, Pickup, Jonas Okafor, B-1051-3D")


def test_a_tab_leads_to_its_screen_and_the_browser_leads_back(phone: Page, gallery: str) -> None:
    show(phone, gallery + "/")
    press(phone, "Stock", exact=True)
    sees(phone, "Available to promise")
    assert phone.url.endswith("/stock")
    phone.go_back()
    sees(phone, "Start next")


def test_an_address_nobody_answers_shows_the_way_home(phone: Page, gallery: str) -> None:
    show(phone, gallery + "/no/such/place")
    press(phone, "Go to Today")
    sees(phone, "Start next")


def test_a_scan_is_heard_with_nothing_focused(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, ROUTES["work"]) as page:
        sees(page, "0 scanned")
        wedge(page, JUMPER)
        sees(page, "Right: Merino crew-neck jumper, Navy, M 1 of 3 picked")
        wedge(page, "Ab-9|{GS}x")
        sees(page, "Wrong: Ab-9|{GS}x is not in this job Wanted: Merino crew-neck jumper")


def test_twenty_scans_in_one_go_are_twenty_scans(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, ROUTES["work"]) as page:
        sees(page, "0 scanned")
        for _ in range(20):
            wedge(page, JUMPER)
        sees(page, "Done, 20 scanned")


def test_the_enter_of_a_scan_does_not_press_the_last_button_again(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, "/stock") as page:
        press(page, "More: Quantity")
        sees(page, "Quantity: 4")
        wedge(page, JUMPER)
        press(page, "More: Quantity")
        sees(page, "Quantity: 5")


def test_typing_into_a_field_is_not_scanning(phone: Page, gallery: str) -> None:
    show(phone, gallery + "/work/B-1051-3D")
    wedge(phone, JUMPER)
    sees(phone, "Done, 1 scanned")
    show(phone, gallery + "/stock")
    phone.wait_for_timeout(500)
    find(phone, "textbox", "Item, code or bin").click()
    phone.wait_for_timeout(300)
    phone.keyboard.type("jumper")
    until(lambda: find(phone, "textbox", "Item, code or bin").input_value() == "jumper", "the field to be filled")


def test_a_sheet_offers_reasons_and_says_what_each_does(phone: Page, gallery: str) -> None:
    show(phone, gallery + "/more")
    press(phone, "Report short", exact=True)
    press(phone, "Damaged, Moves 1 to damaged")
    sees(phone, "Why is it short?")
    find(phone, "button", "Report short").click()
    until(lambda: phone.get_by_text("Why is it short?").count() == 0, "the sheet to close")


def test_a_pin_is_typed_on_the_pad(phone: Page, gallery: str) -> None:
    show(phone, gallery + "/sign-in")
    for digit in "123":
        press(phone, digit, exact=True)
    sees(phone, "3 of 4 digits typed")
    press(phone, "4", exact=True)
    sees(phone, "That PIN is not right")


def test_a_tablet_shows_the_list_beside_its_detail(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, ROUTES["work"], LANDSCAPE) as page:
        wilhelmina = find(page, "button", re.compile("Wilhelmina")).bounding_box()
        milk = find(page, "group", re.compile("Organic whole milk")).or_(
            find(page, "button", re.compile("Organic whole milk"))
        )
        box = milk.bounding_box()
        assert wilhelmina is not None
        assert box is not None
        assert wilhelmina["x"] + wilhelmina["width"] <= box["x"]


def test_the_pill_tells_what_the_network_does(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, "/more") as page:
        press(page, "Offline, 7 waiting", exact=True)
        sees(page, "Offline since 11:42 AM, 7 waiting")
        press(page, "Needs you", exact=True)
        sees(page, "Needs you: 1")


def test_arabic_is_read_from_the_right(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, "/more") as page:
        press(page, "Arabic", exact=True)
        sees(page, "اليوم")
        today = find(page, "button", "اليوم").bounding_box()
        more = find(page, "button", "المزيد").bounding_box()
        assert today is not None
        assert more is not None
        assert today["x"] > more["x"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system(chromium: Browser, gallery: str, scheme: str, tmp_path: Path) -> None:
    with opened(chromium, gallery, "/", scheme="dark" if scheme == "dark" else "light") as page:
        sees(page, "Start next")
        picture = Image.open(shot(page, scheme, tmp_path)).convert("L")
        corner = picture.getpixel((2, 120))
        assert isinstance(corner, int | float)
        assert (corner < 60) == (scheme == "dark")


@pytest.mark.parametrize("size", ["phone", "tablet"])
def test_everything_that_can_be_pressed_is_big_enough_for_a_thumb(chromium: Browser, gallery: str, size: str) -> None:
    with opened(chromium, gallery, "/", PHONE if size == "phone" else TABLET) as page:
        for name, route in ROUTES.items():
            show(page, gallery + route)
            find(page, "button", "Today", exact=True).wait_for()
            shot(page, f"gallery-{name}-{size}")
            assert small_buttons(page) == []


def small_buttons(page: Page) -> list[str]:
    """Buttons on the screen that are less than 48 dp in width or height, cut off by the edge not counted."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('flt-semantics[role=button]')]
        .map(e => [e.getBoundingClientRect(), e.getAttribute('aria-label') || e.innerText])
        .filter(([r]) => r.right < innerWidth && r.bottom < innerHeight && (r.width < 47.5 || r.height < 47.5))
        .map(([r, name]) => `${name}: ${r.width} x ${r.height}`)"""
    )
    return found


def test_a_reload_is_the_same_device_and_another_profile_is_not(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery) as page, opened(chromium, gallery) as stranger:
        slot = slot_of(page)
        page.reload()
        ready(page)
        assert slot_of(page) == slot
        assert slot_of(stranger) != slot


def slot_of(page: Page) -> str:
    """The device slot this browser profile keeps."""
    sees(page, "Start next")
    kept: str | None = page.evaluate("localStorage.getItem('flutter.baton.slot')")
    assert kept is not None
    assert re.fullmatch(r'"[0-9a-f]{32}"', kept)
    return kept


def test_the_page_asks_nobody_but_the_store(chromium: Browser, gallery: str) -> None:
    asked: list[str] = []
    context = chromium.new_context(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(gallery + "/orders")
    ready(page)
    sees(page, "Nothing is waiting")
    context.close()
    outside = [url for url in asked if not url.startswith((gallery, "data:", "blob:"))]
    # Flet asks a CDN for its player of Rive animations even with no_cdn; the app has none and does without.
    assert [url for url in outside if "rive_native" not in url] == []


def test_the_camera_reads_a_barcode_held_before_it(chromium: Browser, gallery: str) -> None:
    with opened(chromium, gallery, ROUTES["work"], permissions=["camera"]) as page:
        press(page, "Scan with the camera")
        sees(page, "Right: Merino crew-neck jumper, Navy, M 1 of 3 picked")
        page.wait_for_timeout(1500)
        sees(page, "Done, 1 scanned")
        press(page, "Close the camera")
        find(page, "button", "Scan with the camera").wait_for()


def test_no_part_failed_to_be_drawn(folder: Path, gallery: str) -> None:
    assert (folder / "store_app.log").read_text(encoding="utf-8") == ""
