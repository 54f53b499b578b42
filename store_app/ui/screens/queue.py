"""The queue of this device: what waits for the server, and what became of what was sent."""

import flet as ft

from store_app.engine.commands import Queued
from store_app.engine.state import Link
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment
from store_app.ui.hooks import use_query
from store_app.ui.notices import engine, sentence
from store_app.ui.screens.more import queue_words
from store_app.ui.texts import has, t
from store_app.ui.theme import Space, Tone, Type

SHOWN = 60
STATUS_TONES = {
    "applied": Tone.OK,
    "already_done": Tone.OK,
    "adjusted": Tone.WARN,
    "refused": Tone.BAD,
    "exception": Tone.BAD,
    "held": Tone.WARN,
}


@component
def queue_screen() -> ft.Control:
    """Nothing in here is lost while it waits; the network is not needed to go on."""
    status = use_query(lambda: engine().syncer.status)
    journal = use_query(lambda: engine().outbox.journal(SHOWN))
    waiting = [queued for queued in journal if queued.state != "settled"]
    settled = [queued for queued in journal if queued.state == "settled"]
    words: list[ft.Control] = [text(queue_words(status), Type.HEADING)]
    words.append(muted(_network(status.link)))
    if status.photos:
        words += [text(t("queue.photos", count=status.photos), Type.STRONG), muted(t("queue.photos_detail"))]
    words.append(
        ft.Row([button(t("queue.send"), lambda: engine().syncer.poke(), rank="secondary", icon=ft.Icons.SYNC_ROUNDED)])
    )
    parts: list[ft.Control] = [card(ft.Column(words, spacing=Space.S))]
    if waiting:
        parts.append(section(t("queue.waiting"), [_row(queued) for queued in waiting], count=status.waiting))
    if settled:
        parts.append(section(t("queue.settled"), [_row(queued) for queued in settled]))
    if not journal:
        parts.append(empty_state(t("queue.nothing"), t("queue.nothing_detail")))
    return frame(t("queue.title"), parts, here="more", back="/more")


def _network(link: Link) -> str:
    """Whether what waits can be sent now."""
    if link is Link.REVOKED:
        return t("queue.shut_out")
    if link is Link.UPDATE_NEEDED:
        return t("queue.update_needed")
    return t("queue.online" if link is Link.ONLINE else "queue.offline")


def command_words(queued: Queued) -> str:
    """What somebody did, in words: the verb, and the job or item it was about."""
    key = f"command.{queued.kind}"
    verb = t(key) if has(key) else queued.kind.replace("_", " ")
    job = engine().lookup.job(queued.job) if queued.job else None
    about = job.number if job else str(queued.body.get("sku") or "")
    return t("queue.command", verb=verb, about=about) if about else verb


def _row(queued: Queued) -> ft.Control:
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    status = queued.outcome.status if queued.outcome and queued.state == "settled" else ""
    label = t(f"outcome.{status}") if status else t("queue.sent" if queued.state == "sent" else "queue.unsent")
    if queued.state == "settled" and not status:
        label, status = t("outcome.applied"), "applied"
    who = engine().lookup.person_name(queued.actor)
    words: list[ft.Control] = [
        text(command_words(queued), Type.STRONG),
        muted(t("queue.who", n=queued.n, name=who, when=moment(queued.made_at, zone, now))),
    ]
    if queued.outcome and queued.outcome.notice and status not in ("applied", "already_done"):
        words.append(text(sentence(queued.outcome.notice)))
    chip = status_chip(label, STATUS_TONES.get(status, Tone.INFO), None if status else ft.Icons.SCHEDULE_SEND_ROUNDED)
    row = ft.Row([ft.Column(words, spacing=2, expand=True), chip], vertical_alignment=ft.CrossAxisAlignment.START)
    return keyed(str(queued.n), ft.MergeSemantics(content=card(row, padding=Space.M)))
