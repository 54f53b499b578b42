"""Curbside: who is outside, how long they have waited, in what car and where; the bag goes out to them."""

from datetime import datetime, timedelta

import flet as ft

from shared.fulfilment import OPEN_STATES, Arrival, Fulfilment
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.feedback import Feedback
from store_app.ui.format import span
from store_app.ui.hooks import opener, use_feedback, use_now, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

PROMISE = timedelta(minutes=5)
"""How long a customer outside waits before the chip warns, where the store's policy says nothing."""


def waited(arrival: Arrival, now: datetime) -> timedelta:
    """From arrival until now, or until the customer left: nobody is blamed for minutes in which nobody was there."""
    if arrival.at is None:
        return timedelta()
    return max(timedelta(), (arrival.left_at or now) - arrival.at)


@component
def curbside_screen() -> ft.Control:
    """Who came first comes first; then those who were not there, and those on their way."""
    now, feedback = use_now(5), use_feedback()
    jobs = use_query(lambda: [job for job in engine().work.jobs() if job.method == "curbside"])
    here, gone, coming = queue(jobs)
    parts: list[ft.Control] = []
    if here:
        parts.append(section(t("curbside.here"), [_outside(job, now, feedback) for job in here], count=len(here)))
    if gone:
        parts.append(section(t("curbside.gone"), [_absent(job, now, feedback) for job in gone], count=len(gone)))
    if coming:
        parts.append(section(t("curbside.coming"), [_coming(job, feedback) for job in coming], count=len(coming)))
    if not parts:
        parts = [empty_state(t("curbside.nobody"), t("curbside.nobody_detail"), ft.Icons.DIRECTIONS_CAR_ROUNDED)]
    return frame(t("curbside.title"), parts, back="/")


def queue(jobs: list[Fulfilment]) -> tuple[list[Fulfilment], list[Fulfilment], list[Fulfilment]]:
    """Outside by arrival, not there any more, and on their way."""
    open_ = [job for job in jobs if job.state in OPEN_STATES]
    here = [job for job in open_ if job.arrival.at and not job.arrival.left_at]
    gone = [job for job in open_ if job.arrival.at and job.arrival.left_at]
    coming = [job for job in open_ if job.arrival.on_the_way_at and not job.arrival.at]
    return sorted(here, key=lambda job: str(job.arrival.at)), gone, coming


def _outside(job: Fulfilment, now: datetime, feedback: Feedback) -> ft.Control:
    length = waited(job.arrival, now)
    minutes = engine().lookup.node.policy.get("curbside_minutes")
    promise = timedelta(minutes=float(minutes)) if minutes else PROMISE
    tone = Tone.BAD if length > 2 * promise else Tone.WARN if length > promise else Tone.OK
    chip = status_chip(t("curbside.waits", span=span(length)), tone, ft.Icons.TIMER_ROUNDED)
    buttons: list[ft.Control] = [
        button(t("curbside.bring"), opener(f"/hand-off/{job.id}"), icon=ft.Icons.SHOPPING_BAG_ROUNDED, expand=True),
        button(t("curbside.not_there"), lambda: tell(feedback, engine().work.leave(job.id)), rank="secondary"),
    ]
    return _card(job, chip, buttons)


def _absent(job: Fulfilment, now: datetime, feedback: Feedback) -> ft.Control:
    chip = status_chip(
        t("curbside.paused", span=span(waited(job.arrival, now))), Tone.NEUTRAL, ft.Icons.PAUSE_CIRCLE_ROUNDED
    )
    back = button(
        t("curbside.back"), lambda: tell(feedback, engine().work.arrive(job.id)), rank="secondary", expand=True
    )
    return _card(job, chip, [back])


def _coming(job: Fulfilment, feedback: Feedback) -> ft.Control:
    chip = status_chip(t("state.customer_on_the_way"), Tone.INFO, ft.Icons.NEAR_ME_ROUNDED)
    arrived = button(
        t("curbside.arrived"), lambda: tell(feedback, engine().work.arrive(job.id)), rank="secondary", expand=True
    )
    return _card(job, chip, [arrived])


def _card(job: Fulfilment, chip: ft.Control, buttons: list[ft.Control]) -> ft.Control:
    """Bay and car big: they are looked for through a window."""
    words: list[ft.Control] = [text(job.customer or job.number, Type.HEADING)]
    words.append(text(job.arrival.vehicle or t("curbside.no_car"), Type.STRONG))
    words.append(muted(t("curbside.bag", number=job.number, place=job.staging or t("hand_off.no_place"))))
    head: list[ft.Control] = [ft.Column(words, spacing=2, expand=True)]
    if job.arrival.bay:
        bay: list[ft.Control] = [muted(t("curbside.bay"), Type.LABEL), text(job.arrival.bay, Type.HUGE)]
        head.append(ft.Column(bay, spacing=0, horizontal_alignment=ft.CrossAxisAlignment.CENTER))
    top = ft.MergeSemantics(content=ft.Row(head, vertical_alignment=ft.CrossAxisAlignment.START))
    rows = [top, ft.Row([chip]), ft.Row(buttons, spacing=Space.S)]
    return keyed(str(job.id), card(ft.Column(list[ft.Control](rows), spacing=Space.M)))
