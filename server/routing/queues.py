"""Queues: what waits for a node, since when, why, until when; and looking again at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from server.events import WaitsLong
from server.kit.auth import Actor, authorize
from server.kit.transaction import Tx
from server.orders.holds import held_among
from server.routing.decisions import Decision
from server.routing.reasons import why_missing
from server.routing.service import route
from shared.kernel import Instant, Wire
from shared.queues import LOOK_AFTER, Queue

# ruff: noqa: S608 (every part of these statements stands in this file)
Key = tuple[datetime, UUID, int]
"""(since, order, line): the order of a queue, longest first."""


class QueueFigures(Wire):
    """How much waits in one queue."""

    queue: Queue
    orders: int
    lines: int
    units: int
    oldest: Instant | None = None
    long: int = Field(description="Lines that wait longer than somebody should let them.")
    reasons: dict[str, int] = Field(description="Lines by the reason for which their units have no node.")


class Waiting(Wire):
    """A line of an order of which units wait."""

    order_id: UUID
    number: str = Field(examples=["B-1042-7K"])
    line: int
    sku: str
    name: str
    units: int
    method: str
    channel: str
    node: str | None = Field(default=None, description="The store where the customer wants to collect it.")
    since: Instant
    long: bool = Field(description="Longer than somebody should let it.")
    reason: str = Field(examples=["no_stock"], description="Empty in the queue `routing`: nobody has looked yet.")
    rule: str = Field(default="", description="The rule of the plan that had the last word.")
    cancel_at: Instant | None = Field(
        default=None, description="When the rule lets it be cancelled; null: when the server is out of patience."
    )
    promised_at: Instant | None = Field(default=None, description="What the customer was told.")
    words: str = Field(default="", description="Why, in a sentence.")
    excluded: dict[str, int] = Field(default_factory=dict, description="Reason -> nodes that fell out.")


_ROUTED = (
    "SELECT w.queue, w.order_id, w.line, l.sku, l.backordered AS units, w.since, w.reason, w.rule, w.cancel_at,"
    " l.promised_at FROM routing_wait w JOIN order_line l ON l.order_id = w.order_id AND l.line = w.line"
    " WHERE l.backordered > 0"
)
_UNROUTED = (
    "SELECT 'routing' AS queue, l.order_id, l.line, l.sku, l.routing AS units, o.received_at AS since, '' AS reason,"
    " '' AS rule, NULL::timestamptz AS cancel_at, l.promised_at FROM order_line l"
    " JOIN customer_order o ON o.id = l.order_id WHERE l.routing > 0"
)


_ALL = f"({_ROUTED} UNION ALL {_UNROUTED})"
_LONG = "since <= CAST(:now AS timestamptz) - patience"
_PATIENCE = "unnest(CAST(:queues AS text[]), CAST(:patience AS interval[])) AS k(queue, patience)"


def _patience() -> dict[str, list[Any]]:
    return {"queues": [queue.value for queue in LOOK_AFTER], "patience": list(LOOK_AFTER.values())}


async def figures(tx: Tx) -> list[QueueFigures]:
    """Every queue, the empty ones too."""
    rows = await tx.rows(
        "SELECT queue, reason, count(*) AS lines, sum(units)::bigint AS units, min(since) AS oldest,"
        f" count(*) FILTER (WHERE {_LONG}) AS long FROM {_ALL} q JOIN {_PATIENCE} USING (queue)"
        " GROUP BY 1, 2 ORDER BY lines DESC, reason",
        now=tx.now,
        **_patience(),
    )
    orders = await tx.rows(f"SELECT queue, count(DISTINCT order_id) AS orders FROM {_ALL} q GROUP BY 1")
    counted = {row["queue"]: row["orders"] for row in orders}
    return [_figures(queue, [r for r in rows if r["queue"] == queue], counted.get(queue, 0)) for queue in Queue]


def _figures(queue: Queue, rows: Sequence[Any], orders: int) -> QueueFigures:
    return QueueFigures(
        queue=queue,
        orders=orders,
        lines=sum(row["lines"] for row in rows),
        units=sum(row["units"] for row in rows),
        oldest=min((row["oldest"] for row in rows), default=None),
        long=sum(row["long"] for row in rows),
        reasons={row["reason"]: row["lines"] for row in rows if row["reason"]},
    )


async def waiting(
    tx: Tx, queue: Queue, *, reason: str | None = None, after: Key | None = None, limit: int = 50
) -> list[Waiting]:
    """Lines of a queue, those that have waited longest first, each with the reasons of its last decision."""
    rows = await tx.rows(
        "SELECT q.*, o.number, o.method, o.channel, o.node, coalesce(i.name, q.sku) AS name,"
        " q.since <= CAST(:now AS timestamptz) - CAST(:patience AS interval) AS long"
        f" FROM ({_UNROUTED if queue is Queue.ROUTING else _ROUTED}) q JOIN customer_order o ON o.id = q.order_id"
        " LEFT JOIN item i ON i.sku = q.sku WHERE q.queue = :queue"
        " AND (CAST(:reason AS text) IS NULL OR q.reason = :reason) AND (CAST(:at AS timestamptz) IS NULL"
        "  OR (q.since, q.order_id, q.line) > (:at, CAST(:order AS uuid), CAST(:line AS bigint)))"
        " ORDER BY q.since, q.order_id, q.line LIMIT :limit",
        now=tx.now,
        patience=LOOK_AFTER[queue],
        queue=queue.value,
        reason=reason,
        at=after[0] if after else None,
        order=after[1] if after else None,
        line=after[2] if after else None,
        limit=limit,
    )
    last = await _last_decisions(tx, {row["order_id"] for row in rows if row["reason"]})
    return [Waiting(**{**row, **_why(last.get(row["order_id"]), row["line"])}) for row in rows]


async def _last_decisions(tx: Tx, order_ids: set[UUID]) -> dict[UUID, Decision]:
    rows = await tx.rows(
        "SELECT DISTINCT ON (order_id) order_id, body FROM routing_decision WHERE order_id = ANY(CAST(:ids AS uuid[]))"
        " ORDER BY order_id, id DESC",
        ids=sorted(order_ids),
    )
    return {row["order_id"]: Decision.from_json(row["body"]) for row in rows}


def _why(decision: Decision | None, line: int) -> dict[str, Any]:
    """What the last decision says of a line that it could not route."""
    missing = next((each for each in decision.unrouted if each.line == line), None) if decision else None
    if decision is None or missing is None:
        return {}
    card = why_missing(decision, missing)
    return {"words": card.summary, "excluded": dict(card.excluded)}


class Retried(Wire):
    """What looking again has brought."""

    order_id: UUID
    still_waiting: int = Field(description="Units that have no node yet.")
    on_hold: bool = Field(default=False, description="Something holds the order: nothing of it is routed.")


async def retry(tx: Tx, actor: Actor, order_ids: Sequence[UUID]) -> list[Retried]:
    """Look for nodes at once for everything of these orders that waits, whatever the plan's runs say."""
    authorize(actor, "routing.retry")
    await route(tx, sorted(set(order_ids)))
    rows = await tx.rows(
        "SELECT order_id, sum(routing + backordered)::bigint AS units FROM order_line"
        " WHERE order_id = ANY(CAST(:ids AS uuid[])) GROUP BY 1",
        ids=sorted(set(order_ids)),
    )
    held = await held_among(tx, order_ids)
    left = {row["order_id"]: row["units"] for row in rows}
    return [
        Retried(order_id=each, still_waiting=left[each], on_hold=each in held)
        for each in dict.fromkeys(order_ids)
        if each in left
    ]


async def tell_long(tx: Tx, *, limit: int = 200) -> int:
    """Say once of each line that it waits longer than somebody should let it. Returns how many."""
    rows = await tx.rows(
        "UPDATE routing_wait SET alerted_at = :now WHERE (order_id, line) IN (SELECT w.order_id, w.line"
        f" FROM routing_wait w JOIN {_PATIENCE} USING (queue) JOIN order_line l ON l.order_id = w.order_id"
        f" AND l.line = w.line AND l.backordered > 0 WHERE w.alerted_at IS NULL AND {_LONG}"
        " ORDER BY w.since LIMIT :limit FOR UPDATE OF w SKIP LOCKED) RETURNING order_id, line, queue, reason",
        now=tx.now,
        limit=limit,
        **_patience(),
    )
    for row in sorted(rows, key=lambda row: (row["order_id"], row["line"])):
        tx.emit(WaitsLong(row["order_id"], row["line"], row["queue"], row["reason"]))
    return len(rows)
