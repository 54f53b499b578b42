"""The verbs of orders after they were placed: hold, cancel units, and following what jobs and money report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from server.events import (
    CancelAsked,
    HoldResolved,
    JobMoved,
    JobOffered,
    MoneyMoved,
    MoneyRefused,
    OrderHeld,
    OrderReleased,
    UnitsCancelled,
    UnitsLeft,
)
from server.kit import bulk
from server.kit.auth import Actor, authorize
from server.kit.transaction import Tx
from server.orders import money, substitutes
from server.orders.dues import Due, first_due, last_due, settle
from server.orders.fresh import fresh_orders
from server.orders.renewals import is_renewal, unpaid
from server.orders.rules import check_cancel
from server.orders.tables import HoldRow
from server.orders.units import Shift, lock_orders, refresh_status, shift
from shared.errors import Conflict, NotFound
from shared.fulfilment import FULFILMENT, Exit
from shared.orders import UnitState

PAYMENTS = Actor(kind="system", id="payments", roles=frozenset({"system"}))

# ---------------------------------------------------------------- holds


async def hold(tx: Tx, actor: Actor, order_id: UUID, *, kind: str, reason: str) -> UUID:
    """Stop an order's unrouted units until somebody resolves the hold. Units already with a node stay there."""
    authorize(actor, "order.hold")
    await lock_orders(tx, [order_id])
    lines = await _lines(tx, [order_id])
    if not lines:
        raise NotFound(f"No order {order_id}.")
    waiting = _to_hold(lines)
    if not waiting:
        raise Conflict(
            "Nothing of this order waits for a node any more.", remedy="Cancel units instead, or tell the store."
        )
    hold_id = (await open_holds(tx, actor, [(order_id, kind, reason)]))[0]
    await shift(tx, waiting)
    return hold_id


def _to_hold(lines: Sequence[Any]) -> list[Shift]:
    """Shifts that hold what waits for a node."""
    return [
        Shift(row["order_id"], row["line"], state, UnitState.HELD, row[state])
        for row in lines
        for state in (UnitState.ROUTING, UnitState.BACKORDERED)
        if row[state]
    ]


async def open_holds(tx: Tx, actor: Actor, holds: Sequence[tuple[UUID, str, str]]) -> list[UUID]:
    rows = [
        {"id": tx.new_id(), "order_id": order_id, "kind": kind, "reason": reason, "since": tx.now}
        for order_id, kind, reason in holds
    ]
    await bulk.insert(tx, HoldRow, rows)
    tx.emit(*(OrderHeld(r["order_id"], r["id"], r["kind"], r["reason"], actor.id) for r in rows))  # type: ignore[arg-type]
    return [r["id"] for r in rows]  # type: ignore[misc]


async def resolve_hold(tx: Tx, actor: Actor, hold_id: UUID, *, resolution: str) -> None:
    """`release` lets the order go on when no other hold is open; `cancel` cancels what it held.

    Nobody's word replaces the gateway's: a payment hold is released by an authorisation only.
    """
    authorize(actor, "order.hold")
    row = await tx.one("SELECT order_id, kind, resolved_at FROM order_hold WHERE id = :id", id=hold_id)
    if row is None:
        raise NotFound(f"No hold {hold_id}.")
    await lock_orders(tx, [row["order_id"]])
    if row["kind"] == "payment" and resolution == "release" and row["resolved_at"] is None:
        head = (await _heads(tx, [row["order_id"]]))[row["order_id"]]
        covered = head["authorised"] - head["captured"] - head["released"]
        if covered < sum(part[2] for part in await unpaid(tx, row["order_id"])):
            raise Conflict(
                "The payment of this order is not authorised.",
                remedy="Wait for the gateway; or cancel, and let the customer order anew with another card.",
            )
    if not await _close_holds(tx, actor, row["order_id"], resolution, hold_id=hold_id):
        raise Conflict("This hold was resolved before.")
    if resolution == "cancel":
        await cancel(tx, actor, row["order_id"], reason=f"{row['kind']} hold", only=(UnitState.HELD,))
    else:
        await _go_on(tx, row["order_id"])


