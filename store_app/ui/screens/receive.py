"""Receive a delivery: its number, then each unit by scan. Every scan is on hand and in the queue at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import flet as ft

from shared.stock import ReceivedDoc
from store_app.engine.stock_work import Goods, Part
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.item_picture import item_picture
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted, text
from store_app.ui.format import number
from store_app.ui.hooks import go, use_feedback, use_kept, use_query, use_scan
from store_app.ui.notices import advice, engine, sentence
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.goods import not_known
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

OPEN = "receive.delivery"
"""Where the number of the delivery in work is kept, while the app is open."""


@component
def receive_screen() -> ft.Control:
    """Which delivery, then what is in it."""
    document, work_on = use_kept(OPEN, "")
    return _delivery(document, lambda: work_on("")) if document else _which(work_on)


@component
def _which(begin: Callable[[str], None]) -> ft.Control:
    """The number on the delivery note, by scan or typed; or one that was worked on lately."""
    feedback = use_feedback()
    typed, type_in = ft.use_state("")
    recent = use_query(lambda: engine().stock_work.deliveries())

    def given(raw: str) -> bool:
        found = engine().stock_work.delivery_number(raw)
        if found:
            begin(found)
        elif items := engine().lookup.items_by_code(raw):
            feedback.wrong(t("notice.is_an_item", name=items[0].name), t("advice.is_an_item"))
        return bool(found or items)

    def submitted(raw: str) -> None:
        given(raw)

    use_scan(lambda scan: given(scan.text))
    parts: list[ft.Control] = [
        section(t("receive.start"), [field(t("receive.number"), typed, type_in, on_submit=submitted)]),
    ]
    if recent:
        rows = [keyed(each, _recent(each, begin)) for each in recent]
        parts.append(section(t("receive.recent"), rows))
    action = button(t("receive.begin"), lambda: submitted(typed), disabled=not typed.strip())
    return frame(t("receive.title"), parts, here="more", back="/more", action=action)


def _recent(document: str, begin: Callable[[str], None]) -> ft.Control:
    row = ft.Row([text(document, Type.STRONG, expand=True), ft.Icon(ft.Icons.CHEVRON_RIGHT_ROUNDED, size=26)])
    return card(row, on_click=lambda: begin(document), label=document)


@component
def _delivery(document: str, done: Callable[[], None]) -> ft.Control:
    """Scan after scan; press a line to change what was scanned."""
    feedback = use_feedback()
    found = use_query(lambda: engine().stock_work.delivery(document))
    part, next_is = ft.use_state("good")
    asked, ask = ft.use_state(cast("Goods | None", None))
    opened, open_line = ft.use_state(cast("ReceivedDoc | None", None))
    state = cast(Part, part)

    def say(said: Goods) -> None:
        if said.choices:
            ask(said)
        elif said.ok:
            feedback.right(sentence(said.notice))
        else:
            not_known(feedback, said)

    def scanned(scan: Scan) -> bool:
        said = engine().stock_work.receive_scan(document, scan.text, scan.symbology, state)
        if said is not None:
            say(said)
        return said is not None

    def chosen(sku: str) -> None:
        ask(None)
        item = next((each for each in asked.choices if each.sku == sku), None) if asked else None
        if asked is not None and item is not None:
            say(engine().stock_work.receive_more(document, replace(asked, item=item, choices=()), state))

    def changed(doc: ReceivedDoc, good: int, damaged: int) -> None:
        result = engine().stock_work.receive(document, doc.sku, good, damaged, doc.line)
        if not result.ok:
            feedback.wrong(sentence(result.notice), advice(result.notice))

    def finish() -> None:
        done()
        go("/more")

    parts_of_it = [Option(each, t(f"receive.{each}")) for each in ("good", "damaged")]
    use_scan(scanned)
    ft.use_dialog(_which_item(asked, chosen, lambda: ask(None)) if asked else None)
    ft.use_dialog(_change(opened, changed, lambda: open_line(None)) if opened else None)
    parts: list[ft.Control] = [
        text(document, Type.TITLE, heading=True),
        section(t("receive.part"), [filters(parts_of_it, part, next_is)]),
    ]
    if found:
        units = sum(doc.good + doc.damaged for doc in found)
        parts.append(section(t("receive.units", units=units), [_line(doc, open_line) for doc in found]))
    else:
        parts.append(empty_state(t("receive.scan"), t("receive.scan_detail"), ft.Icons.QR_CODE_SCANNER_ROUNDED))
    action = button(t("receive.done"), finish, icon=ft.Icons.CHECK_ROUNDED)
    return frame(t("receive.title"), parts, here="more", back="/more", action=action)


def _line(doc: ReceivedDoc, open_line: Callable[[ReceivedDoc], None]) -> ft.Control:
    """An item of the delivery, with what was received of it on all devices."""
    item = engine().lookup.item(doc.sku)
    name = item.name if item else doc.sku
    said = t("receive.sum", good=doc.good, damaged=doc.damaged) if doc.damaged else ""
    words: list[ft.Control] = [text(name, Type.STRONG), muted(said or (item.variant if item else "") or doc.sku)]
    picture = item_picture(item.category if item else "", item.picture if item else None)
    units = text(number(doc.good + doc.damaged), Type.HUGE)
    row = ft.Row([picture, ft.Column(words, spacing=0, expand=True), units], spacing=Space.M)
    spoken = f"{t('receive.change', name=name)}, {t('receive.sum', good=doc.good, damaged=doc.damaged)}"
    return keyed(doc.id, card(row, on_click=lambda: open_line(doc), label=spoken, padding=Space.M))


def _change(
    doc: ReceivedDoc, changed: Callable[[ReceivedDoc, int, int], None], dismiss: Callable[[], None]
) -> ft.BottomSheet:
    """What this device has received of an item: scanned once too often, or found broken afterwards."""
    item = engine().lookup.item(doc.sku)
    got = engine().stock_work.got(doc.document, doc.sku, doc.line)
    others = sum(each.good + each.damaged for device, each in doc.by.items() if device != engine().view.device)
    rows: list[ft.Control] = [
        muted(t("receive.here")),
        _units(t("receive.good"), got.good, lambda units: changed(doc, units, got.damaged)),
        _units(t("receive.damaged"), got.damaged, lambda units: changed(doc, got.good, units)),
    ]
    if others:
        rows.append(muted(f"{t('receive.others')}: {number(others)}"))
    return sheet(item.name if item else doc.sku, rows, dismiss, button(t("receive.done"), dismiss))


def _units(label: str, units: int, change: Callable[[int], None]) -> ft.Control:
    return ft.Row([text(label, Type.STRONG, expand=True), stepper(units, change, label)])


def _which_item(asked: Goods, chosen: Callable[[str], None], dismiss: Callable[[], None]) -> ft.BottomSheet:
    """One code for two items."""
    options = [Option(item.sku, item.name, item.variant) for item in asked.choices]
    return sheet(t("ask.title"), [choice(options, None, chosen)], dismiss)
