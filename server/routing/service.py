"""Routing in the database: load one snapshot for a batch, plan, reserve what was planned, plan again what failed.

The router itself is the pure function `server.routing.plan.plan`; `preview` is the same call without the writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.catalog import queries as catalog
from server.events import OrderReleased, UnitsLeft, UnitsRouted, UnitsUnrouted
from server.fulfilment import service as fulfilment
from server.inventory import known
from server.inventory import service as inventory
from server.inventory.rules import Want
from server.kit import bulk
from server.kit.transaction import Tx
from server.network import queries as network
from server.orders.units import Shift, lock_orders, shift
from server.routing import days, plans, waits
from server.routing.decisions import Decision, Demand
from server.routing.nodes import routing_nodes
from server.routing.open_orders import OpenOrder, load
from server.routing.plan import plan
from server.routing.reasons import why_job
from server.routing.snapshot import Candidates, Nodes
from server.routing.tables import DecisionRow, RefusalRow
from shared.fulfilment import Exit
from shared.methods import method_for
from shared.orders import UnitState

ROUNDS = 3
"""How often what another order snatched away is planned again within the transaction."""
AGAIN = timedelta(minutes=5)
"""How often is looked again for what waits for something else than stock."""
WAITS_FOR_STOCK = frozenset({"no_stock", "too_little", "buffer", "snatched", "for_others"})
"""Reasons that end when stock comes."""
NODE_LEVEL = frozenset({"no_capacity", "too_late", "fraud_suspect"})
"""Reasons for which the whole order is not offered to the node again, not only the line."""


async def on_orders_released(tx: Tx, events: Sequence[OrderReleased]) -> None:
    """Route orders as soon as they wait for a node, unless the active plan lets them wait for its next run."""
    await route(tx, dict.fromkeys(e.order_id for e in events), coming_in=True)


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
    jobs: list[_Job] = []
    for _ in range(ROUNDS):
        demands = [d for each in left if (d := each.remaining())]
        if not demands:
            break
        candidates, digest = await snapshot(tx, nodes, demands)
        planned = plan(demands, candidates, routing_plan, now=tx.now)
        decisions += [(decision, digest) for decision in planned]
        by_order = {each.demand.order: each for each in left}
        refused = await _promise(tx, [(by_order[d.order], d) for d in planned], nodes, jobs)
        left = [each for each in left if each.demand.order in refused]
    await _offer(tx, jobs, nodes)
    await _write(tx, open_orders, jobs, decisions)


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


# ---------------------------------------------------------------- promising


@dataclass(slots=True)
class _Job:
    """A job in the making: the lines whose units are reserved."""

    id: UUID
    order_id: UUID
    node: str
    delivery: str
    decision: Decision
    alone: bool
    lines: dict[int, tuple[str, int]] = field(default_factory=dict)
    taken: list[tuple[int, UnitState, int]] = field(default_factory=list)
    claims: list[UUID] = field(default_factory=list)
    counted: bool = False
    """It has its place in the node's day."""


async def _promise(tx: Tx, planned: Sequence[tuple[OpenOrder, Decision]], nodes: Nodes, jobs: list[_Job]) -> set[UUID]:
    """Reserve what was planned. Returns the orders of which something was snatched away meanwhile."""
    wants: list[Want] = []
    owners: list[tuple[OpenOrder, _Job]] = []
    for each, decision in planned:
        for node, alone, lines in decision.jobs:
            job = _job_for(tx, jobs, decision, node, lines, alone=alone)
            for line, units in lines.items():
                sku = next(d.sku for d in each.demand.lines if d.line == line)
                threshold = _threshold(nodes, each.demand.channel, node)
                wants.append(Want(sku, node, units, f"order/{job.order_id}", job.order_id, job.id, line, threshold))
                owners.append((each, job))
    granted = await inventory.reserve(tx, wants)
    refused: set[UUID] = set()
    for want, (each, job), claim in zip(wants, owners, granted, strict=True):
        line = want.line or 0
        if claim is None:
            refused.add(each.demand.order)
            continue
        job.claims.append(claim)
        job.taken += [(line, state, units) for state, units in each.take(line, want.quantity)]
        had = job.lines.get(line, (want.sku, 0))[1]
        job.lines[line] = (want.sku, had + want.quantity)
    return refused | await _fit(tx, {each.demand.order: each for each, _ in planned}, nodes, jobs)


