"""A list beside its detail where there is room, one of the two where there is not."""

from collections.abc import Sequence

import flet as ft

from store_app.ui.component import component
from store_app.ui.hooks import use_width
from store_app.ui.theme import WIDE, Color, Space

LIST_WIDTH = 380


def scroller(controls: Sequence[ft.Control], *, expand: bool = True) -> ft.Control:
    """A column that scrolls, with room at its end so that nothing hides under a button."""
    return ft.ListView(
        controls=list(controls),
        spacing=Space.M,
        padding=ft.Padding(left=Space.L, top=Space.S, right=Space.L, bottom=Space.XL),
        expand=expand,
    )


@component
def list_detail(
    items: Sequence[ft.Control],
    detail: Sequence[ft.Control] | None,
    nothing_chosen: ft.Control | None = None,
    foot: ft.Control | None = None,
) -> ft.Control:
    """On a phone the detail replaces the list; on a tablet they stand side by side, `foot` under the detail."""
    width = use_width()
    if width < WIDE:
        return scroller(items if detail is None else detail)
    empty = ft.Container(nothing_chosen, alignment=ft.Alignment.CENTER, expand=True)
    shown = scroller(detail) if detail is not None else empty
    right = ft.Column([shown, *([foot] if foot else [])], spacing=0, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    narrow = min(LIST_WIDTH, width * 0.42)
    return ft.Row(
        [
            ft.Container(scroller(items), width=narrow),
            ft.VerticalDivider(width=1, thickness=1, color=Color.LINE),
            ft.Container(right, expand=True),
        ],
        spacing=0,
        expand=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )
