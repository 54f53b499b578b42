"""What a list shows when there is nothing in it: good news or the next step, never a bare screen."""

import flet as ft

from store_app.ui.components.icon_tile import icon_tile
from store_app.ui.components.text import text
from store_app.ui.theme import Color, Space, Tone, Type


def empty_state(
    title: str,
    detail: str = "",
    icon: ft.IconData = ft.Icons.DONE_ALL_ROUNDED,
    action: ft.Control | None = None,
    tone: Tone = Tone.NEUTRAL,
) -> ft.Control:
    """Icon, sentence, and perhaps one button."""
    parts: list[ft.Control] = [
        icon_tile(icon, tone, 72),
        text(title, Type.HEADING, align=ft.TextAlign.CENTER),
    ]
    if detail:
        parts.append(text(detail, Type.BODY, Color.MUTED, align=ft.TextAlign.CENTER))
    if action is not None:
        parts.append(ft.Container(action, padding=ft.Padding(top=Space.S)))
    column = ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER)
    return ft.Container(
        column, padding=ft.Padding.symmetric(horizontal=Space.XL, vertical=Space.XXL), alignment=ft.Alignment.CENTER
    )
