"""Pure rules of orders: checking a new one, and what each unit costs, to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.errors import FieldProblem, InvalidInput
from shared.orders import NewOrder

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
    known_skus: frozenset[str]
    collect_nodes: Mapping[str, frozenset[str]]
    """Node code -> what it offers (`pickup`, `curbside`)."""
    node_currency: Mapping[str, str]


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
        if line.sku not in facts.known_skus:
            say(f"lines.{number}.sku", f"No item has the SKU {line.sku}.", "Load the item first, or correct the SKU.")
    if order.payment.amount is not None and order.payment.amount != order.total:
        say(
            "payment.amount",
            f"The payment is for {order.payment.amount}, the order comes to {order.total}.",
            "Lines, tax, discount and shipping must add up to the payment.",
        )
    return InvalidInput.of(wrong) if wrong else None


def waits_for_payment(order: NewOrder) -> bool:
    """Whether the gateway must say yes first. An order that costs nothing needs nobody's yes."""
    return order.payment.kind == "token" and order.total > 0


def share_of(line_total: int, quantity: int, start: int, units: int) -> int:
    """The cost of `units` units from number `start` on, equal shares by largest remainder.

    Fulfilled units are counted from the front, cancelled from
    the back, so that what is captured and what is released always add up to the line."""
    base, extra = divmod(line_total, quantity)
    return base * units + max(0, min(extra, start + units) - min(extra, start))


def unpaid_parts(lines: Sequence[Mapping[str, Any]], shipping: int) -> tuple[tuple[int, int, int], ...]:
    """What is neither with the customer nor cancelled, as (line, units, amount); line 0 is shipping.

    Shipping is paid with the first units that leave.
    """
    parts = []
    for row in lines:
        left = row["quantity"] - row["fulfilled"] - row["cancelled"] - row["replaced"]
        if left:
            parts.append((row["line"], left, share_of(row["total"], row["quantity"], row["fulfilled"], left)))
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
    left = {row["line"]: row["quantity"] - row["fulfilled"] - row["cancelled"] - row["replaced"] for row in lines}
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
