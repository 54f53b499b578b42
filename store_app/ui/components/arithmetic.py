"""A figure with its sum: each term by name, what is taken away marked as such, the result under a line."""

from collections.abc import Sequence
from dataclasses import dataclass

import flet as ft

from store_app.ui.components.text import muted, text
from store_app.ui.format import number
from store_app.ui.theme import Color, Space, Type


@dataclass(frozen=True)
class Term:
    """One line of the sum; `value` is signed, `why` a few words about it."""

    label: str
    value: int
    why: str = ""


def arithmetic(terms: Sequence[Term], result_label: str, result: int) -> ft.Control:
    """The first term without a sign, the others with theirs, then the result."""
    rows = [_row(term, first=index == 0) for index, term in enumerate(terms)]
    line = ft.Divider(height=Space.L, thickness=1, color=Color.EDGE)
    total = ft.Row([text(result_label, Type.STRONG, expand=True), text(number(result), Type.HEADING)])
    return ft.Column([*rows, line, total], spacing=Space.S, tight=True)


def signed(value: int, *, first: bool = False) -> str:
    """+3, −2, or the bare number for the first term; a true minus sign, so that columns read well."""
    if first or value == 0:
        return number(value)
    return ("−" if value < 0 else "+") + number(abs(value))


def _row(term: Term, *, first: bool) -> ft.Control:
    quiet = term.value == 0 and not first
    label = muted if quiet else text
    words: list[ft.Control] = [label(term.label)]
    if term.why:
        words.append(muted(term.why, Type.LABEL))
    amount = label(signed(term.value, first=first), Type.STRONG)
    row = ft.Row(
        [ft.Column(words, spacing=0, tight=True, expand=True), amount],
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    return ft.MergeSemantics(content=row)


def key_values(pairs: Sequence[tuple[str, str]]) -> ft.Control:
    """Names on the left, what they are on the right."""
    rows = [
        ft.MergeSemantics(
            content=ft.Row(
                [muted(name, expand=2), text(value, Type.STRONG, align=ft.TextAlign.END, expand=3)],
                vertical_alignment=ft.CrossAxisAlignment.START,
            )
        )
        for name, value in pairs
    ]
    return ft.Column(list[ft.Control](rows), spacing=Space.S, tight=True)
