"""One job: whose it is, what it holds, why it is here, and the next thing to do."""

import flet as ft

from shared.fulfilment import Fulfilment
from shared.reasons import REJECT_REASONS
from store_app.engine.picking import PickStep
from store_app.ui.component import component, keyed
from store_app.ui.components.arithmetic import key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.line_row import line_row
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.components.time_chip import time_chip
from store_app.ui.hooks import go, use_feedback, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.screens.faces import line_face, next_words
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

NEXT = {"accept": "pick", "pick": "pick", "pack": "pack", "stage": "pack", "label": "pack", "ship": "ship"}
"""The screen on which each next action is done."""


@component
def job_screen() -> ft.Control:
    """The job named in the route."""
    job_id = ft.use_route_params()["job"]
    feedback = use_feedback()
    job = use_query(lambda: engine().work.job(job_id))
    rejecting, reject_open = ft.use_state(False)
    if job is None:
        return frame(t("job.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")

    def forward() -> None:
        action = engine().work.next_action(job)
        if action == "accept":
            result = engine().work.accept(job.id)
            if not result.ok:
                tell(feedback, result)
                return
        go(f"/hand-off/{job.id}" if action == "hand_off" else f"/{NEXT[action or 'pick']}/{job.id}")

    def send_back(reason: str) -> None:
        reject_open(False)
        tell(feedback, engine().work.reject(job.id, reason))
        go("/")

    def take_over() -> None:
        tell(feedback, engine().work.take_over(job.id))

    why_not = [Option(code, t(f"reason.{code}")) for code in REJECT_REASONS]
    ft.use_dialog(
        sheet(t("job.reject"), [choice(why_not, None, send_back)], lambda: reject_open(False)) if rejecting else None
    )
    action = engine().work.next_action(job)
    parts: list[ft.Control] = [_head(job), section(t("job.lines"), _lines(job), count=len(job.lines)), _why(job)]
    mine = job.assignee in (None, engine().session.actor)
    if action in ("accept", "pick", "pack"):
        row: list[ft.Control] = [button(t("job.reject"), lambda: reject_open(True), rank="quiet", expand=True)]
        if not mine:
            row.insert(0, button(t("job.take_over"), take_over, rank="secondary", expand=True))
        parts.append(ft.Row(row))
    forth = button(next_words(engine(), job), forward, icon=ft.Icons.ARROW_FORWARD_ROUNDED) if action else None
    return frame(job.number, parts, back="/", action=forth)


def _head(job: Fulfilment) -> ft.Control:
    chips: list[ft.Control] = [status_chip(t(f"state.{job.state.value}"), Tone.NEUTRAL)]
    if job.due_at and engine().work.next_action(job):
        chips.append(time_chip(job.due_at))
    rows = [(t("job.method"), t(f"method.{job.method}"))]
    if job.phone:
        rows.append((t("job.phone"), job.phone))
    if job.staging:
        rows.append((t("job.place"), job.staging))
    rows += [(t("job.address"), line) for line in job.address[:1]]
    if waiting := engine().work.unsettled(job.id):
        rows.append((t("job.waiting"), str(waiting)))
    words: list[ft.Control] = [text(job.customer or job.number, Type.TITLE), ft.Row(chips, wrap=True), key_values(rows)]
    return card(ft.Column(words, spacing=Space.S))


def _lines(job: Fulfilment) -> list[ft.Control]:
    steps = [PickStep(x, engine().lookup.item(x.sku), engine().lookup.stock(x.sku)) for x in job.lines]
    return [keyed(str(step.line.line), line_row(line_face(step))) for step in steps]


def _why(job: Fulfilment) -> ft.Control:
    """Why this store has it, and what the others lost by."""
    if job.why is None:
        return ft.Container()
    words: list[ft.Control] = [text(job.why.summary, loose=True)]
    words += [muted(t("why.rival", name=rival.name, lost=rival.lost_by)) for rival in job.why.rivals]
    words.append(muted(t("why.plan", plan=job.why.plan)))
    return section(t("why.title"), [card(ft.Column(words, spacing=Space.S))])
