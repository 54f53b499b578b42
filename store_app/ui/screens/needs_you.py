"""What needs a person: facts that contradict the books, and what the server did not take as it was done."""

from typing import Any

import flet as ft

from shared.sync import ExceptionDoc
from store_app.engine.commands import Queued
from store_app.engine.local_store import Mended
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment
from store_app.ui.hooks import opener, use_feedback, use_query
from store_app.ui.notices import engine, sentence, tell
from store_app.ui.screens._parts.mended import mended_words
from store_app.ui.screens.queue import STATUS_TONES, command_words
from store_app.ui.texts import has, t
from store_app.ui.theme import Space, Tone, Type


@component
def needs_you_screen() -> ft.Control:
    """Each with what happened, what to do now, and *Done*."""
    feedback = use_feedback()
    exceptions = use_query(lambda: engine().lookup.exceptions())
    unseen = use_query(lambda: engine().outbox.unseen())
    mended = use_query(lambda: engine().mended)
    settling, settle = ft.use_state("")
    note, set_note = ft.use_state("")
    chosen = next((each for each in exceptions if str(each.id) == settling), None)

    def done() -> None:
        if chosen is not None:
            tell(feedback, engine().work.settle_exception(chosen.id, "settled", note.strip() or None))
        settle("")
        set_note("")

    action = button(t("needs.done"), done)
    told = field(t("needs.note"), note, set_note)
    ft.use_dialog(sheet(t("needs.settle"), [told], lambda: settle(""), action) if chosen else None)
    parts: list[ft.Control] = []
    if mended:
        parts.append(_mended(mended))
    if exceptions:
        cards = [_exception(each, settle) for each in exceptions]
        parts.append(section(t("needs.exceptions"), cards, count=len(cards)))
    if unseen:
        parts.append(section(t("needs.answers"), [_answer(each) for each in unseen], count=len(unseen)))
    if not parts:
        parts = [empty_state(t("needs.nothing"), t("needs.nothing_detail"))]
    return frame(t("needs.title"), parts, here="more", back="/more")


def _words(exception: ExceptionDoc) -> dict[str, Any]:
    values: dict[str, Any] = {"units": 0, "by": "", "held": 0, "state": "", **exception.values}
    if has(f"state.{values['state']}"):
        values["state"] = t(f"state.{values['state']}")
    return values


def _said(prefix: str, exception: ExceptionDoc) -> str:
    """The sentence of this kind, else the general one."""
    key = f"{prefix}.{exception.kind}"
    return t(key, **_words(exception)) if has(key) else t(f"{prefix}.other", code=exception.kind.replace("_", " "))


def _mended(mended: Mended) -> ft.Control:
    """This device's data was damaged; until somebody has seen it."""
    when = moment(mended.at, engine().lookup.node.time_zone, engine().clock.now())
    words: list[ft.Control] = [text(t("mended.title"), Type.STRONG), muted(when)]
    words += [text(said) for said in mended_words(mended)]
    put_away = button(t("needs.seen"), lambda: engine().mended_seen(), rank="secondary")
    return keyed("mended", card(ft.Column([*words, ft.Row([put_away])], spacing=Space.S)))


def _exception(exception: ExceptionDoc, settle: Any) -> ft.Control:
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    when = moment(exception.opened_at, zone, now)
    about = t("needs.about", number=exception.order_number, when=when) if exception.order_number else when
    advice = _said("settle", exception)
    words: list[ft.Control] = [text(_said("notice", exception), Type.STRONG), muted(about), text(advice)]
    buttons: list[ft.Control] = [
        button(t("needs.done"), lambda: settle(str(exception.id)), rank="secondary", icon=ft.Icons.CHECK_ROUNDED)
    ]
    if exception.fulfilment and engine().lookup.job(exception.fulfilment):
        buttons.append(button(t("needs.open"), opener(f"/job/{exception.fulfilment}"), rank="quiet"))
    who = status_chip(t("needs.for", role=t(f"role.{exception.owner_role}")), Tone.WARN)
    rows: list[ft.Control] = [ft.Row([who]), *words, ft.Row(buttons, spacing=Space.S, wrap=True)]
    return keyed(str(exception.id), card(ft.Column(rows, spacing=Space.S)))


def _answer(queued: Queued) -> ft.Control:
    """Something done on this device that the server refused, changed or keeps for a person."""
    status = queued.outcome.status if queued.outcome else "held"
    chip = status_chip(t(f"outcome.{status}"), STATUS_TONES.get(status, Tone.WARN))
    words: list[ft.Control] = [ft.Row([chip]), text(command_words(queued), Type.STRONG)]
    if queued.outcome and queued.outcome.notice:
        words.append(text(sentence(queued.outcome.notice)))
    words.append(muted(t(f"outcome.{status}.then")))
    put_away = button(t("needs.seen"), lambda: engine().seen(queued.n), rank="secondary")
    return keyed(f"n{queued.n}", card(ft.Column([*words, ft.Row([put_away])], spacing=Space.S)))
