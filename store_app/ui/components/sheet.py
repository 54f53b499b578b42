"""Sheets and dialogs: something small to decide, on top of where you are."""

from collections.abc import Sequence

import flet as ft

from store_app.ui.components.buttons import button
from store_app.ui.components.pressable import OnClick
from store_app.ui.components.text import text
from store_app.ui.texts import t
from store_app.ui.theme import Color, Space, Tone, Type


def sheet(
    title: str, controls: Sequence[ft.Control], on_dismiss: OnClick, action: ft.Control | None = None
) -> ft.BottomSheet:
    """A sheet from below. Show it with `ft.use_dialog(sheet(...) if open else None)`."""
    body = [text(title, Type.TITLE, heading=True), *controls]
    if action is not None:
        body.append(ft.Row([action]))
    return ft.BottomSheet(
        content=ft.Container(
            ft.Column(body, spacing=Space.L, tight=True),
            padding=ft.Padding(left=Space.XL, top=0, right=Space.XL, bottom=Space.XL),
        ),
        show_drag_handle=True,
        scrollable=True,
        use_safe_area=True,
        bgcolor=Color.CARD,
        on_dismiss=on_dismiss,
    )


def confirm(
    title: str,
    detail: str,
    yes: str,
    on_yes: OnClick,
    on_dismiss: OnClick,
    *,
    tone: Tone = Tone.INFO,
    no: str | None = None,
) -> ft.AlertDialog:
    """A question before something that is hard to take back. Show it with `ft.use_dialog(... if open else None)`."""
    return ft.AlertDialog(
        title=text(title, Type.TITLE),
        content=text(detail),
        modal=False,
        on_dismiss=on_dismiss,
        actions=[
            ft.Row(
                [
                    button(no or t("confirm.no"), on_dismiss, rank="secondary", expand=True),
                    button(yes, on_yes, tone=tone, expand=True),
                ],
                spacing=Space.M,
            )
        ],
    )
