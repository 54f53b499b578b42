"""A scanner that types, in a browser and on a device."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.barcodes import ScanKind, read
from store_app.scanning.wedge import MOST_KEYS, Wedge

US_SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))


def type_on_device(wedge: Wedge, text: str, end: str = "Enter") -> str | None:
    """What Flet reports where it sees keys: the key's own character and the shift flag."""
    for one in text:
        if one == "\x1d":
            wedge.feed("]", False, True)
        elif one in US_SHIFTED:
            wedge.feed(US_SHIFTED[one], True, False)
        else:
            wedge.feed(one.upper(), one.isupper(), False)
    return wedge.feed(end)


def type_in_browser(wedge: Wedge, text: str, end: str = "Enter") -> str | None:
    """What Flet reports in a browser: the character typed, letters in upper case."""
    for one in text:
        if one == "\x1d":
            wedge.feed("]", False, True)
        else:
            wedge.feed(one.upper(), one.isupper() or one in US_SHIFTED, False)
    return wedge.feed(end)


@given(st.lists(st.text(string.ascii_letters + string.digits + string.punctuation + " \x1d", min_size=1), max_size=4))
def test_every_code_comes_out_as_it_was_printed(codes: list[str]) -> None:
    device, browser = Wedge(), Wedge(browser=True)
    assert [type_on_device(device, code) for code in codes] == codes
    assert [type_in_browser(browser, code, "Tab") for code in codes] == codes


def test_nothing_is_a_scan_until_enter_or_tab() -> None:
    wedge = Wedge()
    assert [wedge.feed(digit) for digit in "4006381333931"] == [None] * 13
    assert wedge.pending == "4006381333931"
    assert wedge.feed("Enter") == "4006381333931"
    assert wedge.feed("Enter") is None
    assert wedge.feed("Tab") is None


@pytest.mark.parametrize(
    ("key", "ctrl"), [("Enter", False), ("Numpad Enter", False), ("Tab", False), ("M", True), ("J", True), ("I", True)]
)
def test_every_form_of_enter_and_tab_ends_a_scan(key: str, ctrl: bool) -> None:
    wedge = Wedge()
    wedge.feed("1")
    assert wedge.feed(key, False, ctrl) == "1"


def test_the_number_pad_types_too() -> None:
    wedge = Wedge()
    for key in ("Numpad 4", "Numpad 2", "Numpad Decimal", "Numpad Subtract", "Numpad Divide", "Space", " "):
        wedge.feed(key)
    assert wedge.feed("Numpad Enter") == "42.-/  "


def test_keys_that_type_nothing_leave_the_scan_alone() -> None:
    wedge = Wedge()
    for key in ("1", "F8", "Caps Lock", "Arrow Left", "Shift Left", "Alt Graph", "", "2"):
        wedge.feed(key)
    wedge.feed("C", False, True)
    assert wedge.feed("Enter") == "12"


def test_backspace_takes_one_back_and_escape_all() -> None:
    wedge = Wedge()
    for key in ("1", "2", "Backspace", "3"):
        wedge.feed(key)
    assert wedge.pending == "13"
    wedge.feed("Escape")
    assert wedge.feed("Enter") is None


def test_alt_and_a_number_is_a_character() -> None:
    wedge = Wedge()
    wedge.feed("1")
    for key in ("Numpad 0", "Numpad 0", "Numpad 2", "Numpad 9", "F1"):
        wedge.feed(key, alt=True)
    wedge.feed("2")
    assert wedge.feed("Enter") == "1\x1d2"


def test_alt_gr_types_a_character() -> None:
    wedge = Wedge(browser=True)
    for key in ("]", "{"):
        wedge.feed(key, ctrl=True, alt=True)
    assert wedge.feed("Enter") == "]{"


def test_a_browser_on_another_layout_types_what_it_says() -> None:
    wedge = Wedge(browser=True)
    for key in ("/", "=", ";"):
        wedge.feed(key, True)
    assert wedge.feed("Enter") == "/=;"


def test_a_key_held_down_by_a_dropped_book_does_not_fill_the_memory() -> None:
    wedge = Wedge()
    for _ in range(3 * MOST_KEYS):
        wedge.feed("A")
    assert len(wedge.pending) <= MOST_KEYS


def test_a_typed_gs1_code_and_a_typed_badge_are_understood() -> None:
    scan = type_on_device(Wedge(), "]C10109506000134352" + "10ab\x1d17270228")
    assert scan is not None
    assert (read(scan).gtin, read(scan).lot) == ("09506000134352", "ab")
    badge = type_in_browser(Wedge(browser=True), "BTN:B:ANNA")
    assert badge is not None
    assert read(badge).kind is ScanKind.BADGE
