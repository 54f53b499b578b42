"""The router: demands, one snapshot and a plan go in, decisions with their reasons come out. Pure.

The plan's rules are gone through from top to bottom. Each takes those of the orders that it is for and that still want
units, serves them in its turn, and what it leaves goes on to the next rule or stays behind, as the rule says. What the
first order takes, stock and capacity, is gone for the next. Where the plan says `together`, `wave` looks for what
costs the orders of a rule less in all, and each is given that at its turn.

Under a rule a shipped order goes through the rule's filters (`desk`), then `solve` finds the nodes, then `rivals` says
what the others lost by. An order to collect has its node (`collect`). An item that ships alone is an order by itself.

Lines with the same item share its stock; they are decided together and filled in line order. What a node refused or
could not find for one of them is not asked of it again for any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np

from server.routing import rivals
from server.routing.case import Case
from server.routing.collect import collected
from server.routing.criteria._base import Ints
from server.routing.decisions import Choice, Decision, Demand, DemandLine, Part, Unrouted
from server.routing.desk import Desk, missing_reason
from server.routing.filters import in_turn
from server.routing.rules import RoutingPlan, Rule
from server.routing.snapshot import Candidates
from server.routing.solve import Answer, solve
from server.routing.wave import Given, given, imposed, together

_CHUNK = 64
"""Orders whose distances are worked out in one pass."""


def plan(
    demands: Sequence[Demand], candidates: Candidates, routing_plan: RoutingPlan, *, now: datetime
) -> list[Decision]:
    """One decision per demand, in their order. The snapshot is not changed. Raises nothing for what people ask."""
    last = routing_plan.rules[-1]
    waiting = [each for place, demand in enumerate(demands) for each in _portions(place, demand)]
    every = list(waiting)
    desk = Desk(candidates, last, now, lasting=len(waiting) > 1 or len(routing_plan.rules) > 1)
    for rule in routing_plan.rules:
        mine = [each for each in waiting if rule.orders.takes(each.demand, now)]
        if mine:
            desk.turn_to(rule)
            _decide(desk, mine, wave=routing_plan.batch == "together")
            for each in mine:
                each.settle(rule, now, is_last=rule is last)
            waiting = [each for each in waiting if each.waits]
    by_place: list[list[Portion]] = [[] for _ in demands]
    for each in every:
        by_place[each.place].append(each)
    return [decision(demand, found, routing_plan) for demand, found in zip(demands, by_place, strict=True)]


@dataclass(slots=True)
class Portion:
    """An order, or one item of it that ships alone, on its way through the rules."""

    place: int
    """Of its order in the batch."""
    demand: Demand
    """What is still wanted."""
    alone: bool
    waits: bool = True
    """For a rule further down."""
    kept: tuple[Unrouted, ...] = ()
    """Left behind for good, with how it waits."""
    parts: list[Part] = field(default_factory=list)

    def settle(self, rule: Rule, now: datetime, *, is_last: bool) -> None:
        """What the rule left goes on to the next one, or stays behind."""
        part = self.parts[-1]
        self.waits = bool(part.unrouted) and rule.otherwise.action == "next_rule" and not is_last
        if not self.waits:
            outcome = rule.otherwise.outcome(rule.name, now)
            self.kept = tuple(replace(each, waits=outcome) for each in part.unrouted)
            return
        left = {each.line: each.quantity for each in part.unrouted}
        lines = tuple(replace(each, quantity=left[each.line]) for each in self.demand.lines if each.line in left)
        parcels = self.demand.parcels + len({choice.node for choice in part.choices})
        self.demand = replace(self.demand, lines=lines, parcels=parcels)


def _portions(place: int, demand: Demand) -> Iterator[Portion]:
    """The order without what ships alone, then each such item."""
    alone = _alone(demand)
    rest = tuple(line for line in demand.lines if line.sku not in alone) if alone else demand.lines
    if rest:
        yield Portion(place, replace(demand, lines=rest) if alone else demand, alone=False)
    for lines in alone.values():
        yield Portion(place, replace(demand, lines=tuple(lines)), alone=True)


def _alone(demand: Demand) -> dict[str, list[DemandLine]]:
    """Items that ship alone, if the order is shipped."""
    found: dict[str, list[DemandLine]] = {}
    for line in demand.lines if demand.delivery == "ship" else ():
        if "ship_alone" in line.flags:
            found.setdefault(line.sku, []).append(line)
    return found


def _decide(desk: Desk, mine: Sequence[Portion], *, wave: bool) -> None:
    """Serve these under the desk's rule, and add a part to each."""
    turn = [mine[place] for place in in_turn([each.demand for each in mine], desk.rule.serve_first)]
    parcels: Sequence[Given | None] = [None] * len(turn)
    if wave and len(turn) > 1:
        parcels = together([each.demand for each in turn], desk.left(), desk.rule, desk.now)
    for start in range(0, len(turn), _CHUNK):
        chunk = turn[start : start + _CHUNK]
        metres = desk.nodes.metres_from([each.demand.destination for each in chunk])
        for place, each in enumerate(chunk):
            each.parts.append(
                sent(desk, each, metres[place], parcels[start + place])
                if each.demand.delivery == "ship"
                else collected(desk, each.demand)
            )


