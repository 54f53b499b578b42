"""The foot of a screen: the one next action, and beside it the scan button."""

import flet as ft

from store_app.ui.components.scan_button import scan_button
from store_app.ui.theme import Color, Space


def action_bar(action: ft.Control, *, with_scan: bool, left_handed: bool = False) -> ft.Control:
    """The action takes what room there is; the scan button lies on the side of the thumb."""
    parts: list[ft.Control] = [ft.Container(action, expand=True)]
    if with_scan:
        parts.insert(0 if left_handed else 1, scan_button())
    return ft.Container(
        ft.Row(parts, spacing=Space.M),
        bgcolor=Color.PAPER,
        border=ft.Border(top=ft.BorderSide(1, Color.LINE)),
        padding=ft.Padding.symmetric(horizontal=Space.L, vertical=Space.M),
    )
