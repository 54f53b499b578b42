"""The work list: open, in progress, ready, done; by method, time, place and person; search looks everywhere."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

import flet as ft

from shared.fulfilment import Fulfilment
from store_app.engine.lookup import zone_of
from store_app.engine.work import Tab
from store_app.ui.component import component
from store_app.ui.components.buttons import button, icon_button
from store_app.ui.components.choice import Option, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.icon_tile import method_icon
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.text import muted
from store_app.ui.hooks import go, use_app, use_kept, use_now, use_query
from store_app.ui.notices import engine
from store_app.ui.screens._parts.job_view import use_job_view
from store_app.ui.screens.faces import job_cards
from store_app.ui.texts import t
from store_app.ui.theme import Color, Space

TABS = ("open", "in_progress", "ready", "done")
DUE = ("late", "soon", "today")
SHOWN = 100


@dataclass(frozen=True)
class Narrow:
    """What the list leaves out; an empty word leaves nothing out."""

    method: str = ""
    due: str = ""
    zone: str = ""
    mine: bool = False

    @property
    def count(self) -> int:
        """How many of them are on."""
        return sum(map(bool, (self.method, self.due, self.zone, self.mine)))


@component
def work_screen() -> ft.Control:
    """One tab of the list; on a tablet beside the job that was chosen, on a phone replaced by it."""
    params = ft.use_route_params()
    chosen, tab = params.get("job"), params.get("tab", "")
    tab = tab if tab in TABS else "open"
    app = use_app()
    use_now(30)
    words, search = use_kept("work.search", "")
    narrow, set_narrow = use_kept("work.narrow", Narrow())
    narrowing, open_sheet = ft.use_state(False)
    jobs = use_query(lambda: engine().work.jobs(cast(Tab, tab), search=words))
    view = use_job_view(chosen)
    ft.use_dialog(
        sheet(t("work.narrow"), [narrow_form(jobs, narrow, set_narrow)], lambda: open_sheet(False))
        if narrowing
        else None
    )
    tabs = [Option(code, t(f"tab.{code}")) for code in TABS]
    lead = icon_button(
        ft.Icons.FILTER_ALT_ROUNDED if narrow.count else ft.Icons.FILTER_ALT_OUTLINED,
        t("work.narrowed", count=narrow.count) if narrow.count else t("work.narrow"),
        lambda: open_sheet(True),
        color=Color.PRIMARY if narrow.count else Color.INK,
    )
    pills = filters(tabs, "" if words.strip() else tab, lambda code: go(f"/work/{code}"))
    head = [search_field(t("today.search"), words, search), ft.Row([ft.Container(pills, expand=True), lead])]
    header = ft.Column(head, spacing=Space.S, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    left = [job for job in jobs if fits(job, narrow, app.now(), app.store.state.time_zone)]
    body = found(left, under=f"/work/{tab}", chosen=chosen)
    if narrow.count and len(left) < len(jobs):
        body.append(button(t("work.show_all", count=len(jobs)), lambda: set_narrow(Narrow()), rank="quiet"))
    title, back = (view.title, f"/work/{tab}") if view else (t("work.title"), "/")
    none = empty_state(t("work.choose"), "", ft.Icons.TOUCH_APP_ROUNDED)
    return frame(
        title,
        body,
        back=back,
        header=None if view and app.width < 700 else header,
        detail=view.parts if view else None,
        nothing_chosen=none,
        action=view.action if view else None,
    )


def found(jobs: list[Fulfilment], *, under: str | None = None, chosen: str | None = None) -> list[ft.Control]:
    """The cards of a list or a search, or a word that there are none."""
    if not jobs:
        return [empty_state(t("work.nothing"), t("work.nothing_detail"), ft.Icons.INBOX_ROUNDED)]
    cards = job_cards(engine(), jobs[:SHOWN], under=under, chosen=chosen)
    return [*cards, *([muted(t("work.more", count=len(jobs) - SHOWN))] if len(jobs) > SHOWN else [])]


def fits(job: Fulfilment, narrow: Narrow, now: datetime, zone: str) -> bool:
    """Whether the list still shows this job."""
    if narrow.method not in ("", job.method) or (narrow.mine and job.assignee != engine().session.actor):
        return False
    if narrow.zone and narrow.zone not in zones(job):
        return False
    return not narrow.due or _due(job, narrow.due, now, zone)


def zones(job: Fulfilment) -> set[str]:
    """The parts of the shop in which something of this job still lies."""
    places = (engine().lookup.stock(line.sku) for line in job.lines if line.open > 0)
    return {zone_of(place.bin) for place in places if place and place.bin}


def _due(job: Fulfilment, due: str, now: datetime, zone: str) -> bool:
    if job.due_at is None:
        return False
    if due == "late":
        return job.due_at < now
    if due == "soon":
        return now <= job.due_at <= now + engine().lookup.soon()
    here = ZoneInfo(zone)
    return job.due_at.astimezone(here).date() <= now.astimezone(here).date()


@component
def narrow_form(jobs: list[Fulfilment], narrow: Narrow, keep: Callable[[Narrow], None]) -> ft.Control:
    """Only what occurs in the list can be chosen."""
    mine, set_mine = ft.use_state(narrow)

    def change(to: Narrow) -> None:
        set_mine(to)
        keep(to)

    def row(key: str, codes: list[Option], chosen: str, pick: Callable[[str], None]) -> ft.Control:
        return section(t(key), [filters([Option("", t("work.any")), *codes], chosen, pick)])

    methods = [Option(m, t(f"method.{m}"), icon=method_icon(m)) for m in sorted({job.method for job in jobs})]
    places = [Option(zone, zone) for zone in sorted(set().union(*(zones(job) for job in jobs)))] if jobs else []
    dues = [Option(code, t(f"work.due.{code}")) for code in DUE]
    whose = [Option("mine", t("work.only_mine"))]
    rows = [
        row("work.method", methods, mine.method, lambda code: change(replace(mine, method=code))),
        row("work.due", dues, mine.due, lambda code: change(replace(mine, due=code))),
        row("work.whose", whose, "mine" if mine.mine else "", lambda code: change(replace(mine, mine=bool(code)))),
    ]
    if places:
        rows.append(row("work.zone", places, mine.zone, lambda code: change(replace(mine, zone=code))))
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Column(list[ft.Control](rows), spacing=Space.S, tight=True, horizontal_alignment=stretch)
