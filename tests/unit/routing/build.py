"""Small worlds for the router, and an answer found by trying everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import product
from uuid import UUID

from server.routing.decisions import Decision, Delivery, Demand, DemandLine
from server.routing.plan import plan
from server.routing.rules import DEFAULT, RoutingPlan, Rule, Split
from server.routing.snapshot import Candidates, Node, Nodes
from server.routing.solve import Problem
from shared.kernel import Geo

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DENVER = Geo(latitude=39.74, longitude=-104.99)


def east(km: float) -> Geo:
    """A place so far east of Denver, roughly."""
    return Geo(latitude=39.74, longitude=-104.99 + km / 85.6)


def node(code: str, km: float | None = 10, **more: object) -> Node:
    facts: dict[str, object] = {"type": "store", "capacity": 40, "location": None if km is None else east(km)}
    return Node(code=code, name=f"Store {code}", **{**facts, **more})  # type: ignore[arg-type]


def world(
    nodes: Iterable[Node], stock: Mapping[tuple[str, str], int], left: Mapping[str, int] | None = None
) -> Candidates:
    """`stock`: (item, node) -> units."""
    rows = [(sku, code, units) for (sku, code), units in stock.items()]
    return Candidates.of(Nodes.of(nodes), rows, capacity_left=left)


def demand(number: int = 1, *, delivery: Delivery = "ship", at: str | None = None, **lines: int) -> Demand:
    """An order of one line per keyword, item -> units."""
    wanted = tuple(DemandLine(place, sku, units) for place, (sku, units) in enumerate(lines.items(), 1))
    return Demand(UUID(int=number), wanted, delivery, "web", node=at, destination=DENVER)


def by(*rules: Rule, **more: object) -> RoutingPlan:
    """A plan of these rules, checked as one that is sent."""
    return RoutingPlan.model_validate({"name": "test", "version": 7, "rules": [r.model_dump() for r in rules], **more})


def ruled(**changes: object) -> RoutingPlan:
    """The built-in plan with another rule."""
    return DEFAULT.model_copy(update={"rules": (DEFAULT.rules[0].model_copy(update=changes),)})


def capped(parcels: int) -> RoutingPlan:
    return ruled(split=Split(max_parcels=parcels))


def one(asked: Demand, candidates: Candidates, routing_plan: RoutingPlan = DEFAULT) -> Decision:
    return plan([asked], candidates, routing_plan, now=NOW)[0]


def by_trying_everything(problem: Problem) -> tuple[int, int]:
    """(units uncovered, cost) of the best of all assignments, unit counts and all. For tiny problems only."""
    best = (1 << 60, 0)
    items = range(len(problem.want))
    ways = [list(_splits(problem.have[item].tolist(), int(problem.want[item]))) for item in items]
    for chosen in product(*ways):
        used = {node for way in chosen for node, units in enumerate(way) if units}
        if len(used) <= problem.cap:
            uncovered = int(problem.want.sum()) - sum(map(sum, chosen))
            cost = sum(int(problem.parcel[node]) for node in used)
            cost += sum(units * int(problem.unit[i, n]) for i, way in enumerate(chosen) for n, units in enumerate(way))
            best = min(best, (uncovered, cost))
    return best


def _splits(have: list[int], want: int) -> Iterable[tuple[int, ...]]:
    if not have:
        yield ()
        return
    for units in range(min(have[0], want) + 1):
        for rest in _splits(have[1:], want - units):
            yield (units, *rest)
