"""Parcels that wait for their carrier, and the moment they leave."""

import flet as ft

from shared.fulfilment import Fulfilment
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import use_feedback, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type


@component
def ship_screen() -> ft.Control:
    """Everything labelled, by carrier; one tap when the driver has taken them."""
    feedback = use_feedback()
    jobs = use_query(lambda: [j for j in engine().work.jobs("ready") if engine().work.next_action(j) == "ship"])
    carriers: dict[str, list[Fulfilment]] = {}
    for job in jobs:
        carriers.setdefault((job.packages[0].carrier if job.packages else None) or "", []).append(job)
    if not jobs:
        return frame(t("ship.title"), [empty_state(t("ship.nothing"), t("ship.nothing_detail"))], back="/")

    def taken() -> None:
        for job in jobs:
            result = engine().work.ship(job.id)
            if not result.ok:
                tell(feedback, result)
                return
        feedback.right(t("ship.done", count=len(jobs)))

    parts = [
        section(carrier, [keyed(str(job.id), _parcel(job)) for job in mine], count=len(mine))
        for carrier, mine in sorted(carriers.items())
    ]
    action = button(t("ship.taken", count=len(jobs)), taken, icon=ft.Icons.LOCAL_SHIPPING_ROUNDED)
    return frame(t("ship.title"), parts, back="/", action=action)


def _parcel(job: Fulfilment) -> ft.Control:
    tracking = (job.packages[0].tracking if job.packages else None) or ""
    words: list[ft.Control] = [
        text(job.number, Type.STRONG),
        muted(tracking),
        muted(job.address[0] if job.address else ""),
    ]
    return card(ft.Column(words, spacing=Space.XS))
