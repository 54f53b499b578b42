"""What head office sees at a glance: how many orders are where, each node's load, and the newest orders with reasons.

Every question is one statement over partial indexes (open orders, open jobs) or the newest few rows, so it costs the
same on the first day and after years.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field

from server.fulfilment.rules import short_name
from server.fulfilment.tables import AT_RISK
from server.kit.transaction import Tx
from server.orders import hold_queries
from shared.holds import HoldKind
from shared.kernel import Currency, Geo, Instant, NodeCode, Wire, uuid7
from shared.orders import OrderStatus

LOOK_BACK = timedelta(minutes=15)
"""Over how long orders per minute are counted."""
A_DAY = timedelta(days=1)
_CALLED = ["ready", "customer_on_the_way", "customer_arrived"]
"""The store has done its part; now the customer must come."""


class NodeLoad(Wire):
    """A node and the jobs it has now."""

    code: NodeCode
    name: str
    type: str
    location: Geo | None = None
    time_zone: str
    taking_orders: bool
    offered: int = Field(description="Jobs nobody has begun.")
    in_work: int = Field(description="Jobs being picked or packed.")
    ready: int = Field(description="Bags that wait for their customer, parcels that wait for the carrier.")
    at_risk: int = Field(description="Jobs that will be late unless somebody hurries: a milestone has passed.")
    late: int = Field(description="Jobs past the time they should have been ready or gone.")
    next_due: Instant | None = Field(default=None, description="When the most urgent job should be ready or gone.")


class Waiting(Wire):
    """Orders that wait for a person or for stock, by reason; photos of hand-offs that have not come for a day."""

    reason: str = Field(examples=["payment"], description="Kind of hold, `backordered`, `exception` or `photo`.")
    count: int
    overdue: int = Field(default=0, description="Holds that nobody has dealt with in time.")


class ToSettle(Wire):
    """Open exceptions of one owner: what contradicts the books, and units to put back."""

    owner: str = Field(examples=["agent"], description="associate or lead of a store, or agent (customer care).")
    open: int
    overdue: int = Field(description="Past the time by which they should have been settled.")
    next_due: Instant | None = Field(default=None, description="When the next of the others is due.")


class Board(Wire):
    """The whole network now."""

    at: Instant
    orders: dict[OrderStatus, int] = Field(
        description="Open orders by status; finished ones that came in the last 24 hours."
    )
    per_minute: list[int] = Field(description="Orders received in each of the last 15 minutes, oldest first.")
    waiting: list[Waiting]
    to_settle: list[ToSettle] = Field(description="By owner; `GET /v1/exceptions?overdue=true` lists them.")
    nodes: list[NodeLoad]


class BoardJob(Wire):
    """One node's part of an order, and why it got it."""

    id: UUID
    number: str
    node: NodeCode
    node_name: str
    state: str
    why: str = Field(examples=["Springfield sends this in one parcel at the least cost: 12.4 km away."])


class BoardOrder(Wire):
    """An order as it appears on the board. Of the customer only the first name and an initial."""

    id: UUID
    number: str = Field(examples=["B-1042-7K"])
    received_at: Instant
    channel: str
    method: str
    customer: str = Field(examples=["Maria S."])
    place: str | None = Field(default=None, description="City it is sent to.")
    location: Geo | None = None
    units: int
    total: int = Field(description="Minor units.")
    currency: Currency
    status: OrderStatus
    waits_for: str | None = Field(default=None, description="Why it is held, where it is.")
    jobs: list[BoardJob]


async def board(tx: Tx) -> Board:
    """Counts by status, by node and by reason."""
    return Board(
        at=tx.now,
        orders=await _by_status(tx),
        per_minute=await _per_minute(tx),
        waiting=await _waiting(tx),
        to_settle=await _to_settle(tx),
        nodes=await _nodes(tx),
    )


async def _by_status(tx: Tx) -> dict[OrderStatus, int]:
    rows = await tx.rows(
        "SELECT status, count(*) AS n FROM customer_order WHERE status NOT IN ('completed', 'cancelled') GROUP BY 1"
        " UNION ALL SELECT status, count(*) FROM customer_order WHERE status IN ('completed', 'cancelled')"
        " AND id >= :since GROUP BY 1",
        since=_first_id(tx.now - A_DAY),
    )
    found = {r["status"]: r["n"] for r in rows}
    return {status: found.get(status.value, 0) for status in OrderStatus}


