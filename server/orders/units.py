"""Moving units between states, and the status that follows. Every unit change of every order goes through `shift`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from server.events import OrderStatusChanged
from server.kit.transaction import Tx
from server.orders.fresh import fresh_orders
from shared.orders import UnitState, status_of

STATES = tuple(UnitState)
PENDING = (
    "coalesce((SELECT bool_and(h.kind = 'remorse') FROM order_hold h WHERE h.order_id = o.id"
    " AND h.resolved_at IS NULL), false)"
)
"""Whether nothing but a remorse window holds the order `o`."""


@dataclass(frozen=True, slots=True)
class Shift:
    """`units` units of a line go from one state to another."""

    order_id: UUID
    line: int
    source: UnitState
    target: UnitState
    units: int


async def lock_orders(tx: Tx, order_ids: Iterable[UUID]) -> None:
    """Lock orders before anything of theirs is touched: order, lines, stock, feed heads is the order of locks."""
    held: set[UUID] = tx.notes.setdefault("locked_orders", set())
    wanted = sorted(set(order_ids) - held)
    if not wanted:
        return
    await tx.rows(
        "SELECT id FROM customer_order WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE", ids=wanted
    )
    held.update(wanted)


async def shift(tx: Tx, shifts: Sequence[Shift]) -> None:
    """Move units and derive the status anew. The database refuses a move that would lose or invent a unit."""
    if not shifts:
        return
    fresh = fresh_orders(tx)
    written = []
    for s in shifts:
        if order := fresh.get(s.order_id):
            order.move(s.line, s.source, s.target, s.units)
        else:
            written.append(s)
    await _shift_rows(tx, written)
    await refresh_status(tx, {s.order_id for s in shifts})


async def _shift_rows(tx: Tx, shifts: Sequence[Shift]) -> None:
    if not shifts:
        return
    deltas: dict[tuple[UUID, int], dict[UnitState, int]] = {}
    for s in shifts:
        line = deltas.setdefault((s.order_id, s.line), {})
        line[s.source] = line.get(s.source, 0) - s.units
        line[s.target] = line.get(s.target, 0) + s.units
    keys = sorted(deltas)
    sets = ", ".join(f"{state} = l.{state} + u.{state}" for state in STATES)
    arrays = ", ".join(f"CAST(:{state} AS bigint[])" for state in STATES)
    await tx.run(
        f"UPDATE order_line l SET {sets} FROM unnest(CAST(:orders AS uuid[]), CAST(:lines AS bigint[]), {arrays})"  # noqa: S608
        f" AS u(order_id, line, {', '.join(STATES)}) WHERE l.order_id = u.order_id AND l.line = u.line",
        orders=[k[0] for k in keys],
        lines=[k[1] for k in keys],
        **{state.value: [deltas[k].get(state, 0) for k in keys] for state in STATES},
    )


async def refresh_status(tx: Tx, order_ids: Iterable[UUID]) -> None:
    """Write the status that follows from units, jobs and money, where it changed."""
    ids, fresh = sorted(set(order_ids)), fresh_orders(tx)
    for order in (fresh[order_id] for order_id in ids if order_id in fresh):
        status = status_of([order.units()], in_work=order.row["in_work"], settled=False, pending=order.pending)
        if status != order.row["status"]:
            order.row["status"] = status.value
            tx.emit(OrderStatusChanged(order_id=order.row["id"], status=status.value))
    if written := [order_id for order_id in ids if order_id not in fresh]:
        await _refresh_rows(tx, written)


async def _refresh_rows(tx: Tx, order_ids: Sequence[UUID]) -> None:
    sums = ", ".join(f"sum(l.{state})::bigint AS {state}" for state in STATES)
    rows = await tx.rows(
        f"SELECT o.id, o.status, o.in_work, o.jobs_open, {sums},"  # noqa: S608
        f" {PENDING} AS pending,"
        " EXISTS (SELECT 1 FROM money_entry m WHERE m.order_id = o.id AND m.state <> 'done') AS money_open"
        " FROM customer_order o JOIN order_line l ON l.order_id = o.id"
        " WHERE o.id = ANY(CAST(:ids AS uuid[])) GROUP BY o.id",
        ids=order_ids,
    )
    changed = []
    for row in rows:
        units = {state: row[state.value] for state in STATES}
        settled = row["jobs_open"] == 0 and not row["money_open"]
        status = status_of([units], in_work=row["in_work"], settled=settled, pending=row["pending"])
        if status != row["status"]:
            changed.append((row["id"], status.value))
    if not changed:
        return
    await tx.run(
        "UPDATE customer_order o SET status = u.status, version = o.version + 1"
        " FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[])) AS u(id, status) WHERE o.id = u.id",
        ids=[c[0] for c in changed],
        statuses=[c[1] for c in changed],
    )
    tx.emit(*(OrderStatusChanged(order_id=order_id, status=status) for order_id, status in changed))
