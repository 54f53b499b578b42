"""A field to type into. While it has the keys, typing is not scanning."""

from collections.abc import Callable

import flet as ft

from store_app.ui.component import component
from store_app.ui.hooks import use_app
from store_app.ui.theme import BUTTON, Color, Radius, Space, Type, text_style


@component
def field(
    label: str,
    value: str,
    on_change: Callable[[str], None],
    *,
    on_submit: Callable[[str], None] | None = None,
    icon: ft.IconData | None = None,
    keyboard: ft.KeyboardType = ft.KeyboardType.TEXT,
    secret: bool = False,
    focus: bool = False,
    error: str | None = None,
) -> ft.Control:
    """A labelled field of at least 56 dp; `on_submit` gets what stands in it when Enter is pressed."""
    scans = use_app().scans
    held: ft.MutableRef[bool] = ft.use_ref(False)

    def hold(on: bool) -> None:
        if bool(held.current) != on:
            held.current = on
            scans.typing(on)

    ft.use_effect(lambda: None, [], cleanup=lambda: hold(False))
    return ft.TextField(
        label=label,
        value=value,
        error=error,
        password=secret,
        autofocus=focus,
        keyboard_type=keyboard,
        prefix_icon=icon,
        text_style=text_style(Type.BODY),
        label_style=text_style(Type.BODY, Color.MUTED),
        border_radius=Radius.BUTTON,
        border_color=Color.EDGE,
        focused_border_color=Color.PRIMARY,
        filled=True,
        fill_color=Color.CARD,
        height=None if error else BUTTON + 4,
        content_padding=ft.Padding.symmetric(horizontal=Space.L, vertical=Space.L),
        on_change=lambda e: on_change(e.control.value or ""),
        on_submit=lambda e: on_submit(e.control.value or "") if on_submit else None,
        on_focus=lambda: hold(True),
        on_blur=lambda: hold(False),
    )


def search_field(
    label: str, value: str, on_change: Callable[[str], None], on_submit: Callable[[str], None] | None = None
) -> ft.Control:
    """A field with a glass: what it finds is shown while one types."""
    return field(label, value, on_change, on_submit=on_submit, icon=ft.Icons.SEARCH_ROUNDED)
