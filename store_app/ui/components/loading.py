"""What stands where something is on its way."""

import flet as ft

from store_app.ui.components.text import text
from store_app.ui.texts import t
from store_app.ui.theme import Color, Space, Type


def loading(label: str | None = None) -> ft.Control:
    """A ring and what is waited for: the camera or the server, for the local store answers at once."""
    words = label or t("loading")
    column = ft.Column(
        [
            ft.ProgressRing(width=36, height=36, stroke_width=4, color=Color.PRIMARY, semantics_label=words),
            text(words, Type.BODY, Color.MUTED, align=ft.TextAlign.CENTER),
        ],
        spacing=Space.L,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )
    return ft.Container(column, padding=Space.XXL, alignment=ft.Alignment.CENTER)
