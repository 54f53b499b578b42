"""One line of a job: the item, where it lies, and how many are left, big enough to read at arm's length."""

from dataclasses import dataclass

import flet as ft

from store_app.ui.components.card import card
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.pressable import OnClick
from store_app.ui.components.text import muted, text
from store_app.ui.format import number
from store_app.ui.texts import t
from store_app.ui.theme import Color, Radius, Space, Tone, Type, look


@dataclass(frozen=True)
class LineFace:
    """What a row shows of a line. `variant` is size and colour; `left` of `asked` units are still to do (grams
    of what is weighed)."""

    name: str
    variant: str
    bin: str
    left: int
    asked: int
    category: str = ""
    picture: str | bytes | None = None
    short: int = 0
    weighed: bool = False
    replaced: int = 0
    note: str = ""
    """A word under the name, such as what it is taken in place of."""


def line_row(line: LineFace, on_click: OnClick | None = None, *, current: bool = False) -> ft.Control:
    """A row; `current` marks the line the picker stands before."""
    words: list[ft.Control] = [text(line.name, Type.STRONG, Color.MUTED if line.left == 0 else Color.INK, lines=3)]
    if line.variant:
        words.append(muted(line.variant, lines=1))
    if line.note:
        words.append(text(line.note, Type.LABEL, look(Tone.INFO).ink, lines=2))
    if line.bin:
        words.append(ft.Row([bin_tag(line.bin)], tight=True))
    row = ft.Row(
        [
            item_picture(line.category, line.picture),
            ft.Column(words, spacing=4, tight=True, expand=True),
            _quantity(line),
        ],
        spacing=Space.M,
        vertical_alignment=ft.CrossAxisAlignment.CENTER,
    )
    return card(row, on_click=on_click, label=spoken(line), selected=current, padding=Space.M)


def amount(units: int, line: LineFace) -> str:
    """Pieces, or kilograms of what is weighed."""
    return t("line.kilograms", n=number(units / 1000)) if line.weighed else number(units)


def bin_tag(where: str) -> ft.Control:
    """Where in the shop, as it is written on the shelf."""
    return ft.Container(
        content=ft.Row(
            [ft.Icon(ft.Icons.PLACE_ROUNDED, size=18, color=Color.MUTED), text(where, Type.CODE)],
            spacing=4,
            tight=True,
        ),
        bgcolor=Color.RAISED,
        border_radius=Radius.CHIP,
        padding=ft.Padding(left=8, top=3, right=12, bottom=3),
    )


def spoken(line: LineFace) -> str:
    """The row as one sentence for a screen reader."""
    done = _done_words(line)
    left = t("line.left_of", left=amount(line.left, line), asked=amount(line.asked, line))
    where = t("line.bin", bin=line.bin) if line.bin else ""
    parts = (line.name, line.variant, line.note, where, left if line.left else done)
    return ", ".join(part for part in parts if part)


def _done_words(line: LineFace) -> str:
    if line.short:
        return t("line.short", count=line.short)
    return t("line.replaced", count=line.replaced) if line.replaced else t("line.done")


def _done_icon(line: LineFace) -> ft.IconData:
    if line.short:
        return ft.Icons.REMOVE_CIRCLE_ROUNDED
    return ft.Icons.SWAP_HORIZONTAL_CIRCLE_ROUNDED if line.replaced else ft.Icons.CHECK_CIRCLE_ROUNDED


def _quantity(line: LineFace) -> ft.Control:
    if line.left == 0:
        tone = look(Tone.WARN if line.short else Tone.INFO if line.replaced else Tone.OK)
        mark = ft.Icon(_done_icon(line), size=36, color=tone.solid)
        face: list[ft.Control] = [mark, text(_done_words(line), Type.LABEL, tone.ink)]
    else:
        left = text(amount(line.left, line), Type.HEADING if line.weighed else Type.HUGE)
        face = [left, muted(t("line.of", asked=amount(line.asked, line)), Type.LABEL)]
    return ft.Container(
        ft.Column(face, spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER),
        width=72,
        alignment=ft.Alignment.CENTER,
    )
