"""An order's story in sentences: every fact of its timeline, with names, money and places as people write them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import flet as ft

from shared.orders import OrderStatus, TimelineEntry
from store_app.ui.components.timeline import Happening
from store_app.ui.format import moment, money
from store_app.ui.texts import has, t
from store_app.ui.theme import Tone

STATUS_TONES = {
    OrderStatus.HELD: Tone.WARN,
    OrderStatus.PENDING: Tone.INFO,
    OrderStatus.ROUTING: Tone.INFO,
    OrderStatus.BACKORDERED: Tone.WARN,
    OrderStatus.ALLOCATED: Tone.INFO,
    OrderStatus.IN_FULFILMENT: Tone.INFO,
    OrderStatus.PARTLY_FULFILLED: Tone.INFO,
    OrderStatus.FULFILLED: Tone.OK,
    OrderStatus.COMPLETED: Tone.OK,
    OrderStatus.CANCELLED: Tone.BAD,
}
ItemName = Callable[[str], str]
"""SKU -> the name people know."""
BAD = frozenset(
    {"routing.unrouted", "job.short", "job.reject", "job.exception", "stock.promise_broken", "money.refused"}
)
GOOD = frozenset({"job.ready", "job.hand_off", "job.shipped", "job.deliver", "order.hold_resolved"})
ICONS = {
    "order": ft.Icons.RECEIPT_LONG_ROUNDED,
    "routing": ft.Icons.ALT_ROUTE_ROUNDED,
    "job": ft.Icons.SHOPPING_BAG_ROUNDED,
    "money": ft.Icons.PAYMENTS_ROUNDED,
    "stock": ft.Icons.INVENTORY_2_ROUNDED,
    "message": ft.Icons.MAIL_ROUNDED,
}
NAMED = {
    "status": "order.status",
    "reason": "reason",
    "proof": "proof",
    "method": "method",
    "hold": "hold",
    "resolution": "resolution",
}
"""Values that are codes, and the family of keys that says them."""
BLANK = {
    "assignee": "",
    "carrier": "",
    "channel": "",
    "collector": "",
    "hold": "",
    "instead": "",
    "kind": "",
    "method": "",
    "note": "",
    "packages": 0,
    "place": "",
    "proof": "",
    "reason": "",
    "resolution": "",
    "sku": "",
    "status": "",
    "tracking": "",
    "units": 0,
}


def happening(entry: TimelineEntry, currency: str, zone: str, now: datetime, item: ItemName) -> Happening:
    """One fact as a point on the line."""
    tone = Tone.BAD if entry.code in BAD else Tone.OK if entry.code in GOOD else Tone.NEUTRAL
    who = " · ".join(part for part in (entry.actor, entry.node) if part and part != "system")
    when = moment(entry.at, zone, now)
    return Happening(
        sentence(entry, currency, item),
        f"{when} · {who}" if who else when,
        tone=tone,
        icon=ICONS.get(entry.code.split(".")[0]),
    )


def sentence(entry: TimelineEntry, currency: str, item: ItemName) -> str:
    """What happened. A fact this version does not know is said by its code rather than left out."""
    words = _words(entry, currency, item)
    for key in _keys(entry):
        if has(key) or has(f"{key}.other"):
            return ", ".join([t(key, **words), *_left(entry)])
    return t("timeline.other", what=entry.code.replace(".", ": ").replace("_", " "))


def _left(entry: TimelineEntry) -> list[str]:
    """What the customer left at a hand-over."""
    return [t(f"timeline.left.{what}") for what in ("signed", "photo") if entry.values.get(what)]


def _keys(entry: TimelineEntry) -> list[str]:
    """The most exact sentence first: by kind of money, by whether somebody else collected."""
    key = f"timeline.{entry.code}"
    kind = entry.values.get("kind") or ("proxy" if entry.values.get("collector") else None)
    return [f"{key}.{kind}", key] if kind else [key]


def _words(entry: TimelineEntry, currency: str, item: ItemName) -> dict[str, Any]:
    given = {name: value for name, value in entry.values.items() if value is not None}
    words: dict[str, Any] = {**BLANK, "node": entry.node or "", **given}
    for name, family in NAMED.items():
        if has(f"{family}.{words[name]}"):
            words[name] = t(f"{family}.{words[name]}")
    words["instead"] = item(str(words["instead"])) if words["instead"] else ""
    words["item"] = item(str(words["sku"])) if words["sku"] else ""
    amount = given.get("amount", given.get("total"))
    words["amount"] = money(amount, currency) if isinstance(amount, int) else ""
    words["n"] = t("job.units", count=int(words["units"] or 0))
    return words
