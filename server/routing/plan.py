"""The router: demands, one snapshot and a plan go in, decisions with their reasons come out. Pure.

Orders are served in the order given: what the first takes, stock and capacity, is gone for the next. Where the plan
says `together`, `wave` looks for what costs the batch less, and each order is given that at its turn. A shipped order
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
from server.routing.wave import Given, given, imposed, together

_CHUNK = 64
"""Orders whose distances are worked out in one pass."""


def plan(
    demands: Sequence[Demand], candidates: Candidates, routing_plan: RoutingPlan, *, now: datetime
) -> list[Decision]:
    """One decision per demand, in their order. The snapshot is not changed. Raises nothing for what people ask."""
    desk = Desk(candidates, routing_plan, now, lasting=len(demands) > 1)
    parcels: Sequence[Given | None] = [None] * len(demands)
    if routing_plan.batch == "together" and len(demands) > 1:
        parcels = together(demands, candidates, routing_plan, now)
    decisions: list[Decision] = []
    for start in range(0, len(demands), _CHUNK):
        chunk = demands[start : start + _CHUNK]
        metres = candidates.nodes.metres_from([demand.destination for demand in chunk])
        for place, demand in enumerate(chunk):
            decisions.append(
                _sent(desk, demand, metres[place], parcels[start + place])
                if demand.delivery == "ship"
                else collected(desk, demand)
            )
    return decisions


def _sent(desk: Desk, demand: Demand, metres: Ints, parcels: Given | None) -> Decision:
    """A shipped order: any node that the plan lets through, or the parcels that its wave found for it."""
    case = Case.of(desk, demand, metres)
    own = solve(case.problem)
    answer = own if parcels is None or parcels == given(case, own) else imposed(case, parcels)
    decision = _decided(desk, case, answer, own)
    case.take(desk, answer)
    return decision


def _decided(desk: Desk, case: Case, answer: Answer, own: Answer) -> Decision:
    """An answer with its reasons, as the desk stands at its turn. `own`: what would suit the order best by itself."""
    return Decision(
        order=case.demand.order,
        plan=desk.plan.name,
        version=desk.plan.version,
        delivery=case.demand.delivery,
        choices=_choices(case, answer),
        unrouted=_unrouted(desk, case, answer, own),
        cost=answer.cost,
        proven=answer.proven,
        together=answer.together,
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


def _unrouted(desk: Desk, case: Case, answer: Answer, own: Answer) -> tuple[Unrouted, ...]:
    items, stock, channel = case.items, case.stock, case.demand.channel
    found: list[Unrouted] = []
    totals = np.add.reduce(answer.units, axis=1).tolist()
    for item, (want, units) in enumerate(zip(items.wanted.tolist(), totals, strict=True)):
        if want > units:
            kept = int(own.units[item].sum()) > units
            reason = "for_others" if kept else missing_reason(desk, items, item, case.codes, stock, units, channel)
            excluded = stock.excluded[item]
            holders = stock.usable[item] > 0
            if reason in ("split_cap", "for_others"):
                holders[case.costs.rows[list(answer.nodes)]] = False
                excluded = {**excluded, reason: int(holders.sum())}
            elif reason == "no_stock" and holders.any():  # they gave all they had
                excluded = {**excluded, reason: excluded.get(reason, 0) + int(holders.sum())}
            found += [
                Unrouted(line, items.skus[item], left, reason, excluded)
                for line, left in items.last(item, want - units)
            ]
    return tuple(sorted(found, key=lambda missing: missing.line))
