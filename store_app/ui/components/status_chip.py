"""A short status: an icon, a word, and a colour that repeats what they say."""

import flet as ft

from store_app.ui.components.text import text
from store_app.ui.theme import TONE_ICONS, Radius, Space, Tone, Type, look


def status_chip(label: str, tone: Tone = Tone.NEUTRAL, icon: ft.IconData | None = None) -> ft.Control:
    """A pill that says how something stands."""
    colors = look(tone)
    mark = ft.Icon(icon or TONE_ICONS[tone], size=18, color=colors.ink)
    return ft.Container(
        content=ft.Row(
            [mark, text(label, Type.LABEL, colors.ink, lines=1)],
            spacing=6,
            tight=True,
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        ),
        bgcolor=colors.ground,
        border_radius=Radius.CHIP,
        padding=ft.Padding(left=10, top=5, right=Space.M, bottom=5),
    )