def sent(desk: Desk, portion: Portion, metres: Ints, parcels: Given | None) -> Part:
    """A shipped order: any node that the rule lets through, or the parcels that its wave found for it."""
    case = Case.of(desk, portion.demand, metres)
    own = solve(case.problem)
    answer = own if parcels is None or parcels == given(case, own) else imposed(case, parcels)
    if not desk.rule.split.partly and int(answer.units.sum()) < int(case.items.wanted.sum()):
        return Part((), _given_up(desk, case, own), 0, proven=answer.proven)
    part = Part(
        choices=_choices(desk, case, answer, alone=portion.alone),
        unrouted=_unrouted(desk, case, answer, own),
        cost=answer.cost,
        proven=answer.proven,
        together=answer.together,
    )
    case.take(desk, answer)
    return part


def decision(demand: Demand, portions: Sequence[Portion], routing_plan: RoutingPlan) -> Decision:
    """Everything that the rules decided about an order."""
    parts = [part for portion in portions for part in portion.parts]
    choices = [choice for part in parts for choice in part.choices]
    unrouted = [missing for portion in portions for missing in portion.kept]
    return Decision(
        order=demand.order,
        plan=routing_plan.name,
        version=routing_plan.version,
        delivery=demand.delivery,
        choices=tuple(sorted(choices, key=lambda choice: (choice.line, choice.node))),
        unrouted=tuple(sorted(unrouted, key=lambda missing: missing.line)),
        cost=sum(part.cost for part in parts),
        proven=all(part.proven for part in parts),
        together=any(part.together for part in parts),
    )


def _choices(desk: Desk, case: Case, answer: Answer, *, alone: bool) -> tuple[Choice, ...]:
    """Who gives what, each with its terms, its rivals and the count of those that fell out."""
    items, costs, rule = case.items, case.costs, desk.rule
    by: Literal["cost", "sort"] = "sort" if rule.sort else "cost"
    found: list[Choice] = []
    shares = items.shares(answer.units)
    for place, node in enumerate(answer.nodes):
        code, name = costs.code(node), costs.name(node)
        race = rivals.against(costs, answer, place, case.cap)
        near, terms = rivals.best(costs, answer, place, race), rivals.terms(costs, answer, place, race.items)
        for at, item in enumerate(race.items):
            excluded = race.added_to(case.stock.excluded[item], at)
            found += [
                Choice(line, items.skus[item], code, name, units, terms[at], near[at], excluded, rule.name, by, alone)
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
            if reason in ("split_cap", "for_others", "too_little"):
                holders[case.costs.rows[list(answer.nodes)]] = False
                excluded = {**excluded, reason: int(holders.sum())}
            elif reason == "no_stock" and holders.any():  # they gave all they had
                excluded = {**excluded, reason: excluded.get(reason, 0) + int(holders.sum())}
            found += [
                Unrouted(line, items.skus[item], left, reason, excluded)
                for line, left in items.last(item, want - units)
            ]
    return tuple(sorted(found, key=lambda missing: missing.line))


def _given_up(desk: Desk, case: Case, own: Answer) -> tuple[Unrouted, ...]:
    """Everything of an order that the rule gives whole or not at all, each item with what keeps it."""
    items, stock, channel = case.items, case.stock, case.demand.channel
    found: list[Unrouted] = []
    totals = np.add.reduce(own.units, axis=1)
    whole = bool((totals >= items.wanted).all())
    for item, (want, units) in enumerate(zip(items.wanted.tolist(), totals.tolist(), strict=True)):
        reason = "for_others" if whole else "not_whole"
        if want > units:
            reason = missing_reason(desk, items, item, case.codes, stock, units, channel)
        holders = int((stock.usable[item] > 0).sum())
        excluded = {**stock.excluded[item], **({reason: holders} if holders else {})}
        found += [Unrouted(line, items.skus[item], left, reason, excluded) for line, left in items.last(item, want)]
    return tuple(sorted(found, key=lambda missing: missing.line))