async def _close_holds(tx: Tx, actor: Actor, order_id: UUID, resolution: str, *, hold_id: UUID | None = None) -> int:
    rows = await tx.rows(
        "UPDATE order_hold SET resolved_at = :now, resolution = :resolution, resolved_by = :by"
        " WHERE order_id = :order_id AND resolved_at IS NULL AND (CAST(:id AS uuid) IS NULL OR id = :id)"
        " RETURNING id, kind",
        order_id=order_id,
        id=hold_id,
        now=tx.now,
        resolution=resolution,
        by=actor.id,
    )
    tx.emit(*(HoldResolved(order_id, r["id"], r["kind"], resolution, actor.id) for r in rows))
    return len(rows)


async def _go_on(tx: Tx, order_id: UUID) -> None:
    """Held units wait for a node, when nothing else holds them."""
    if await tx.value("SELECT 1 FROM order_hold WHERE order_id = :id AND resolved_at IS NULL LIMIT 1", id=order_id):
        return
    lines = await _lines(tx, [order_id])
    held = [Shift(order_id, r["line"], UnitState.HELD, UnitState.ROUTING, r["held"]) for r in lines if r["held"]]
    await shift(tx, held)
    if held:
        tx.emit(OrderReleased(order_id))


async def _lines(tx: Tx, order_ids: Iterable[UUID]) -> Sequence[Any]:
    return await tx.rows(
        "SELECT * FROM order_line WHERE order_id = ANY(CAST(:ids AS uuid[])) ORDER BY order_id, line",
        ids=sorted(set(order_ids)),
    )


# ---------------------------------------------------------------- cancelling

WITHOUT_NODE = (UnitState.HELD, UnitState.ROUTING, UnitState.BACKORDERED)


async def cancel(
    tx: Tx,
    actor: Actor,
    order_id: UUID,
    *,
    reason: str,
    units: dict[int, int] | None = None,
    only: Sequence[UnitState] | None = None,
) -> int:
    """Cancel units until they have left: those without a node first, then those in jobs. Returns how many went.

    `units` maps line -> how many at most; None means all. Money follows: released, or refunded when captured.
    Raises `Conflict` when none can be cancelled any more.
    """
    authorize(actor, "order.cancel")
    await lock_orders(tx, [order_id])
    lines = await _lines(tx, [order_id])
    if not lines:
        raise NotFound(f"No order {order_id}.")
    wanted = check_cancel(units, lines)
    before = sum(row["cancelled"] for row in lines)
    await _cancel_shifts(tx, actor.id, _without_node(lines, wanted, only or WITHOUT_NODE), reason)
    if only is None and any(wanted.values()):
        tx.emit(CancelAsked(order_id, {line: count for line, count in wanted.items() if count}))
        await tx.settle_now()
    gone = int(sum(row["cancelled"] for row in await _lines(tx, [order_id])) - before)
    if not gone:
        raise Conflict(
            "Nothing of this can be cancelled any more: the units are with the carrier or the customer.",
            remedy="Take them back as a return.",
        )
    return gone


def _without_node(lines: Sequence[Any], wanted: dict[int, int], states: Sequence[UnitState]) -> list[Shift]:
    """Shifts to cancelled for units no node has; what was found is taken off `wanted`."""
    shifts = []
    for row in lines:
        for state in states:
            take = min(wanted.get(row["line"], 0), row[state])
            if take:
                shifts.append(Shift(row["order_id"], row["line"], state, UnitState.CANCELLED, take))
                wanted[row["line"]] -= take
    return shifts


async def _cancel_shifts(tx: Tx, actor: str, shifts: Sequence[Shift], reason: str) -> None:
    """Move units to cancelled and give their money back."""
    if not shifts:
        return
    before = {(r["order_id"], r["line"]): r for r in await _lines(tx, {s.order_id for s in shifts})}
    orders = await _heads(tx, {s.order_id for s in shifts})
    for order_id, head in orders.items():
        mine = [s for s in shifts if s.order_id == order_id]
        dues = [last_due(before[(order_id, line)], _sum(mine, line)) for line in sorted({s.line for s in mine})]
        parts = [(due.line, due.units, due.owed + due.spare) for due in dues]
        if head["shipping"] and _nothing_comes([r for k, r in before.items() if k[0] == order_id], mine):
            parts.append((0, 1, head["shipping"]))
        amount = sum(p[2] for p in parts)
        if head["authorised"] > 0:
            kind = "refund" if head["payment_kind"] == "paid" else "release"
            await money.want(tx, [money.Entry(order_id, kind, tuple(parts), reason=reason)])
        await settle(tx, dues)
        tx.emit(UnitsCancelled(order_id, sum(s.units for s in mine), amount, reason, actor))
    await shift(tx, shifts)


