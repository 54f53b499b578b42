"""The line in hand, big enough to read while walking, and the lines that were taken already."""

from collections.abc import Callable

import flet as ft

from store_app.engine.picking import PickStep
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.line_row import amount, line_row, spoken
from store_app.ui.components.text import muted, text
from store_app.ui.notices import engine
from store_app.ui.screens._parts.instead import names_of
from store_app.ui.screens.faces import line_face
from store_app.ui.texts import t
from store_app.ui.theme import Color, Radius, Space, Type

ROOM = 6
"""Characters that fit into half a phone in the largest size."""


def current_line(step: PickStep) -> ft.Control:
    """What to take now: picture, name and size; then where it lies, and how many are left."""
    face = line_face(step)
    words: list[ft.Control] = [text(face.name, Type.TITLE, lines=4)]
    if face.variant:
        words.append(text(face.variant, Type.HEADING, Color.MUTED, lines=2))
    what = ft.Row(
        [item_picture(face.category, face.picture, 96), ft.Column(words, spacing=4, tight=True, expand=True)],
        spacing=Space.L,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    where = _well(t("pick.bin"), face.bin or t("pick.no_bin"), ft.Icons.PLACE_ROUNDED, expand=3)
    left = _well(
        t("pick.left"), t("pick.left_of", left=amount(face.left, face), asked=amount(face.asked, face)), None, expand=2
    )
    parts: list[ft.Control] = [what, ft.Row([where, left], spacing=Space.M)]
    choices = engine().work.choices(step.line)
    agreed = t("instead.agreed", names=names_of(choices)) if choices else ""
    if agreed:
        parts.append(muted(agreed, Type.LABEL))
    if step.stock is not None:
        parts.append(muted(t("pick.on_shelf", count=step.stock.buckets.sellable), Type.LABEL))
    return card(
        ft.Column(parts, spacing=Space.L, tight=True),
        label=", ".join(filter(None, (spoken(face), agreed))),
        selected=True,
    )


def _well(label: str, value: str, icon: ft.IconData | None, expand: int) -> ft.Control:
    """A figure in a well: its name small, itself as large as it goes in, since a bin cut off sends people astray."""
    lead: list[ft.Control] = [ft.Icon(icon, size=24, color=Color.PRIMARY)] if icon else []
    figure = ft.Row(
        [*lead, text(value, Type.DISPLAY if len(value) <= ROOM else Type.TITLE, lines=2, expand=True)], spacing=6
    )
    return ft.Container(
        ft.Column([muted(label, Type.LABEL), figure], spacing=2, tight=True),
        bgcolor=Color.RAISED,
        border_radius=Radius.TILE,
        padding=Space.M,
        expand=expand,
    )


def taken_line(step: PickStep, put_back: Callable[[], None]) -> ft.Control:
    """A line that needs nothing more, and the way to take a unit back out of the tote."""
    face = line_face(step)
    rows: list[ft.Control] = [line_row(face)]
    if step.line.held:
        label = t("pick.put_back", name=face.name)
        rows.append(button(label, put_back, rank="quiet", icon=ft.Icons.UNDO_ROUNDED))
    return ft.Column(rows, spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
