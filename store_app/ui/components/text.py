"""Words on the screen, in one of the sizes of the type scale."""

import flet as ft

from store_app.ui.texts import isolated
from store_app.ui.theme import TYPES, Color, Type


def text(
    value: str,
    kind: Type = Type.BODY,
    color: str = Color.INK,
    *,
    lines: int | None = None,
    align: ft.TextAlign = ft.TextAlign.START,
    expand: bool | int | None = None,
    loose: bool = False,
    heading: bool = False,
) -> ft.Control:
    """A piece of text; `lines` cuts it off with an ellipsis, `loose` expands no further than it needs, `heading` is for
    screen readers."""
    spec = TYPES[kind]
    words = ft.Text(
        isolated(value),
        size=spec.size,
        weight=spec.weight,
        style=ft.TextStyle(height=spec.height),
        color=color,
        max_lines=lines,
        overflow=ft.TextOverflow.ELLIPSIS if lines else ft.TextOverflow.CLIP,
        text_align=align,
        expand=None if heading else expand,
        expand_loose=loose,
    )
    return ft.Semantics(content=words, header=True, expand=expand) if heading else words


def muted(
    value: str, kind: Type = Type.BODY, *, lines: int | None = None, expand: bool | int | None = None
) -> ft.Control:
    """Text that supports other text."""
    return text(value, kind, Color.MUTED, lines=lines, expand=expand)
