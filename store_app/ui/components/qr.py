"""A code to be scanned from this screen: black on white in every theme, for a scanner does not know dark mode."""

import io

import flet as ft

from store_app.ui.theme import Radius, Space


def qr_picture(label: str, spoken: str, size: float = 240) -> ft.Control:
    """The label as a QR code; nothing at all where the part that draws it is not installed."""
    try:
        import segno
    except ImportError:
        return ft.Container(height=0)
    drawing = io.BytesIO()
    segno.make(label, error="m", micro=False).save(drawing, kind="png", scale=12, border=3)
    picture = ft.Image(src=drawing.getvalue(), width=size, height=size, filter_quality=ft.FilterQuality.NONE)
    ground = ft.Container(picture, bgcolor="#FFFFFF", border_radius=Radius.TILE, padding=Space.S)
    return ft.Semantics(content=ground, label=spoken, image=True, exclude_semantics=True)
