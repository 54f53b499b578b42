"""Routing in the database: load one snapshot for a batch, plan, reserve what was planned, plan again what failed.

The router itself is the pure function `server.routing.plan.plan`; `preview` is the same call without the writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.events import OrderReleased, UnitsLeft
from server.inventory import known
from server.kit import bulk
from server.kit.transaction import Tx
from server.orders.units import lock_orders
from server.routing import days, plans, promising
from server.routing.decisions import Decision, Demand
from server.routing.nodes import routing_nodes
from server.routing.open_orders import load
from server.routing.plan import plan
from server.routing.snapshot import Candidates, Nodes
from server.routing.tables import RefusalRow
from shared.fulfilment import Exit

ROUNDS = 3
"""How often what another order snatched away is planned again within the transaction."""
AGAIN = timedelta(minutes=5)
"""How often is looked again for what waits for something else than stock."""
WAITS_FOR_STOCK = frozenset({"no_stock", "too_little", "buffer", "snatched", "for_others"})
"""Reasons that end when stock comes."""
NODE_LEVEL = frozenset({"no_capacity", "too_late", "fraud_suspect"})
"""Reasons for which the whole order is not offered to the node again, not only the line."""
MOVING = "routing.moving"
"""Orders of this transaction whose new nodes are known already (`looking_again`)."""


async def on_orders_released(tx: Tx, events: Sequence[OrderReleased]) -> None:
    """Route orders as soon as they wait for a node, unless the active plan lets them wait for its next run."""
    moving = tx.notes.get(MOVING, ())
    if waiting := dict.fromkeys(e.order_id for e in events if e.order_id not in moving):
        await route(tx, waiting, coming_in=True)


async def route(tx: Tx, order_ids: Iterable[UUID], *, coming_in: bool = False) -> None:
    """Find nodes by the active plan for everything of these orders that waits. What nobody has is backordered.

    `coming_in`: only those that the plan routes at once.
    """
    ids = list(order_ids)
    await lock_orders(tx, ids)
    routing_plan = await plans.active(tx)
    open_orders = await load(tx, ids)
    if coming_in and not routing_plan.all_at_once:
        open_orders = [each for each in open_orders if routing_plan.at_once(each.demand, tx.now)]
    if not open_orders:
        return
    nodes = await routing_nodes(tx)
    left = open_orders
    decisions: list[tuple[Decision, str]] = []
    jobs: list[promising.Job] = []
    for _ in range(ROUNDS):
        demands = [d for each in left if (d := each.remaining())]
        if not demands:
            break
        candidates, digest = await snapshot(tx, nodes, demands)
        planned = plan(demands, candidates, routing_plan, now=tx.now)
        decisions += [(decision, digest) for decision in planned]
        by_order = {each.demand.order: each for each in left}
        refused = await promising.promise(tx, [(by_order[d.order], d) for d in planned], nodes, jobs)
        left = [each for each in left if each.demand.order in refused]
    await promising.offer(tx, jobs, nodes)
    await promising.write(tx, open_orders, jobs, decisions)


# ---------------------------------------------------------------- looking


async def snapshot(tx: Tx, nodes: Nodes, demands: Sequence[Demand]) -> tuple[Candidates, str]:
    """Stock and capacity for the whole batch, and the digest of what the router is going to see."""
    free = await known.free(tx, {line.sku for d in demands for line in d.lines})
    places: dict[tuple[str, ...], list[int]] = {}
    stock = {sku: _columns(nodes, held, places) for sku, held in free.items()}
    left = await days.left(tx, nodes)
    candidates = Candidates.of_columns(nodes, stock, capacity_left=left.in_all, left_by=left.by)
    return candidates, _digest(candidates, demands)


def _columns(
    nodes: Nodes, held: known.Free, places: dict[tuple[str, ...], list[int]]
) -> tuple[Sequence[int], Sequence[int]]:
    """Places in `nodes`, and units there. A node that came only now is looked at next time."""
    if (found := places.get(held.nodes)) is None:
        found = places[held.nodes] = [nodes.row.get(code, -1) for code in held.nodes]
    if -1 not in found:
        return found, held.units
    pairs = [(place, units) for place, units in zip(found, held.units, strict=True) if place >= 0]
    return [place for place, _ in pairs], [units for _, units in pairs]


def _digest(candidates: Candidates, demands: Sequence[Demand]) -> str:
    """A fingerprint of everything the router sees, the same in every process."""
    seen = hashlib.sha256(candidates.available.tobytes())
    seen.update(candidates.capacity_left.tobytes())
    for method, left in candidates.left_by.items():
        seen.update(method.encode() + left.tobytes())
    asked = [_asked(demand) for demand in demands]
    seen.update(repr((candidates.nodes.codes, sorted(candidates.skus), asked)).encode())
    return seen.hexdigest()


def _asked(d: Demand) -> tuple[object, ...]:
    """A demand in words that do not depend on where it was read from."""
    lines = [(each.line, each.sku, each.quantity, each.flags) for each in d.lines]
    place = d.destination and (d.destination.latitude, d.destination.longitude)
    times = [at and at.timestamp() for at in (d.wanted_by, d.placed_at)]
    kept = (d.delivery, d.channel, d.node, place, *times, d.value, d.country, d.postcode)
    return (str(d.order), lines, *kept, sorted(map(str, d.refused)))


# ---------------------------------------------------------------- memory and waiting


async def on_units_left(tx: Tx, events: Sequence[UnitsLeft]) -> None:
    """Remember which node could not do what, before the units are routed again."""
    rows: dict[tuple[UUID, int, str], dict[str, Any]] = {}
    for e in events:
        for m in e.moves:
            if m.exit not in (Exit.REROUTE, Exit.REPLACED) or m.reason in ("held", "moved"):
                continue
            line = 0 if m.reason in NODE_LEVEL else m.line
            key = (e.order_id, line, e.node)
            rows[key] = {
                "order_id": e.order_id, "line": line, "node": e.node, "reason": m.reason or "", "at": tx.now
            }  # fmt: skip
    await bulk.insert(tx, RefusalRow, list(rows.values()), conflict="ON CONFLICT DO NOTHING")


async def route_due(tx: Tx, *, limit: int = 200) -> int:
    """Route what waited for a run of the active plan that has begun since. Returns the number of orders."""
    began = (await plans.active(tx)).last_run(tx.now)
    rows = await tx.rows(
        "SELECT DISTINCT l.order_id FROM order_line l JOIN customer_order o ON o.id = l.order_id"
        " WHERE l.routing > 0 AND o.received_at <= :began ORDER BY l.order_id LIMIT :limit",
        began=began,
        limit=limit,
    )
    await route(tx, [r["order_id"] for r in rows])
    return len(rows)


_COME = (
    "WITH there AS (SELECT p.sku, p.node, p.sellable - p.reserved - p.safety_stock - p.doubt AS free"
    " FROM (SELECT DISTINCT sku FROM order_line WHERE backordered > 0) s JOIN stock_position p USING (sku)"
    " WHERE p.sellable - p.reserved - p.safety_stock - p.doubt > 0)"
    " SELECT l.order_id FROM order_line l JOIN customer_order o ON o.id = l.order_id"
    " LEFT JOIN routing_wait w ON w.order_id = l.order_id AND w.line = l.line"
    " WHERE l.backordered > 0 AND EXISTS (SELECT 1 FROM there t WHERE t.sku = l.sku AND t.free >= l.backordered"
    " AND (o.node IS NULL OR o.node = t.node) AND NOT EXISTS (SELECT 1 FROM routing_refusal f"
    "  WHERE f.order_id = l.order_id AND f.node = t.node AND f.line IN (0, l.line)))"
    " AND (w.tried_at IS NULL OR w.tried_at <= :before OR w.reason = ANY(CAST(:stock AS text[])))"
    " GROUP BY l.order_id ORDER BY min(w.tried_at) NULLS FIRST, l.order_id LIMIT :limit"
)
"""From the few items that came to the lines that wait for them; who was looked at longest ago is the next."""


async def route_waiting(tx: Tx, *, limit: int = 200) -> int:
    """Route again what is backordered where stock has come; what waits for something else than stock, such as a full
    node's next day, every few minutes. Returns the number of orders looked at."""
    rows = await tx.rows(_COME, limit=limit, before=tx.now - AGAIN, stock=sorted(WAITS_FOR_STOCK))
    await route(tx, [r["order_id"] for r in rows])
    return len(rows)
