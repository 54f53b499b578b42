"""The other nodes for each line, and the number that lost.

A rival stands in for the winner in one of two ways, whichever is cheaper: the winner's whole parcel comes from the
rival, or only this line does (which opens a parcel more, unless the rival sends one already or the winner's parcel
had nothing else). Everything else stays as it was decided. So the cost shown is that of an answer that could have been
given, and the criterion named is the one that grew most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import Facts, Ints
from server.routing.decisions import Rival, Term
from server.routing.snapshot import Nodes
from server.routing.solve import Answer
from server.routing.weighing import Weighed

MOST_RIVALS = 5
TIE = "tie"
TOGETHER = "together"
"""The rival would cost this order less; the answer was chosen for all orders of its wave."""
_FAR = 2**62
_NEVER = np.int64(_FAR)


@dataclass(slots=True)
class Costs:
    """What each criterion of the plan adds, in micro-units, for the nodes that could serve one order."""

    facts: Facts
    parcel_criteria: tuple[Weighed, ...]
    unit_criteria: tuple[Weighed, ...]
    parcel_terms: Ints
    """(parcel criteria, n)"""
    unit_terms: Ints
    """(unit criteria, m, n) for one unit"""
    parcel: Ints
    """(n) sum of the terms"""
    unit: Ints
    """(m, n) sum of the terms"""
    rows: NDArray[np.intp]
    """(n) rows of `nodes`."""
    nodes: Nodes

    def code(self, node: int) -> str:
        return self.nodes.codes[int(self.rows[node])]

    def name(self, node: int) -> str:
        return self.nodes.names[int(self.rows[node])]


@dataclass(slots=True)
class Race:
    """One winner's parcel against everybody else. `_NEVER` is the cost of who cannot stand in."""

    items: list[int]
    """Items in the parcel."""
    whole: Ints
    """(n) cost of the whole answer when the whole parcel moves."""
    line: Ints | None
    """(items in the parcel, n) its cost when only that line moves; None where the parcel has one item."""
    too_little: list[int]
    """Per item, nodes that have some, but not all of the parcel's units."""
    over_cap: list[int]
    """Per item, nodes that would need a parcel more than the plan allows."""

    def added_to(self, excluded: dict[str, int], at: int) -> dict[str, int]:
        """The nodes that fell out, with those that fell out here."""
        few, over = self.too_little[at], self.over_cap[at]
        if few:
            excluded = {**excluded, "too_little": few}
        return {**excluded, "split_cap": over} if over else excluded


def against(costs: Costs, answer: Answer, place: int, cap: int) -> Race:
    """What the answer would cost with any other node in place of `answer.nodes[place]`."""
    winner, units = answer.nodes[place], answer.units[:, place : place + 1]
    items = np.flatnonzero(units)
    spare, unit = costs.facts.available, costs.unit
    base = costs.parcel + answer.cost
    if len(answer.nodes) > 1 or len(items) < len(units):
        in_use = list(answer.nodes)
        base[in_use] = answer.cost
        spare = spare[items]
        spare[:, in_use] -= answer.units[items]
        unit, units = unit[items], units[items]
    able = spare >= units
    few = np.add.reduce((spare > 0) & ~able, axis=1).tolist()
    able[:, winner] = False
    moved = units * unit
    moved -= moved[:, winner : winner + 1]
    able_whole = np.logical_and.reduce(able)
    parcel = int(costs.parcel[winner])
    whole = np.where(able_whole, np.add.reduce(moved) + (base - parcel), _NEVER)
    if len(items) == 1:
        return Race(items.tolist(), whole, None, few, [0])
    over = [0] * len(items)
    may = able
    if len(answer.nodes) >= cap:
        may = np.zeros_like(able)
        others = list(answer.nodes)
        may[:, others] = able[:, others]
        over = np.add.reduce(able & ~may & ~able_whole, axis=1).tolist()
    return Race(items.tolist(), whole, np.where(may, moved + base, _NEVER), few, over)


def best(costs: Costs, answer: Answer, place: int, race: Race) -> list[tuple[Rival, ...]]:
    """Per item of the parcel the best few rivals; equal cost in order of node code.

    A rival that would take the whole parcel is the same for every item of it, and made once.
    """
    near = _nearest(race.whole)
    if race.line is None or (
        len(near) == MOST_RIVALS and race.whole[near[-1]] < np.minimum.reduce(race.line, axis=None)
    ):
        look = _look(costs, answer, place, race, near)
        same = tuple([look.rival(0, node, total) for node, total in look.whole.items() if total < _FAR])
        return [same] * len(race.items)
    lines = np.minimum(race.line, race.whole)
    nearest = [_nearest(row) for row in lines]
    nodes = sorted({node for near in nearest for node in near})
    look = _look(costs, answer, place, race, nodes)
    totals = lines.take(nodes, axis=1).tolist()
    found = []
    for at, near in enumerate(nearest):
        total = dict(zip(nodes, totals[at], strict=True))
        found.append(tuple([look.rival(at, node, total[node]) for node in near if total[node] < _FAR]))
    return found


