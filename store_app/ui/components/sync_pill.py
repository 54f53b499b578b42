"""How the network is, quietly: Online; Offline since 10:42, 7 waiting; Needs you: 1."""

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.pressable import pressable
from store_app.ui.components.text import text
from store_app.ui.format import clock
from store_app.ui.hooks import opener, use_state_of
from store_app.ui.state import SyncState
from store_app.ui.texts import t
from store_app.ui.theme import TOUCH, Color, Radius, Tone, Type, look


def sync_face(sync: SyncState, zone: str) -> tuple[Tone, ft.IconData, str]:
    """Meaning, icon and words. What needs a person comes before what the network does."""
    if sync.shut_out:
        return Tone.BAD, ft.Icons.BLOCK_ROUNDED, t("sync.shut_out")
    if sync.needs_you:
        return Tone.BAD, ft.Icons.PRIORITY_HIGH_ROUNDED, t("sync.needs_you", count=sync.needs_you)
    if sync.update_needed:
        return Tone.WARN, ft.Icons.SYSTEM_UPDATE_ROUNDED, _with_waiting(t("sync.update_needed"), sync)
    if not sync.online:
        since = sync.offline_since
        words = t("sync.offline_since", clock=clock(since, zone)) if since else t("sync.offline")
        return Tone.WARN, ft.Icons.CLOUD_OFF_ROUNDED, _with_waiting(words, sync)
    if sync.waiting:
        return Tone.NEUTRAL, ft.Icons.CLOUD_UPLOAD_ROUNDED, t("sync.sending", count=sync.waiting)
    return Tone.NEUTRAL, ft.Icons.CLOUD_DONE_ROUNDED, t("sync.online")


def _with_waiting(state: str, sync: SyncState) -> str:
    return t("sync.and_waiting", state=state, count=sync.waiting) if sync.waiting else state


@component
def sync_pill() -> ft.Control:
    """A pill that opens what needs somebody, or else the queue."""
    sync = use_state_of(lambda state: state.sync)
    zone = use_state_of(lambda state: state.time_zone)
    tone, icon, words = sync_face(sync, zone)
    quiet = tone is Tone.NEUTRAL
    ink = Color.MUTED if quiet else look(tone).ink
    pill = ft.Row(
        [ft.Icon(icon, size=20, color=ink), text(words, Type.LABEL, ink, lines=1)],
        spacing=6,
        tight=True,
    )
    return pressable(
        pill,
        words,
        opener("/needs-you" if sync.needs_you else "/queue"),
        radius=Radius.CHIP,
        bgcolor=None if quiet else look(tone).ground,
        padding=ft.Padding.symmetric(horizontal=12),
        height=TOUCH,
    )
