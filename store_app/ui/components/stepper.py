"""A quantity between two big buttons."""

from collections.abc import Callable

import flet as ft

from store_app.ui.components.pressable import OnClick, pressable
from store_app.ui.components.text import text
from store_app.ui.texts import t
from store_app.ui.theme import BUTTON, Color, Radius, Space, Type


def stepper(
    value: int,
    on_change: Callable[[int], None],
    label: str,
    *,
    least: int = 0,
    most: int | None = None,
) -> ft.Control:
    """Minus, number, plus. `label` says what is counted; the ends stop the buttons."""
    fewer = (lambda: on_change(value - 1)) if value > least else None
    more = (lambda: on_change(value + 1)) if most is None or value < most else None
    number = ft.Semantics(
        content=ft.Container(text(str(value), Type.HUGE), width=96, alignment=ft.Alignment.CENTER),
        label=t("stepper.value", label=label, value=value),
        live_region=True,
        exclude_semantics=True,
        container=True,
    )
    return ft.Row(
        [
            _key(ft.Icons.REMOVE_ROUNDED, t("stepper.fewer", label=label), fewer),
            number,
            _key(ft.Icons.ADD_ROUNDED, t("stepper.more", label=label), more),
        ],
        spacing=Space.S,
        tight=True,
        vertical_alignment=ft.CrossAxisAlignment.CENTER,
    )


def _key(icon: ft.IconData, label: str, on_click: OnClick | None) -> ft.Control:
    alive = on_click is not None
    return pressable(
        ft.Icon(icon, size=28, color=Color.INK if alive else Color.EDGE),
        label,
        on_click,
        radius=Radius.BUTTON,
        bgcolor=Color.RAISED,
        border=ft.Border.all(1, Color.EDGE if alive else Color.LINE),
        width=BUTTON,
        height=BUTTON,
        alignment=ft.Alignment.CENTER,
    )