def _sum(shifts: Sequence[Shift], line: int) -> int:
    return sum(s.units for s in shifts if s.line == line)


def _nothing_comes(lines: Sequence[Any], cancelled: Sequence[Shift]) -> bool:
    """Whether with these the last unit of the order is cancelled."""
    coming = sum(r["quantity"] - r["replaced"] - r["cancelled"] for r in lines)
    return bool(coming == sum(s.units for s in cancelled))


async def _heads(tx: Tx, order_ids: Iterable[UUID]) -> dict[UUID, Any]:
    rows = await tx.rows(
        "SELECT id, number, shipping, total, payment_kind, payment_reference, authorised, captured, released, status,"
        " currency"
        " FROM customer_order WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id",
        ids=sorted(set(order_ids)),
    )
    return {r["id"]: r for r in rows}


# ---------------------------------------------------------------- what jobs report


async def on_jobs_offered(tx: Tx, events: Sequence[JobOffered]) -> None:
    """A node has a job of ours."""
    await _count_jobs(tx, [(e.order_id, 1, False) for e in events])


async def on_jobs_moved(tx: Tx, events: Sequence[JobMoved]) -> None:
    """Work has begun, or a job came to its end."""
    changes = []
    for e in events:
        ended = e.to_state in FULFILMENT.finals and e.from_state not in FULFILMENT.finals
        began = e.from_state == "offered" and e.to_state not in FULFILMENT.finals
        if ended or began:
            changes.append((e.order_id, -1 if ended else 0, began))
    if changes:
        await _count_jobs(tx, changes)
        await refresh_status(tx, {c[0] for c in changes})


async def _count_jobs(tx: Tx, changes: Sequence[tuple[UUID, int, bool]]) -> None:
    fresh = fresh_orders(tx)
    for order_id, opened, began in changes:
        if order := fresh.get(order_id):
            order.row["jobs_open"] += opened
            order.row["in_work"] = order.row["in_work"] or began
    changes = [change for change in changes if change[0] not in fresh]
    if not changes:
        return
    await tx.run(
        "UPDATE customer_order o SET jobs_open = o.jobs_open + u.open, in_work = o.in_work OR u.began FROM"
        " (SELECT id, sum(open)::bigint AS open, bool_or(began) AS began FROM unnest(CAST(:ids AS uuid[]),"
        " CAST(:open AS bigint[]), CAST(:began AS boolean[])) AS c(id, open, began) GROUP BY id) u WHERE o.id = u.id",
        ids=[c[0] for c in changes],
        open=[c[1] for c in changes],
        began=[c[2] for c in changes],
    )


_AFTER_EXIT = {
    Exit.FULFILLED: UnitState.FULFILLED,
    Exit.REROUTE: UnitState.ROUTING,
    Exit.CANCEL: UnitState.CANCELLED,
}


async def on_units_left(tx: Tx, events: Sequence[UnitsLeft]) -> None:
    """Units left a job: with the customer (capture), to be routed again, cancelled (release or refund), or replaced."""
    await lock_orders(tx, [e.order_id for e in events])
    for e in events:
        fulfilled = [m for m in e.moves if m.exit is Exit.FULFILLED]
        if fulfilled:
            await _capture(tx, e)
        moves = await substitutes.follow(tx, e.order_id, e.moves)
        shifts = [
            Shift(e.order_id, m.line, UnitState.ALLOCATED, _AFTER_EXIT[m.exit], m.quantity)
            for m in moves
            if m.exit in (Exit.FULFILLED, Exit.REROUTE)
        ]
        await shift(tx, shifts)
        gone = [
            Shift(e.order_id, m.line, UnitState.ALLOCATED, UnitState.CANCELLED, m.quantity)
            for m in e.moves
            if m.exit is Exit.CANCEL
        ]
        reason = next((m.reason for m in e.moves if m.exit is Exit.CANCEL and m.reason), "cancelled")
        await _cancel_shifts(tx, e.actor, gone, reason)
        if any(m.exit is Exit.REROUTE for m in e.moves):
            tx.emit(OrderReleased(e.order_id))


