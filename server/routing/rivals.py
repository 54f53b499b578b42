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
from server.routing.rules import Weighed
from server.routing.snapshot import Nodes
from server.routing.solve import Answer

MOST_RIVALS = 5
TIE = "tie"
_NEVER = np.int64(2**62)


@dataclass(frozen=True, slots=True)
class Costs:
    """What each criterion of the plan adds, in micro-units, for the nodes that could serve one order."""

    facts: Facts
    parcel_terms: tuple[tuple[Weighed, Ints], ...]
    """(n) each."""
    unit_terms: tuple[tuple[Weighed, Ints], ...]
    """(m, n) each, per unit."""
    parcel: Ints
    unit: Ints
    rows: list[int]
    """(n) rows of `nodes`."""
    nodes: Nodes

    def code(self, node: int) -> str:
        return self.nodes.codes[self.rows[node]]

    def name(self, node: int) -> str:
        return self.nodes.names[self.rows[node]]


@dataclass(frozen=True, slots=True)
class Race:
    """One winner's parcel against everybody else."""

    items: tuple[int, ...]
    """Items in the parcel."""
    costs: Ints
    """(items in the parcel, n) cost of the whole answer with the rival; `_NEVER` for who cannot stand in."""
    whole: NDArray[np.bool_]
    """(items in the parcel, n) the whole parcel moves."""
    too_little: Ints
    """(items in the parcel) nodes that have some, but not all of the parcel's units."""
    over_cap: Ints
    """(items in the parcel) nodes that would need a parcel more than the plan allows."""

    def added_to(self, excluded: dict[str, int], at: int) -> dict[str, int]:
        """The nodes that fell out, with those that fell out here."""
        few, over = int(self.too_little[at]), int(self.over_cap[at])
        if few:
            excluded = {**excluded, "too_little": few}
        return {**excluded, "split_cap": over} if over else excluded


def against(costs: Costs, answer: Answer, place: int, cap: int) -> Race:
    """What the answer would cost with any other node in place of `answer.nodes[place]`."""
    winner, gives = answer.nodes[place], answer.units[:, place]
    items = np.flatnonzero(gives)
    units = gives[items, None]
    in_use = list(answer.nodes)
    spare = costs.facts.available[items]
    spare[:, in_use] -= answer.units[items]
    opened = costs.parcel.copy()
    opened[in_use] = 0
    able = spare >= units
    few = (spare > 0) & ~able
    able[:, winner] = few[:, winner] = False
    moved = units * costs.unit[items]
    moved -= moved[:, winner, None]
    able_whole = able.all(0)
    base = answer.cost + opened
    whole_cost = np.where(able_whole, base + moved.sum(0) - int(costs.parcel[winner]), _NEVER)
    if len(items) == 1:
        return Race((int(items[0]),), whole_cost[None, :], able, few.sum(1), np.zeros(1, dtype=np.int64))
    over = np.zeros_like(able)
    if len(answer.nodes) >= cap:
        over = able.copy()
        over[:, in_use] = False
    line_cost = np.where(able & ~over, base + moved, _NEVER)
    whole = able_whole & (whole_cost <= line_cost)
    return Race(
        tuple(items.tolist()),
        np.minimum(line_cost, whole_cost),
        whole,
        few.sum(1),
        (over & ~able_whole).sum(1),
    )


def best(costs: Costs, answer: Answer, place: int, race: Race, at: int, known: dict[int, Rival]) -> tuple[Rival, ...]:
    """The best few rivals for one item of the parcel; equal cost in order of node code.

    `known` keeps the rivals that would take the whole parcel: they are the same for every item of it.
    """
    found = []
    for node in _nearest(race.costs[at]):
        whole = bool(race.whole[at, node])
        if whole and node not in known:
            known[node] = _rival(costs, answer, place, race, at, node)
        found.append(known[node] if whole else _rival(costs, answer, place, race, at, node))
    return tuple(found)


def _nearest(costs: Ints) -> list[int]:
    if len(costs) > 64:
        bound = np.partition(costs, MOST_RIVALS)[MOST_RIVALS]
        near = np.flatnonzero(costs <= bound)
        near = near[np.argsort(costs[near], kind="stable")[:MOST_RIVALS]]
    else:
        near = np.argsort(costs, kind="stable")[:MOST_RIVALS]
    return [node for node in near.tolist() if costs[node] < _NEVER]


def _rival(costs: Costs, answer: Answer, place: int, race: Race, at: int, node: int) -> Rival:
    """One rival, with the criterion that decided and its figures on both sides."""
    winner = answer.nodes[place]
    code, name, total = costs.code(node), costs.name(node), int(race.costs[at, node])
    whole = bool(race.whole[at, node])
    opens = node not in answer.nodes
    weighed, lost, item = _decided(costs, answer, place, node, race.items if whole else (race.items[at],), opens, whole)
    if weighed is None or total == answer.cost:
        return Rival(code, name, total, TIE, 0, {}, {}, False)
    figures = weighed.criterion.figures
    theirs, ours = figures(costs.facts, item, node), figures(costs.facts, item, winner)
    return Rival(code, name, total, weighed.criterion.code, lost, theirs, ours, opens and not whole)


def _decided(
    costs: Costs, answer: Answer, place: int, node: int, items: tuple[int, ...], opens: bool, frees: bool
) -> tuple[Weighed | None, int, int]:
    """The criterion that grew most, by how much, and the item it is shown for (the one that grew most itself)."""
    winner = answer.nodes[place]
    decided, lost, item = None, 0, items[0]
    for weighed, cost in costs.parcel_terms:
        more = (int(cost[node]) if opens else 0) - (int(cost[winner]) if frees else 0)
        if more > lost:
            decided, lost = weighed, more
    for weighed, cost in costs.unit_terms:
        parts = [int(answer.units[i, place]) * (int(cost[i, node]) - int(cost[i, winner])) for i in items]
        if sum(parts) > lost:
            decided, lost, item = weighed, sum(parts), items[parts.index(max(parts))]
    return decided, lost, item


def terms(costs: Costs, answer: Answer, place: int, item: int) -> tuple[Term, ...]:
    """What one line in one parcel costs, criterion by criterion, in the plan's order."""
    node, units = answer.nodes[place], int(answer.units[item, place])
    found = [(w, int(cost[node])) for w, cost in costs.parcel_terms]
    found += [(w, int(cost[item, node]) * units) for w, cost in costs.unit_terms]
    return tuple(Term(w.criterion.code, cost, w.criterion.figures(costs.facts, item, node)) for w, cost in found)
