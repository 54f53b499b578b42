"""A square with an icon: the face of a way to fulfil, a category, a kind of task."""

import flet as ft

from store_app.ui.theme import Radius, Tone, look


def icon_tile(icon: ft.IconData, tone: Tone = Tone.NEUTRAL, size: float = 48) -> ft.Control:
    """Decoration only: what it stands for is said in words beside it."""
    colors = look(tone)
    return ft.Container(
        content=ft.Icon(icon, size=size * 0.54, color=colors.ink),
        width=size,
        height=size,
        bgcolor=colors.ground,
        border_radius=Radius.TILE,
        alignment=ft.Alignment.CENTER,
    )


METHOD_ICONS: dict[str, ft.IconData] = {
    "ship_from_store": ft.Icons.LOCAL_SHIPPING_ROUNDED,
    "pickup": ft.Icons.SHOPPING_BAG_ROUNDED,
    "curbside": ft.Icons.DIRECTIONS_CAR_ROUNDED,
    "ship_to_store": ft.Icons.STORE_ROUNDED,
    "locker": ft.Icons.LOCK_ROUNDED,
    "transfer": ft.Icons.SWAP_HORIZ_ROUNDED,
    "warehouse": ft.Icons.WAREHOUSE_ROUNDED,
    "count": ft.Icons.FACT_CHECK_ROUNDED,
    "receive": ft.Icons.MOVE_TO_INBOX_ROUNDED,
    "return": ft.Icons.ASSIGNMENT_RETURN_ROUNDED,
}


def method_icon(method: str) -> ft.IconData:
    """The icon for a way of fulfilling or a kind of task; a box for one nobody has drawn yet."""
    return METHOD_ICONS.get(method, ft.Icons.INVENTORY_2_ROUNDED)