async def _capture(tx: Tx, event: UnitsLeft) -> None:
    """Ask for the share of the units that left, and for shipping with the first of them."""
    head = (await _heads(tx, [event.order_id]))[event.order_id]
    lines = {r["line"]: r for r in await _lines(tx, [event.order_id])}
    dues = [first_due(lines[m.line], m.quantity) for m in event.moves if m.exit is Exit.FULFILLED]
    await settle(tx, dues)
    paid = head["payment_kind"] == "paid"
    entries = [_spare(event, dues, "refund" if paid else "release")]
    if not paid:
        parts = [(due.line, due.units, due.owed) for due in dues]
        if head["shipping"] and not any(r["fulfilled"] for r in lines.values()):
            parts.append((0, 1, head["shipping"]))
        entries.append(money.Entry(event.order_id, "capture", tuple(parts), fulfilment_id=event.fulfilment_id))
    await money.want(tx, entries)


def _spare(event: UnitsLeft, dues: Sequence[Due], kind: str) -> money.Entry:
    """What a cheaper substitute leaves over."""
    parts = tuple((due.line, due.units, due.spare) for due in dues)
    return money.Entry(event.order_id, kind, parts, fulfilment_id=event.fulfilment_id, reason="cheaper substitute")


# ---------------------------------------------------------------- what the gateway reports


async def on_money_moved(tx: Tx, events: Sequence[MoneyMoved]) -> None:
    """An authorisation lets the order go on; what was cancelled meanwhile is released from the first one."""
    for e in events:
        if e.kind != "authorise":
            continue
        if await is_renewal(tx, e.order_id, e.entry_id):
            await _release_payment_hold(tx, PAYMENTS, e.order_id)
            continue
        lines = await _lines(tx, [e.order_id])
        parts = [(r["line"], r["cancelled"], r["total"] - r["owed"]) for r in lines if r["cancelled"]]
        if all(r["cancelled"] == r["quantity"] for r in lines):
            head = (await _heads(tx, [e.order_id]))[e.order_id]
            parts.append((0, 1, head["shipping"]))
        await money.want(tx, [money.Entry(e.order_id, "release", tuple(parts), reason="cancelled before authorised")])
        await _release_payment_hold(tx, PAYMENTS, e.order_id)


async def _release_payment_hold(tx: Tx, actor: Actor, order_id: UUID) -> None:
    hold_id = await tx.value(
        "SELECT id FROM order_hold WHERE order_id = :id AND kind = 'payment' AND resolved_at IS NULL", id=order_id
    )
    if hold_id:
        await _close_holds(tx, actor, order_id, "authorised", hold_id=hold_id)
        await _go_on(tx, order_id)


async def on_money_refused(tx: Tx, events: Sequence[MoneyRefused]) -> None:
    """A refused authorisation keeps the order held, and says why; somebody must call the customer or cancel.

    One that was to be renewed holds the order now: nothing more of it is routed.
    """
    for e in events:
        if e.kind == "authorise" and await is_renewal(tx, e.order_id, e.entry_id):
            await _hold_unpaid(tx, e.order_id, f"payment refused: {e.reason}")
            continue
        await tx.run(
            "UPDATE order_hold SET reason = :reason WHERE order_id = :id AND kind = 'payment' AND resolved_at IS NULL",
            id=e.order_id,
            reason=f"payment refused: {e.reason}",
        )


async def _hold_unpaid(tx: Tx, order_id: UUID, reason: str) -> None:
    """Open a payment hold, with whatever of the order still waits for a node."""
    await open_holds(tx, PAYMENTS, [(order_id, "payment", reason)])
    await shift(tx, _to_hold(await _lines(tx, [order_id])))
