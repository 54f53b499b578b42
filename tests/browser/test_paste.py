"""A copied code is scanned with Ctrl+V, by those who have no scanner."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.harness import find, opened, sees, served, show, until

pytestmark = pytest.mark.browser
JUMPER = "4006381333931"
CLIPBOARD = ("clipboard-read", "clipboard-write")


def test_a_copied_code_is_scanned_and_a_field_takes_it_as_text(chrome: Browser, tmp_path: Path) -> None:
    with (
        served("--gallery", data=tmp_path) as gallery,
        opened(chrome, gallery, "/work/B-1051-3D", permissions=CLIPBOARD) as page,
    ):
        page.evaluate("code => navigator.clipboard.writeText(code)", f" {JUMPER}\n")
        page.keyboard.press("Control+v")
        sees(page, "Done, 1 scanned")
        show(page, gallery + "/stock")
        page.wait_for_timeout(500)
        page.evaluate("code => navigator.clipboard.writeText(code)", "jumper")
        field = find(page, "textbox", "Item, code or bin")
        field.click()
        page.wait_for_timeout(300)
        page.keyboard.press("Control+v")
        until(lambda: find(page, "textbox", "Item, code or bin").input_value() == "jumper", "the text to be pasted")
