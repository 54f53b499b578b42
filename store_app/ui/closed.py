"""What a window shows when the device's keys do not open: there is no engine then, and so there are no screens."""

from collections.abc import Callable

import flet as ft

from store_app.ui.components.buttons import button
from store_app.ui.components.empty_state import empty_state
from store_app.ui.texts import t
from store_app.ui.theme import Tone


def show_closed(page: ft.Page, again: Callable[[], object]) -> None:
    """One sentence and one button, which calls `again`."""

    def pressed() -> None:
        page.clean()
        again()

    way = button(t("keys.try"), pressed, icon=ft.Icons.LOCK_OPEN_ROUNDED)
    said = empty_state(t("keys.closed"), t("keys.closed_detail"), ft.Icons.LOCK_ROUNDED, way, Tone.WARN)
    page.add(ft.SafeArea(said, expand=True))
