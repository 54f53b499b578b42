"""`baton check`: the invariants of a live database, each as one set-based question whose answer should be empty.

What data alone cannot show (that a router is deterministic, that a subscriber was told in order) is proved by tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.kit import audit
from server.kit.database import Database
from server.kit.transaction import Tx

SHOWN = 10
"""Rows of a violation that are listed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: how many rows contradict it, and the first of them."""

    name: str
    violations: int
    examples: tuple[dict[str, Any], ...]


# ruff: noqa: S608 (every part of these statements stands in this file)
_BUCKETS = ("sellable", "damaged", "quality_hold", "display")
_FOLD = " UNION ALL ".join(
    f"SELECT p.sku, p.node, '{b}' AS bucket, p.{b} AS position, coalesce(m.units, 0) AS ledger FROM stock_position p"
    f" LEFT JOIN (SELECT sku, node, sum(quantity) AS units FROM stock_movement WHERE bucket = '{b}' GROUP BY 1, 2) m"
    f" USING (sku, node) WHERE p.{b} <> coalesce(m.units, 0)"
    for b in _BUCKETS
)
_IN_JOBS = (
    "SELECT f.order_id, (l->>'line')::bigint AS line, sum(CASE WHEN f.final THEN 0 ELSE (l->>'quantity')::bigint"
    " - (l->>'cancelled')::bigint - (l->>'put_back')::bigint - (l->>'handed_over')::bigint"
    " - coalesce((SELECT sum(v::bigint) FROM jsonb_each_text(l->'short_by') AS s(k, v)), 0) END) AS open,"
    " sum((l->>'handed_over')::bigint) AS handed_over"
    " FROM fulfilment f, jsonb_array_elements(f.doc->'lines') AS l GROUP BY 1, 2"
)
QUESTIONS: dict[str, str] = {
    "every position is the fold of its ledger": _FOLD,
    "reserved is the sum of live reservations": (
        "SELECT p.sku, p.node, p.reserved, coalesce(r.units, 0) AS live FROM stock_position p LEFT JOIN"
        " (SELECT sku, node, sum(quantity) AS units FROM reservation WHERE quantity > 0 GROUP BY 1, 2) r"
        " USING (sku, node) WHERE p.reserved <> coalesce(r.units, 0)"
    ),
    "nothing is promised that is not there": (
        "SELECT sku, node, sellable, reserved FROM stock_position WHERE reserved > sellable OR sellable < 0"
    ),
    "every ordered unit is in exactly one state": (
        "SELECT order_id, line, quantity FROM order_line"
        " WHERE quantity <> held + routing + backordered + allocated + fulfilled + cancelled + replaced"
    ),
    "allocated units are with a node, fulfilled ones left one": (
        "SELECT l.order_id, l.line, l.allocated, coalesce(j.open, 0) AS with_nodes, l.fulfilled,"
        f" coalesce(j.handed_over, 0) AS handed_over FROM order_line l LEFT JOIN ({_IN_JOBS}) j USING (order_id, line)"
        " WHERE l.allocated <> coalesce(j.open, 0) OR l.fulfilled > coalesce(j.handed_over, 0)"
    ),
    "money adds up": (
        "SELECT o.id, o.number FROM customer_order o LEFT JOIN (SELECT order_id,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'authorise'), 0) AS authorised,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0) AS captured,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'release'), 0) AS released,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded"
        " FROM money_entry WHERE state = 'done' GROUP BY 1) m ON m.order_id = o.id"
        " WHERE o.captured > o.authorised OR o.refunded > o.captured"
        " OR o.authorised <> coalesce(m.authorised, 0) OR o.captured <> coalesce(m.captured, 0)"
        " OR o.released <> coalesce(m.released, 0) OR o.refunded <> coalesce(m.refunded, 0)"
    ),
    "device commands are applied once and without gaps": (
        "SELECT d.id AS device, d.last_n, count(c.n) AS known FROM device d"
        " LEFT JOIN device_command c ON c.device = d.id"
        " GROUP BY d.id, d.last_n HAVING count(c.n) <> d.last_n OR coalesce(max(c.n), 0) <> d.last_n"
    ),
    "feeds have no gaps": (
        "SELECT h.stream, h.last_seq, count(f.seq) AS rows FROM feed_head h LEFT JOIN feed f ON f.stream = h.stream"
        " AND f.seq >= h.first_seq GROUP BY h.stream, h.last_seq, h.first_seq"
        " HAVING count(f.seq) <> h.last_seq - h.first_seq + 1"
    ),
    "no answer was given up": "SELECT seq, answer, error FROM outbox WHERE dead",
}


async def check(db: Database) -> list[Finding]:
    """Ask every question on one consistent snapshot."""

    async def ask(tx: Tx) -> list[Finding]:
        findings = []
        for name, sql in QUESTIONS.items():
            rows = [dict(row) for row in await tx.rows(sql)]
            findings.append(Finding(name, len(rows), tuple(rows[:SHOWN])))
        broken = [{"stream": stream, "n": n} for stream, n in await audit.broken(tx)]
        findings.append(Finding("the audit chains are whole", len(broken), tuple(broken[:SHOWN])))
        return findings

    return await db.read(ask)
