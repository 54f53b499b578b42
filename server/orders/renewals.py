"""Authorisations run out while goods are still on order. They are renewed in time, or the order waits for its customer.

A day before its end, what is not captured yet is released and authorised anew, in this order and one after the other,
so that a customer's card is never held twice. When the gateway says no, nothing more is routed: the order is held for
payment. Orders whose shop authorised by itself have no token of ours, and are renewed by their shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.kit.transaction import Tx
from server.orders import money
from server.orders.rules import unpaid_parts
from server.orders.units import lock_orders

AHEAD = timedelta(days=1)
"""So long before its end an authorisation is renewed."""

DUE = (
    "SELECT o.id, m.expires_at FROM customer_order o CROSS JOIN LATERAL (SELECT m.expires_at FROM money_entry m"
    " WHERE m.order_id = o.id AND m.kind = 'authorise' ORDER BY m.seq DESC LIMIT 1) m"
    " WHERE o.payment_token IS NOT NULL AND o.status NOT IN ('completed', 'cancelled')"
    " AND o.authorised > o.captured + o.released AND m.expires_at <= :soon AND EXISTS (SELECT 1 FROM order_line l"
    " WHERE l.order_id = o.id AND l.held + l.routing + l.backordered + l.allocated > 0)"
)
"""Orders that owe goods, and whose last authorisation ends by `soon`. One that is being renewed has no end yet."""


async def renew_due(tx: Tx, *, limit: int = 100) -> int:
    """Ask for new authorisations in place of those that run out. Returns the number of orders."""
    rows = await tx.rows(f"{DUE} ORDER BY o.id LIMIT :limit", soon=tx.now + AHEAD, limit=limit)
    ids = [row["id"] for row in rows]
    await lock_orders(tx, ids)
    for order_id in ids:
        parts = await unpaid(tx, order_id)
        if parts:
            entries = [money.Entry(order_id, kind, parts, reason=money.RENEWED) for kind in ("release", "authorise")]
            await money.want(tx, entries)
    return len(ids)


async def unpaid(tx: Tx, order_id: UUID) -> tuple[tuple[int, int, int], ...]:
    """What the customer has still to pay for, as parts of an entry."""
    lines: Sequence[Any] = await tx.rows("SELECT * FROM order_line WHERE order_id = :id ORDER BY line", id=order_id)
    shipping = await tx.value("SELECT shipping FROM customer_order WHERE id = :id", id=order_id)
    return unpaid_parts(lines, shipping)


async def is_renewal(tx: Tx, order_id: UUID, entry_id: UUID) -> bool:
    """Whether this authorisation came after another one."""
    earlier = await tx.value(
        "SELECT 1 FROM money_entry WHERE order_id = :order_id AND kind = 'authorise' AND state = 'done' AND id <> :id"
        " LIMIT 1",
        order_id=order_id,
        id=entry_id,
    )
    return earlier is not None
