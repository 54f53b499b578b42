"""Stock: an item by scan or words; what is here, with its arithmetic, and the stores around."""

import asyncio
from typing import Any

import flet as ft

from shared.stock import Atp
from shared.sync import ItemDoc
from store_app.ui.component import component, keyed
from store_app.ui.components.arithmetic import Term, arithmetic
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.line_row import bin_tag
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import opener, use_app, use_query, use_state_of
from store_app.ui.notices import engine
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

TERMS = ("not_sellable", "reserved", "safety_stock", "channel_threshold", "doubt")


@component
def stock_screen() -> ft.Control:
    """Search; a scan anywhere leads to the item as well."""
    words, search = ft.use_state("")
    found = use_query(lambda: engine().lookup.search_items(words, 40) if words.strip() else [])
    header = search_field(t("stock.search"), words, search)
    if not found:
        empty = empty_state(t("stock.nothing" if words.strip() else "stock.scan"), t("stock.scan_detail"))
        return frame(t("nav.stock"), [empty], here="stock", header=header)
    return frame(t("nav.stock"), [_row(item) for item in found], here="stock", header=header)


def _row(item: ItemDoc) -> ft.Control:
    here = engine().lookup.stock(item.sku)
    words: list[ft.Control] = [text(item.name, Type.STRONG), muted(item.variant or item.category)]
    count = text(str(here.atp.available if here else 0), Type.TITLE)
    row = ft.Row([item_picture(item.category, item.picture), ft.Column(words, expand=True, spacing=0), count])
    spoken = t("stock.spoken", name=item.name, count=here.atp.available if here else 0)
    return keyed(item.sku, card(row, on_click=opener(f"/stock/{item.sku}"), label=spoken))


@component
def item_screen() -> ft.Control:
    """One item: the figures of this store, then the others when there is a network."""
    sku = ft.use_route_params()["sku"]
    app = use_app()
    item = use_query(lambda: engine().lookup.item(sku))
    here = use_query(lambda: engine().lookup.stock(sku))
    online = use_state_of(lambda state: state.sync.online)
    nothing: list[dict[str, Any]] = []
    near, set_near = ft.use_state(nothing)

    async def ask() -> None:
        node = engine().lookup.node.code
        try:
            answer = await asyncio.wait_for(engine().client.get(f"/v1/stock/{sku}", near=node), 10)
        except Exception:
            return
        set_near([level for level in answer["levels"] if level["node"] != node][:15])

    def start() -> None:
        app.page.run_task(ask)

    ft.use_effect(start, [])
    if item is None:
        return frame(
            t("nav.stock"), [empty_state(t("stock.nothing"), t("stock.scan_detail"))], here="stock", back="/stock"
        )
    head: list[ft.Control] = [text(item.name, Type.TITLE), muted(item.variant or item.category)]
    if here is not None and here.bin:
        head.append(bin_tag(here.bin))
    parts: list[ft.Control] = [card(ft.Column(head, spacing=Space.XS))]
    parts.append(section(t("stock.here"), [card(_sum(here.atp)) if here else muted(t("stock.none_here"))]))
    levels = [_level(level) for level in near]
    parts.append(section(t("stock.near"), levels or [muted(t("stock.asking" if online else "stock.offline"))]))
    return frame(t("nav.stock"), parts, here="stock", back="/stock")


def _sum(atp: Atp) -> ft.Control:
    """On hand, less each thing that may not be promised."""
    terms = [Term(t("atp.on_hand"), atp.on_hand)]
    terms += [Term(t(f"atp.{name}"), -getattr(atp, name)) for name in TERMS if getattr(atp, name)]
    return arithmetic(terms, t("atp.available"), atp.available)


def _level(level: dict[str, Any]) -> ft.Control:
    far = level.get("distance_km")
    words = t("stock.away", node=level["node"], km=round(far)) if far is not None else level["node"]
    return card(ft.Row([text(words, expand=True), text(str(level["atp"]["available"]), Type.STRONG)]))
