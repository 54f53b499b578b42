"""The verbs of orders: place, hold, cancel units, and following what jobs and money report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from server.catalog import queries as catalog
from server.events import (
    CancelAsked,
    HoldResolved,
    JobMoved,
    JobOffered,
    MoneyMoved,
    MoneyRefused,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    UnitsCancelled,
    UnitsLeft,
)
from server.kit import bulk, commands
from server.kit.auth import Actor, authorize
from server.kit.transaction import Tx
from server.network import queries as network
from server.orders import money
from server.orders.rules import ChannelFacts, check_cancel, problems_of, search_words, share_of, waits_for_payment
from server.orders.tables import HoldRow, LineRow, OrderKeyRow, OrderRow
from server.orders.units import Shift, lock_orders, refresh_status, shift
from shared.barcodes.typed import order_number
from shared.errors import BatonError, Conflict, Duplicate, NotFound
from shared.fulfilment import FULFILMENT, Exit
from shared.orders import NewOrder, OrderStatus, Placed, UnitState

# ---------------------------------------------------------------- placing


async def place(tx: Tx, actor: Actor, orders: Sequence[NewOrder]) -> list[Placed | BatonError]:
    """Place many orders. Each gets its own answer: placed, the same one as before, or what is wrong with it.

    An order that is paid or authorised waits for routing at once; one with a token is held until the gateway says yes.
    """
    authorize(actor, "order.place")
    facts = await _facts(tx, orders)
    answers: list[Placed | BatonError | None] = [problems_of(order, facts, tx.now) for order in orders]
    fresh = await _claim_keys(tx, orders, answers)
    await _write_orders(tx, actor, [(order, row) for order, row in fresh if row is not None])
    return [answer for answer in answers if answer is not None]


async def _facts(tx: Tx, orders: Sequence[NewOrder]) -> ChannelFacts:
    nodes = await network.selling_facts(tx)
    known = await catalog.known_skus(tx, {line.sku for order in orders for line in order.lines})
    return ChannelFacts(
        currency=nodes.currency,
        channels=nodes.channels,
        known_skus=known,
        collect_nodes=nodes.collect_nodes,
        node_currency=nodes.node_currency,
    )


async def _claim_keys(
    tx: Tx, orders: Sequence[NewOrder], answers: list[Placed | BatonError | None]
) -> list[tuple[NewOrder, dict[str, Any] | None]]:
    """Take each order's business key. Orders whose key is taken are answered from the one that has it."""
    wanted = [i for i, answer in enumerate(answers) if answer is None]
    if not wanted:
        return []
    seqs = await tx.rows("SELECT nextval('order_number_seq') AS n FROM generate_series(1, :count)", count=len(wanted))
    rows: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for i, seq in zip(wanted, seqs, strict=True):
        order = orders[i]
        rows.setdefault(
            (order.channel, order.external_id),
            (
                i,
                {
                    "channel": order.channel,
                    "external_id": order.external_id,
                    "order_id": tx.new_id(),
                    "number": order_number(seq["n"]),
                    "fingerprint": commands.fingerprint(order.model_dump_json()),
                },
            ),
        )
    taken = await bulk.insert(
        tx,
        OrderKeyRow,
        [row for _, (_, row) in sorted(rows.items())],
        conflict="ON CONFLICT DO NOTHING",
        returning="channel, external_id",
    )
    ours = {(r["channel"], r["external_id"]) for r in taken}
    before = await _placed_before(tx, [key for key in rows if key not in ours])
    fresh: list[tuple[NewOrder, dict[str, Any] | None]] = []
    for i in wanted:
        order = orders[i]
        key = (order.channel, order.external_id)
        first, row = rows[key]
        if key in ours and first == i:
            answers[i] = Placed(
                id=row["order_id"], number=row["number"], external_id=order.external_id, status=_first_status(order)
            )
            fresh.append((order, row))
        else:
            answers[i] = _same_or_duplicate(order, before.get(key) or row)
    return fresh


