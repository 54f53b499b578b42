"""Placing orders: each is checked, takes its business key, is routed, and then written once, as routing left it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from server.catalog import queries as catalog
from server.events import OrderPlaced, OrderReleased
from server.kit import bulk, commands
from server.kit.auth import Actor, authorize
from server.kit.database import to_json
from server.kit.transaction import Tx
from server.network import queries as network
from server.orders import money
from server.orders.fresh import Fresh, fresh_orders
from server.orders.holds import NewHold, open_holds
from server.orders.rules import (
    ChannelFacts,
    agreed,
    candidates,
    problems_of,
    search_words,
    waits_for_payment,
    window_ends,
)
from server.orders.tables import LineRow, OrderKeyRow, OrderRow
from server.orders.units import STATES
from shared.barcodes.typed import order_number
from shared.errors import BatonError, Duplicate
from shared.holds import HoldKind
from shared.orders import NewOrder, OrderStatus, Placed, UnitState


async def place(tx: Tx, actor: Actor, orders: Sequence[NewOrder]) -> list[Placed | BatonError]:
    """Place many orders. Each gets its own answer: placed, the same one as before, or what is wrong with it.

    An order that is paid or authorised is routed before this returns, and its answer says what became of it; one with
    a token is held until the gateway says yes.
    """
    authorize(actor, "order.place")
    facts = await _facts(tx, orders)
    answers: list[Placed | BatonError | None] = [problems_of(order, facts, tx.now) for order in orders]
    taken = await _claim_keys(tx, orders, answers)
    fresh = fresh_orders(tx)
    for i, row in taken:
        fresh[row["order_id"]] = _fresh(tx, orders[i], row, facts)
    await _announce(tx, actor, list(fresh.values()))
    await tx.settle_now()
    for i, row in taken:
        answers[i] = _placed(row, OrderStatus(fresh[row["order_id"]].row["status"]))
    done = [_as_routed(answer, fresh) for answer in answers if answer is not None]
    await _write(tx)
    return done


async def _facts(tx: Tx, orders: Sequence[NewOrder]) -> ChannelFacts:
    nodes = await network.selling_facts(tx)
    lines = [line for order in orders for line in order.lines]
    items = await catalog.facts(tx, {line.sku for line in lines})
    if others := candidates(lines, items):
        items |= await catalog.facts(tx, others)
    return ChannelFacts(
        currency=nodes.currency,
        channels=nodes.channels,
        items=items,
        collect_nodes=nodes.collect_nodes,
        node_currency=nodes.node_currency,
        remorse=nodes.remorse,
    )


async def _claim_keys(
    tx: Tx, orders: Sequence[NewOrder], answers: list[Placed | BatonError | None]
) -> list[tuple[int, dict[str, Any]]]:
    """Take each order's business key: (place in the list, key row) of those that are new.

    Orders whose key is taken are answered here, from the one that has it.
    """
    wanted = [i for i, answer in enumerate(answers) if answer is None]
    if not wanted:
        return []
    seqs = await tx.rows("SELECT nextval('order_number_seq') AS n FROM generate_series(1, :count)", count=len(wanted))
    rows: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for i, seq in zip(wanted, seqs, strict=True):
        rows.setdefault(_key(orders[i]), (i, _key_row(tx, orders[i], seq["n"])))
    claimed = await bulk.insert(
        tx,
        OrderKeyRow,
        [row for _, (_, row) in sorted(rows.items())],
        conflict="ON CONFLICT DO NOTHING",
        returning="channel, external_id",
    )
    ours = {(r["channel"], r["external_id"]) for r in claimed}
    before = await _placed_before(tx, [key for key in rows if key not in ours])
    for i in wanted:
        first, row = rows[_key(orders[i])]
        if first != i or _key(orders[i]) not in ours:
            answers[i] = _same_or_duplicate(orders[i], before.get(_key(orders[i])) or row)
    return [(i, row) for key, (i, row) in rows.items() if key in ours]


def _key(order: NewOrder) -> tuple[str, str]:
    return (order.channel, order.external_id)


def _key_row(tx: Tx, order: NewOrder, n: int) -> dict[str, Any]:
    return {
        "channel": order.channel,
        "external_id": order.external_id,
        "order_id": tx.new_id(),
        "number": order_number(n),
        "fingerprint": commands.fingerprint(order.model_dump_json()),
    }


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
        status = OrderStatus(known.get("status") or OrderStatus.ROUTING)
        return _placed(known, status, existing=True)
    return Duplicate(
        f"{order.channel} sent {order.external_id} before, with other content (order {known['number']}).",
        field="external_id",
        remedy="Use a new external_id for a new order; change the existing order through its own routes.",
    )


def _first_status(holds: Sequence[NewHold]) -> OrderStatus:
    if not holds:
        return OrderStatus.ROUTING
    return OrderStatus.PENDING if {hold.kind for hold in holds} == {HoldKind.REMORSE} else OrderStatus.HELD


def _placed(row: dict[str, Any], status: OrderStatus, *, existing: bool = False) -> Placed:
    return Placed(
        id=row["order_id"], number=row["number"], external_id=row["external_id"], status=status, existing=existing
    )


def _as_routed(answer: Placed | BatonError, fresh: dict[UUID, Fresh]) -> Placed | BatonError:
    """The same order twice in one list is answered twice with what became of it."""
    if isinstance(answer, Placed) and answer.existing and answer.id in fresh:
        return answer.model_copy(update={"status": OrderStatus(fresh[answer.id].row["status"])})
    return answer


def _fresh(tx: Tx, order: NewOrder, key: dict[str, Any], facts: ChannelFacts) -> Fresh:
    holds = _first_holds(order, key["order_id"], facts, tx.now)
    status = _first_status(holds)
    return Fresh(order, _order_row(tx, order, key, status), _line_rows(order, key["order_id"], facts, holds), holds)


def _first_holds(order: NewOrder, order_id: UUID, facts: ChannelFacts, now: datetime) -> tuple[NewHold, ...]:
    """Why a new order waits before it is routed."""
    found = []
    if waits_for_payment(order):
        found.append(NewHold(order_id, HoldKind.PAYMENT, "waits for the payment"))
    if ends := window_ends(order, facts, now):
        found.append(NewHold(order_id, HoldKind.REMORSE, "the customer may still change it", ends))
    return tuple(found)


async def _announce(tx: Tx, actor: Actor, fresh: Sequence[Fresh]) -> None:
    """Say that orders came in: those that may go on wait for a node, the others for their payment."""
    tx.notes.setdefault("locked_orders", set()).update(each.row["id"] for each in fresh)
    for each in fresh:
        order = each.asked
        tx.emit(
            OrderPlaced(
                order_id=each.row["id"],
                number=each.row["number"],
                channel=order.channel,
                method=order.method,
                node=order.node,
                units=sum(line.quantity for line in order.lines),
                total=each.row["total"],
                currency=order.currency,
                actor=actor.id,
            )
        )
    tx.emit(*(OrderReleased(each.row["id"]) for each in fresh if not each.holds))
    await open_holds(tx, actor, [hold for each in fresh for hold in each.holds])


async def _write(tx: Tx) -> None:
    """Write the new orders as they are now; from here on they are like any other."""
    fresh = fresh_orders(tx)
    await bulk.append(tx, OrderRow, [each.row for each in fresh.values()])
    await bulk.append(tx, LineRow, [line for each in fresh.values() for line in each.lines.values()])
    await money.want(tx, [entry for each in fresh.values() for entry in _first_money(each.asked, each.row["id"])])
    fresh.clear()


def _order_row(tx: Tx, order: NewOrder, row: dict[str, Any], status: OrderStatus) -> dict[str, Any]:
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
        "payment_token": order.payment.reference if order.payment.kind == "token" else None,
        "authorised": order.total if paid else 0,
        "captured": order.total if order.payment.kind == "paid" else 0,
        "status": status.value,
        "jobs_open": 0,
        "in_work": False,
    }


def _line_rows(
    order: NewOrder, order_id: UUID, facts: ChannelFacts, holds: Sequence[NewHold]
) -> dict[int, dict[str, Any]]:
    where = UnitState.HELD if holds else UnitState.ROUTING
    return {
        number: {
            "order_id": order_id,
            "line": number,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "discount": line.discount,
            "tax": line.tax,
            "total": line.total,
            "substitutes": to_json(agreed(line, facts.items)),
            "replaces": None,
            "promised_at": None,
            "backordered_at": None,
            "owed": line.total,
            **{state.value: 0 for state in STATES},
            where.value: line.quantity,
        }
        for number, line in enumerate(order.lines, start=1)
    }


def _first_money(order: NewOrder, order_id: UUID) -> list[money.Entry]:
    parts = tuple((n, line.quantity, line.total) for n, line in enumerate(order.lines, start=1))
    parts = (*parts, (0, 1, order.shipping)) if order.shipping else parts
    paid = not waits_for_payment(order)
    reference = order.payment.reference if paid else None
    entries = [money.Entry(order_id, "authorise", parts, done=paid, reference=reference)]
    if order.payment.kind == "paid":
        entries.append(money.Entry(order_id, "capture", parts, done=True, reference=reference))
    return entries
