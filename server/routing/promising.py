"""What the router decided becomes true: units are reserved, nodes are offered jobs, decisions are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from server.catalog import queries as catalog
from server.events import UnitsRouted, UnitsUnrouted
from server.fulfilment import service as fulfilment
from server.inventory import service as inventory
from server.inventory.rules import Want
from server.kit import bulk
from server.kit.transaction import Tx
from server.network import queries as network
from server.orders.units import Shift, shift
from server.routing import days, waits
from server.routing.decisions import Decision
from server.routing.open_orders import OpenOrder
from server.routing.reasons import why_job
from server.routing.snapshot import Nodes
from server.routing.tables import DecisionRow
from shared.methods import method_for
from shared.orders import UnitState


@dataclass(slots=True)
class Job:
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


async def promise(tx: Tx, planned: Sequence[tuple[OpenOrder, Decision]], nodes: Nodes, jobs: list[Job]) -> set[UUID]:
    """Reserve what was planned. Returns the orders of which something was snatched away meanwhile."""
    wants: list[Want] = []
    owners: list[tuple[OpenOrder, Job]] = []
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


async def _fit(tx: Tx, asking: Mapping[UUID, OpenOrder], nodes: Nodes, jobs: list[Job]) -> set[UUID]:
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


def _job_for(tx: Tx, jobs: list[Job], decision: Decision, node: str, lines: dict[int, int], *, alone: bool) -> Job:
    """One job per order and node, also when a later round gives the node other lines. A claim belongs to one line of
    one job, so more of the same line is a job of its own; and so is what ships alone."""
    for job in jobs if not alone else ():
        same = job.order_id == decision.order and job.node == node and not job.alone
        if same and not lines.keys() & job.lines.keys():
            return job
    job = Job(tx.new_id(), decision.order, node, decision.delivery, decision, alone)
    jobs.append(job)
    return job


def _threshold(nodes: Nodes, channel: str, node: str) -> int:
    limits = nodes.thresholds.get(channel)
    return int(limits[nodes.row[node]]) if limits is not None else 0


async def offer(tx: Tx, jobs: Sequence[Job], nodes: Nodes) -> None:
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


async def write(
    tx: Tx, open_orders: Sequence[OpenOrder], jobs: Sequence[Job], decisions: Sequence[tuple[Decision, str]]
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
