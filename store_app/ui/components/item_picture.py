"""The picture of an item, or an icon of its kind when there is none."""

import flet as ft

from store_app.ui.theme import Color, Radius

CATEGORY_ICONS: dict[str, ft.IconData] = {
    "apparel": ft.Icons.CHECKROOM_ROUNDED,
    "shoes": ft.Icons.DIRECTIONS_RUN_ROUNDED,
    "grocery": ft.Icons.LOCAL_GROCERY_STORE_ROUNDED,
    "produce": ft.Icons.ECO_ROUNDED,
    "meat": ft.Icons.SET_MEAL_ROUNDED,
    "bakery": ft.Icons.BAKERY_DINING_ROUNDED,
    "drinks": ft.Icons.LOCAL_DRINK_ROUNDED,
    "frozen": ft.Icons.AC_UNIT_ROUNDED,
    "household": ft.Icons.CLEANING_SERVICES_ROUNDED,
    "beauty": ft.Icons.SPA_ROUNDED,
    "health": ft.Icons.MEDICATION_ROUNDED,
    "electronics": ft.Icons.DEVICES_ROUNDED,
    "toys": ft.Icons.TOYS_ROUNDED,
    "pet": ft.Icons.PETS_ROUNDED,
    "home": ft.Icons.CHAIR_ROUNDED,
}


def item_picture(category: str = "", src: str | bytes | None = None, size: float = 64) -> ft.Control:
    """A square; `src` is an address inside the app or the picture's bytes."""
    icon = ft.Icon(CATEGORY_ICONS.get(category, ft.Icons.INVENTORY_2_ROUNDED), size=size * 0.46, color=Color.MUTED)
    face = ft.Image(src=src, width=size, height=size, fit=ft.BoxFit.COVER, error_content=icon) if src else icon
    return ft.Container(
        content=face,
        width=size,
        height=size,
        bgcolor=Color.RAISED,
        border_radius=Radius.TILE,
        alignment=ft.Alignment.CENTER,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )
