"""Anything that can be pressed: a surface with a name for screen readers, at least 48 dp high."""

from collections.abc import Callable
from typing import Any

import flet as ft

from store_app.ui.theme import Radius

OnClick = Callable[..., Any]


def pressable(
    content: ft.Control,
    label: str,
    on_click: OnClick | None,
    *,
    selected: bool | None = None,
    radius: float = Radius.CARD,
    bgcolor: str | None = None,
    border: ft.Border | None = None,
    padding: ft.PaddingValue | None = None,
    width: float | None = None,
    height: float | None = None,
    alignment: ft.Alignment | None = None,
    expand: bool | int | None = None,
) -> ft.Control:
    """Wrap content so that a tap or a screen reader's press calls `on_click`; without it, it only has a name."""
    surface = ft.Container(
        content=content,
        ink=on_click is not None,
        on_click=on_click,
        border_radius=radius,
        bgcolor=bgcolor,
        border=border,
        padding=padding,
        width=width,
        height=height,
        alignment=alignment,
    )
    return ft.Semantics(
        content=surface,
        label=label,
        button=on_click is not None,
        selected=selected,
        container=True,
        exclude_semantics=True,
        on_tap=on_click,
        expand=expand,
    )
