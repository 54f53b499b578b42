"""What needs a person, most urgent first: units to put back, facts that contradict the books, outcomes to know of."""

import flet as ft

from shared.exceptions import RECOUNT
from shared.sync import ExceptionDoc
from store_app.engine.commands import Queued
from store_app.engine.local_store import Mended
from store_app.engine.needs import Need
from store_app.engine.session import LEADS
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import Rank, button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.icon_tile import icon_tile
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.components.time_chip import time_chip
from store_app.ui.format import moment
from store_app.ui.hooks import opener, use_query
from store_app.ui.notices import engine
from store_app.ui.screens._parts.mended import mended_words
from store_app.ui.screens._parts.need_words import about, owner_chip, tone_of, what_happened, what_to_do
from store_app.ui.screens.queue import STATUS_TONES
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type


@component
def needs_you_screen() -> ft.Control:
    """One sentence and one way on for each."""
    found = use_query(lambda: engine().work.needs())
    mended = use_query(lambda: engine().mended)
    stuck = use_query(lambda: engine().syncer.status.stuck)
    here = [need for need in found if not need.with_care]
    care = [need for need in found if need.with_care]
    parts = [_card(need, "primary" if place == 0 else "secondary") for place, need in enumerate(here)]
    if stuck is not None:
        parts.insert(0, _stuck(stuck))
    if mended:
        parts.insert(0, _mended(mended))
    if not parts:
        parts = [empty_state(t("needs.nothing"), t("needs.nothing_detail"), tone=Tone.OK)]
    if care:
        parts.append(section(t("needs.care"), [_card(need, "secondary") for need in care], count=len(care)))
    return frame(t("needs.title"), parts, here="more", back="/more")


def _stuck(n: int) -> ft.Control:
    """A command that makes the server fail: what follows it waits."""
    way = button(t("needs.queue"), opener("/queue"), rank="secondary", icon=ft.Icons.SYNC_PROBLEM_ROUNDED)
    return keyed("stuck", card(ft.Column([text(t("queue.stuck", n=n), Type.STRONG), ft.Row([way])], spacing=Space.M)))


def _card(need: Need, rank: Rank) -> ft.Control:
    words: list[ft.Control] = [text(what_happened(need), Type.STRONG), muted(about(need))]
    icon = ft.Icons.ASSIGNMENT_RETURN_ROUNDED if need.put_back else ft.Icons.PRIORITY_HIGH_ROUNDED
    head = ft.Row(
        [icon_tile(icon, tone_of(need)), ft.Column(words, spacing=2, tight=True, expand=True)],
        spacing=Space.M,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    rows: list[ft.Control] = [head, text(what_to_do(need)), ft.Row(_chips(need), wrap=True, spacing=Space.S)]
    rows.append(ft.Row(_ways(need, rank), spacing=Space.S, wrap=True))
    stretch = ft.CrossAxisAlignment.STRETCH
    return keyed(need.key, card(ft.Column(rows, spacing=Space.M, tight=True, horizontal_alignment=stretch)))


def _mended(mended: Mended) -> ft.Control:
    """This device's data was damaged; until somebody has seen it."""
    when = moment(mended.at, engine().lookup.node.time_zone, engine().clock.now())
    words: list[ft.Control] = [text(t("mended.title"), Type.STRONG), muted(when)]
    words += [text(said) for said in mended_words(mended)]
    put_away = button(t("needs.seen"), lambda: engine().mended_seen(), rank="secondary")
    return keyed("mended", card(ft.Column([*words, ft.Row([put_away])], spacing=Space.S)))


def _chips(need: Need) -> list[ft.Control]:
    """Whose it is and how long there is; of an outcome, what became of the command."""
    if need.exception is not None:
        return [owner_chip(need.exception), *([time_chip(need.exception.due_at)] if need.exception.due_at else [])]
    status = need.answer.outcome.status if need.answer and need.answer.outcome else "held"
    return [status_chip(t(f"outcome.{status}"), STATUS_TONES.get(status, Tone.WARN))]


def _ways(need: Need, rank: Rank) -> list[ft.Control]:
    if need.exception is not None:
        return _to_settle(need.exception, need.put_back, rank)
    return _after_answer(need.answer, rank) if need.answer else []


def _to_settle(doc: ExceptionDoc, put_back: bool, rank: Rank) -> list[ft.Control]:
    """The guided way on, and the job it is about."""
    if doc.kind == RECOUNT:
        return _to_count(doc, rank)
    label = t("needs.put_back" if put_back else "needs.resolve")
    ways = [button(label, opener(f"/needs-you/{doc.id}"), rank=rank, icon=ft.Icons.ARROW_FORWARD_ROUNDED)]
    if doc.fulfilment and engine().lookup.job(doc.fulfilment):
        ways.append(button(t("needs.open"), opener(f"/job/{doc.fulfilment}"), rank="quiet"))
    return ways


def _to_count(doc: ExceptionDoc, rank: Rank) -> list[ft.Control]:
    """Counting settles it; a lead may say that it is right as it is."""
    ways = [button(t("count.again"), opener(f"/stock/{doc.values.get('sku')}/count"), rank=rank)]
    if engine().session.can(*LEADS):
        ways.append(button(t("needs.resolve"), opener(f"/needs-you/{doc.id}"), rank="quiet"))
    return ways


def _after_answer(queued: Queued, rank: Rank) -> list[ft.Control]:
    """The job it was about, and *Seen*, which takes it off the list."""
    seen = button(t("needs.seen"), lambda: engine().seen(queued.n), rank="secondary", icon=ft.Icons.CHECK_ROUNDED)
    if queued.job and engine().lookup.job(queued.job):
        return [button(t("needs.open"), opener(f"/job/{queued.job}"), rank=rank), seen]
    return [seen]
