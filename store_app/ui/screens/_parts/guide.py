"""How to settle something: its steps, numbered."""

import flet as ft

from shared.exceptions import kind_of
from shared.sync import ExceptionDoc
from store_app.ui.components.card import card
from store_app.ui.components.text import text
from store_app.ui.format import number
from store_app.ui.screens._parts.need_words import where
from store_app.ui.texts import t
from store_app.ui.theme import Radius, Space, Tone, Type, look


def guide(doc: ExceptionDoc) -> ft.Control:
    """What to do first, and then."""
    steps = [_step(n, t(f"guide.{code}", where=where(doc, code))) for n, code in enumerate(kind_of(doc.kind).steps, 1)]
    return card(ft.Column(steps, spacing=Space.M, tight=True))


def _step(n: int, words: str) -> ft.Control:
    colors = look(Tone.INFO)
    mark = ft.Container(
        text(number(n), Type.LABEL, colors.ink),
        width=32,
        height=32,
        border_radius=Radius.CHIP,
        bgcolor=colors.ground,
        alignment=ft.Alignment.CENTER,
    )
    row = ft.Row([mark, text(words.strip(), expand=True)], spacing=Space.M)
    return ft.MergeSemantics(content=row)
