"""What the customer takes in place of what is not there: picture, price, where it lies and how many are here."""

from collections.abc import Callable

import flet as ft

from store_app.engine.instead import Choice
from store_app.ui.component import keyed
from store_app.ui.components.card import card
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.line_row import bin_tag
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.format import money
from store_app.ui.notices import engine
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type


def choices_section(choices: list[Choice], take: Callable[[str], None]) -> list[ft.Control]:
    """The substitutes, best first. Who may pick without a scan presses one; everybody may scan it."""
    if not choices:
        return []
    by_hand = engine().work.may_pick_without_scan
    rows = [keyed(each.item.sku, choice_row(each, _taker(take, each) if by_hand else None)) for each in choices]
    hint = muted(t("instead.scan_or_press") if by_hand else t("instead.scan"))
    return [section(t("instead.title"), [*rows, hint], count=len(rows))]


def names_of(choices: list[Choice]) -> str:
    """What may be taken instead, in one line."""
    return ", ".join(" ".join(filter(None, (each.item.name, each.item.variant))) for each in choices)


def _taker(take: Callable[[str], None], choice: Choice) -> Callable[[], None]:
    return lambda: take(choice.item.sku)


def choice_row(choice: Choice, press: Callable[[], None] | None = None) -> ft.Control:
    """One of them, as it is found on the shelf."""
    item, here = choice.item, t("instead.here", count=max(0, choice.here))
    price = money(item.price, item.currency) if item.price is not None else ""
    place = (choice.stock.bin if choice.stock else None) or ""
    words: list[ft.Control] = [text(item.name, Type.STRONG, lines=3)]
    if facts := " · ".join(filter(None, (item.variant, price))):
        words.append(muted(facts, lines=2))
    where: list[ft.Control] = [bin_tag(place)] if place else []
    words.append(ft.Row([*where, muted(here, Type.LABEL)], wrap=True, spacing=Space.S, run_spacing=4))
    row = ft.Row(
        [item_picture(item.category, item.picture), ft.Column(words, spacing=4, tight=True, expand=True)],
        spacing=Space.M,
    )
    spoken = ", ".join(filter(None, (item.name, item.variant, price, t("line.bin", bin=place) if place else "", here)))
    return card(row, on_click=press, label=spoken, padding=Space.M)
