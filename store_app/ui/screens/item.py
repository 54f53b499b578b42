"""One item: how many may be sold here and why not more, where it lies, and which stores have it."""

import flet as ft

from shared.stock import Atp, Buckets, StockDoc, StockLevel
from shared.sync import ItemDoc
from store_app.engine.session import LEADS
from store_app.ui.component import component, keyed
from store_app.ui.components.arithmetic import Term, arithmetic, key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.line_row import bin_tag
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment, money, number
from store_app.ui.hooks import opener, use_query, use_state_of
from store_app.ui.notices import engine
from store_app.ui.online import Asked, use_asked, waiting
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

TERMS = ("not_sellable", "reserved", "safety_stock", "channel_threshold", "doubt")
BUCKETS = ("sellable", "damaged", "quality_hold", "display")
SHOWN = 15


@component
def item_screen() -> ft.Control:
    """The figures of this store at once, the other stores as soon as the server answers."""
    sku = ft.use_route_params()["sku"]
    item = use_query(lambda: engine().lookup.item(sku))
    here = use_query(lambda: engine().lookup.stock(sku))
    others = use_query(lambda: engine().lookup.variants(item) if item else [])
    online = use_state_of(lambda state: state.sync.online)
    near = use_asked(lambda: engine().client.stock_near(sku, engine().lookup.node.code), f"{sku} {online}")
    if item is None:
        nothing = empty_state(t("stock.nothing"), t("stock.scan_detail"))
        return frame(t("nav.stock"), [nothing], here="stock", back="/stock")
    parts: list[ft.Control] = [_head(item, here), section(t("stock.here"), _here(here))]
    parts.append(button(t("count.title"), opener(f"/stock/{sku}/count"), icon=ft.Icons.PIN_ROUNDED))
    if engine().session.can(*LEADS):
        adjust = opener(f"/stock/{sku}/adjust")
        parts.append(button(t("adjust.title"), adjust, rank="secondary", icon=ft.Icons.EDIT_NOTE_ROUNDED))
    else:
        parts.append(muted(t("adjust.needs_lead")))
    parts.append(section(t("stock.near"), _near(near, engine().lookup.node.code, here)))
    if others:
        parts.append(section(t("stock.others"), [_other(other, doc) for other, doc in others], count=len(others)))
    return frame(t("nav.stock"), parts, here="stock", back="/stock")


def _head(item: ItemDoc, here: StockDoc | None) -> ft.Control:
    kind = " · ".join(filter(None, (item.variant, item.category)))
    words: list[ft.Control] = [text(item.name, Type.TITLE), *([muted(kind)] if kind else [])]
    if item.price is not None:
        words.append(text(money(item.price, item.currency), Type.STRONG))
    words.append(muted(t("stock.sku", sku=item.sku)))
    if here is not None and here.bin:
        words.append(ft.Row([bin_tag(here.bin)]))
    if here is not None and here.counted_at is not None:
        when = moment(here.counted_at, engine().lookup.node.time_zone, engine().clock.now())
        words.append(muted(t("stock.counted", when=when)))
    column = ft.Column(words, spacing=Space.XS, expand=True)
    top = ft.CrossAxisAlignment.START
    return card(
        ft.Row([item_picture(item.category, item.picture, 72), column], spacing=Space.M, vertical_alignment=top)
    )


def _here(here: StockDoc | None) -> list[ft.Control]:
    if here is None:
        return [muted(t("stock.none_here"))]
    parts: list[ft.Control] = [card(_sum(here.atp))]
    if here.buckets.not_sellable:
        parts.append(card(key_values(_buckets(here.buckets))))
    return parts


def _sum(atp: Atp) -> ft.Control:
    """On hand, less each thing that may not be promised, each with what it means."""
    terms = [Term(t("atp.on_hand"), atp.on_hand, t("atp.on_hand.why"))]
    terms += [Term(t(f"atp.{name}"), -getattr(atp, name), t(f"atp.{name}.why")) for name in TERMS if getattr(atp, name)]
    if atp.inbound:
        terms.append(Term(t("atp.inbound"), atp.inbound, t("atp.inbound.why")))
    return arithmetic(terms, t("atp.available"), atp.available)


def _buckets(buckets: Buckets) -> list[tuple[str, str]]:
    """What is in the building, by what may be done with it."""
    return [(t(f"bucket.{name}"), number(getattr(buckets, name))) for name in BUCKETS if getattr(buckets, name)]


def _near(near: Asked[list[StockLevel]], node: str, here: StockDoc | None) -> list[ft.Control]:
    """The stores around, nearest first; without a network the last known sum, said as such."""
    if near.value is None and near.problem:
        known = [muted(t("stock.elsewhere", count=here.elsewhere))] if here else []
        again = button(t("error.retry"), near.again, rank="secondary")
        return [text(t("stock.offline")), *known, again]
    if near.value is None:
        return [waiting(near)]
    levels = sorted(
        (level for level in near.value if level.node != node),
        key=lambda level: (level.distance_km is None, level.distance_km or 0.0),
    )
    return [_level(level) for level in levels[:SHOWN]] or [muted(t("stock.only_here"))]


def _level(level: StockLevel) -> ft.Control:
    """A row that reads as one sentence."""
    far, there, name = level.distance_km, level.atp.available, level.name or level.node
    words: list[ft.Control] = [text(name, Type.STRONG)]
    if far is not None:
        words.append(muted(t("stock.km", km=round(far))))
    row = ft.Row([ft.Column(words, spacing=0, expand=True), text(number(there), Type.HEADING)])
    spoken = t("stock.spoken", name=name, count=there)
    if far is not None:
        spoken = t("stock.spoken", name=t("stock.away", node=name, km=round(far)), count=there)
    return keyed(level.node, card(row, label=spoken))


def _other(item: ItemDoc, here: StockDoc | None) -> ft.Control:
    """Another size or colour of the same thing."""
    count = here.atp.available if here else 0
    row = ft.Row([text(item.variant or item.sku, expand=True), text(number(count), Type.STRONG)])
    spoken = t("stock.spoken", name=item.variant or item.sku, count=count)
    return keyed(item.sku, card(row, on_click=opener(f"/stock/{item.sku}"), label=spoken))
