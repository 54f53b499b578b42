"""What waits for stock: in which queue, since when and until when, as the rule said that had the last word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from server.events import UnitsCancelled
from server.kit import bulk
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from server.orders import service as orders
from server.orders.fresh import fresh_orders
from server.routing.decisions import Decision, Outcome
from server.routing.open_orders import OpenOrder
from server.routing.tables import WaitRow
from shared.orders import UnitState

_AGAIN = (
    "ON CONFLICT (order_id, line) DO UPDATE SET queue = excluded.queue, plan = excluded.plan,"
    " version = excluded.version, rule = excluded.rule, reason = excluded.reason, tried_at = excluded.tried_at,"
    " cancel_at = routing_wait.since + (excluded.cancel_at - excluded.since)"
)
"""Units that are looked at again have waited since they were first."""


async def remember(tx: Tx, open_orders: Sequence[OpenOrder], last: Mapping[UUID, Decision]) -> None:
    """Write down how units wait that were left, and forget those that wait no more."""
    rows = [
        _row(tx, last[each.demand.order], line.line)
        for each in open_orders
        for line in each.demand.lines
        if each.routing.get(line.line) or each.backordered.get(line.line)
    ]
    await bulk.insert(tx, WaitRow, rows, conflict=_AGAIN)
    fresh = fresh_orders(tx)
    if written := [each.demand.order for each in open_orders if each.demand.order not in fresh]:
        await _forget(tx, written)


def _row(tx: Tx, decision: Decision, line: int) -> dict[str, object]:
    """Nothing is missing in the decision where another order snatched the units away each time."""
    missing = next((each for each in decision.unrouted if each.line == line), None)
    waits = missing.waits if missing else Outcome("", "backorder", None)
    return {
        "order_id": decision.order,
        "line": line,
        "queue": waits.queue,
        "plan": decision.plan,
        "version": decision.version,
        "rule": waits.rule,
        "reason": missing.reason if missing else "snatched",
        "since": tx.now,
        "tried_at": tx.now,
        "cancel_at": waits.cancel_at,
    }


async def on_units_cancelled(tx: Tx, events: Sequence[UnitsCancelled]) -> None:
    """What was cancelled waits no more."""
    if written := {e.order_id for e in events} - fresh_orders(tx).keys():
        await _forget(tx, sorted(written))


async def _forget(tx: Tx, order_ids: Sequence[UUID]) -> None:
    await tx.run(
        "DELETE FROM routing_wait w WHERE w.order_id = ANY(CAST(:ids AS uuid[])) AND NOT EXISTS (SELECT 1 FROM"
        " order_line l WHERE l.order_id = w.order_id AND l.line = w.line AND l.backordered > 0)",
        ids=list(order_ids),
    )


async def cancel_overdue(tx: Tx, *, after: timedelta, limit: int = 200) -> int:
    """Cancel what has waited as long as its rule says, or `after` so long where it says nothing, so that nobody waits
    for ever. Returns the number of orders."""
    rows = await tx.rows(
        "SELECT l.order_id, json_agg(l.line) AS lines, json_agg(l.backordered) AS units FROM order_line l"
        " JOIN customer_order o ON o.id = l.order_id"
        " LEFT JOIN routing_wait w ON w.order_id = l.order_id AND w.line = l.line"
        " WHERE l.backordered > 0 AND coalesce(w.cancel_at, o.received_at + CAST(:after AS interval)) <= :now"
        " GROUP BY l.order_id ORDER BY l.order_id LIMIT :limit",
        now=tx.now,
        after=after,
        limit=limit,
    )
    for row in rows:
        units = dict(zip(row["lines"], row["units"], strict=True))
        await orders.cancel(
            tx, SYSTEM, row["order_id"], reason="not available", units=units, only=(UnitState.BACKORDERED,)
        )
    await _forget(tx, [row["order_id"] for row in rows])
    return len(rows)
