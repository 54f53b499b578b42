"""A calm surface that holds what belongs together."""

import flet as ft

from store_app.ui.components.pressable import OnClick, pressable
from store_app.ui.theme import Color, Radius, Space


def card(
    content: ft.Control,
    *,
    on_click: OnClick | None = None,
    label: str | None = None,
    selected: bool = False,
    padding: ft.PaddingValue = Space.L,
) -> ft.Control:
    """A card; with a `label` it is one thing for a screen reader, with `on_click` too it can be pressed."""
    border = ft.Border.all(2 if selected else 1, Color.PRIMARY if selected else Color.LINE)
    if label is None:
        return ft.Container(
            content=content, bgcolor=Color.CARD, border=border, border_radius=Radius.CARD, padding=padding
        )
    return pressable(
        content, label, on_click, selected=selected or None, bgcolor=Color.CARD, border=border, padding=padding
    )
