"""A job in a work list: what to do next first, then whose it is and how long there is."""

from dataclasses import dataclass
from datetime import datetime

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.card import card
from store_app.ui.components.icon_tile import icon_tile, method_icon
from store_app.ui.components.pressable import OnClick
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.components.time_chip import time_chip, time_words, urgency, waited_words, waiting_chip
from store_app.ui.hooks import use_app
from store_app.ui.texts import t
from store_app.ui.theme import Color, Space, Tone, Type


@dataclass(frozen=True)
class JobFace:
    """What a card shows of a job. `method` is its code, `due` the promise, `note` a word such as who works on it,
    `waiting_since` when the customer came, `went_wrong` that it ended without its goods reaching anybody."""

    number: str
    method: str
    customer: str
    next_action: str
    lines: int
    units: int
    due: datetime | None = None
    note: str | None = None
    done: bool = False
    waiting_since: datetime | None = None
    went_wrong: bool = False


@component
def job_card(job: JobFace, on_click: OnClick, selected: bool = False) -> ft.Control:
    """A pressable card; the whole of it opens the job."""
    return card(
        ft.Column(
            [_heading(job), _action(job)],
            spacing=Space.M,
            tight=True,
            horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
        ),
        on_click=on_click,
        label=_spoken(job),
        selected=selected,
    )


def _heading(job: JobFace) -> ft.Control:
    tone = Tone.NEUTRAL if job.due is None or job.done else urgency(job.due, use_app().now())
    who = [text(job.customer, Type.STRONG, lines=1), muted(_size(job), lines=2)]
    if job.note:
        who.append(muted(job.note, lines=1))
    return ft.Row(
        [icon_tile(method_icon(job.method), tone), ft.Column(who, spacing=2, tight=True, expand=True)],
        spacing=Space.M,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )


def _action(job: JobFace) -> ft.Control:
    ahead: list[ft.Control] = [
        text(job.next_action, Type.STRONG, Color.PRIMARY, expand=True, loose=True),
        ft.Icon(ft.Icons.ARROW_FORWARD_ROUNDED, size=20, color=Color.PRIMARY),
    ]
    row: list[ft.Control] = [ft.Row(ahead, spacing=6, tight=True)]
    if job.done:
        row += [] if job.went_wrong else [status_chip(t("job.done"), Tone.OK)]
    elif job.waiting_since is not None:
        row.append(waiting_chip(job.waiting_since))
    elif job.due is not None:
        row.append(time_chip(job.due))
    between = ft.MainAxisAlignment.SPACE_BETWEEN
    middle = ft.CrossAxisAlignment.CENTER
    return ft.Row(row, wrap=True, alignment=between, vertical_alignment=middle, run_spacing=Space.S)


def _size(job: JobFace) -> str:
    lines = t("job.lines", count=job.lines)
    return t("job.size", number=job.number, lines=lines, units=t("job.units", count=job.units))


def _spoken(job: JobFace) -> str:
    parts = [job.next_action, t(f"method.{job.method}"), job.customer, _size(job)]
    if job.waiting_since is not None and not job.done:
        parts.append(waited_words(job.waiting_since, use_app().now()))
    elif job.due is not None and not job.done:
        parts.append(time_words(job.due, use_app().now()))
    return ", ".join([*parts, *([job.note] if job.note else [])])
