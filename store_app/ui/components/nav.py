"""Where one can go: a bar at the bottom of a phone, a rail at the side of a tablet."""

from dataclasses import dataclass

import flet as ft

from store_app.ui.components.brand import brand_mark
from store_app.ui.components.pressable import pressable
from store_app.ui.components.scan_button import scan_button
from store_app.ui.components.text import text
from store_app.ui.hooks import opener
from store_app.ui.texts import t
from store_app.ui.theme import Color, Radius, Space, Type

RAIL_WIDTH = 108


@dataclass(frozen=True)
class Tab:
    """One destination; its name is the sentence `nav.<code>`."""

    code: str
    route: str
    icon: ft.IconData
    chosen_icon: ft.IconData


TABS = (
    Tab("today", "/", ft.Icons.WB_SUNNY_OUTLINED, ft.Icons.WB_SUNNY_ROUNDED),
    Tab("stock", "/stock", ft.Icons.INVENTORY_2_OUTLINED, ft.Icons.INVENTORY_2_ROUNDED),
    Tab("orders", "/orders", ft.Icons.RECEIPT_LONG_OUTLINED, ft.Icons.RECEIPT_LONG_ROUNDED),
    Tab("more", "/more", ft.Icons.MORE_HORIZ_ROUNDED, ft.Icons.MORE_HORIZ_ROUNDED),
)


def bottom_bar(here: str) -> ft.Control:
    """Four tabs under the thumb."""
    return ft.Container(
        ft.Row([_tab(tab, tab.code == here, expand=True) for tab in TABS], spacing=0),
        bgcolor=Color.CARD,
        border=ft.Border(top=ft.BorderSide(1, Color.LINE)),
        padding=ft.Padding.symmetric(horizontal=Space.S, vertical=Space.XS),
    )


def rail(here: str) -> ft.Control:
    """The same four down the side, with the scan button at the foot."""
    tabs = [_tab(tab, tab.code == here) for tab in TABS]
    return ft.Container(
        ft.Column(
            [
                ft.Container(brand_mark(44), padding=ft.Padding(top=Space.M, bottom=Space.L)),
                *tabs,
                ft.Container(expand=True),
                scan_button(size=72),
            ],
            spacing=Space.XS,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        ),
        width=RAIL_WIDTH,
        bgcolor=Color.CARD,
        border=ft.Border(right=ft.BorderSide(1, Color.LINE)),
        padding=ft.Padding.symmetric(horizontal=Space.S, vertical=Space.L),
    )


def _tab(tab: Tab, chosen: bool, expand: bool | None = None) -> ft.Control:
    ink = Color.PRIMARY if chosen else Color.MUTED
    face = ft.Column(
        [
            ft.Icon(tab.chosen_icon if chosen else tab.icon, size=26, color=ink),
            text(t(f"nav.{tab.code}"), Type.LABEL, ink, lines=1),
        ],
        spacing=2,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )
    return pressable(
        face,
        t(f"nav.{tab.code}"),
        opener(tab.route),
        selected=chosen,
        radius=Radius.TILE,
        bgcolor=Color.PRIMARY_SOFT if chosen and not expand else None,
        padding=ft.Padding.symmetric(vertical=6),
        alignment=ft.Alignment.CENTER,
        width=None if expand else 92,
        expand=expand,
    )