async def _per_minute(tx: Tx) -> list[int]:
    minutes = int(LOOK_BACK.total_seconds() // 60)
    rows = await tx.rows(
        "SELECT floor(extract(epoch FROM :now - received_at) / 60)::bigint AS ago, count(*) AS n FROM customer_order"
        " WHERE id >= :since AND received_at <= :now GROUP BY 1",
        now=tx.now,
        since=_first_id(tx.now - LOOK_BACK),
    )
    found = {r["ago"]: r["n"] for r in rows}
    return [found.get(ago, 0) for ago in reversed(range(minutes))]


async def _waiting(tx: Tx) -> list[Waiting]:
    rows = await tx.rows(
        "SELECT 'backordered' AS reason, count(DISTINCT order_id) AS n FROM order_line WHERE backordered > 0"
        " UNION ALL SELECT 'exception', count(*) FROM fulfilment_exception WHERE settled_at IS NULL"
        " UNION ALL SELECT 'photo', count(*) FROM attachment WHERE whole_at IS NULL AND named_at < :yesterday",
        yesterday=tx.now - A_DAY,
    )
    held = await hold_queries.count_by_kind(tx)
    found = [
        Waiting(reason=kind, count=count, overdue=overdue)
        for kind, (count, overdue) in held.items()
        if kind != HoldKind.REMORSE
    ]
    found += [Waiting(reason=r["reason"], count=r["n"]) for r in rows if r["n"]]
    return sorted(found, key=lambda w: (-w.count, w.reason))


async def _to_settle(tx: Tx) -> list[ToSettle]:
    rows = await tx.rows(
        "SELECT owner_role AS owner, count(*) AS open, count(*) FILTER (WHERE due_at < :now) AS overdue,"
        " min(due_at) FILTER (WHERE due_at >= :now) AS next_due FROM fulfilment_exception"
        " WHERE settled_at IS NULL GROUP BY 1 ORDER BY 1",
        now=tx.now,
    )
    return [ToSettle.model_validate(dict(row)) for row in rows]


async def _nodes(tx: Tx) -> list[NodeLoad]:
    rows = await tx.rows(
        "SELECT n.code, n.name, n.type, n.latitude, n.longitude, n.time_zone,"  # noqa: S608 (a constant of ours)
        " EXISTS (SELECT 1 FROM jsonb_array_elements_text(n.capabilities) c WHERE NOT EXISTS (SELECT 1 FROM node_off x"
        "  WHERE x.node = n.code AND x.method = c AND (x.until IS NULL OR x.until > :now))) AS taking_orders,"
        " coalesce(j.offered, 0) AS offered, coalesce(j.ready, 0) AS ready,"
        " coalesce(j.open - j.offered - j.ready, 0) AS in_work, coalesce(j.late, 0) AS late,"
        " coalesce(j.at_risk, 0) AS at_risk, j.next_due"
        " FROM node n LEFT JOIN (SELECT node, count(*) AS open, count(*) FILTER (WHERE state = 'offered') AS offered,"
        "  count(*) FILTER (WHERE state = 'awaiting_carrier' OR state = ANY(CAST(:called AS text[]))) AS ready,"
        "  count(*) FILTER (WHERE due_at < :now AND state <> ALL(CAST(:called AS text[]))) AS late,"
        f"  count(*) FILTER (WHERE due_at >= :now AND {AT_RISK}) AS at_risk,"
        "  min(due_at) FILTER (WHERE state <> ALL(CAST(:called AS text[]))) AS next_due"
        "  FROM fulfilment WHERE NOT final AND state <> 'shipped' GROUP BY node) j ON j.node = n.code ORDER BY n.code",
        now=tx.now,
        called=_CALLED,
    )
    return [NodeLoad(**{k: v for k, v in r.items() if k not in _POINT}, location=_point(r)) for r in rows]


_POINT = ("latitude", "longitude")


def _point(row: Any) -> Geo | None:
    return None if row["latitude"] is None else Geo(latitude=row["latitude"], longitude=row["longitude"])


def _first_id(at: datetime) -> UUID:
    """The smallest id that can have been made at `at`: ids grow with time."""
    return uuid7(at, bytes(10))


_AFTER_ALL = UUID(int=2**128 - 1)
_OF_NODE = (
    "o.id IN (SELECT DISTINCT f.order_id FROM fulfilment f WHERE f.node = :node AND f.order_id < :before"
    " ORDER BY f.order_id DESC LIMIT :limit)"
)
"""The index on node and order gives a node's newest orders, however few it has had and however many others have."""


async def newest(
    tx: Tx, *, node: str | None = None, before: UUID | None = None, limit: int = 40
) -> Sequence[BoardOrder]:
    """Orders as they came in, newest first, with their jobs and why each node got its own."""
    which = _OF_NODE if node else "o.id < :before"
    rows = await tx.rows(
        "SELECT o.id, o.number, o.received_at, o.channel, o.method, o.customer->>'name' AS customer, o.total,"  # noqa: S608
        " o.currency, o.status, o.ship_to->>'city' AS place, o.ship_to->'location' AS location,"
        " (SELECT sum(l.quantity - l.replaced)::bigint FROM order_line l WHERE l.order_id = o.id) AS units,"
        " (SELECT h.reason FROM order_hold h WHERE h.order_id = o.id AND h.resolved_at IS NULL"
        "  ORDER BY h.id LIMIT 1) AS waits_for,"
        " (SELECT json_agg(json_build_object('id', f.id, 'number', f.number, 'node', f.node, 'node_name', n.name,"
        "   'state', f.state, 'why', coalesce(f.doc#>>'{why,summary}', '')) ORDER BY f.id)"
        "  FROM fulfilment f JOIN node n ON n.code = f.node WHERE f.order_id = o.id) AS jobs"
        f" FROM customer_order o WHERE {which} ORDER BY o.id DESC LIMIT :limit",
        before=before or _AFTER_ALL,
        limit=limit,
        **({"node": node} if node else {}),
    )
    return [
        BoardOrder.model_validate({**r, "customer": short_name(r["customer"]), "jobs": r["jobs"] or []}) for r in rows
    ]
