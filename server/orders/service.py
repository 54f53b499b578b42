"""The verbs of orders after they were placed: cancel units, and follow what jobs and money report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from server.events import (
    CancelAsked,
    JobMoved,
    JobOffered,
    MoneyMoved,
    MoneyRefused,
    OrderReleased,
    UnitsCancelled,
    UnitsLeft,
)
from server.kit.auth import Actor, authorize
from server.kit.transaction import Tx
from server.orders import money, substitutes
from server.orders.dues import Due, first_due, last_due, settle
from server.orders.fresh import fresh_orders
from server.orders.holds import (
    NewHold,
    close_holds,
    close_payment_hold,
    held_among,
    lines_of,
    open_holds,
    to_hold,
)
from server.orders.renewals import is_renewal
from server.orders.rules import check_cancel
from server.orders.units import Shift, lock_orders, refresh_status, shift
from shared.errors import Conflict, NotFound
from shared.fulfilment import FULFILMENT, Exit
from shared.holds import HoldKind
from shared.orders import UnitState

PAYMENTS = Actor(kind="system", id="payments", roles=frozenset({"system"}))

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
    lines = await lines_of(tx, [order_id])
    if not lines:
        raise NotFound(f"No order {order_id}.")
    wanted = check_cancel(units, lines)
    before = sum(row["cancelled"] for row in lines)
    await _cancel_shifts(tx, actor.id, _without_node(lines, wanted, only or WITHOUT_NODE), reason)
    if only is None and any(wanted.values()):
        tx.emit(CancelAsked(order_id, {line: count for line, count in wanted.items() if count}))
        await tx.settle_now()
    gone = int(sum(row["cancelled"] for row in await lines_of(tx, [order_id])) - before)
    if not gone:
        raise Conflict(
            "Nothing of this can be cancelled any more: the units are with the carrier or the customer.",
            remedy="Take them back as a return.",
        )
    await _nobody_waits(tx, actor, order_id)
    return gone


async def _nobody_waits(tx: Tx, actor: Actor, order_id: UUID) -> None:
    """Nobody need look after the holds of an order of which nothing is left to come."""
    waiting = " + ".join((UnitState.HELD, UnitState.ROUTING, UnitState.BACKORDERED, UnitState.ALLOCATED))
    if not await tx.value(f"SELECT sum({waiting}) FROM order_line WHERE order_id = :id", id=order_id):  # noqa: S608
        await close_holds(tx, actor, order_id, "order_cancelled")


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
    before = {(r["order_id"], r["line"]): r for r in await lines_of(tx, {s.order_id for s in shifts})}
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
    """Units left a job: with the customer (capture), to be routed again, cancelled (release or refund), or replaced.

    What should be routed again waits, where something holds the order.
    """
    await lock_orders(tx, [e.order_id for e in events])
    held = await held_among(tx, [e.order_id for e in events])
    for e in events:
        fulfilled = [m for m in e.moves if m.exit is Exit.FULFILLED]
        if fulfilled:
            await _capture(tx, e)
        moves = await substitutes.follow(tx, e.order_id, e.moves)
        shifts = [
            Shift(e.order_id, m.line, UnitState.ALLOCATED, _after(m.exit, held=e.order_id in held), m.quantity)
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
        if e.order_id not in held and any(m.exit is Exit.REROUTE for m in e.moves):
            tx.emit(OrderReleased(e.order_id))


def _after(exit_: Exit, *, held: bool) -> UnitState:
    return UnitState.HELD if held and exit_ is Exit.REROUTE else _AFTER_EXIT[exit_]


async def _capture(tx: Tx, event: UnitsLeft) -> None:
    """Ask for the share of the units that left, and for shipping with the first of them."""
    head = (await _heads(tx, [event.order_id]))[event.order_id]
    lines = {r["line"]: r for r in await lines_of(tx, [event.order_id])}
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
            await close_payment_hold(tx, PAYMENTS, e.order_id)
            continue
        lines = await lines_of(tx, [e.order_id])
        parts = [(r["line"], r["cancelled"], r["total"] - r["owed"]) for r in lines if r["cancelled"]]
        if all(r["cancelled"] == r["quantity"] for r in lines):
            head = (await _heads(tx, [e.order_id]))[e.order_id]
            parts.append((0, 1, head["shipping"]))
        await money.want(tx, [money.Entry(e.order_id, "release", tuple(parts), reason="cancelled before authorised")])
        await close_payment_hold(tx, PAYMENTS, e.order_id)


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
    await open_holds(tx, PAYMENTS, [NewHold(order_id, HoldKind.PAYMENT, reason)])
    await shift(tx, to_hold(await lines_of(tx, [order_id])))
