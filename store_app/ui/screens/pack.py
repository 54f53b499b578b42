"""Pack: bags to their staging place, or boxes with their label."""

from collections.abc import Callable

import flet as ft

from shared.fulfilment import FULFILMENT, Fulfilment, State
from shared.scanning import Act
from store_app.engine.results import ScanResult
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.hooks import go, opener, use_feedback, use_query, use_scan
from store_app.ui.notices import engine, tell
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.bags import Bags, bags_of, held_by
from store_app.ui.screens._parts.pack_parts import address_label, bag_cards, label_form, place_form
from store_app.ui.screens.anywhere import follow
from store_app.ui.texts import t

PACKABLE = frozenset({State.PICKED, State.PACKED})
RELABEL = frozenset({State.PACKED, State.AWAITING_CARRIER})
NOT_OURS = frozenset({Act.WRONG, Act.CHECK_CODE, Act.OPEN_ORDER})
"""While a label is asked for, a code that means nothing here is a tracking number."""


@component
def pack_screen() -> ft.Control:
    """The job named in the route: what is in the tote, in which bags, and where they go."""
    job_id = ft.use_route_params()["job"]
    feedback = use_feedback()
    job = use_query(lambda: engine().work.job(job_id))
    known_carrier, known_tracking = _known(job)
    bags, set_bags = ft.use_state(bags_of(job) if job else Bags())
    bag, set_bag = ft.use_state(0)
    place, set_place = ft.use_state("")
    carrier, set_carrier = ft.use_state(known_carrier)
    tracking, set_tracking = ft.use_state(known_tracking)
    held = held_by(job) if job else {}
    parcel = job is not None and not FULFILMENT.can("packed", "stage", job.method)

    def packed() -> bool:
        """The bags as they are now; nothing happens when they are packed so already."""
        now = engine().work.job(job_id)
        if now is None or now.state not in PACKABLE:
            return now is not None
        result = engine().work.pack(now.id, bags.packages(held_by(now)))
        if not result.ok:
            tell(feedback, result)
        return result.ok

    def stage(where: str) -> None:
        if not where.strip() or not packed():
            return
        result = engine().work.stage(job_id, where.strip())
        tell(feedback, result)
        if result.ok and result.job is not None:
            go(f"/hand-off/{job_id}" if result.job.state is State.ARRIVED else "/")

    def send() -> None:
        if not packed():
            return
        result = engine().work.label(job_id, carrier.strip(), tracking.strip())
        tell(feedback, result)
        if result.ok:
            go("/ship")

    def scanned(scan: Scan) -> None:
        counted = bags.contents(held)[bag] if bags.filled else {}
        result = engine().work.scan(job_id, scan.text, screen="pack", counted=counted, symbology=scan.symbology or None)
        if result.act is Act.STAGE:
            staged(result)
        elif result.act is Act.PACK and result.line is not None:
            put(result)
        elif parcel and result.act in NOT_OURS and result.item is None:
            set_tracking(scan.text.strip())
            feedback.right(t("pack.tracking_read"), scan.text.strip())
        else:
            follow(result, scan)

    def staged(result: ScanResult) -> None:
        """A place was scanned: the engine has put the bag there if it was packed already."""
        if result.ok:
            tell(feedback, result)
            go("/")
        else:
            stage(result.value)

    def put(result: ScanResult) -> None:
        line = result.line.line if result.line else 0
        if bags.filled and bag < len(bags.filled):
            set_bags(bags.put(held, bag, line, bags.filled[bag].get(line, 0) + result.units))
        feedback.right(t("pack.is_in", name=result.item.name if result.item else "", bag=bag + 1))

    use_scan(scanned)
    if job is None:
        return frame(t("pack.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")
    title, back = t("pack.of", number=job.number), f"/job/{job.id}"
    if job.state not in PACKABLE | RELABEL:
        return frame(title, [_not_now(job)], back=back)
    body: list[ft.Control] = [bag_cards(job, bags, bag, set_bags, set_bag, weigh=parcel)]
    if parcel:
        body = [label_form(carrier, set_carrier, tracking, set_tracking), address_label(job), *body]
        return frame(title, body, back=back, action=_label_button(job, carrier, tracking, send))
    body.insert(0, place_form(place, set_place))
    label = t("pack.stage_at", place=place) if place.strip() else t("pack.choose_place")
    action = button(label, lambda: stage(place), disabled=not place.strip(), icon=ft.Icons.SHELVES)
    return frame(title, body, back=back, action=action)


def _label_button(job: Fulfilment, carrier: str, tracking: str, send: Callable[[], None]) -> ft.Control:
    """Says what is missing while something is."""
    if not carrier.strip():
        return button(t("pack.needs_carrier"), None, disabled=True)
    if not tracking.strip():
        return button(t("pack.needs_tracking"), None, disabled=True)
    label = t("pack.relabel") if job.state is State.AWAITING_CARRIER else t("pack.label")
    return button(label, send, icon=ft.Icons.LABEL_ROUNDED)


def _known(job: Fulfilment | None) -> tuple[str, str]:
    """Carrier and tracking number of a parcel that has them."""
    labelled = next((package for package in job.packages if package.tracking), None) if job else None
    return (labelled.carrier or "", labelled.tracking or "") if labelled else ("", "")


def _not_now(job: Fulfilment) -> ft.Control:
    if job.state in (State.OFFERED, State.ACCEPTED, State.PICKING):
        way = button(t("pack.back_to_pick"), opener(f"/pick/{job.id}"), rank="secondary")
        return empty_state(t("pack.not_picked"), t("pack.not_picked_detail"), ft.Icons.SHOPPING_BASKET_ROUNDED, way)
    return empty_state(t("pack.closed"), t("pick.closed_detail", state=t(f"state.{job.state.value}")))
