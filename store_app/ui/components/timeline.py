"""What happened, newest or oldest first, on a line that runs down the side."""

from collections.abc import Sequence
from dataclasses import dataclass

import flet as ft

from store_app.ui.components.text import muted, text
from store_app.ui.theme import TONE_ICONS, Color, Space, Tone, Type, look


@dataclass(frozen=True)
class Happening:
    """One point on the line. `when` is already written for the reader."""

    title: str
    when: str
    detail: str = ""
    tone: Tone = Tone.NEUTRAL
    icon: ft.IconData | None = None


def timeline(happenings: Sequence[Happening]) -> ft.Control:
    """All points, in the order given."""
    last = len(happenings) - 1
    rows = [_point(happening, ends=index == last) for index, happening in enumerate(happenings)]
    return ft.Column(list[ft.Control](rows), spacing=0, tight=True)


def _point(happening: Happening, *, ends: bool) -> ft.Control:
    colors = look(happening.tone)
    dot = ft.Container(
        ft.Icon(happening.icon or TONE_ICONS[happening.tone], size=18, color=colors.ink),
        width=32,
        height=32,
        bgcolor=colors.ground,
        border_radius=16,
        alignment=ft.Alignment.CENTER,
    )
    words: list[ft.Control] = [text(happening.title, Type.STRONG), muted(happening.when, Type.LABEL)]
    if happening.detail:
        words.insert(1, text(happening.detail))
    thread = ft.Container(width=2, expand=True, bgcolor=ft.Colors.TRANSPARENT if ends else Color.LINE)
    row = ft.Row(
        [
            ft.Column([dot, thread], spacing=2, horizontal_alignment=ft.CrossAxisAlignment.CENTER),
            ft.Container(
                ft.Column(words, spacing=2, tight=True),
                expand=True,
                padding=ft.Padding(top=4, bottom=0 if ends else Space.L),
            ),
        ],
        spacing=Space.M,
        intrinsic_height=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    return ft.MergeSemantics(content=row)
