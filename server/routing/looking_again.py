"""The second look in the database: jobs that nobody has begun are looked at together, and move where that saves.

`second_look` decides. Here the jobs that may move are found, taken back, and given to their new nodes in the same
transaction: either all of it holds, or none of it happens and everybody keeps what they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from server.fulfilment import service as fulfilment
from server.kit.transaction import Row, Tx
from server.network import queries as network
from server.network.rules import open_times
from server.orders.units import lock_orders
from server.routing import plans, promising
from server.routing.days import METHODS_OF, day_of
from server.routing.decisions import Decision, Demand
from server.routing.nodes import routing_nodes
from server.routing.open_orders import load, load_whole
from server.routing.rules import LooksAgain
from server.routing.second_look import Held, look_again
from server.routing.service import MOVING, snapshot
from server.routing.snapshot import Candidates, Nodes
from shared.fulfilment import State
from shared.network import Delivery

LIMIT = 200
"""Orders in one look, the newest."""
_GONE = [State.REJECTED.value, State.SHORT.value, State.CANCELLED.value]


class Overtaken(Exception):
    """Somebody else took what an order was to move to. Nothing is changed; the next look will see it."""


@dataclass(frozen=True, slots=True)
class _Offered:
    """An order whose jobs may move."""

    jobs: tuple[UUID, ...]
    held: Held


async def look_again_at_offers(tx: Tx, *, limit: int = LIMIT) -> int:
    """Move what the active plan finds worth it. Returns the number of orders that moved. Raises `Overtaken`, with
    which the whole transaction has to end."""
    routing_plan = await plans.active(tx)
    wish = routing_plan.looks_again
    if wish is None:
        return 0
    nodes = await routing_nodes(tx)
    offered = await _offered(tx, wish, nodes, limit)
    if not offered:
        return 0
    batch = [each.held for each in offered.values()]
    free, digest = await snapshot(tx, nodes, [each.demand for each in batch])
    look = look_again(batch, _with(free, batch), routing_plan, now=tx.now, least=wish.least_saving)
    if look.moves:
        jobs = [job for move in look.moves for job in offered[move.order].jobs]
        await _move(tx, nodes, jobs, look.moves, digest)
    return len(look.moves)


# ---------------------------------------------------------------- what may move


async def _offered(tx: Tx, wish: LooksAgain, nodes: Nodes, limit: int) -> dict[UUID, _Offered]:
    """Orders in order of placing. They are locked before their jobs are believed."""
    ids = dict.fromkeys(row["order_id"] for row in await _rows(tx, wish, nodes))
    newest = list(ids)[:limit]
    await lock_orders(tx, newest)
    jobs: dict[UUID, list[Row]] = {}
    for row in await _rows(tx, wish, nodes, newest):
        jobs.setdefault(row["order_id"], []).append(row)
    others = await _others(tx, jobs)
    demands, _ = await load_whole(tx, list(jobs))
    return {
        demand.order: _Offered(tuple(row["id"] for row in mine), _held(demand, mine, others[demand.order]))
        for demand in demands
        if (mine := jobs[demand.order])
    }


async def _rows(tx: Tx, wish: LooksAgain, nodes: Nodes, orders: Sequence[UUID] | None = None) -> list[Row]:
    """Offered jobs to send, newest offer first, of orders of which nothing else waits for a node."""
    rows = await tx.rows(
        "SELECT f.id, f.order_id, f.node, f.work_day, f.offered_at, f.due_at, f.doc FROM fulfilment f"
        " WHERE NOT f.final AND f.state = 'offered' AND f.method = ANY(:methods) AND f.due_at > :now"
        " AND (CAST(:orders AS uuid[]) IS NULL OR f.order_id = ANY(CAST(:orders AS uuid[])))"
        " AND NOT EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = f.order_id AND l.routing + l.backordered > 0)"
        " ORDER BY f.offered_at DESC, f.id",
        methods=METHODS_OF[Delivery.SHIP],
        now=tx.now,
        orders=orders,
    )
    calendars = (await network.book(tx)).calendars
    opens: dict[str, datetime | None] = {}
    for node in {row["node"] for row in rows if row["node"] in nodes.row}:
        opens[node] = next((start for _, start, _ in open_times(calendars[node], tx.now)), None)
    return [
        row
        for row in rows
        if row["node"] in opens
        and row["work_day"] == day_of(nodes, row["node"])
        and wish.may_move(row["offered_at"], opens[row["node"]], tx.now)
    ]


async def _others(tx: Tx, jobs: Mapping[UUID, Sequence[Row]]) -> Counter[UUID]:
    """Parcels of these orders that stay as they are."""
    rows = await tx.rows(
        "SELECT order_id FROM fulfilment WHERE order_id = ANY(CAST(:orders AS uuid[]))"
        " AND NOT id = ANY(CAST(:ids AS uuid[])) AND NOT state = ANY(:gone)",
        orders=list(jobs),
        ids=[row["id"] for mine in jobs.values() for row in mine],
        gone=_GONE,
    )
    return Counter(row["order_id"] for row in rows)


def _held(demand: Demand, jobs: Iterable[Row], others: int) -> Held:
    """What these jobs hold, promised for when the last of them is due."""
    units: Counter[int] = Counter()
    parcels: dict[str, Counter[str]] = {}
    due = []
    for row in jobs:
        due.append(row["due_at"])
        for line in row["doc"]["lines"]:
            left = line["quantity"] - line["cancelled"]
            units[line["line"]] += left
            parcels.setdefault(row["node"], Counter())[line["sku"]] += left
    lines = tuple(replace(line, quantity=units[line.line]) for line in demand.lines if units[line.line])
    return Held(replace(demand, lines=lines, wanted_by=max(due), parcels=others), parcels)


def _with(free: Candidates, batch: Sequence[Held]) -> Candidates:
    """The snapshot with what the batch holds among it: units, and places in their nodes' day."""
    units: Counter[tuple[str, str]] = Counter()
    left = free.capacity_left.copy()
    by = {method: jobs.copy() for method, jobs in free.left_by.items()}
    for each in batch:
        for node, held in each.parcels.items():
            row = free.nodes.row[node]
            left[row] += 1
            if (ships := by.get(Delivery.SHIP)) is not None:
                ships[row] += 1
            units.update({(sku, node): count for sku, count in held.items()})
    there = {
        (sku, node): int(free.available[free.skus[sku], free.nodes.row[node]])
        for sku, node in units
        if sku in free.skus
    }
    units.update(there)
    return replace(free.with_free(units), capacity_left=left, left_by=by)


# ---------------------------------------------------------------- moving


async def _move(tx: Tx, nodes: Nodes, jobs: Sequence[UUID], moves: Sequence[Decision], digest: str) -> None:
    """Take the jobs back, and promise and offer the units anew."""
    orders = [move.order for move in moves]
    tx.notes[MOVING] = frozenset(orders)
    await fulfilment.withdraw(tx, jobs)
    await tx.settle_now()
    by_order = {each.demand.order: each for each in await load(tx, orders)}
    made: list[promising.Job] = []
    asking = [(by_order[move.order], move) for move in moves]
    if await promising.promise(tx, asking, nodes, made) or any(each.remaining() for each, _ in asking):
        raise Overtaken
    await promising.offer(tx, made, nodes)
    await promising.write(tx, list(by_order.values()), made, [(move, digest) for move in moves])
