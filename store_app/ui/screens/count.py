"""Count one item: how many are really there, without seeing how many there should be."""

from collections.abc import Callable

import flet as ft

from shared.sync import ItemDoc
from store_app.engine.stock_work import Goods
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.sheet import confirm
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted
from store_app.ui.feedback import Feedback, Way
from store_app.ui.hooks import go, opener, use_feedback, use_query, use_scan
from store_app.ui.notices import advice, engine, sentence, tell
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.goods import goods_head, not_known
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone

STRETCH = ft.CrossAxisAlignment.STRETCH


@component
def count_start_screen() -> ft.Control:
    """Which item? A scan says so; what is no item is answered by the app."""

    def scanned(scan: Scan) -> bool:
        items = engine().lookup.items_by_code(scan.text)
        if len(items) == 1:
            go(f"/stock/{items[0].sku}/count")
        return len(items) == 1

    use_scan(scanned)
    search = button(t("scan.search"), opener("/stock"), rank="secondary", icon=ft.Icons.SEARCH_ROUNDED)
    empty = empty_state(t("count.start"), t("count.start_detail"), ft.Icons.QR_CODE_SCANNER_ROUNDED, search)
    return frame(t("count.title"), [empty], here="more", back="/more")


@component
def count_screen() -> ft.Control:
    """Scan each unit, press, or type; what was counted so far is on the disk before it is shown."""
    sku = ft.use_route_params()["sku"]
    feedback = use_feedback()
    item = use_query(lambda: engine().lookup.item(sku))
    units = use_query(lambda: engine().stock_work.begun(sku))
    here = use_query(lambda: engine().lookup.stock(sku))
    typed, type_in = ft.use_state("")
    none_there, ask = ft.use_state(False)

    def keep(count: int, words: str = "") -> None:
        type_in(words)
        engine().stock_work.count_so_far(sku, count)

    def scanned(scan: Scan) -> bool:
        said = engine().stock_work.count_scan(sku, scan.text, scan.symbology)
        if said is not None and said.ok:
            type_in("")
        return said is not None and _say(feedback, said)

    def save() -> None:
        ask(False)
        result = engine().stock_work.count(sku, units)
        tell(feedback, result)
        if result.ok:
            go(f"/stock/{sku}")

    use_scan(scanned)
    ft.use_dialog(_sure(item, save, lambda: ask(False)) if none_there and item else None)
    if item is None:
        nothing = empty_state(t("stock.nothing"), t("stock.scan_detail"))
        return frame(t("count.title"), [nothing], here="stock", back="/stock")
    pressed = ft.Row([stepper(units, keep, item.name)], alignment=ft.MainAxisAlignment.CENTER)
    number = field(t("count.type"), typed, _number(keep), keyboard=ft.KeyboardType.NUMBER)
    asked = t("count.grams" if "weighed" in item.flags else "count.how_many")
    parts: list[ft.Control] = [
        goods_head(item, here),
        section(
            asked,
            [card(ft.Column([pressed, number], spacing=Space.M, horizontal_alignment=STRETCH)), muted(t("count.scan"))],
        ),
        muted(t("count.what")),
    ]
    press = save if units else lambda: ask(True)
    action = button(t("count.save" if units else "count.save_none"), press, icon=ft.Icons.CHECK_ROUNDED)
    return frame(t("count.title"), parts, here="stock", back=f"/stock/{sku}", action=action)


def _number(keep: Callable[[int, str], None]) -> Callable[[str], None]:
    """What is typed counts as it stands; anything but a number is left."""
    return lambda words: keep(int(words) if words.strip().isdecimal() else 0, words)


def _say(feedback: Feedback, said: Goods) -> bool:
    """A scan at the shelf: counted, another item, or nothing we know."""
    if said.ok:
        feedback.right(sentence(said.notice))
    elif said.item is not None:
        other = f"/stock/{said.item.sku}/count"
        feedback.wrong(sentence(said.notice), advice(said.notice), Way(t("count.other"), opener(other)))
    else:
        not_known(feedback, said)
    return True


def _sure(item: ItemDoc, save: Callable[[], None], dismiss: Callable[[], None]) -> ft.AlertDialog:
    """Nothing was counted: somebody may have pressed too early."""
    return confirm(t("count.none", name=item.name), t("count.what"), t("count.save_none"), save, dismiss, tone=Tone.BAD)
