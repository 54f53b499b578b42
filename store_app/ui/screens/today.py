"""Today: what is urgent, in the order in which it hurts, and one tap to the next job."""

import flet as ft

from shared.fulfilment import Fulfilment
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import text
from store_app.ui.hooks import go, opener, use_now, use_query
from store_app.ui.notices import engine
from store_app.ui.screens.faces import job_cards
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

TABS = ("today", "open", "in_progress", "ready", "done")


@component
def today() -> ft.Control:
    """What to do now; the other tabs list everything."""
    use_now(20)
    tab, choose = ft.use_state("today")
    words, search = ft.use_state("")
    now = use_query(lambda: engine().work.today())
    listed = use_query(lambda: engine().work.jobs(None if tab == "today" else tab, search=words))  # type: ignore[arg-type]
    options = [Option(code, t(f"tab.{code}")) for code in TABS]
    head = [search_field(t("today.search"), words, search), filters(options, tab, choose)]
    header = ft.Column(head, spacing=Space.S, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    if words.strip() or tab != "today":
        body = _list(listed, bool(words.strip()))
        return frame(t("nav.today"), body, header=header, action=_start())
    parts: list[ft.Control] = []
    shown: set[str] = set()
    if now.exceptions:
        parts.append(_needs_you(len(now.exceptions)))
    for key, jobs in (
        ("arrived", now.arrivals),
        ("mine", now.mine),
        ("late", now.late),
        ("due_soon", now.due_soon),
        ("expiring", now.expiring),
    ):
        fresh = [job for job in jobs if str(job.id) not in shown]
        shown.update(str(job.id) for job in fresh)
        if fresh:
            parts.append(section(t(f"today.{key}"), job_cards(engine(), fresh), count=len(fresh)))
    rest = [job for job in engine().work.jobs() if str(job.id) not in shown]
    if rest:
        parts.append(section(t("today.later"), job_cards(engine(), rest[:30]), count=len(rest)))
    if not parts:
        parts = [empty_state(t("today.nothing"), t("today.nothing_detail"))]
    return frame(t("nav.today"), parts, header=header, action=_start())


def _list(jobs: list[Fulfilment], searched: bool) -> list[ft.Control]:
    if not jobs:
        return [empty_state(t("today.none_found") if searched else t("today.nothing"), t("today.nothing_detail"))]
    return job_cards(engine(), jobs[:100])


def _needs_you(count: int) -> ft.Control:
    row = ft.Row(
        [text(t("today.needs_you", count=count), Type.STRONG, expand=True), status_chip(str(count), Tone.WARN)]
    )
    return card(row, on_click=opener("/needs-you"), label=t("today.needs_you", count=count))


def _start() -> ft.Control | None:
    following = engine().work.start_next()
    if following is None:
        return None

    def start() -> None:
        job = engine().work.start_next()
        if job is not None:
            go(f"/job/{job.id}")

    return button(t("today.start_next"), start, icon=ft.Icons.PLAY_ARROW_ROUNDED)
