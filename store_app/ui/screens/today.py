"""Today: what is urgent, in the order in which it hurts, and one tap to the next job."""

from collections.abc import Iterator
from typing import cast

import flet as ft

from shared.fulfilment import Fulfilment
from store_app.engine.needs import Need
from store_app.engine.work import Tab, Today
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.icon_tile import icon_tile
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import go, opener, use_feedback, use_kept, use_now, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.screens._parts.job_view import NEXT
from store_app.ui.screens._parts.need_words import tone_of, what_happened
from store_app.ui.screens.faces import WAITS, job_cards
from store_app.ui.screens.work import TABS, found
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

SHOWN = 5
"""Jobs of a group that is not urgent; the work list has all of them."""


@component
def today() -> ft.Control:
    """What to do now. Typing searches in everything."""
    feedback = use_feedback()
    use_now(20)
    words, search = use_kept("today.search", "")
    now = use_query(lambda: engine().work.today())
    ready = use_query(lambda: [job for job in engine().work.jobs("ready") if job.state in WAITS])
    hits = use_query(lambda: engine().work.jobs(search=words) if words.strip() else [])
    following = use_query(lambda: engine().work.start_next())

    def start() -> None:
        job = engine().work.start_next()
        if job is None:
            return
        action = engine().work.next_action(job)
        if action == "accept":
            result = engine().work.accept(job.id)
            if not result.ok:
                tell(feedback, result)
                return
        go(f"/{NEXT[action or 'pick']}/{job.id}")

    head = [search_field(t("today.search"), words, search), *([] if words.strip() else [_counts(now)])]
    header = ft.Column(head, spacing=Space.M, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    action = button(t("today.start_next"), start, icon=ft.Icons.PLAY_ARROW_ROUNDED) if following else None
    parts = found(hits) if words.strip() else [*_groups(now, ready)]
    nothing = empty_state(t("today.nothing"), t("today.nothing_detail"), tone=Tone.OK)
    return frame(t("nav.today"), parts or [nothing], header=header, action=action)


def _groups(now: Today, ready: list[Fulfilment]) -> Iterator[ft.Control]:
    """Each job once, in the group where it is most urgent."""
    if now.needs_you:
        yield _needs_you(now.needs_you)
    shown: set[str] = set()
    open_jobs = engine().work.jobs("open")
    for key, jobs, most, route in (
        ("arrived", now.arrivals, 0, "/curbside"),
        ("mine", now.mine, 0, ""),
        ("late", now.late, 0, ""),
        ("due_soon", now.due_soon, 0, ""),
        ("expiring", now.expiring, 0, ""),
        ("later", open_jobs, SHOWN, "/work/open"),
        ("ready", ready, SHOWN, "/work/ready"),
    ):
        fresh = [job for job in jobs if str(job.id) not in shown]
        shown.update(str(job.id) for job in fresh)
        if fresh:
            yield _group(key, fresh, most, route)


def _group(key: str, jobs: list[Fulfilment], most: int, route: str) -> ft.Control:
    more = None
    if route == "/curbside":
        more = button(t("today.curbside"), opener(route), rank="quiet")
    elif most and len(jobs) > most:
        more = button(t("today.all", count=len(jobs)), opener(route), rank="quiet")
    cards = job_cards(engine(), jobs[: most or None])
    return section(t(f"today.{key}"), cards, count=len(jobs), trailing=more)


def _counts(now: Today) -> ft.Control:
    """How much there is of each kind; each leads to its list. What is done is not counted."""
    options = [Option(tab, _counted(tab, now.counts.get(cast(Tab, tab)))) for tab in TABS]
    return filters(options, "", lambda tab: go(f"/work/{tab}"))


def _counted(tab: str, count: int | None) -> str:
    return t(f"tab.{tab}") if count is None else t("today.count", tab=t(f"tab.{tab}"), count=count)


def _needs_you(needs: tuple[Need, ...]) -> ft.Control:
    """How many there are, and the most urgent of them."""
    count = len(needs)
    words = ft.Column(
        [text(t("today.needs_you", count=count), Type.STRONG), muted(what_happened(needs[0]))],
        spacing=2,
        tight=True,
        expand=True,
    )
    row = ft.Row([icon_tile(ft.Icons.ERROR_ROUNDED, tone_of(needs[0])), words], spacing=Space.M)
    spoken = f"{t('today.needs_you', count=count)}, {what_happened(needs[0])}"
    return card(row, on_click=opener("/needs-you"), label=spoken)
