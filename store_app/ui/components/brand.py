"""Baton's mark: two strokes that pass something on."""

import flet as ft

from store_app.ui.theme import Color


def brand_mark(size: float = 40) -> ft.Control:
    """A rounded square with a baton handed from one stroke to the next."""
    bar = size * 0.13
    lower = _stroke(size * 0.34, bar, left=size * 0.22, top=size * 0.56, opacity=0.55)
    upper = _stroke(size * 0.46, bar, left=size * 0.34, top=size * 0.35, opacity=1)
    return ft.Container(
        ft.Stack([lower, upper], width=size, height=size),
        width=size,
        height=size,
        bgcolor=Color.PRIMARY,
        border_radius=size * 0.3,
    )


def _stroke(width: float, height: float, *, left: float, top: float, opacity: float) -> ft.Control:
    return ft.Container(
        width=width,
        height=height,
        left=left,
        top=top,
        bgcolor=Color.ON_PRIMARY,
        border_radius=height / 2,
        opacity=opacity,
        rotate=ft.Rotate(-0.55),
    )
