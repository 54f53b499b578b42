"""The one big button, and the quieter ones beside it."""

from typing import Literal

import flet as ft

from store_app.ui.components.pressable import OnClick, pressable
from store_app.ui.theme import BUTTON, TOUCH, Color, Radius, Space, Tone, Type, look, text_style

Rank = Literal["primary", "secondary", "quiet"]


def button(
    label: str,
    on_click: OnClick | None,
    *,
    rank: Rank = "primary",
    icon: ft.IconData | None = None,
    tone: Tone = Tone.INFO,
    expand: bool | int | None = None,
    disabled: bool = False,
) -> ft.Control:
    """A button of at least 56 dp. One `primary` per screen; `tone=Tone.BAD` for what cannot be undone."""
    return ft.FilledButton(
        content=label,
        icon=icon,
        on_click=on_click,
        disabled=disabled,
        expand=expand,
        style=_style(rank, tone),
    )


def _style(rank: Rank, tone: Tone) -> ft.ButtonStyle:
    colors = look(tone)
    ground = {"primary": colors.solid, "secondary": Color.CARD, "quiet": ft.Colors.TRANSPARENT}[rank]
    ink = colors.on_solid if rank == "primary" else colors.solid
    side = ft.BorderSide(1.5, Color.EDGE if rank == "secondary" else ft.Colors.TRANSPARENT)
    return ft.ButtonStyle(
        color={ft.ControlState.DISABLED: Color.MUTED, ft.ControlState.DEFAULT: ink},
        icon_color={ft.ControlState.DISABLED: Color.MUTED, ft.ControlState.DEFAULT: ink},
        bgcolor={ft.ControlState.DISABLED: Color.RAISED, ft.ControlState.DEFAULT: ground},
        side=side,
        elevation=0,
        shadow_color=ft.Colors.TRANSPARENT,
        icon_size=24,
        padding=ft.Padding.symmetric(horizontal=Space.L, vertical=(BUTTON - 22) / 2),
        shape=ft.RoundedRectangleBorder(radius=Radius.BUTTON),
        text_style=text_style(Type.STRONG),
    )


def icon_button(icon: ft.IconData, label: str, on_click: OnClick | None, *, color: str = Color.INK) -> ft.Control:
    """A round button with only a picture; `label` is what a screen reader says."""
    face = ft.Icon(icon, size=26, color=color)
    center = ft.Alignment.CENTER
    return pressable(face, label, on_click, radius=Radius.CHIP, width=TOUCH, height=TOUCH, alignment=center)