async def _placed_before(tx: Tx, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    if not keys:
        return {}
    rows = await tx.rows(
        "SELECT k.channel, k.external_id, k.order_id, k.number, k.fingerprint, o.status"
        " FROM order_key k JOIN unnest(CAST(:channels AS text[]), CAST(:ids AS text[])) AS u(channel, external_id)"
        " USING (channel, external_id) LEFT JOIN customer_order o ON o.id = k.order_id",
        channels=[k[0] for k in keys],
        ids=[k[1] for k in keys],
    )
    return {(r["channel"], r["external_id"]): dict(r) for r in rows}


def _same_or_duplicate(order: NewOrder, known: dict[str, Any]) -> Placed | Duplicate:
    if known["fingerprint"] == commands.fingerprint(order.model_dump_json()):
        return Placed(
            id=known["order_id"],
            number=known["number"],
            external_id=order.external_id,
            status=OrderStatus(known.get("status") or _first_status(order)),
            existing=True,
        )
    return Duplicate(
        f"{order.channel} sent {order.external_id} before, with other content (order {known['number']}).",
        field="external_id",
        remedy="Use a new external_id for a new order; change the existing order through its own routes.",
    )


def _first_status(order: NewOrder) -> OrderStatus:
    return OrderStatus.HELD if waits_for_payment(order) else OrderStatus.ROUTING


async def _write_orders(tx: Tx, actor: Actor, fresh: Sequence[tuple[NewOrder, dict[str, Any]]]) -> None:
    if not fresh:
        return
    await bulk.insert(tx, OrderRow, [_order_row(tx, order, row) for order, row in fresh])
    await bulk.insert(tx, LineRow, [line for order, row in fresh for line in _line_rows(order, row["order_id"])])
    tx.notes.setdefault("locked_orders", set()).update(row["order_id"] for _, row in fresh)
    await money.want(tx, [entry for order, row in fresh for entry in _first_money(order, row["order_id"])])
    for order, row in fresh:
        tx.emit(
            OrderPlaced(
                order_id=row["order_id"],
                number=row["number"],
                channel=order.channel,
                method=order.method,
                node=order.node,
                units=sum(line.quantity for line in order.lines),
                total=order.total,
                currency=order.currency,
                actor=actor.id,
            )
        )
    tx.emit(*(OrderReleased(row["order_id"]) for order, row in fresh if not waits_for_payment(order)))
    held = [(row["order_id"], "payment", "waits for the payment") for order, row in fresh if waits_for_payment(order)]
    await _open_holds(tx, actor, held)


def _order_row(tx: Tx, order: NewOrder, row: dict[str, Any]) -> dict[str, Any]:
    paid = not waits_for_payment(order)
    return {
        "id": row["order_id"],
        "number": row["number"],
        "channel": order.channel,
        "external_id": order.external_id,
        "placed_at": order.placed_at,
        "received_at": tx.now,
        "method": order.method,
        "node": order.node,
        "customer": order.customer.model_dump_json(),
        "ship_to": order.ship_to.model_dump_json() if order.ship_to else None,
        "wanted_by": order.wanted_by,
        "search": search_words(row["number"], order),
        "currency": order.currency,
        "shipping": order.shipping,
        "total": order.total,
        "payment_kind": order.payment.kind,
        "payment_reference": order.payment.reference,
        "authorised": order.total if paid else 0,
        "captured": order.total if order.payment.kind == "paid" else 0,
        "status": _first_status(order).value,
    }


def _line_rows(order: NewOrder, order_id: UUID) -> list[dict[str, Any]]:
    held = waits_for_payment(order)
    return [
        {
            "order_id": order_id,
            "line": number,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "discount": line.discount,
            "tax": line.tax,
            "total": line.total,
            "held": line.quantity if held else 0,
            "routing": 0 if held else line.quantity,
        }
        for number, line in enumerate(order.lines, start=1)
    ]


def _first_money(order: NewOrder, order_id: UUID) -> list[money.Entry]:
    parts = tuple((n, line.quantity, line.total) for n, line in enumerate(order.lines, start=1))
    parts = (*parts, (0, 1, order.shipping)) if order.shipping else parts
    paid = not waits_for_payment(order)
    reference = order.payment.reference if paid else None
    entries = [money.Entry(order_id, "authorise", parts, done=paid, reference=reference)]
    if order.payment.kind == "paid":
        entries.append(money.Entry(order_id, "capture", parts, done=True, reference=reference))
    return entries


# ---------------------------------------------------------------- holds


async def hold(tx: Tx, actor: Actor, order_id: UUID, *, kind: str, reason: str) -> UUID:
    """Stop an order's unrouted units until somebody resolves the hold. Units already with a node stay there."""
    authorize(actor, "order.hold")
    await lock_orders(tx, [order_id])
    lines = await _lines(tx, [order_id])
    if not lines:
        raise NotFound(f"No order {order_id}.")
    waiting = [
        Shift(order_id, row["line"], state, UnitState.HELD, row[state])
        for row in lines
        for state in (UnitState.ROUTING, UnitState.BACKORDERED)
        if row[state]
    ]
    if not waiting:
        raise Conflict(
            "Nothing of this order waits for a node any more.", remedy="Cancel units instead, or tell the store."
        )
    hold_id = (await _open_holds(tx, actor, [(order_id, kind, reason)]))[0]
    await shift(tx, waiting)
    return hold_id


async def _open_holds(tx: Tx, actor: Actor, holds: Sequence[tuple[UUID, str, str]]) -> list[UUID]:
    rows = [
        {"id": tx.new_id(), "order_id": order_id, "kind": kind, "reason": reason, "since": tx.now}
        for order_id, kind, reason in holds
    ]
    await bulk.insert(tx, HoldRow, rows)
    tx.emit(*(OrderHeld(r["order_id"], r["id"], r["kind"], r["reason"], actor.id) for r in rows))  # type: ignore[arg-type]
    return [r["id"] for r in rows]  # type: ignore[misc]


async def resolve_hold(tx: Tx, actor: Actor, hold_id: UUID, *, resolution: str) -> None:
    """`release` lets the order go on when no other hold is open; `cancel` cancels what it held."""
    authorize(actor, "order.hold")
    row = await tx.one("SELECT order_id, kind, resolved_at FROM order_hold WHERE id = :id", id=hold_id)
    if row is None:
        raise NotFound(f"No hold {hold_id}.")
    await lock_orders(tx, [row["order_id"]])
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
        parts = [_back_part(before[(order_id, line)], _sum(mine, line)) for line in sorted({s.line for s in mine})]
        everything = sum(r["cancelled"] for k, r in before.items() if k[0] == order_id) + sum(s.units for s in mine)
        ordered = sum(r["quantity"] for k, r in before.items() if k[0] == order_id)
        if everything == ordered and head["shipping"]:
            parts.append((0, 1, head["shipping"]))
        amount = sum(p[2] for p in parts)
        if head["authorised"] > 0:
            kind = "refund" if head["payment_kind"] == "paid" else "release"
            await money.want(tx, [money.Entry(order_id, kind, tuple(parts), reason=reason)])
        tx.emit(UnitsCancelled(order_id, sum(s.units for s in mine), amount, reason, actor))
    await shift(tx, shifts)


def _sum(shifts: Sequence[Shift], line: int) -> int:
    return sum(s.units for s in shifts if s.line == line)


def _back_part(row: Any, units: int) -> tuple[int, int, int]:
    """The cost of the next `units` cancelled units of a line, counted from its end."""
    start = row["quantity"] - row["cancelled"] - units
    return (row["line"], units, share_of(row["total"], row["quantity"], start, units))


async def _heads(tx: Tx, order_ids: Iterable[UUID]) -> dict[UUID, Any]:
    rows = await tx.rows(
        "SELECT id, number, shipping, total, payment_kind, payment_reference, authorised, captured, status, currency"
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
    """Units left a job: with the customer (capture), to be routed again, or cancelled (release or refund)."""
    await lock_orders(tx, [e.order_id for e in events])
    for e in events:
        fulfilled = [m for m in e.moves if m.exit is Exit.FULFILLED]
        if fulfilled:
            await _capture(tx, e)
        shifts = [
            Shift(e.order_id, m.line, UnitState.ALLOCATED, _AFTER_EXIT[m.exit], m.quantity)
            for m in e.moves
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
    if head["payment_kind"] == "paid":
        return
    lines = {r["line"]: r for r in await _lines(tx, [event.order_id])}
    first = not any(r["fulfilled"] for r in lines.values())
    parts = []
    for m in event.moves:
        if m.exit is Exit.FULFILLED:
            row = lines[m.line]
            parts.append((m.line, m.quantity, share_of(row["total"], row["quantity"], row["fulfilled"], m.quantity)))
    if first and head["shipping"]:
        parts.append((0, 1, head["shipping"]))
    await money.want(tx, [money.Entry(event.order_id, "capture", tuple(parts), fulfilment_id=event.fulfilment_id)])


# ---------------------------------------------------------------- what the gateway reports


async def on_money_moved(tx: Tx, events: Sequence[MoneyMoved]) -> None:
    """An authorisation lets the order go on; what was cancelled meanwhile is released from it."""
    system = Actor(kind="system", id="payments", roles=frozenset({"system"}))
    for e in events:
        if e.kind != "authorise":
            continue
        lines = await _lines(tx, [e.order_id])
        parts = [
            (
                r["line"],
                r["cancelled"],
                share_of(r["total"], r["quantity"], r["quantity"] - r["cancelled"], r["cancelled"]),
            )
            for r in lines
            if r["cancelled"]
        ]
        if all(r["cancelled"] == r["quantity"] for r in lines):
            head = (await _heads(tx, [e.order_id]))[e.order_id]
            parts.append((0, 1, head["shipping"]))
        await money.want(tx, [money.Entry(e.order_id, "release", tuple(parts), reason="cancelled before authorised")])
        await _release_payment_hold(tx, system, e.order_id)


async def _release_payment_hold(tx: Tx, actor: Actor, order_id: UUID) -> None:
    hold_id = await tx.value(
        "SELECT id FROM order_hold WHERE order_id = :id AND kind = 'payment' AND resolved_at IS NULL", id=order_id
    )
    if hold_id:
        await _close_holds(tx, actor, order_id, "authorised", hold_id=hold_id)
        await _go_on(tx, order_id)


async def on_money_refused(tx: Tx, events: Sequence[MoneyRefused]) -> None:
    """A refused authorisation keeps the order held, and says why; somebody must call the customer or cancel."""
    for e in events:
        await tx.run(
            "UPDATE order_hold SET reason = :reason WHERE order_id = :id AND kind = 'payment' AND resolved_at IS NULL",
            id=e.order_id,
            reason=f"payment refused: {e.reason}",
        )