def _nearest(costs: Ints) -> list[int]:
    """The places of the least costs; equal ones in order."""
    if len(costs) <= 64:
        few: list[int] = costs.argsort(kind="stable")[:MOST_RIVALS].tolist()
        return few
    bound = np.partition(costs, MOST_RIVALS)[MOST_RIVALS]
    near = np.flatnonzero(costs <= bound)
    found: list[int] = near[costs[near].argsort(kind="stable")[:MOST_RIVALS]].tolist()
    return found


@dataclass(slots=True)
class _Look:
    """A closer look at the few nodes that are named: their costs as plain numbers, gathered at once."""

    costs: Costs
    answer: Answer
    winner: int
    items: list[int]
    parcel: dict[int, list[int]]
    """Node -> cost per parcel criterion; 0 where it sends a parcel already, except for the winner."""
    unit: dict[int, list[list[int]]]
    """Node -> cost per unit criterion and item, for all units the winner gives."""
    whole: dict[int, int]
    """Node -> cost of the answer when the whole parcel moves."""
    known: dict[int, Rival]

    def rival(self, at: int, node: int, total: int) -> Rival:
        """One rival for one item, with the criterion that decided and its figures on both sides."""
        if total != self.whole[node]:
            return self._made(self.items[at : at + 1], node, total, frees=False)
        if node not in self.known:
            self.known[node] = self._made(self.items, node, total, frees=True)
        return self.known[node]

    def _made(self, items: list[int], node: int, total: int, *, frees: bool) -> Rival:
        code, name = self.costs.code(node), self.costs.name(node)
        if self.answer.together and total < self.answer.cost:
            return Rival(code, name, total, TOGETHER, self.answer.cost - total, {}, {}, False)
        decided, lost, item = self._decided(items, node, frees=frees)
        if decided is None or total == self.answer.cost:
            return Rival(code, name, total, TIE, 0, {}, {}, False)
        figures = decided.criterion.figures
        theirs, ours = figures(self.costs.facts, item, node), figures(self.costs.facts, item, self.winner)
        extra = not frees and node not in self.answer.nodes
        return Rival(code, name, total, decided.criterion.code, lost, theirs, ours, extra)

    def _decided(self, items: list[int], node: int, *, frees: bool) -> tuple[Weighed | None, int, int]:
        """The criterion that grew most, by how much, and the item it is shown for (the one that grew most itself)."""
        decided, lost, item = None, 0, items[0]
        for each, theirs, ours in zip(
            self.costs.parcel_criteria, self.parcel[node], self.parcel[self.winner], strict=True
        ):
            more = theirs - ours if frees else theirs
            if more > lost:
                decided, lost = each, more
        for each, units, before in zip(self.costs.unit_criteria, self.unit[node], self.unit[self.winner], strict=True):
            grown = [units[i] - before[i] for i in items]
            if sum(grown) > lost:
                decided, lost = each, sum(grown)
                item = items[grown.index(max(grown))]
        return decided, lost, item


def _look(costs: Costs, answer: Answer, place: int, race: Race, nodes: list[int]) -> _Look:
    winner, units = answer.nodes[place], answer.units[:, place]
    named = [*nodes, winner]
    parcel = dict(zip(named, costs.parcel_terms.take(named, axis=1).T.tolist(), strict=True))
    unit = costs.unit_terms.take(named, axis=2).transpose(2, 0, 1) * units
    for node in answer.nodes:
        if node in parcel and node != winner:
            parcel[node] = [0] * len(costs.parcel_criteria)
    return _Look(
        costs=costs,
        answer=answer,
        winner=winner,
        items=race.items,
        parcel=parcel,
        unit=dict(zip(named, unit.tolist(), strict=True)),
        whole=dict(zip(nodes, race.whole.take(nodes).tolist(), strict=True)),
        known={},
    )


def terms(costs: Costs, answer: Answer, place: int, items: list[int]) -> list[tuple[Term, ...]]:
    """Per item of a parcel what it costs, criterion by criterion: the parcel's terms, then those of its own units."""
    node, units = answer.nodes[place], answer.units[:, place].tolist()
    parcel = tuple(
        Term(each.criterion.code, cost, each.criterion.figures(costs.facts, 0, node))
        for each, cost in zip(costs.parcel_criteria, costs.parcel_terms[:, node].tolist(), strict=True)
    )
    by_unit = list(zip(costs.unit_criteria, costs.unit_terms[:, :, node].tolist(), strict=True))
    found = []
    for item in items:
        own = [
            Term(each.criterion.code, cost[item] * units[item], each.criterion.figures(costs.facts, item, node))
            for each, cost in by_unit
        ]
        found.append((*parcel, *own))
    return found
