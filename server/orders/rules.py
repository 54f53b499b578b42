"""Pure rules of orders: checking a new one, and what each unit costs, to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.errors import FieldProblem, InvalidInput
from shared.orders import NewLine, NewOrder

OLDEST = timedelta(days=400)
"""An order older than this is a wrong year, not a late feed."""
AHEAD = timedelta(minutes=15)
"""Clocks of channels may run this much ahead of ours."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What placing needs to know of the retailer, loaded once per batch."""

    currency: str
    channels: Mapping[str, frozenset[str]]
    """Channel code -> nodes it may sell from."""
    items: Mapping[str, Sold]
    """The items of the orders, and their possible substitutes, by SKU."""
    collect_nodes: Mapping[str, frozenset[str]]
    """Node code -> what it offers (`pickup`, `curbside`)."""
    node_currency: Mapping[str, str]
    remorse: Mapping[str, timedelta]
    """Channel -> how long its customers may change their mind."""


def problems_of(order: NewOrder, facts: ChannelFacts, now: datetime) -> InvalidInput | None:
    """Everything that is wrong with an order, each field with its remedy; None when it can be placed."""
    wrong: list[FieldProblem] = []

    def say(field: str, message: str, remedy: str) -> None:
        wrong.append(FieldProblem(field=field, message=message, remedy=remedy))

    if order.channel not in facts.channels:
        say("channel", f"No channel {order.channel}.", "Create the channel first, or correct its code.")
    if order.currency != facts.currency:
        say("currency", f"This retailer sells in {facts.currency}, not {order.currency}.", f"Send {facts.currency}.")
    if order.placed_at > now + AHEAD:
        say("placed_at", "The order was placed in the future.", "Check the clock and the offset of the time.")
    if order.placed_at < now - OLDEST:
        say("placed_at", "The order is more than 400 days old.", "Check the year.")
    if order.wanted_by is not None and order.wanted_by <= order.placed_at:
        say(
            "wanted_by", "The customer wants it before it was ordered.", "Send a time after placed_at, or leave it out."
        )
    if order.node is not None and order.method != "ship":
        offers = facts.collect_nodes.get(order.node)
        if offers is None:
            say("node", f"No store {order.node}.", "Correct the store's code, or load the store first.")
        elif order.method not in offers:
            say("node", f"{order.node} does not offer {order.method}.", "Choose another store or method.")
    for number, line in enumerate(order.lines):
        item = facts.items.get(line.sku)
        if item is None or not item.active:
            say(f"lines.{number}.sku", f"No item has the SKU {line.sku}.", "Load the item first, or correct the SKU.")
        elif line.substitutes not in ("none", "same_or_lower_price"):
            for place, sku in enumerate(line.substitutes):
                if problem := _no_substitute(sku, item, facts.items.get(sku)):
                    say(f"lines.{number}.substitutes.{place}", *problem)
    if order.payment.amount is not None and order.payment.amount != order.total:
        say(
            "payment.amount",
            f"The payment is for {order.payment.amount}, the order comes to {order.total}.",
            "Lines, tax, discount and shipping must add up to the payment.",
        )
    return InvalidInput.of(wrong) if wrong else None


def _no_substitute(sku: str, ordered: Sold, item: Sold | None) -> tuple[str, str] | None:
    """Why the item cannot take the place of the ordered one, and what to do."""
    if item is None or not item.active:
        return f"No item has the SKU {sku}.", "Load the item first, or leave it out."
    if not stands_in(item, ordered):
        wrong = f"{sku} cannot stand in for {ordered.sku}."
        return wrong, "Name another item, weighed like the ordered one and for no higher age."
    return None


def waits_for_payment(order: NewOrder) -> bool:
    """Whether the gateway must say yes first. An order that costs nothing needs nobody's yes."""
    return order.payment.kind == "token" and order.total > 0


def window_ends(order: NewOrder, facts: ChannelFacts, now: datetime) -> datetime | None:
    """Until when the customer may change their mind; None where the channel has no such time, or it is over."""
    ends = order.placed_at + facts.remorse.get(order.channel, timedelta())
    return ends if ends > max(now, order.placed_at) else None


def share_of(amount: int, left: int, units: int, *, last: bool = False) -> int:
    """What `units` of `left` units cost, for all of which `amount` is owed: equal shares by largest remainder.

    The first units carry the odd cents. Fulfilled units are the first, cancelled and replaced ones the `last`; as each
    is taken off what is owed, they add up to the line whatever comes in which order.
    """
    base, extra = divmod(amount, left)
    return base * units + (max(0, extra - (left - units)) if last else min(extra, units))


def left_of(row: Mapping[str, Any]) -> int:
    """Units of a line that the customer still waits for, on this line."""
    return int(row["quantity"] - row["fulfilled"] - row["cancelled"] - row["replaced"])


@dataclass(frozen=True, slots=True)
class Cost:
    """What units of a substitute come to: `total` is paid, `spare` is what the ordered ones would have cost beyond."""

    tax: int
    total: int
    spare: int


