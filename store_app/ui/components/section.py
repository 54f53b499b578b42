"""A heading over a group of things, with a count and perhaps one quiet action."""

from collections.abc import Sequence

import flet as ft

from store_app.ui.components.text import muted, text
from store_app.ui.format import number
from store_app.ui.theme import Space, Type


def section_header(title: str, count: int | None = None, trailing: ft.Control | None = None) -> ft.Control:
    """The heading alone."""
    words: list[ft.Control] = [text(title, Type.HEADING, heading=True)]
    if count is not None:
        words.append(muted(number(count), Type.HEADING))
    row: list[ft.Control] = [ft.Row(words, spacing=Space.S, tight=True, expand=True)]
    return ft.Container(
        ft.Row([*row, *([trailing] if trailing else [])], vertical_alignment=ft.CrossAxisAlignment.CENTER),
        padding=ft.Padding(left=Space.XS, top=Space.M, right=Space.XS, bottom=0),
    )


def section(
    title: str, controls: Sequence[ft.Control], *, count: int | None = None, trailing: ft.Control | None = None
) -> ft.Control:
    """The heading and what it heads."""
    parts = [section_header(title, count, trailing), *controls]
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=stretch)
