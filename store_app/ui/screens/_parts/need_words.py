"""A thing that needs somebody, in words: what happened, what to do, where the units stand."""

from typing import Any

import flet as ft

from shared.put_back import TaskLine
from shared.sync import ExceptionDoc
from store_app.engine.needs import Need
from store_app.ui.components.status_chip import status_chip
from store_app.ui.format import moment
from store_app.ui.notices import advice, engine, sentence
from store_app.ui.screens.queue import command_words
from store_app.ui.texts import has, t
from store_app.ui.theme import Tone


def tone_of(need: Need) -> Tone:
    """Red stops, amber tells."""
    return Tone.BAD if need.urgent else Tone.WARN


def what_happened(need: Need) -> str:
    """One sentence."""
    doc = need.exception
    if doc is not None and need.put_back:
        key = f"put_back.{doc.values.get('cause')}"
        return t(key if has(key) else "notice.put_back", number=doc.order_number or "", units=things(doc))
    return sentence(need.notice)


def what_to_do(need: Need) -> str:
    """The sentence after it; an answer nobody has words for is explained by what became of it."""
    said = advice(need.notice)
    if said or need.answer is None:
        return said
    status = need.answer.outcome.status if need.answer.outcome else "held"
    return t(f"outcome.{status}.then")


def about(need: Need) -> str:
    """Which order or command, and when."""
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    if need.answer is not None:
        return t("needs.who", name=command_words(need.answer), when=moment(need.answer.made_at, zone, now))
    doc = need.exception
    when = moment(doc.opened_at, zone, now) if doc else ""
    if doc is None or not doc.order_number:
        return when
    person = engine().lookup.person(doc.opened_by) if doc.opened_by else None
    if person is None:
        return t("needs.about", number=doc.order_number, when=when)
    return t("needs.about_by", number=doc.order_number, when=when, name=person.name)


def owner_chip(doc: ExceptionDoc) -> ft.Control:
    """Who must settle it."""
    return status_chip(t("needs.for", role=t(f"role.{doc.owner_role}")), Tone.NEUTRAL, ft.Icons.PERSON_ROUNDED)


def things(doc: ExceptionDoc) -> int:
    """Things to carry: what is weighed counts in grams and is one thing."""
    return sum(min(1, line.quantity) if weighed(line) else line.quantity for line in doc.lines)


def weighed(line: TaskLine) -> bool:
    item = engine().lookup.item(line.sku)
    return item is not None and "weighed" in item.flags


def where(doc: ExceptionDoc, step: str) -> str:
    """Where the units of a put-back task, the bag of anything else, or a shelf should be; empty where nobody knows."""
    if step == "find_shelf":
        shelf = engine().lookup.stock(str(doc.values.get("sku")))
        return t("line.bin", bin=shelf.bin) if shelf and shelf.bin else ""
    job = engine().lookup.job(doc.fulfilment) if doc.fulfilment else None
    place: Any = doc.values.get("place") or (job.staging if job else None)
    if step == "fetch":
        return t("needs.from_place", place=place) if place else t("needs.from_hand")
    return t("needs.stood_at", place=place) if place else ""
