"""A job in full: whose it is, how far it is, what it holds, why it is here; and the next thing to do with it."""

from collections.abc import Callable
from dataclasses import dataclass

import flet as ft

from shared.fulfilment import FULFILMENT, Fulfilment
from shared.reasons import REJECT_REASONS
from store_app.engine.results import Result
from store_app.ui.component import keyed
from store_app.ui.components.arithmetic import key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.icon_tile import icon_tile, method_icon
from store_app.ui.components.line_row import line_row
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.components.time_chip import time_chip, waiting_chip
from store_app.ui.context import current_app
from store_app.ui.format import moment
from store_app.ui.hooks import go, use_feedback, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.screens._parts.steps import steps_row
from store_app.ui.screens._parts.why import why_section
from store_app.ui.screens.faces import job_tone, line_face, next_words, pieces
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

NEXT = {"accept": "pick", "pick": "pick", "pack": "pack", "stage": "pack", "label": "pack", "hand_off": "hand-off"}
"""The screen on which each next action is done; parcels leave from a screen of their own."""


@dataclass(frozen=True)
class JobView:
    """What a frame shows of a job: the parts from top to bottom, and the one big button."""

    title: str
    parts: list[ft.Control]
    action: ft.Control | None


def use_job_view(job_id: str | None) -> JobView | None:
    """The view of a job, drawn again when it changes. A hook: call it at the top, with None where none is chosen."""
    feedback = use_feedback()
    job = use_query(lambda: engine().work.job(job_id) if job_id else None)
    rejecting, ask_reject = ft.use_state(False)

    def send_back(reason: str) -> None:
        ask_reject(False)
        if job is not None:
            tell(feedback, engine().work.reject(job.id, reason))

    reasons = [Option(code, t(f"reason.{code}"), t(f"reason.{code}.effect")) for code in REJECT_REASONS]
    why_not = sheet(
        t("job.reject"), [muted(t("job.reject_detail")), choice(reasons, None, send_back)], _shut(ask_reject)
    )
    ft.use_dialog(why_not if rejecting else None)
    if job is None:
        gone = empty_state(t("job.gone"), t("job.gone_detail"), ft.Icons.SEARCH_OFF_ROUNDED)
        return JobView(t("job.title"), [gone], None) if job_id else None
    return JobView(job.number, _parts(job, lambda: ask_reject(True)), _forward(job))


def _shut(ask: Callable[[bool], None]) -> Callable[[], None]:
    return lambda: ask(False)


def _forward(job: Fulfilment) -> ft.Control | None:
    """The big button: the next action, which accepts a new job on the way."""
    action = engine().work.next_action(job)
    if action is None:
        return None

    def forward() -> None:
        if action == "accept":
            result = engine().work.accept(job.id)
            if not result.ok:
                tell(current_app().feedback, result)
                return
        go("/ship" if action == "ship" else f"/{NEXT[action]}/{job.id}")

    return button(next_words(engine(), job), forward, icon=ft.Icons.ARROW_FORWARD_ROUNDED)


def _parts(job: Fulfilment, reject: Callable[[], None]) -> list[ft.Control]:
    steps = steps_row(job)
    lines = section(t("job.lines"), _lines(job), count=pieces(engine(), job, lambda x: x.quantity - x.replaced))
    parts: list[ft.Control] = [_head(job), *([card(steps)] if steps else []), lines]
    if job.packages and any(package.tracking for package in job.packages):
        parts.append(section(t("job.parcels"), [_parcels(job)]))
    if job.address:
        parts.append(section(t("job.address"), [card(text("\n".join(job.address)))]))
    if job.why is not None:
        parts.append(why_section(job.why))
    ways = _ways(job, reject)
    return [*parts, ft.Column(ways, spacing=Space.S, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)]


def _head(job: Fulfilment) -> ft.Control:
    """Who it is for, how urgent it is, and what one needs to know before one begins."""
    chips: list[ft.Control] = [status_chip(t(f"state.{job.state.value}"), job_tone(job))]
    if job.arrival.at and not job.arrival.left_at and engine().work.next_action(job):
        chips.append(waiting_chip(job.arrival.at))
    elif job.due_at and engine().work.next_action(job):
        chips.append(time_chip(job.due_at))
    names = ft.Column(
        [text(job.customer or job.order_number, Type.TITLE, lines=2), muted(t(f"method.{job.method}"))],
        spacing=2,
        tight=True,
        expand=True,
    )
    face = ft.Row([icon_tile(method_icon(job.method), Tone.NEUTRAL, 56), names], spacing=Space.M)
    words: list[ft.Control] = [face, ft.Row(chips, wrap=True, run_spacing=Space.S)]
    if pairs := _facts(job):
        words.append(key_values(pairs))
    if job.note:
        words.append(text(job.note))
    return card(ft.Column(words, spacing=Space.M, tight=True))


def _facts(job: Fulfilment) -> list[tuple[str, str]]:
    """Name and value, only of what is known."""
    app = current_app()
    zone = app.store.state.time_zone
    own = job.assignee == engine().session.actor
    mine = t("job.you") if own else engine().lookup.person_name(job.assignee)
    waiting = engine().work.unsettled(job.id)
    car = ", ".join(x for x in (job.arrival.vehicle, job.arrival.bay and t("job.bay", bay=job.arrival.bay)) if x)
    pairs = [
        ("job.due", moment(job.due_at, zone, app.now()) if job.due_at else ""),
        ("job.place", job.staging or ""),
        ("job.car", car),
        ("job.assignee", mine if job.assignee else ""),
        ("job.phone", job.phone or ""),
        ("job.proxies", ", ".join(person.name for person in job.proxies)),
        ("job.age_check", t("job.years", years=job.age_check) if job.age_check else ""),
        ("job.keep_until", moment(job.expires_at, zone, app.now()) if job.expires_at else ""),
        ("job.waiting", str(waiting) if waiting else ""),
    ]
    return [(t(key), value) for key, value in pairs if value]


def _lines(job: Fulfilment) -> list[ft.Control]:
    steps = [engine().work.step_of(job, line) for line in job.lines]
    return [keyed(str(step.line.line), line_row(line_face(step))) for step in steps]


def _parcels(job: Fulfilment) -> ft.Control:
    pairs = [(package.carrier or "", package.tracking or "") for package in job.packages]
    return card(key_values(pairs))


def _ways(job: Fulfilment, reject: Callable[[], None]) -> list[ft.Control]:
    """The quieter ways on, each only where the job allows it."""
    work, state, method = engine().work, job.state, job.method
    ways: list[ft.Control] = []

    def way(key: str, do: Callable[[], Result]) -> None:
        ways.append(button(t(key), lambda: tell(current_app().feedback, do()), rank="secondary"))

    if job.assignee not in (None, engine().session.actor) and work.next_action(job) in ("pick", "pack"):
        way("job.take_over", lambda: work.take_over(job.id))
    if FULFILMENT.can(state, "arrive", method):
        way("job.customer_here", lambda: work.arrive(job.id))
    if FULFILMENT.can(state, "unpack", method):
        way("job.unpack", lambda: work.unpack(job.id))
    if FULFILMENT.can(state, "label", method) and work.next_action(job) == "ship":
        ways.append(button(t("job.relabel"), lambda: go(f"/pack/{job.id}"), rank="secondary"))
    if FULFILMENT.can(state, "reject", method) and work.next_action(job) in ("accept", "pick", "pack"):
        ways.append(button(t("job.reject"), reject, rank="quiet", tone=Tone.BAD))
    return ways
