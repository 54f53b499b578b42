"""What a scan may ask back: which of two items, how many of a pack, its weight, its serial number."""

from collections.abc import Callable
from dataclasses import dataclass

import flet as ft

from shared.fulfilment import Fulfilment
from shared.sync import ItemDoc
from store_app.engine.results import ScanResult
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.field import field
from store_app.ui.components.text import muted, text
from store_app.ui.notices import engine, sentence
from store_app.ui.screens._parts.instead import choice_row
from store_app.ui.texts import t
from store_app.ui.theme import Space


@dataclass(frozen=True)
class Question:
    """A scan that cannot be carried out without an answer. `kind` is the notice's code."""

    kind: str
    words: str
    raw: str
    line: int = 0
    units: int = 1
    choices: tuple[ItemDoc, ...] = ()
    instead: str | None = None
    """SKU of a substitute, where the scan was of one."""
    reason: str = "not_found"
    """Why what it stands in for is not there, as far as it was said before."""


@dataclass(frozen=True)
class Reply:
    """What the person says: goes into `work.confirm`."""

    line: int
    units: int
    serial: str | None = None
    grams: int | None = None


def question_of(result: ScanResult, raw: str) -> Question:
    """The question a scan came back with."""
    line = result.line.line if result.line else 0
    stranger = result.item is not None and result.line is not None and result.item.sku != result.line.sku
    instead = result.item.sku if stranger and result.item else None
    before = result.job.line(line_taken(result.job, line, instead)) if result.job else None
    reason = next(iter(before.missing), "not_found") if before and instead else "not_found"
    words = sentence(result.notice)
    return Question(result.notice.code, words, raw, line, max(1, result.units), result.choices, instead, reason)


def line_taken(job: Fulfilment | None, line: int, instead: str | None) -> int:
    """The number of the line that was picked: that of the substitute, when it was one; the line itself before."""
    lines = job.lines if job and instead else ()
    return next((each.line for each in lines if each.replaces == line and each.sku == instead), line)


@component
def question_form(asked: Question, job: Fulfilment, answer: Callable[[Reply], None]) -> ft.Control:
    """The question and what can be said to it."""
    typed, type_in = ft.use_state("")
    parts: list[ft.Control] = [text(asked.words)]
    if asked.kind == "which_item":
        parts.append(choice([Option(i.sku, i.name, i.variant) for i in asked.choices], None, _chosen(job, answer)))
    elif asked.kind == "scan_serial":
        serial = typed.strip()
        parts.append(field(t("ask.serial"), typed, type_in))
        parts.append(_go(lambda: answer(Reply(asked.line, 1, serial=serial)), disabled=not serial))
    elif asked.kind == "weigh_it":
        grams = int(typed) if typed.isdigit() else 0
        parts.append(field(t("ask.grams"), typed, type_in, keyboard=ft.KeyboardType.NUMBER))
        parts.append(_go(lambda: answer(_weighed(asked, job, grams)), disabled=not grams))
    elif asked.kind == "may_stand_in":
        parts += _stands_in(asked, job, answer)
    else:
        take = t("ask.take", count=asked.units)
        parts.append(button(take, lambda: answer(Reply(asked.line, asked.units))))
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=stretch)


def _stands_in(asked: Question, job: Fulfilment, answer: Callable[[Reply], None]) -> list[ft.Control]:
    """What was ordered is looked for first; only when it is not there is something else taken."""
    line = job.line(asked.line)
    ordered = engine().lookup.item(line.sku) if line else None
    name = " ".join(filter(None, (ordered.name, ordered.variant))) if ordered else ""
    yes = t("instead.take", count=asked.units, name=name)
    choices = engine().work.choices(line) if line else []
    return [
        *(choice_row(each) for each in choices if each.item.sku == asked.instead),
        muted(t("instead.price")),
        button(yes, lambda: answer(Reply(asked.line, asked.units)), icon=ft.Icons.SWAP_HORIZ_ROUNDED),
    ]


def _go(press: Callable[[], None], disabled: bool) -> ft.Control:
    return button(t("ask.go"), press, disabled=disabled)


def _chosen(job: Fulfilment, answer: Callable[[Reply], None]) -> Callable[[str], None]:
    def choose(sku: str) -> None:
        line = next((line for line in job.lines if line.sku == sku and line.open > 0), None)
        if line is not None:
            answer(Reply(line.line, 1))

    return choose


def _weighed(asked: Question, job: Fulfilment, grams: int) -> Reply:
    """Weighed goods count in grams; a heavier piece fills the line."""
    line = job.line(asked.line)
    return Reply(asked.line, min(grams, line.open) if line else grams, grams=grams)
