"""Choose one of a few: reasons, places, people. Each a whole row to press, the effect of choosing it said below."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flet as ft

from store_app.ui.components.pressable import pressable
from store_app.ui.components.text import muted, text
from store_app.ui.theme import TOUCH, Color, Radius, Space, Type


@dataclass(frozen=True)
class Option:
    """`detail` says what choosing it does."""

    code: str
    label: str
    detail: str = ""
    icon: ft.IconData | None = None


def choice(options: Sequence[Option], chosen: str | None, on_choose: Callable[[str], None]) -> ft.Control:
    """A list of rows with the chosen one marked by colour, border and tick."""
    return ft.Column(
        [_row(option, option.code == chosen, on_choose) for option in options], spacing=Space.S, tight=True
    )


def _row(option: Option, chosen: bool, on_choose: Callable[[str], None]) -> ft.Control:
    ink = Color.ON_PRIMARY_SOFT if chosen else Color.INK
    words: list[ft.Control] = [text(option.label, Type.STRONG, ink)]
    if option.detail:
        words.append(muted(option.detail, Type.LABEL))
    mark = ft.Icons.CHECK_CIRCLE_ROUNDED if chosen else (option.icon or ft.Icons.CIRCLE_OUTLINED)
    row = ft.Row(
        [
            ft.Icon(mark, size=26, color=Color.PRIMARY if chosen else Color.EDGE),
            ft.Column(words, spacing=2, tight=True, expand=True),
        ],
        spacing=Space.M,
    )
    return pressable(
        ft.Container(row, height=None),
        ", ".join(filter(None, (option.label, option.detail))),
        lambda: on_choose(option.code),
        selected=chosen,
        radius=Radius.TILE,
        bgcolor=Color.PRIMARY_SOFT if chosen else Color.CARD,
        border=ft.Border.all(2 if chosen else 1, Color.PRIMARY if chosen else Color.LINE),
        padding=ft.Padding.symmetric(horizontal=Space.L, vertical=(TOUCH - 24) / 2),
    )


def filters(options: Sequence[Option], chosen: str, on_choose: Callable[[str], None]) -> ft.Control:
    """One row of pills that scrolls sideways: which part of a list to show."""
    pills = [_pill(option, option.code == chosen, on_choose) for option in options]
    return ft.Row(list[ft.Control](pills), spacing=Space.S, scroll=ft.ScrollMode.HIDDEN)


def _pill(option: Option, chosen: bool, on_choose: Callable[[str], None]) -> ft.Control:
    ink = ft.Colors.ON_INVERSE_SURFACE if chosen else Color.INK
    parts: list[ft.Control] = [ft.Icon(option.icon, size=20, color=ink)] if option.icon else []
    return pressable(
        ft.Row([*parts, text(option.label, Type.LABEL, ink)], spacing=6, tight=True),
        option.label,
        lambda: on_choose(option.code),
        selected=chosen,
        radius=Radius.CHIP,
        bgcolor=ft.Colors.INVERSE_SURFACE if chosen else Color.CARD,
        border=ft.Border.all(1, ft.Colors.INVERSE_SURFACE if chosen else Color.LINE),
        padding=ft.Padding.symmetric(horizontal=Space.L),
        height=TOUCH,
    )
