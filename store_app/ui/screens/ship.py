"""Parcels that wait for their carrier: scan them into the van, and the moment they leave."""

from datetime import datetime
from zoneinfo import ZoneInfo

import flet as ft

from shared.fulfilment import Fulfilment, State
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import opener, use_app, use_feedback, use_query, use_scan
from store_app.ui.notices import engine, tell
from store_app.ui.scans import Scan
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type


@component
def ship_screen() -> ft.Control:
    """Everything labelled, by carrier. Scanned parcels are ticked; the button sends the ticked ones, or else all."""
    app, feedback = use_app(), use_feedback()
    waiting = use_query(lambda: [j for j in engine().work.jobs("ready") if engine().work.next_action(j) == "ship"])
    gone = use_query(lambda: [j for j in engine().work.jobs("done") if j.state is State.SHIPPED][:30])
    unlabelled = use_query(lambda: [j for j in engine().work.jobs("in_progress") if is_parcel_to_label(j)])
    chosen, choose = ft.use_state("")
    nothing: frozenset[str] = frozenset()
    loaded, load = ft.use_state(nothing)
    carriers = sorted({carrier_of(job) for job in waiting})
    mine = [job for job in waiting if chosen in ("", carrier_of(job))]
    ticked = [job for job in mine if str(job.id) in loaded]

    def scanned(scan: Scan) -> bool | None:
        job = next((job for job in waiting if scan.text.strip() in codes_of(job)), None) or _of_label(scan, waiting)
        if job is None:
            return False
        load(loaded | {str(job.id)})
        choose(carrier_of(job))
        feedback.right(t("ship.loaded", number=job.number), carrier_of(job))
        return None

    def taken() -> None:
        leaving = ticked or mine
        results = [engine().work.ship(job.id) for job in leaving]
        load(nothing)
        wrong = next((result for result in results if not result.ok), None)
        if wrong is not None:
            tell(feedback, wrong)
        else:
            feedback.right(t("ship.done", count=len(leaving)))

    use_scan(scanned)
    today = [job for job in gone if _today(job, app.now(), app.store.state.time_zone)]
    parts: list[ft.Control] = []
    if len(carriers) > 1:
        options = [Option("", t("ship.all_carriers")), *(Option(each, each) for each in carriers)]
        parts.append(filters(options, chosen, choose))
    for carrier in carriers:
        jobs = [job for job in mine if carrier_of(job) == carrier]
        if jobs:
            cards = [keyed(str(job.id), _parcel(job, str(job.id) in loaded)) for job in jobs]
            parts.append(section(carrier or t("ship.no_carrier"), cards, count=len(jobs)))
    if not waiting:
        parts.append(empty_state(t("ship.nothing"), t("ship.nothing_detail"), ft.Icons.LOCAL_SHIPPING_ROUNDED))
    if unlabelled:
        cards = [keyed(str(job.id), _parcel(job, False)) for job in unlabelled]
        parts.append(section(t("ship.to_label"), cards, count=len(unlabelled)))
    if today:
        parts.append(section(t("ship.gone"), [keyed(str(j.id), _parcel(j, False)) for j in today], count=len(today)))
    label = t("ship.taken_ticked", count=len(ticked), of=len(mine)) if ticked else t("ship.taken", count=len(mine))
    action = button(label, taken, icon=ft.Icons.LOCAL_SHIPPING_ROUNDED) if mine else None
    return frame(t("ship.title"), parts, here="more", back="/more", action=action)


def carrier_of(job: Fulfilment) -> str:
    """Who takes it."""
    return next((package.carrier for package in job.packages if package.carrier), "")


def codes_of(job: Fulfilment) -> set[str]:
    """What may be scanned off the parcel, beside our own label."""
    return {job.number, *(package.tracking for package in job.packages if package.tracking)}


def is_parcel_to_label(job: Fulfilment) -> bool:
    """Packed, and still without a label."""
    return engine().work.next_action(job) == "label"


def _of_label(scan: Scan, waiting: list[Fulfilment]) -> Fulfilment | None:
    """The parcel one of our own labels names."""
    named = {job.id for job in engine().lookup.jobs_by_code(scan.text)}
    return next((job for job in waiting if job.id in named), None)


def _today(job: Fulfilment, now: datetime, zone: str) -> bool:
    """Shipped jobs carry no time of their own; what was promised for today or later is of today."""
    here = ZoneInfo(zone)
    return job.due_at is None or job.due_at.astimezone(here).date() >= now.astimezone(here).date()


def _parcel(job: Fulfilment, ticked: bool) -> ft.Control:
    tracking = next((package.tracking for package in job.packages if package.tracking), "")
    words: list[ft.Control] = [text(job.number, Type.STRONG)]
    words += [muted(line) for line in (tracking, job.address[0] if job.address else job.customer) if line]
    chips: list[ft.Control] = []
    if ticked:
        chips = [status_chip(t("ship.in_van"), Tone.OK)]
    elif job.state is State.SHIPPED:
        chips = [status_chip(t("state.shipped"), Tone.OK)]
    row = ft.Row([ft.Column(words, spacing=2, tight=True, expand=True), *chips], spacing=Space.M)
    spoken = ", ".join(filter(None, (job.number, carrier_of(job), tracking, t("ship.in_van") if ticked else "")))
    return card(row, on_click=opener(f"/job/{job.id}"), label=spoken, selected=ticked)
