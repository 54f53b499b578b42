"""Pack: a bag to its staging place, or a parcel with its label."""

import flet as ft

from shared.fulfilment import FULFILMENT, Fulfilment, State
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import go, use_feedback, use_query, use_scan
from store_app.ui.notices import engine, tell
from store_app.ui.scans import Scan
from store_app.ui.screens.anywhere import follow
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type


@component
def pack_screen() -> ft.Control:
    """The job named in the route: what is in the tote, and where it goes."""
    job_id = ft.use_route_params()["job"]
    feedback = use_feedback()
    job = use_query(lambda: engine().work.job(job_id))
    place, set_place = ft.use_state("")
    carrier, set_carrier = ft.use_state("")
    tracking, set_tracking = ft.use_state("")

    def packed(now: Fulfilment) -> bool:
        """Pack first, if that is still to be done."""
        if now.state is not State.PICKED:
            return True
        result = engine().work.pack(now.id)
        if not result.ok:
            tell(feedback, result)
        return result.ok

    def stage(where: str) -> None:
        now = engine().work.job(job_id)
        if now is None or not where or not packed(now):
            return
        result = engine().work.stage(now.id, where)
        tell(feedback, result)
        if result.ok:
            go("/")

    def send() -> None:
        now = engine().work.job(job_id)
        if now is None or not packed(now):
            return
        result = engine().work.label(now.id, carrier.strip(), tracking.strip())
        tell(feedback, result)
        if result.ok:
            go("/ship")

    def scanned(scan: Scan) -> bool | None:
        result = engine().work.scan(None, scan.text, symbology=scan.symbology or None)
        if result.act.value == "open_place":
            stage(result.value)
            return None
        follow(result, scan)
        return None

    use_scan(scanned)
    if job is None:
        return frame(t("pack.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")
    contents = section(t("pack.contents"), [_contents(job)], count=sum(line.held for line in job.lines))
    if FULFILMENT.can("packed", "stage", job.method):
        places = [Option(code, code) for code in engine().lookup.node.staging]
        parts = [
            contents,
            section(t("pack.where"), [choice(places, place or None, set_place), muted(t("pack.scan_place"))]),
        ]
        label = t("pack.stage_at", place=place) if place else t("pack.choose_place")
        action = button(label, lambda: stage(place), disabled=not place, icon=ft.Icons.SHELVES)
        return frame(t("pack.of", number=job.number), parts, back=f"/job/{job.id}", action=action)
    form: list[ft.Control] = [
        field(t("pack.carrier"), carrier, set_carrier, icon=ft.Icons.LOCAL_SHIPPING_ROUNDED),
        field(t("pack.tracking"), tracking, set_tracking, icon=ft.Icons.NUMBERS_ROUNDED),
    ]
    ready = bool(carrier.strip() and tracking.strip())
    action = button(t("pack.label"), send, disabled=not ready, icon=ft.Icons.LABEL_ROUNDED)
    body = [contents, section(t("pack.address"), [_address(job)]), section(t("pack.label_of"), form)]
    return frame(t("pack.of", number=job.number), body, back=f"/job/{job.id}", action=action)


def _contents(job: Fulfilment) -> ft.Control:
    rows: list[ft.Control] = []
    for line in job.lines:
        if line.held:
            item = engine().lookup.item(line.sku)
            rows.append(ft.Row([text(str(line.held), Type.STRONG), text(item.name if item else line.sku, expand=True)]))
    return card(ft.Column(rows or [muted(t("pack.empty"))], spacing=Space.S))


def _address(job: Fulfilment) -> ft.Control:
    """The address label, as it is written on the box."""
    return card(
        ft.Column([text(line, Type.STRONG if i == 0 else Type.BODY) for i, line in enumerate(job.address)], spacing=2)
    )
