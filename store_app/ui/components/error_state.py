"""What stands where something could not be shown: what happened, and a way on."""

import flet as ft

from store_app.ui.components.buttons import button
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.pressable import OnClick
from store_app.ui.texts import t
from store_app.ui.theme import Tone


def error_state(title: str | None = None, detail: str | None = None, on_retry: OnClick | None = None) -> ft.Control:
    """Without words of its own it says that this part cannot be shown and that nothing is lost."""
    retry = button(t("error.retry"), on_retry, rank="secondary", icon=ft.Icons.REFRESH_ROUNDED) if on_retry else None
    return empty_state(
        title or t("error.title"), detail or t("error.detail"), ft.Icons.ERROR_OUTLINE_ROUNDED, retry, Tone.BAD
    )
