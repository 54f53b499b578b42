"""The router: demands, one snapshot and a plan go in, decisions with their reasons come out. Pure.

Orders are served in the order given: what the first takes, stock and capacity, is gone for the next. A shipped order
goes through the plan's filters (`desk`), then `solve` finds the nodes, then `rivals` says what the others lost by. An
order to collect has its node (`collect`).

Lines with the same item share its stock; they are decided together and filled in line order. What a node refused or
could not find for one of them is not asked of it again for any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from server.routing import rivals
from server.routing.collect import collected
from server.routing.criteria._base import Facts, Ints
from server.routing.decisions import Choice, Decision, Demand, Rival, Unrouted
from server.routing.desk import Codes, Desk, Items, Stock, missing_reason, usable
from server.routing.rivals import Costs
from server.routing.rules import RoutingPlan
from server.routing.snapshot import Candidates
from server.routing.solve import Answer, Problem, solve

_CHUNK = 64
"""Orders whose distances are worked out in one pass."""


def plan(
    demands: Sequence[Demand], candidates: Candidates, routing_plan: RoutingPlan, *, now: datetime
) -> list[Decision]:
    """One decision per demand, in their order. The snapshot is not changed. Raises nothing for what people ask."""
    desk = Desk(candidates, routing_plan, now, lasting=len(demands) > 1)
    decisions: list[Decision] = []
    for start in range(0, len(demands), _CHUNK):
        chunk = demands[start : start + _CHUNK]
        metres = candidates.nodes.metres_from([demand.destination for demand in chunk])
        for place, demand in enumerate(chunk):
            decisions.append(
                _sent(desk, demand, metres[place]) if demand.delivery == "ship" else collected(desk, demand)
            )
    return decisions


def _sent(desk: Desk, demand: Demand, metres: Ints) -> Decision:
    """A shipped order: any node that the plan lets through."""
    codes = desk.codes(demand, metres)
    items = Items.of(demand, desk.nodes)
    stock = usable(desk, items, codes, demand.channel)
    rows = np.flatnonzero(stock.usable.any(0))
    cap = desk.plan.split.cap(demand.value)
    costs = _costs(desk, items, stock.usable[:, rows], metres, rows)
    have = np.minimum(costs.facts.available, items.wanted[:, None])
    answer = solve(Problem(costs.parcel, costs.unit, have, items.wanted, cap))
    choices = _choices(items, stock, costs, answer, cap)
    left = _unrouted(desk, demand, items, codes, stock, answer.units)
    for place, node in enumerate(answer.nodes):
        desk.take(items, costs.rows[node], answer.units[:, place].tolist())
    return Decision(
        order=demand.order,
        plan=desk.plan.name,
        version=desk.plan.version,
        delivery=demand.delivery,
        choices=choices,
        unrouted=left,
        cost=answer.cost,
        proven=answer.proven,
    )


def _costs(desk: Desk, items: Items, available: Ints, metres: Ints, rows: NDArray[np.intp]) -> Costs:
    """Every criterion of the plan for the nodes in `rows`, in whole micro-units."""
    facts = Facts(
        metres=metres[rows],
        capacity=desk.nodes.capacity[rows],
        capacity_left=desk.capacity_left[rows],
        available=available,
        wanted=items.wanted,
    )
    parcel = np.zeros(len(rows), dtype=np.int64)
    unit = np.zeros(available.shape, dtype=np.int64)
    parcel_terms, unit_terms = [], []
    for weighed in desk.plan.weighed:
        score = weighed.criterion.score(facts, weighed.params)
        cost = np.rint(score * weighed.factor).astype(np.int64)
        if weighed.criterion.scope == "parcel":
            parcel += cost
            parcel_terms.append((weighed, cost))
        else:
            unit += cost
            unit_terms.append((weighed, cost))
    return Costs(facts, tuple(parcel_terms), tuple(unit_terms), parcel, unit, rows.tolist(), desk.nodes)


def _choices(items: Items, stock: Stock, costs: Costs, answer: Answer, cap: int) -> tuple[Choice, ...]:
    """Who gives what, each with its terms, its rivals and the count of those that fell out."""
    found: list[Choice] = []
    shares = items.shares(answer.units)
    for place, node in enumerate(answer.nodes):
        code, name = costs.code(node), costs.name(node)
        race = rivals.against(costs, answer, place, cap)
        known: dict[int, Rival] = {}
        for at, item in enumerate(race.items):
            near = rivals.best(costs, answer, place, race, at, known)
            terms = rivals.terms(costs, answer, place, item)
            excluded = race.added_to(stock.excluded[item], at)
            found += [
                Choice(line, items.skus[item], code, name, units, terms, near, excluded)
                for line, units in shares[item][place]
            ]
    return tuple(sorted(found, key=lambda choice: (choice.line, choice.node)))


def _unrouted(
    desk: Desk, demand: Demand, items: Items, codes: Codes, stock: Stock, units: Ints
) -> tuple[Unrouted, ...]:
    found: list[Unrouted] = []
    for item, (want, given) in enumerate(zip(items.wanted.tolist(), units.sum(1).tolist(), strict=True)):
        if want > given:
            reason = missing_reason(desk, items, item, codes, stock, given, demand.channel)
            found += [
                Unrouted(line, items.skus[item], left, reason, stock.excluded[item])
                for line, left in items.last(item, want - given)
            ]
    return tuple(sorted(found, key=lambda missing: missing.line))
