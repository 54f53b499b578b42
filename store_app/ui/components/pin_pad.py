"""A pad for a PIN: big keys, dots instead of digits, and nothing sent before the last digit."""

from collections.abc import Callable

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.pressable import OnClick, pressable
from store_app.ui.components.text import text
from store_app.ui.texts import t
from store_app.ui.theme import Color, Radius, Space, Type

KEY = 72


@component
def pin_pad(on_done: Callable[[str], None], length: int = 4, error: str | None = None) -> ft.Control:
    """Calls `on_done` with the whole PIN, then starts afresh. `error` is said above the keys."""
    digits, set_digits = ft.use_state("")

    def press(digit: str) -> None:
        typed = digits + digit
        set_digits("" if len(typed) >= length else typed)
        if len(typed) >= length:
            on_done(typed)

    rows = [_row([_digit(str(n), press) for n in range(first, first + 3)]) for first in (1, 4, 7)]
    clear = _key(text(t("pin.clear"), Type.LABEL), t("pin.clear"), lambda: set_digits(""), filled=False)
    back = _key(
        ft.Icon(ft.Icons.BACKSPACE_OUTLINED, size=26, color=Color.INK),
        t("pin.back"),
        lambda: set_digits(lambda typed: typed[:-1]),
        filled=False,
    )
    last = _row([clear, _digit("0", press), back])
    said = text(error or " ", Type.STRONG, ft.Colors.ERROR, align=ft.TextAlign.CENTER)
    return ft.Column(
        [_dots(len(digits), length), ft.Semantics(content=said, live_region=True), *rows, last],
        spacing=Space.M,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )


def _row(keys: list[ft.Control]) -> ft.Control:
    return ft.Row(keys, spacing=Space.L, tight=True, alignment=ft.MainAxisAlignment.CENTER)


def _dots(filled: int, length: int) -> ft.Control:
    dots = [
        ft.Container(
            width=18,
            height=18,
            border_radius=9,
            bgcolor=Color.PRIMARY if index < filled else ft.Colors.TRANSPARENT,
            border=ft.Border.all(2, Color.PRIMARY if index < filled else Color.EDGE),
        )
        for index in range(length)
    ]
    return ft.Semantics(
        content=ft.Row(list[ft.Control](dots), spacing=Space.L, tight=True),
        label=t("pin.typed", typed=filled, length=length),
        live_region=True,
        container=True,
    )


def _digit(digit: str, press: Callable[[str], None]) -> ft.Control:
    return _key(text(digit, Type.DISPLAY), digit, lambda: press(digit))


def _key(face: ft.Control, label: str, on_click: OnClick, *, filled: bool = True) -> ft.Control:
    return pressable(
        face,
        label,
        on_click,
        radius=Radius.CHIP,
        bgcolor=Color.CARD if filled else None,
        border=ft.Border.all(1, Color.LINE) if filled else None,
        width=KEY + 8,
        height=KEY,
        alignment=ft.Alignment.CENTER,
    )
