"""Stock: an item by scan, code or words."""

import flet as ft

from shared.sync import ItemDoc
from store_app.ui.component import component, keyed
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import opener, use_query
from store_app.ui.notices import engine
from store_app.ui.texts import t
from store_app.ui.theme import Type


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
