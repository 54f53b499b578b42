"""How holds end: somebody releases or cancels, a window is over, or nobody dealt with one in time and it is said so."""

from __future__ import annotations

from uuid import UUID

from server.events import HoldOverdue
from server.kit.auth import SYSTEM, Actor
from server.kit.transaction import Tx
from server.orders.holds import already, close_holds, go_on, locked
from server.orders.renewals import unpaid
from server.orders.service import cancel
from server.orders.units import lock_orders
from shared.errors import Conflict
from shared.holds import HoldKind, HoldResolution
from shared.orders import UnitState


async def resolve(tx: Tx, actor: Actor, hold_id: UUID, resolution: HoldResolution, *, note: str = "") -> None:
    """`release` lets the order go on when no other hold is open; `cancel` cancels what is held of it.

    Of two people at the same moment the second is told what the first said. Nobody's word replaces the gateway's: a
    payment hold is released by an authorisation only.
    """
    row = await locked(tx, actor, hold_id)
    if row["resolved_at"] is not None:
        raise already(row)
    order_id: UUID = row["order_id"]
    if row["kind"] == HoldKind.PAYMENT and resolution is HoldResolution.RELEASE:
        await _must_be_covered(tx, order_id)
    await close_holds(tx, actor, order_id, resolution.value, hold_id=hold_id, note=note)
    if resolution is HoldResolution.CANCEL:
        await _cancel_held(tx, actor, order_id, f"{row['kind']} hold")
    else:
        await go_on(tx, order_id)


async def _must_be_covered(tx: Tx, order_id: UUID) -> None:
    covered = await tx.value("SELECT authorised - captured - released FROM customer_order WHERE id = :id", id=order_id)
    if covered < sum(part[2] for part in await unpaid(tx, order_id)):
        raise Conflict(
            "The payment of this order is not authorised.",
            remedy="Wait for the gateway; or cancel, and let the customer order anew with another card.",
        )


async def _cancel_held(tx: Tx, actor: Actor, order_id: UUID, reason: str) -> None:
    """What was put on hold and has since been cancelled otherwise is nothing to complain about."""
    if await tx.value("SELECT 1 FROM order_line WHERE order_id = :id AND held > 0 LIMIT 1", id=order_id):
        await cancel(tx, actor, order_id, reason=reason, only=(UnitState.HELD,))


async def end_windows(tx: Tx, *, limit: int = 200) -> int:
    """Let orders go on whose customers have had their time. Returns the number of windows."""
    rows = await tx.rows(
        "SELECT id, order_id FROM order_hold WHERE resolved_at IS NULL AND kind = :kind AND due_at <= :now"
        " ORDER BY due_at, id LIMIT :limit",
        kind=HoldKind.REMORSE,
        now=tx.now,
        limit=limit,
    )
    await lock_orders(tx, [row["order_id"] for row in rows])
    for row in rows:
        if await close_holds(tx, SYSTEM, row["order_id"], "window_over", hold_id=row["id"]):
            await go_on(tx, row["order_id"])
    return len(rows)


async def tell_overdue(tx: Tx, *, limit: int = 200) -> int:
    """Say once of each hold that nobody dealt with it in time. Returns how many there were."""
    rows = await tx.rows(
        "UPDATE order_hold SET alerted_at = :now WHERE id IN (SELECT id FROM order_hold WHERE resolved_at IS NULL"
        " AND alerted_at IS NULL AND kind <> :kind AND due_at <= :now ORDER BY due_at LIMIT :limit"
        " FOR UPDATE SKIP LOCKED) RETURNING id, order_id, kind, reason",
        kind=HoldKind.REMORSE,
        now=tx.now,
        limit=limit,
    )
    tx.emit(*(HoldOverdue(r["order_id"], r["id"], r["kind"], r["reason"]) for r in rows))
    return len(rows)
