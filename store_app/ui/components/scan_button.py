"""The button that opens the camera, on every screen. A wedge scanner needs no button."""

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.pressable import pressable
from store_app.ui.hooks import use_app, use_watch
from store_app.ui.texts import t
from store_app.ui.theme import BUTTON, Color, Radius, lifted


@component
def scan_button(size: float = BUTTON, floating: bool = False) -> ft.Control:
    """Turns the camera sheet on and off."""
    camera = use_app().camera
    on = use_watch(camera.subscribe, lambda: camera.on)
    face = ft.Container(
        ft.Icon(ft.Icons.CLOSE_ROUNDED if on else ft.Icons.QR_CODE_SCANNER_ROUNDED, size=size * 0.48, color=_ink(on)),
        alignment=ft.Alignment.CENTER,
    )
    key = pressable(
        face,
        t("scan.close") if on else t("scan.open"),
        lambda: camera.flip(not on),
        radius=Radius.BUTTON + 4,
        bgcolor=Color.PRIMARY_SOFT if on else ft.Colors.INVERSE_SURFACE,
        width=size,
        height=size,
    )
    if not floating:
        return key
    return ft.Container(key, border_radius=Radius.BUTTON + 4, shadow=lifted())


def _ink(on: bool) -> str:
    return Color.ON_PRIMARY_SOFT if on else ft.Colors.ON_INVERSE_SURFACE