def costs(ordered: Mapping[str, Any], unit_price: int, due: int, units: int) -> Cost:
    """Units at `unit_price` (never above the ordered line's) that stand in for units for which `due` is owed.

    Discount and tax follow the price, and a broken cent is the customer's.
    """
    asked = ordered["unit_price"]

    def lowered(amount: int) -> int:
        return amount if unit_price == asked else int(amount * unit_price // asked)

    total = lowered(due)
    return Cost(lowered(ordered["tax"] * units // ordered["quantity"]), total, due - total)


def grown(row: Mapping[str, Any], cost: Cost, units: int) -> dict[str, Any]:
    """A substitute's line with `units` more, in a node's hands."""
    amounts = {"total": cost.total, "owed": cost.total, "spare": cost.spare, "tax": cost.tax}
    return _adds_up(row, {**amounts, "quantity": units, "allocated": units})


def shrunk(row: Mapping[str, Any], owed: int, spare: int, units: int) -> dict[str, Any]:
    """A substitute's line with `units` fewer, for which so much was owed."""
    tax = share_of(row["tax"], row["quantity"], units, last=True)
    amounts = {"total": -owed, "owed": -owed, "spare": -spare, "tax": -tax}
    return _adds_up(row, {**amounts, "quantity": -units, "allocated": -units})


def _adds_up(row: Mapping[str, Any], changes: Mapping[str, int]) -> dict[str, Any]:
    """The row after the changes; its discount is what price and tax come to beyond the total."""
    after = {**row, **{column: row[column] + change for column, change in changes.items()}}
    over = after["quantity"] * after["unit_price"] + after["tax"] - after["total"]
    return {**after, "discount": max(0, over), "tax": after["tax"] + max(0, -over)}


class Sold(Protocol):
    """What consent to a substitute looks at in an item of the catalogue."""

    @property
    def sku(self) -> str: ...
    @property
    def flags(self) -> frozenset[str]: ...
    @property
    def min_age(self) -> int | None: ...
    @property
    def price(self) -> int | None: ...
    @property
    def substitutes(self) -> tuple[str, ...]: ...
    @property
    def active(self) -> bool: ...


def candidates(lines: Iterable[NewLine], items: Mapping[str, Sold]) -> set[str]:
    """SKUs of which agreeing to substitutes needs to know."""
    found: set[str] = set()
    for line in lines:
        if line.substitutes == "same_or_lower_price":
            found.update(items[line.sku].substitutes if line.sku in items else ())
        elif line.substitutes != "none":
            found.update(line.substitutes)
    return found


def agreed(line: NewLine, items: Mapping[str, Sold]) -> list[dict[str, Any]]:
    """What the customer takes instead, best first, each with the most they pay for a unit of it."""
    if line.substitutes == "none" or line.sku not in items:
        return []
    named = line.substitutes != "same_or_lower_price"
    skus = line.substitutes if named else items[line.sku].substitutes
    found = []
    for sku in dict.fromkeys(skus):
        item = items.get(sku)
        if item is None or not item.active or not stands_in(item, items[line.sku]):
            continue
        price = line.unit_price if item.price is None else item.price
        if named or (item.price is not None and price <= line.unit_price):
            found.append({"sku": sku, "price": min(price, line.unit_price)})
    return found


def stands_in(item: Sold, ordered: Sold) -> bool:
    """Whether units of one can be counted and handed over for units of the other."""
    same = ("weighed" in item.flags) == ("weighed" in ordered.flags)
    return same and item.sku != ordered.sku and (item.min_age or 0) <= (ordered.min_age or 0)


def unpaid_parts(lines: Sequence[Mapping[str, Any]], shipping: int) -> tuple[tuple[int, int, int], ...]:
    """What is neither with the customer nor cancelled, as (line, units, amount); line 0 is shipping.

    Shipping is paid with the first units that leave.
    """
    parts = [(row["line"], left, row["owed"] + row["spare"]) for row in lines if (left := left_of(row))]
    if parts and shipping and not any(row["fulfilled"] for row in lines):
        parts.append((0, 1, shipping))
    return tuple(parts)


def search_words(number: str, order: NewOrder) -> str:
    """What a person may type to find the order."""
    digits = "".join(c for c in order.customer.phone or "" if c.isdigit())
    parts = [number, order.external_id, order.customer.name, order.customer.email or "", digits]
    return " ".join(part.lower() for part in parts if part)


def check_cancel(units: Mapping[int, int] | None, lines: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """A wish to cancel as line -> units; raises `InvalidInput` naming the line that does not fit."""
    left = {row["line"]: left_of(row) for row in lines}
    if units is None:
        return left
    for number, count in units.items():
        if number not in left:
            raise InvalidInput(f"The order has no line {number}.", field="lines", remedy="Send a line of this order.")
        if count > left[number]:
            raise InvalidInput(
                f"Line {number} has {left[number]} units left to cancel, not {count}.",
                field="lines",
                remedy="Units that the customer has are returned, not cancelled.",
            )
    return dict(units)
