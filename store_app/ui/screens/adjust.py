"""Correct the stock of one item: how many are really there, and why the record was wrong."""

import flet as ft

from shared.reasons import Bucket
from shared.stock import ADJUST_REASONS
from store_app.engine.session import LEADS
from store_app.ui.component import component
from store_app.ui.components.arithmetic import signed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import go, use_feedback, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

MORE = frozenset({"found", "return"})
"""Reasons that only add units."""
FEWER = frozenset({"damage", "theft", "sample"})
"""Reasons that only take units away."""


def fitting(delta: int) -> list[str]:
    """Reasons that make sense for a difference."""
    wrong = FEWER if delta > 0 else MORE
    return [str(reason) for reason in ADJUST_REASONS if str(reason) not in wrong]


@component
def adjust_screen() -> ft.Control:
    """A count by hand and a reason; the shelf shows it at once, the server hears of it later."""
    sku = ft.use_route_params()["sku"]
    feedback = use_feedback()
    item = use_query(lambda: engine().lookup.item(sku))
    here = use_query(lambda: engine().lookup.stock(sku))
    bucket, choose_bucket = ft.use_state(Bucket.SELLABLE.value)
    delta, change = ft.use_state(0)
    reason, choose = ft.use_state("")
    note, set_note = ft.use_state("")
    back = f"/stock/{sku}"
    if item is None:
        return frame(t("adjust.title"), [empty_state(t("stock.nothing"), t("stock.scan_detail"))], back="/stock")
    if not engine().session.can(*LEADS):
        closed = empty_state(t("notice.ask_a_lead"), t("adjust.needs_lead"), ft.Icons.LOCK_ROUNDED)
        return frame(t("adjust.title"), [closed], here="stock", back=back)
    recorded = int(getattr(here.buckets, bucket)) if here else 0

    def into(other: str) -> None:
        choose_bucket(other)
        change(0)

    def counted(units: int) -> None:
        change(units - recorded)
        if reason not in fitting(units - recorded):
            choose("")

    def store() -> None:
        result = engine().stock_work.adjust(sku, Bucket(bucket), delta, reason, note.strip() or None)
        tell(feedback, result)
        if result.ok:
            go(back)

    buckets = [Option(each.value, t(f"bucket.{each.value}")) for each in Bucket]
    count = ft.Row([stepper(recorded + delta, counted, item.name)], alignment=ft.MainAxisAlignment.CENTER)
    said = t("adjust.same") if delta == 0 else t("adjust.change", recorded=recorded, delta=signed(delta))
    words: list[ft.Control] = [text(item.name, Type.HEADING), muted(item.variant or item.sku), count, text(said)]
    parts: list[ft.Control] = [
        filters(buckets, bucket, into),
        section(t("adjust.really"), [card(ft.Column(words, spacing=Space.S))]),
    ]
    if delta:
        reasons = [Option(each, t(f"movement.{each}")) for each in fitting(delta)]
        parts.append(section(t("adjust.why"), [choice(reasons, reason, choose)]))
        parts.append(field(t("adjust.note"), note, set_note))
    action = button(t("adjust.store"), store, disabled=not delta or not reason, icon=ft.Icons.CHECK_ROUNDED)
    return frame(t("adjust.title"), parts, here="stock", back=back, action=action)
