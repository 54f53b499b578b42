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

from server.routing import rivals
from server.routing.case import Case
from server.routing.collect import collected
from server.routing.criteria._base import Ints
from server.routing.decisions import Choice, Decision, Demand, Unrouted
from server.routing.desk import Desk, missing_reason
from server.routing.rules import RoutingPlan
from server.routing.snapshot import Candidates
from server.routing.solve import Answer, solve

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
    case = Case.of(desk, demand, metres)
    answer = solve(case.problem)
    decision = decided(desk, case, answer)
    case.take(desk, answer)
    return decision


def decided(desk: Desk, case: Case, answer: Answer) -> Decision:
    """An answer with its reasons, as the desk stands at its turn."""
    return Decision(
        order=case.demand.order,
        plan=desk.plan.name,
        version=desk.plan.version,
        delivery=case.demand.delivery,
        choices=_choices(case, answer),
        unrouted=_unrouted(desk, case, answer),
        cost=answer.cost,
        proven=answer.proven,
    )


def _choices(case: Case, answer: Answer) -> tuple[Choice, ...]:
    """Who gives what, each with its terms, its rivals and the count of those that fell out."""
    items, costs = case.items, case.costs
    found: list[Choice] = []
    shares = items.shares(answer.units)
    for place, node in enumerate(answer.nodes):
        code, name = costs.code(node), costs.name(node)
        race = rivals.against(costs, answer, place, case.cap)
        near, terms = rivals.best(costs, answer, place, race), rivals.terms(costs, answer, place, race.items)
        for at, item in enumerate(race.items):
            excluded = race.added_to(case.stock.excluded[item], at)
            found += [
                Choice(line, items.skus[item], code, name, units, terms[at], near[at], excluded)
                for line, units in shares[item][place]
            ]
    return tuple(sorted(found, key=lambda choice: (choice.line, choice.node)))


def _unrouted(desk: Desk, case: Case, answer: Answer) -> tuple[Unrouted, ...]:
    items, stock, channel = case.items, case.stock, case.demand.channel
    found: list[Unrouted] = []
    totals = np.add.reduce(answer.units, axis=1).tolist()
    for item, (want, given) in enumerate(zip(items.wanted.tolist(), totals, strict=True)):
        if want > given:
            reason = missing_reason(desk, items, item, case.codes, stock, given, channel)
            excluded = stock.excluded[item]
            holders = stock.usable[item] > 0
            if reason == "split_cap":
                holders[case.costs.rows[list(answer.nodes)]] = False
                excluded = {**excluded, reason: int(holders.sum())}
            elif reason == "no_stock" and holders.any():  # they gave all they had
                excluded = {**excluded, reason: excluded.get(reason, 0) + int(holders.sum())}
            found += [
                Unrouted(line, items.skus[item], left, reason, excluded)
                for line, left in items.last(item, want - given)
            ]
    return tuple(sorted(found, key=lambda missing: missing.line))
