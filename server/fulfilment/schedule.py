"""What happens to jobs by the clock: bags that nobody collected, jobs that may be late, promises that were not kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.events import JobAtRisk
from server.fulfilment import service
from server.fulfilment.tables import AT_RISK
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from server.network import queries as network
from server.orders import promises
from server.orders.promises import LineKey, Promise
from server.orders.units import lock_orders
from shared.fulfilment import FULFILMENT, Expire
from shared.methods import METHODS

_CAN_EXPIRE = sorted({row.source for row in FULFILMENT.rows if row.event == "expire"})
_DONE = ["ready", "customer_on_the_way", "customer_arrived", "shipped"]
"""The node has done its part."""
_NEXT = {"offered": "accept_by", "accepted": "pick_by", "picking": "pick_by", "picked": "pack_by"}


async def expire_due(tx: Tx, *, limit: int = 100) -> int:
    """Take back bags whose time is over. Returns how many."""
    rows = await tx.rows(
        "SELECT id FROM fulfilment WHERE NOT final AND expires_at <= :now AND state = ANY(CAST(:states AS text[]))"
        " ORDER BY expires_at, id LIMIT :limit",
        now=tx.now,
        states=_CAN_EXPIRE,
        limit=limit,
    )
    await service.carry_out(tx, SYSTEM, [Expire(fulfilment=r["id"]) for r in rows])
    return len(rows)


async def warn_at_risk(tx: Tx, *, limit: int = 200) -> int:
    """Say once of each job that it may be late, when a milestone has passed that it needs. Returns how many."""
    rows = await tx.rows(
        "UPDATE fulfilment SET warned_at = :now WHERE id IN (SELECT id FROM fulfilment WHERE NOT final"  # noqa: S608
        f" AND warned_at IS NULL AND accept_by <= :now AND {AT_RISK} ORDER BY accept_by LIMIT :limit"
        " FOR UPDATE SKIP LOCKED) RETURNING id, order_id, number, node, state, due_at",
        now=tx.now,
        limit=limit,
    )
    for row in sorted(rows, key=lambda row: (row["due_at"], row["id"])):
        milestone = _NEXT[row["state"]]
        tx.emit(JobAtRisk(row["order_id"], row["id"], row["number"], row["node"], milestone, row["due_at"]))
    return len(rows)


async def promise_anew(tx: Tx, *, limit: int = 100) -> int:
    """Promise another time for what should have been ready by now, and is not. Returns how many promises changed."""
    jobs = await tx.rows(
        "SELECT f.order_id, f.node, f.method, array_agg(l.line ORDER BY l.line) AS lines FROM fulfilment f"
        " CROSS JOIN LATERAL jsonb_array_elements(f.doc->'lines') AS j JOIN order_line l ON l.order_id = f.order_id"
        " AND l.line = (j->>'line')::bigint AND l.allocated > 0 AND l.promised_at <= :now"
        " WHERE NOT f.final AND f.due_at <= :now AND f.state <> ALL(CAST(:done AS text[]))"
        " GROUP BY f.id ORDER BY f.due_at, f.id LIMIT :limit",
        now=tx.now,
        done=_DONE,
        limit=limit,
    )
    await lock_orders(tx, {job["order_id"] for job in jobs})
    changed = 0
    for job in jobs:
        changed += await _promise_anew(tx, job)
    return changed


async def _promise_anew(tx: Tx, job: Mapping[str, Any]) -> int:
    key = (job["node"], METHODS[job["method"]].delivery)
    by = (await network.timetables(tx, [key])).get(key)

    def decide(line: LineKey, row: Mapping[str, Any]) -> Promise | None:
        was = row["promised_at"]
        return Promise(line, was, by.due_at if by else None, told=True) if was and was <= tx.now else None

    lines = [(job["order_id"], line) for line in job["lines"]]
    return await promises.change(tx, lines, decide, {job["order_id"]: job["node"]}, "late")
