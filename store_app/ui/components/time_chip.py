"""Time left against a promise: calm, soon or late, in words as well as in colour."""

from datetime import datetime, timedelta

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.status_chip import status_chip
from store_app.ui.format import span
from store_app.ui.hooks import use_now
from store_app.ui.texts import t
from store_app.ui.theme import Tone

SOON = timedelta(minutes=15)
PATIENCE = timedelta(minutes=5)


def urgency(due: datetime, now: datetime, soon: timedelta = SOON) -> Tone:
    """Late is bad, within `soon` is a warning, before that it is calm."""
    if now >= due:
        return Tone.BAD
    return Tone.WARN if due - now <= soon else Tone.NEUTRAL


def waited_words(since: datetime, now: datetime) -> str:
    """What the chip of somebody who waits says: waiting 4 min."""
    return t("time.waiting", span=span(now - since))


def time_words(due: datetime, now: datetime) -> str:
    """What the chip says: 12 min left, or 4 min late."""
    return t("time.late" if now >= due else "time.left", span=span(due - now))


_ICONS = {
    Tone.NEUTRAL: ft.Icons.SCHEDULE_ROUNDED,
    Tone.WARN: ft.Icons.TIMELAPSE_ROUNDED,
    Tone.BAD: ft.Icons.ALARM_ROUNDED,
}


@component
def time_chip(due: datetime, soon: timedelta = SOON) -> ft.Control:
    """A chip that counts down by itself."""
    now = use_now(15)
    tone = urgency(due, now, soon)
    return status_chip(time_words(due, now), tone, _ICONS[tone])


@component
def waiting_chip(since: datetime, patience: timedelta = PATIENCE) -> ft.Control:
    """A chip that counts up for somebody who stands outside."""
    now = use_now(5)
    tone = Tone.BAD if now - since > patience else Tone.WARN
    return status_chip(waited_words(since, now), tone, ft.Icons.HOURGLASS_BOTTOM_ROUNDED)
