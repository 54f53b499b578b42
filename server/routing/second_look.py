"""A second look at orders that have their nodes but that nobody works on yet. Pure, like the router.

Each was given what was best when it came in. The orders that came after it are known now, and stock that came in, and
what other stores gave back: so those that are still only offered are looked at together, and exchange their parcels
where that saves more than the trouble of moving a job. Nobody pays for it: each has at least what it had, no later than
it was promised.

Left alone are orders to collect, whose customer chose the node; those of a rule that sorts, whose costs are no sums;
those with an item that ships alone; and those whose node would not be asked for them today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.routing.case import Case
from server.routing.criteria._base import Ints
from server.routing.decisions import Decision, Demand
from server.routing.desk import Desk, Items
from server.routing.plan import Portion, decision, sent
from server.routing.rules import RoutingPlan, Rule
from server.routing.snapshot import Candidates
from server.routing.wave import Given, exchanged, imposed
from server.routing.weighing import MICRO


@dataclass(frozen=True, slots=True)
class Held:
    """An order that nodes have been offered and nobody works on. What it was promised is `demand.wanted_by`."""

    demand: Demand
    """All units that these nodes hold for it."""
    parcels: Mapping[str, Mapping[str, int]]
    """Node -> item -> units."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a second look finds: new decisions for the orders that move, in the order of the batch."""

    moves: tuple[Decision, ...]
    saved: int
    """Micro-costs of the plan's weights, over the whole batch."""
    looked_at: int
    """Orders that could have moved."""


def look_again(
    batch: Sequence[Held], candidates: Candidates, routing_plan: RoutingPlan, *, now: datetime, least: float = 0.0
) -> Look:
    """Exchange what saves more than `least`, in units of the plan's weights.

    `candidates`: free stock and capacity, with what the batch holds among it. It is not changed.
    """
    moves: list[Decision] = []
    saved = looked_at = 0
    desk = Desk(candidates, routing_plan.rules[-1], now, lasting=True)
    for rule, mine in _by_rule(batch, routing_plan, now):
        desk.turn_to(rule)
        table = _Table.laid(desk, mine)
        if len(table.demands) > 0:
            parcels, less = exchanged(table.demands, table.held, desk.left(), rule, now, least=round(least * MICRO))
            saved += less
            looked_at += len(table.demands)
            moves += _decided(desk, table, parcels, routing_plan)
    order = {each.demand.order: place for place, each in enumerate(batch)}
    return Look(tuple(sorted(moves, key=lambda move: order[move.order])), saved, looked_at)


def _by_rule(batch: Sequence[Held], routing_plan: RoutingPlan, now: datetime) -> Iterator[tuple[Rule, list[Held]]]:
    """Each rule with the orders that it is the first for."""
    left = list(batch)
    for rule in routing_plan.rules:
        mine = [each for each in left if rule.orders.takes(each.demand, now)]
        left = [each for each in left if not rule.orders.takes(each.demand, now)]
        if mine:
            yield rule, mine


@dataclass(slots=True)
class _Table:
    """Orders that may move under one rule; what the others hold is off the desk."""

    demands: list[Demand]
    held: list[Given]
    metres: list[Ints]

    @classmethod
    def laid(cls, desk: Desk, mine: Sequence[Held]) -> _Table:
        """Everybody takes what they hold; those who may move put it back, to begin with."""
        table = cls([], [], [])
        metres = desk.nodes.metres_from([each.demand.destination for each in mine])
        for each, way in zip(mine, metres, strict=True):
            items = Items.of(each.demand, desk.nodes)
            parcels = _given(each, items, desk)
            if _may_move(each.demand, desk) and _fits(desk, each.demand, way, parcels):
                table.demands.append(each.demand)
                table.held.append(parcels)
                table.metres.append(way)
            _take(desk, items, parcels)
        for demand, parcels in zip(table.demands, table.held, strict=True):
            items = Items.of(demand, desk.nodes)
            for row, units in parcels:
                desk.put_back(items, row, list(units))
        return table


def _given(each: Held, items: Items, desk: Desk) -> Given:
    rows = sorted((desk.nodes.row[node], units) for node, units in each.parcels.items() if node in desk.nodes.row)
    return tuple((row, tuple(units.get(sku, 0) for sku in items.skus)) for row, units in rows)


def _may_move(demand: Demand, desk: Desk) -> bool:
    in_time = demand.wanted_by is None or demand.wanted_by > desk.now
    alone = any("ship_alone" in line.flags for line in demand.lines)
    return demand.delivery == "ship" and not desk.rule.sort and in_time and not alone


def _fits(desk: Desk, demand: Demand, metres: Ints, parcels: Given) -> bool:
    """Whether the rule would give it today what it holds; only then can its cost be compared."""
    case = Case.of(desk, demand, metres)
    try:
        answer = imposed(case, parcels)
    except KeyError:
        return False
    usable = case.problem.have[:, list(answer.nodes)]
    return len(parcels) <= case.cap and bool((answer.units <= usable).all())


def _take(desk: Desk, items: Items, parcels: Given) -> None:
    for row, units in parcels:
        desk.take(items, row, list(units))


def _decided(desk: Desk, table: _Table, parcels: Sequence[Given], routing_plan: RoutingPlan) -> list[Decision]:
    """The decisions of those that move; everybody takes what they are given, for the next rule."""
    moves = []
    for place, demand in enumerate(table.demands):
        portion = Portion(place, demand, alone=False)
        part = sent(desk, portion, table.metres[place], parcels[place])
        if parcels[place] != table.held[place]:
            portion.parts.append(part)
            moves.append(decision(demand, [portion], routing_plan))
    return moves
