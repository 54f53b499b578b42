"""What counting and receiving show of an item, and say of a code nobody knows."""

import flet as ft

from shared.stock import StockDoc
from shared.sync import ItemDoc
from store_app.engine.stock_work import Goods
from store_app.ui.components.card import card
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.line_row import bin_tag
from store_app.ui.components.text import muted, text
from store_app.ui.feedback import Feedback, Way
from store_app.ui.hooks import opener
from store_app.ui.notices import advice, sentence
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type


def goods_head(item: ItemDoc, here: StockDoc | None) -> ft.Control:
    """The item, and where it lies; no figures, so that nobody counts what they expect."""
    words: list[ft.Control] = [text(item.name, Type.HEADING, heading=True), muted(item.variant or item.sku)]
    if here is not None and here.bin:
        words.append(ft.Row([bin_tag(here.bin)]))
    column = ft.Column(words, spacing=Space.XS, expand=True)
    return card(ft.Row([item_picture(item.category, item.picture, 64), column], spacing=Space.M))


def not_known(feedback: Feedback, said: Goods) -> None:
    """Wrong, with a way on where there is one."""
    way = Way(t("scan.search"), opener("/stock")) if said.notice.code == "unknown_code" else None
    if said.tone == "note":
        feedback.note(sentence(said.notice), advice(said.notice))
    else:
        feedback.wrong(sentence(said.notice), advice(said.notice), way)
