"""Holds: why an order waits for somebody, as tasks that are opened, taken, noted, and closed.

While one is open nothing of the order is routed. What waits for a node is held at once; what nodes have not picked is
taken back from them and held, too. What is picked already goes on: somebody has it in hand, and an order that must not
leave at all is cancelled. Closing is done by `resolving`, by what the gateway reports, and by a cancelled order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server.events import FreezeAsked, HoldNoted, HoldResolved, HoldTaken, OrderHeld, OrderReleased
from server.kit import bulk
from server.kit.auth import Actor, authorize
from server.kit.transaction import Row, Tx
from server.orders.tables import HoldRow
from server.orders.units import Shift, lock_orders, refresh_status, shift
from shared.errors import Conflict, InvalidInput, NotFound
from shared.holds import TIME_FOR, HoldKind
from shared.orders import UnitState


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold to open. `due_at`: when its kind says, unless somebody says otherwise."""

    order_id: UUID
    kind: HoldKind
    reason: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What a new hold did: units that wait now, and units that stay with nodes, since they were picked."""

    id: UUID
    held: int
    with_nodes: int


async def hold(tx: Tx, actor: Actor, wish: NewHold) -> Held:
    """Stop what of an order is not picked yet, until somebody resolves the hold. Raises `Conflict` when nothing is left
    to stop, or the same hold is open."""
    authorize(actor, "order.hold")
    await lock_orders(tx, [wish.order_id])
    lines = await lines_of(tx, [wish.order_id])
    if not lines:
        raise NotFound(f"No order {wish.order_id}.")
    if wish.due_at is not None and wish.due_at <= tx.now:
        raise InvalidInput("This time has passed.", field="due_at", remedy="Name a later time, or leave it out.")
    await _not_twice(tx, wish)
    hold_id = (await open_holds(tx, actor, [wish]))[0]
    await shift(tx, to_hold(lines))
    tx.emit(FreezeAsked(wish.order_id))
    await tx.settle_now()
    now = await lines_of(tx, [wish.order_id])
    held, with_nodes = (sum(row[state] for row in now) for state in (UnitState.HELD, UnitState.ALLOCATED))
    if not held:
        raise Conflict(
            "Nothing of this order can be held any more: it is picked, gone or cancelled.",
            remedy="Cancel units instead, or tell the store.",
        )
    return Held(hold_id, held, with_nodes)


async def _not_twice(tx: Tx, wish: NewHold) -> None:
    if wish.kind is HoldKind.MANUAL:
        return
    row = await tx.one(
        "SELECT since FROM order_hold WHERE order_id = :id AND kind = :kind AND resolved_at IS NULL",
        id=wish.order_id,
        kind=wish.kind,
    )
    if row is not None:
        raise Conflict(f"This order is on hold for {wish.kind} already.", remedy="Add a note to the hold that is open.")


def to_hold(lines: Sequence[Any]) -> list[Shift]:
    """Shifts that hold what waits for a node."""
    return [
        Shift(row["order_id"], row["line"], state, UnitState.HELD, row[state])
        for row in lines
        for state in (UnitState.ROUTING, UnitState.BACKORDERED)
        if row[state]
    ]


async def open_holds(tx: Tx, actor: Actor, holds: Sequence[NewHold]) -> list[UUID]:
    """Write them down; the orders must be locked."""
    rows: list[dict[str, Any]] = [
        {
            "id": tx.new_id(),
            "order_id": each.order_id,
            "kind": each.kind.value,
            "reason": each.reason,
            "since": tx.now,
            "due_at": each.due_at or tx.now + TIME_FOR[each.kind],
        }
        for each in holds
    ]
    await bulk.insert(tx, HoldRow, rows)
    tx.emit(*(OrderHeld(r["order_id"], r["id"], r["kind"], r["reason"], actor.id) for r in rows))
    return [r["id"] for r in rows]


async def take(tx: Tx, actor: Actor, hold_id: UUID, *, over: bool = False) -> None:
    """Look after a hold. Raises `Conflict` when somebody else does, unless it is taken `over` from them."""
    row = await _open(tx, actor, hold_id)
    if row["assignee"] not in (None, actor.id) and not over:
        name = row["assignee_name"]
        raise Conflict(f"{name} looks after this already.", remedy=f"Take it over from {name}, or leave it to them.")
    await _assign(tx, actor, row, actor.id, actor.name or actor.id)


async def leave(tx: Tx, actor: Actor, hold_id: UUID) -> None:
    """Let somebody else look after it."""
    await _assign(tx, actor, await _open(tx, actor, hold_id), None, None)


async def _assign(tx: Tx, actor: Actor, row: Row, assignee: str | None, name: str | None) -> None:
    if row["assignee"] == assignee:
        return
    await tx.run(
        "UPDATE order_hold SET assignee = :assignee, assignee_name = :name WHERE id = :id",
        assignee=assignee,
        name=name,
        id=row["id"],
    )
    tx.emit(HoldTaken(row["order_id"], row["id"], row["kind"], name or "", actor.id))


async def note(tx: Tx, actor: Actor, hold_id: UUID, words: str) -> None:
    """Say something about a hold, for whoever looks at it next."""
    row = await _open(tx, actor, hold_id)
    await tx.run("UPDATE order_hold SET note = :note WHERE id = :id", note=words, id=hold_id)
    tx.emit(HoldNoted(row["order_id"], hold_id, row["kind"], words, actor.id))


async def _open(tx: Tx, actor: Actor, hold_id: UUID) -> Row:
    """An open hold, its order locked. Raises `NotFound`, or `Conflict` for one that is resolved."""
    row = await locked(tx, actor, hold_id)
    if row["resolved_at"] is not None:
        raise already(row)
    return row


async def locked(tx: Tx, actor: Actor, hold_id: UUID) -> Row:
    """A hold as it is once its order is ours. Raises `NotFound`."""
    authorize(actor, "order.hold")
    order_id = await tx.value("SELECT order_id FROM order_hold WHERE id = :id", id=hold_id)
    if order_id is None:
        raise NotFound(f"No hold {hold_id}.")
    await lock_orders(tx, [order_id])
    row = await tx.one(
        "SELECT h.*, coalesce(p.name, k.name, h.resolved_by) AS resolver FROM order_hold h"
        " LEFT JOIN person p ON CAST(p.id AS text) = h.resolved_by LEFT JOIN api_key k ON CAST(k.id AS text) ="
        " h.resolved_by WHERE h.id = :id",
        id=hold_id,
    )
    if row is None:
        raise NotFound(f"No hold {hold_id}.")
    return row


def already(row: Row) -> Conflict:
    """Somebody was quicker."""
    how = f"{row['resolver']} resolved it before: {row['resolution']}."
    return Conflict(f"This hold is over. {how}", remedy="Look at the order as it is now.")


async def close_holds(
    tx: Tx, actor: Actor, order_id: UUID, resolution: str, *, hold_id: UUID | None = None, note: str = ""
) -> int:
    """End one hold of an order, or all. Returns how many were open."""
    rows = await tx.rows(
        "UPDATE order_hold SET resolved_at = :now, resolution = :resolution, resolved_by = :by,"
        " note = CASE WHEN :note = '' THEN note ELSE :note END"
        " WHERE order_id = :order_id AND resolved_at IS NULL AND (CAST(:id AS uuid) IS NULL OR id = :id)"
        " RETURNING id, kind",
        order_id=order_id,
        id=hold_id,
        now=tx.now,
        resolution=resolution,
        by=actor.id,
        note=note,
    )
    tx.emit(*(HoldResolved(order_id, r["id"], r["kind"], resolution, actor.id, note) for r in rows))
    return len(rows)


async def close_payment_hold(tx: Tx, actor: Actor, order_id: UUID) -> None:
    """The gateway said yes."""
    hold_id = await tx.value(
        "SELECT id FROM order_hold WHERE order_id = :id AND kind = 'payment' AND resolved_at IS NULL", id=order_id
    )
    if hold_id:
        await close_holds(tx, actor, order_id, "authorised", hold_id=hold_id)
        await go_on(tx, order_id)


async def go_on(tx: Tx, order_id: UUID) -> None:
    """Held units wait for a node, when nothing else holds them."""
    if await held_among(tx, [order_id]):
        await refresh_status(tx, [order_id])
        return
    lines = await lines_of(tx, [order_id])
    held = [Shift(order_id, r["line"], UnitState.HELD, UnitState.ROUTING, r["held"]) for r in lines if r["held"]]
    await shift(tx, held)
    if held:
        tx.emit(OrderReleased(order_id))


async def held_among(tx: Tx, order_ids: Collection[UUID]) -> set[UUID]:
    """Those of these orders that something holds."""
    rows = await tx.rows(
        "SELECT DISTINCT order_id FROM order_hold WHERE order_id = ANY(CAST(:ids AS uuid[])) AND resolved_at IS NULL",
        ids=sorted(set(order_ids)),
    )
    return {row["order_id"] for row in rows}


async def lines_of(tx: Tx, order_ids: Iterable[UUID]) -> Sequence[Any]:
    return await tx.rows(
        "SELECT * FROM order_line WHERE order_id = ANY(CAST(:ids AS uuid[])) ORDER BY order_id, line",
        ids=sorted(set(order_ids)),
    )