async def _fit(tx: Tx, asking: Mapping[UUID, OpenOrder], nodes: Nodes, jobs: list[_Job]) -> set[UUID]:
    """Give new jobs their place in their node's day. Returns the orders of which one did not fit any more: what it had
    reserved is free again, and its units need a node as before."""
    new = [job for job in jobs if job.lines and not job.counted]
    full = await days.claim(tx, nodes, [(job.node, job.delivery) for job in new]) if new else set()
    late = [job for job in new if job.node in full]
    for job in new:
        job.counted = job.node not in full
    if late:
        await inventory.release(tx, [claim for job in late for claim in job.claims], why="the node was full")
    for job in late:
        asking[job.order_id].put_back(job.taken)
        jobs.remove(job)
    return {job.order_id for job in late}


def _job_for(tx: Tx, jobs: list[_Job], decision: Decision, node: str, lines: dict[int, int], *, alone: bool) -> _Job:
    """One job per order and node, also when a later round gives the node other lines. A claim belongs to one line of
    one job, so more of the same line is a job of its own; and so is what ships alone."""
    for job in jobs if not alone else ():
        same = job.order_id == decision.order and job.node == node and not job.alone
        if same and not lines.keys() & job.lines.keys():
            return job
    job = _Job(tx.new_id(), decision.order, node, decision.delivery, decision, alone)
    jobs.append(job)
    return job


def _threshold(nodes: Nodes, channel: str, node: str) -> int:
    limits = nodes.thresholds.get(channel)
    return int(limits[nodes.row[node]]) if limits is not None else 0


async def _offer(tx: Tx, jobs: Sequence[_Job], nodes: Nodes) -> None:
    made = [job for job in jobs if job.lines]
    if not made:
        return
    facts = await catalog.facts(tx, {sku for job in made for sku, _ in job.lines.values()})
    by = await network.timetables(tx, {(job.node, job.delivery) for job in made})
    offers = []
    for job in made:
        method = method_for(job.delivery, nodes.types[nodes.row[job.node]])
        if method is None:
            raise LookupError(f"a {nodes.types[nodes.row[job.node]]} cannot fulfil {job.delivery}")
        card = why_job(job.decision, job.node, alone=job.alone)
        units = sum(n for _, n in job.lines.values())
        tx.emit(UnitsRouted(job.order_id, job.node, units, card.plan, card.summary))
        ages = [facts[sku].min_age or 0 for sku, _ in job.lines.values() if sku in facts]
        offers.append(
            fulfilment.Offer(
                id=job.id,
                order_id=job.order_id,
                node=job.node,
                method=method.code,
                lines=tuple((line, sku, units) for line, (sku, units) in sorted(job.lines.items())),
                by=by.get((job.node, job.delivery)),
                work_day=days.day_of(nodes, job.node),
                why=card,
                age_check=max(ages, default=0) or None,
            )
        )
    await fulfilment.offer(tx, offers)


# ---------------------------------------------------------------- writing


async def _write(
    tx: Tx, open_orders: Sequence[OpenOrder], jobs: Sequence[_Job], decisions: Sequence[tuple[Decision, str]]
) -> None:
    """Units, decisions and facts."""
    shifts = [
        Shift(job.order_id, line, state, UnitState.ALLOCATED, units) for job in jobs for line, state, units in job.taken
    ]
    last = {decision.order: decision for decision, _ in decisions}
    for each in open_orders:
        decision = last[each.demand.order]
        for line, units in each.routing.items():
            if units:
                shifts.append(Shift(each.demand.order, line, UnitState.ROUTING, UnitState.BACKORDERED, units))
                missing = next((u for u in decision.unrouted if u.line == line), None)
                tx.emit(UnitsUnrouted(each.demand.order, line, units, missing.reason if missing else "snatched"))
    await shift(tx, shifts)
    await waits.remember(tx, open_orders, last)
    await bulk.append(
        tx,
        DecisionRow,
        [
            {
                "id": tx.new_id(),
                "order_id": decision.order,
                "at": tx.now,
                "plan": decision.plan,
                "version": decision.version,
                "digest": digest,
                "body": decision.to_json().decode(),
            }
            for decision, digest in decisions
        ],
    )


# ---------------------------------------------------------------- memory and waiting


async def on_units_left(tx: Tx, events: Sequence[UnitsLeft]) -> None:
    """Remember which node could not do what, before the units are routed again."""
    rows: dict[tuple[UUID, int, str], dict[str, Any]] = {}
    for e in events:
        for m in e.moves:
            if m.exit not in (Exit.REROUTE, Exit.REPLACED) or m.reason == "held":
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
