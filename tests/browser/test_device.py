"""The app as it is packaged, started from the folder that `flet build` packages.

Flutter draws it on a real device; here a browser does, through Flet's own switch for that. The process, its files, the
way it learns where its server is, and its assets are those of a device.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page

from device.stage import stage
from shared.barcodes import enrolment_label, split_enrolment
from store_app.device import STORAGE
from tests.browser.harness import find, free_port, opened, press, running, sees, shot, show, until, wedge
from tests.browser.shop_floor import Floor

pytestmark = pytest.mark.browser


@contextmanager
def started(bundle: Path, files: Path, port: int) -> Iterator[str]:
    """The app's process, as the app is opened. The browser is the platform: its storage at this address is the key
    store."""
    told = {"FLET_FORCE_WEB_SERVER": "true", "FLET_SERVER_PORT": str(port), STORAGE: str(files)}
    with running(["main.py"], port, files, cwd=bundle, more=told) as address:
        yield address


def test_a_packaged_app_learns_its_server_from_the_code_and_finds_its_store_again(
    shop_floor: Floor, chrome: Browser, tmp_path: Path
) -> None:
    bundle, port = stage(tmp_path / "bundle"), free_port()
    server = f"http://{shop_floor.site.host}:{shop_floor.site.port}"
    with ExitStack() as profile:
        with started(bundle, tmp_path, port) as app:
            page = profile.enter_context(opened(chrome, app))
            font = urlopen(f"{app}/fonts/BatonSans.ttf").read()
            assert font == (bundle / "assets" / "fonts" / "BatonSans.ttf").read_bytes()
            sees(page, "Welcome to Baton")
            wedge(page, shop_floor.new_code())
            sees(page, re.compile("Where is the server"))
            wedge(page, enrolment_label(split_enrolment(shop_floor.new_code())[0], server))
            sees(page, shop_floor.person)
            wedge(page, shop_floor.badge)
            sees(page, re.compile("Start next|All done"))
        assert (tmp_path / "store" / "server.txt").read_text(encoding="utf-8").strip() == server
        assert [file.name for file in (tmp_path / "store").glob("device.*")] == ["device.sealed"]
        with started(bundle, tmp_path, port) as app:
            show(page, app)
            sees(page, shop_floor.person)
            wedge(page, shop_floor.badge)
            sees(page, re.compile("Start next|All done"))
        with started(bundle, tmp_path, port) as app:
            locked(page, app)
            shot(page, "device-keys-locked")
            page.evaluate("Object.assign(localStorage, window.kept)")
            press(page, "Try again")
            sees(page, shop_floor.person)


def locked(page: Page, app: str) -> None:
    """The app is opened while the key store gives nothing it can use."""
    page.evaluate("localStorage.setItem('aside', JSON.stringify({...localStorage}))")
    page.evaluate("Object.keys(localStorage).filter(k => /Storage/.test(k)).forEach(k => localStorage[k] = 'AAAA')")
    page.goto(app)
    page.evaluate("window.kept = JSON.parse(localStorage.getItem('aside'))")
    page.wait_for_selector("flt-semantics-placeholder", state="attached")
    page.evaluate("document.querySelector('flt-semantics-placeholder').click()")
    sees(page, "The keys of this device are locked")


def typed(page: Page, label: str, value: str) -> None:
    """Go to a field and type, key by key."""
    find(page, "textbox", label).click()
    page.wait_for_timeout(300)
    page.keyboard.type(value, delay=20)
    until(lambda: find(page, "textbox", label).input_value() == value, f"{label} to be typed")


def test_the_address_of_the_server_can_be_typed(shop_floor: Floor, chrome: Browser, tmp_path: Path) -> None:
    bundle = stage(tmp_path / "bundle")
    with started(bundle, tmp_path, free_port()) as app, opened(chrome, app) as page:
        typed(page, "Enrolment code", split_enrolment(shop_floor.new_code())[0])
        typed(page, "Address of the server", f"{shop_floor.site.host}:{shop_floor.site.port}")
        press(page, "Connect")
        sees(page, shop_floor.person)
