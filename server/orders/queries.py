"""Reading orders: one with everything, lists by search, and the timeline people read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from server.kit.transaction import Tx
from shared.orders import (
    Address,
    Customer,
    HoldView,
    JobView,
    LineView,
    MoneyView,
    OrderDigest,
    OrderView,
    TimelineEntry,
    UnitState,
)

_SHOWN = {
    "OrderPlaced": "order.placed",
    "OrderHeld": "order.held",
    "HoldTaken": "order.hold_taken",
    "HoldNoted": "order.hold_noted",
    "HoldOverdue": "order.hold_overdue",
    "HoldResolved": "order.hold_resolved",
    "PromiseChanged": "order.promise",
    "UnitsCancelled": "order.cancelled",
    "OrderStatusChanged": "order.status",
    "MoneyMoved": "money.moved",
    "MoneyRefused": "money.refused",
    "UnitsRouted": "routing.routed",
    "UnitsUnrouted": "routing.unrouted",
    "WaitsLong": "routing.waits_long",
    "PromiseBroken": "stock.promise_broken",
    "JobOffered": "job.offered",
    "JobMoved": "job.moved",
    "JobAtRisk": "job.at_risk",
    "JobReady": "job.ready",
    "JobShipped": "job.shipped",
    "ExceptionOpened": "job.exception",
    "ExceptionSettled": "job.exception_settled",
    "MessageSent": "message.sent",
}
"""Which facts people read, and the code of their sentence in the catalogues."""


async def order(tx: Tx, order_id: UUID) -> OrderView | None:
    """One order with lines, money, holds and the jobs that nodes have of it."""
    head = await tx.one("SELECT * FROM customer_order WHERE id = :id", id=order_id)
    if head is None:
        return None
    lines = await tx.rows(
        "SELECT l.*, coalesce(i.name, '') AS name FROM order_line l LEFT JOIN item i ON i.sku = l.sku"
        " WHERE l.order_id = :id ORDER BY l.line",
        id=order_id,
    )
    holds = await tx.rows(
        "SELECT h.*, coalesce(p.name, k.name, h.resolved_by) AS resolver FROM order_hold h"
        " LEFT JOIN person p ON CAST(p.id AS text) = h.resolved_by"
        " LEFT JOIN api_key k ON CAST(k.id AS text) = h.resolved_by WHERE h.order_id = :id ORDER BY h.id",
        id=order_id,
    )
    return OrderView(
        id=head["id"],
        number=head["number"],
        channel=head["channel"],
        external_id=head["external_id"],
        placed_at=head["placed_at"],
        status=head["status"],
        method=head["method"],
        node=head["node"],
        customer=Customer.model_validate(head["customer"]),
        ship_to=Address.model_validate(head["ship_to"]) if head["ship_to"] else None,
        wanted_by=head["wanted_by"],
        lines=[_line(r) for r in lines],
        money=MoneyView(
            **{k: head[k] for k in ("currency", "total", "authorised", "captured", "refunded", "released")}
        ),
        holds=[HoldView.model_validate({**h, "resolved_by": h["resolver"]}) for h in holds],
        jobs=await _jobs(tx, order_id),
    )


async def _jobs(tx: Tx, order_id: UUID) -> list[JobView]:
    rows = await tx.rows(
        "SELECT f.id, f.number, f.node, coalesce(n.name, '') AS node_name, f.method, f.state, f.due_at,"
        " f.accept_by, f.pick_by, f.pack_by,"
        " (SELECT sum((l->>'quantity')::bigint - coalesce((l->>'replaced')::bigint, 0))"
        "  FROM jsonb_array_elements(f.doc->'lines') l)::bigint AS units"
        " FROM fulfilment f LEFT JOIN node n ON n.code = f.node WHERE f.order_id = :id ORDER BY f.id",
        id=order_id,
    )
    return [JobView(**dict(r)) for r in rows]


def _line(r: Any) -> LineView:
    return LineView(
        **{k: r[k] for k in ("line", "sku", "name", "quantity", "unit_price", "discount", "tax", "total")},
        units={state: r[state.value] for state in UnitState if r[state.value]},
        substitutes=[each["sku"] for each in r["substitutes"]],
        replaces=r["replaces"],
        promised_at=r["promised_at"],
    )


async def search(
    tx: Tx,
    *,
    words: str = "",
    status: str | None = None,
    node: str | None = None,
    nodes: Sequence[str] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[OrderDigest]:
    """Orders, newest first. Every word must be found (number, name, e-mail, phone digits, external id, SKU).

    `nodes` limits store people to orders their nodes have a job of or are asked to collect at.
    """
    terms = [f"%{w}%" for w in _escape(words.lower()).split()]
    rows = await tx.rows(
        "SELECT o.id, o.number, o.channel, o.placed_at, o.status, o.method, o.customer->>'name' AS customer, o.total,"
        " o.currency, (SELECT sum(quantity - replaced)::bigint FROM order_line l WHERE l.order_id = o.id) AS units"
        " FROM customer_order o WHERE (CAST(:status AS text) IS NULL OR o.status = :status)"
        " AND (cardinality(CAST(:terms AS text[])) = 0 OR o.search LIKE ALL (CAST(:terms AS text[]))"
        "  OR EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id AND lower(l.sku) = :sku))"
        " AND (CAST(:nodes AS text[]) IS NULL OR o.node = ANY(CAST(:nodes AS text[]))"
        "  OR EXISTS (SELECT 1 FROM fulfilment f WHERE f.order_id = o.id AND f.node = ANY(CAST(:nodes AS text[]))))"
        " AND (CAST(:node AS text) IS NULL OR o.node = :node"
        "  OR EXISTS (SELECT 1 FROM fulfilment f WHERE f.order_id = o.id AND f.node = :node))"
        " AND (CAST(:before_at AS timestamptz) IS NULL OR (o.placed_at, o.id) < (:before_at, CAST(:before_id AS uuid)))"
        " ORDER BY o.placed_at DESC, o.id DESC LIMIT :limit",
        terms=terms,
        sku=words.strip().lower(),
        status=status,
        node=node,
        nodes=None if nodes is None else list(nodes),
        before_at=before[0] if before else None,
        before_id=before[1] if before else None,
        limit=limit,
    )
    return [OrderDigest(**dict(r)) for r in rows]


def _escape(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def nodes_of(tx: Tx, order_id: UUID) -> set[str]:
    """Nodes whose people may see the order."""
    rows = await tx.rows(
        "SELECT node FROM customer_order WHERE id = :id AND node IS NOT NULL"
        " UNION SELECT node FROM fulfilment WHERE order_id = :id",
        id=order_id,
    )
    return {r["node"] for r in rows}


async def timeline(tx: Tx, order_id: UUID) -> list[TimelineEntry]:
    """Everything that happened to an order, in the order in which it did."""
    rows = await tx.rows(
        "SELECT e.at, e.kind, e.node, e.actor, e.body, coalesce(p.name, k.name) AS name FROM event e"
        " LEFT JOIN person p ON CAST(p.id AS text) = e.actor LEFT JOIN api_key k ON CAST(k.id AS text) = e.actor"
        " WHERE e.order_id = :id ORDER BY e.seq",
        id=order_id,
    )
    entries = []
    for r in rows:
        if r["kind"] not in _SHOWN:
            continue
        body = {k: v for k, v in r["body"].items() if k not in _HIDDEN}
        values = body.pop("values", None) or {}
        code = _SHOWN[r["kind"]]
        if r["kind"] == "JobMoved":
            code = f"job.{body.pop('command')}"
        entries.append(
            TimelineEntry(
                at=r["at"],
                code=code,
                values={**{k: v for k, v in body.items() if isinstance(v, str | int)}, **values},
                actor=r["name"] or r["actor"],
                node=r["node"],
            )
        )
    return entries


_HIDDEN = frozenset({"order_id", "fulfilment_id", "hold_id", "entry_id", "exception_id", "device"})
