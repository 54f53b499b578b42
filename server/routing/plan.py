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
from server.routing.decisions import Choice, Decision, Demand, Unrouted
from server.routing.desk import Codes, Desk, Items, Stock, missing_reason, usable
from server.routing.rivals import Costs
from server.routing.rules import RoutingPlan, Weighed
from server.routing.snapshot import Candidates
from server.routing.solve import Answer, Problem, solve

_CHUNK = 64
"""Orders whose distances are worked out in one pass."""
_SMALL = 64
"""Networks up to here are not narrowed to the nodes with stock: choosing columns costs more than it saves."""


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
    rows = desk.everyone if len(desk.nodes) <= _SMALL else np.flatnonzero(np.logical_or.reduce(stock.usable))
    cap = desk.plan.split.cap(demand.value)
    costs = _costs(desk, items, stock.usable, metres, rows)
    have = np.minimum(costs.facts.available, items.wanted[:, None])
    answer = solve(Problem(costs.parcel, costs.unit, have, items.wanted, cap))
    choices = _choices(items, stock, costs, answer, cap)
    left = _unrouted(desk, demand, items, codes, stock, answer, rows)
    for place, node in enumerate(answer.nodes):
        desk.take(items, int(rows[node]), answer.units[:, place].tolist())
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
    capacity, left = desk.nodes.capacity, desk.capacity_left
    if len(rows) < len(capacity):
        metres, capacity, left = metres.take(rows), capacity.take(rows), left.take(rows)
        available = available.take(rows, axis=1)
    facts = Facts(metres=metres, capacity=capacity, capacity_left=left, available=available, wanted=items.wanted)
    by_parcel, by_unit = desk.plan.weighed
    parcel = _weigh(by_parcel, facts, (len(rows),))
    unit = _weigh(by_unit, facts, available.shape)
    return Costs(
        facts=facts,
        parcel_criteria=by_parcel,
        unit_criteria=by_unit,
        parcel_terms=parcel,
        unit_terms=unit,
        parcel=np.add.reduce(parcel),
        unit=np.add.reduce(unit),
        rows=rows,
        nodes=desk.nodes,
    )


def _weigh(criteria: tuple[Weighed, ...], facts: Facts, shape: tuple[int, ...]) -> Ints:
    """(criteria, *shape) costs in whole micro-units; rounding term by term makes the sum of what is shown the cost."""
    scores = np.empty((len(criteria), *shape))
    for place, each in enumerate(criteria):
        np.multiply(each.criterion.score(facts, each.params), each.factor, out=scores[place])
    return np.rint(scores, out=scores).astype(np.int64)


def _choices(items: Items, stock: Stock, costs: Costs, answer: Answer, cap: int) -> tuple[Choice, ...]:
    """Who gives what, each with its terms, its rivals and the count of those that fell out."""
    found: list[Choice] = []
    shares = items.shares(answer.units)
    for place, node in enumerate(answer.nodes):
        code, name = costs.code(node), costs.name(node)
        race = rivals.against(costs, answer, place, cap)
        near, terms = rivals.best(costs, answer, place, race), rivals.terms(costs, answer, place, race.items)
        for at, item in enumerate(race.items):
            excluded = race.added_to(stock.excluded[item], at)
            found += [
                Choice(line, items.skus[item], code, name, units, terms[at], near[at], excluded)
                for line, units in shares[item][place]
            ]
    return tuple(sorted(found, key=lambda choice: (choice.line, choice.node)))


def _unrouted(
    desk: Desk, demand: Demand, items: Items, codes: Codes, stock: Stock, answer: Answer, rows: NDArray[np.intp]
) -> tuple[Unrouted, ...]:
    found: list[Unrouted] = []
    totals = np.add.reduce(answer.units, axis=1).tolist()
    for item, (want, given) in enumerate(zip(items.wanted.tolist(), totals, strict=True)):
        if want > given:
            reason = missing_reason(desk, items, item, codes, stock, given, demand.channel)
            excluded = stock.excluded[item]
            holders = stock.usable[item] > 0
            if reason == "split_cap":
                holders[rows[list(answer.nodes)]] = False
                excluded = {**excluded, reason: int(holders.sum())}
            elif reason == "no_stock" and holders.any():  # they gave all they had
                excluded = {**excluded, reason: excluded.get(reason, 0) + int(holders.sum())}
            found += [
                Unrouted(line, items.skus[item], left, reason, excluded)
                for line, left in items.last(item, want - given)
            ]
    return tuple(sorted(found, key=lambda missing: missing.line))
