"""The search: which nodes open a parcel, and how many units of each item each of them gives.

Exact where it can be. An answer is a set of at most `cap` nodes; within a set, filling each item from its cheapest
node first is optimal, since a parcel costs the same whatever is in it. So only sets are searched, smallest first:

1. Every single node, all at once. If one covers what can be covered and costs no more than any two parcels could
   (lower bound: the two cheapest parcels and the cheapest units), it is the optimum. Most orders end here.
2. Sets of 2, 3, ... nodes. Nodes that cannot be in a better answer go first (coverage and cost bounds against the best
   answer so far; and any node that `size` others beat at everything it could give). All sets of the nodes that stay
   are compared, while there are at most `MOST_SETS` of them.
3. If more stay, the list is cut to the most useful ones and the answer is polished by exchanging and adding nodes
   until nothing gets better. It is then said not to be proven.

Order of preference: fewest units uncovered, least cost, fewest nodes, first nodes by code. All numbers are int64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import Ints

MOST_SETS = 4096
"""Sets of one size that are compared; 91 nodes in pairs, 30 in threes, 18 in fours."""
MOST_NODES = 256
"""Nodes that are compared in pairs for dominance."""
ROUNDS = 16
"""Exchanges while polishing an answer that was not proven."""
_NEVER = np.int64(2**62)

_Rank = tuple[int, int, int, tuple[int, ...]]
"""(uncovered units, cost, nodes, node places): smaller is better, and no two sets are equal."""


@dataclass(slots=True)
class Problem:
    """n nodes in code order, m items."""

    parcel: Ints
    """(n) cost of a parcel from the node."""
    unit: Ints
    """(m, n) cost of one unit."""
    have: Ints
    """(m, n) units the node can give, at most what is wanted."""
    want: Ints
    """(m) units."""
    cap: int
    """Parcels at most."""


@dataclass(slots=True)
class Answer:
    nodes: tuple[int, ...]
    """Ascending; every one of them gives something."""
    units: Ints
    """(m, len(nodes)) units per item and node."""
    cost: int
    proven: bool
    together: bool = False
    """Chosen for all orders of a wave: another one may suit this order better."""


def solve(problem: Problem) -> Answer:
    """The best answer, or an empty one where no node has anything."""
    covers = np.add.reduce(problem.have)
    most = int(np.maximum.reduce(covers, initial=0))
    if not most:
        return Answer((), np.zeros((len(problem.want), 0), dtype=np.int64), 0, True)
    costs = problem.parcel + np.add.reduce(problem.have * problem.unit)
    single = int(np.where(covers == most, costs, _NEVER).argmin())
    wanted = int(np.add.reduce(problem.want))
    best: _Rank = (wanted - most, int(costs[single]), 1, (single,))
    if problem.cap == 1 or (most == wanted and best[1] <= 2 * int(np.minimum.reduce(problem.parcel))):
        return Answer((single,), problem.have[:, single : single + 1], best[1], True)
    proven = True
    if len(covers) > 1:
        best, proven = _Search(problem, covers, wanted).more_nodes(best)
    return _filled(problem, best[3], proven)


class _Search:
    """Sets of more than one node. Holds what does not change while the sets grow."""

    def __init__(self, problem: Problem, covers: Ints, wanted: int) -> None:
        self.problem = problem
        self.covers = covers
        reach = np.minimum(problem.have.sum(1), problem.want)
        self.uncovered_at_least = wanted - int(reach.sum())
        cheapest = np.where(problem.have > 0, problem.unit, _NEVER).min(1)
        self.units_at_least = int((reach * np.where(reach > 0, cheapest, 0)).sum())
        top = min(problem.cap, len(covers))
        self.cheapest_parcels = np.sort(np.partition(problem.parcel, top - 1)[:top])

    def more_nodes(self, best: _Rank) -> tuple[_Rank, bool]:
        if self._settled(best, 2):
            return best, True
        best = min(best, self._greedy())
        proven = True
        for size in range(2, min(self.problem.cap, len(self.covers)) + 1):
            if self._settled(best, size):
                break
            stay, whole = self._staying(best, size)
            proven &= whole
            if len(stay) >= size:
                best = min(best, self._best_of(stay[_sets(len(stay), size)]))
        return (best, True) if proven else (self._polished(best), False)

    def _settled(self, best: _Rank, size: int) -> bool:
        """No set of `size` or more can be better than `best`."""
        at_least = int(self.cheapest_parcels[:size].sum()) + self.units_at_least
        return best[0] == self.uncovered_at_least and best[1] <= at_least

    def _staying(self, best: _Rank, size: int) -> tuple[NDArray[np.intp], bool]:
        """Nodes that may be in a better set of `size`, in code order; False where the list had to be cut."""
        covers = self.covers
        others = np.sort(covers)[-(size - 1) :].sum()
        wanted = int(self.problem.want.sum())
        keep = (covers > 0) & (covers + others >= wanted - best[0])
        if best[0] == self.uncovered_at_least:
            rest = int(self.cheapest_parcels[: size - 1].sum()) + self.units_at_least
            keep &= self.problem.parcel + rest <= best[1]
        stay = np.flatnonzero(keep)
        whole = len(stay) <= MOST_NODES
        if not whole:
            stay = self._most_useful(stay, MOST_NODES)
        if comb(len(stay), size) > size:
            stay = stay[~self._beaten(stay, size)]
        if comb(len(stay), size) > MOST_SETS:
            whole = False
            stay = self._most_useful(stay, _most_for(size))
        return stay, whole

    def _beaten(self, stay: NDArray[np.intp], size: int) -> NDArray[np.bool_]:
        """Nodes for which `size` others could give whatever they give, at no more cost.

        At least one of those is outside any set of that size, so exchanging them never makes a set worse.
        """
        problem = self.problem
        parcel, have, unit = problem.parcel[stay], problem.have[:, stay], problem.unit[:, stay]
        places = np.arange(len(stay))
        more = parcel[None, :] - parcel[:, None]
        able = np.ones(more.shape, dtype=np.bool_)
        for item in range(len(have)):
            able &= have[item][None, :] >= have[item][:, None]
            more = more + have[item][:, None] * np.maximum(unit[item][None, :] - unit[item][:, None], 0)
        better = able & ((more < 0) | ((more == 0) & (places[None, :] < places[:, None])))
        return np.asarray(better.sum(1) >= size)

    def _most_useful(self, stay: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        """The `count` nodes with the least cost per unit they could give, back in code order."""
        problem = self.problem
        costs = problem.parcel[stay] + (problem.have[:, stay] * problem.unit[:, stay]).sum(0)
        useful = np.argsort(costs / self.covers[stay], kind="stable")[:count]
        return np.sort(stay[useful])

    def _greedy(self) -> _Rank:
        """A first answer: again and again the node that gives most of what is still open."""
        problem = self.problem
        chosen: list[int] = []
        left = problem.want.copy()
        while len(chosen) < problem.cap and left.any():
            give = np.minimum(problem.have, left[:, None])
            give[:, chosen] = 0
            gain = give.sum(0)
            most = int(gain.max())
            if not most:
                break
            node = int(np.where(gain == most, problem.parcel + (give * problem.unit).sum(0), _NEVER).argmin())
            chosen.append(node)
            left -= give[:, node]
        return self._best_of(np.array([sorted(chosen)], dtype=np.intp))

    def _best_of(self, sets: NDArray[np.intp]) -> _Rank:
        """The best of (sets, size) node places, each row ascending; rows in order of preference where equal."""
        uncovered, costs = _priced(self.problem, sets)
        least = int(uncovered.min())
        row = int(np.where(uncovered == least, costs, _NEVER).argmin())
        nodes = tuple(int(place) for place in sets[row])
        return least, int(costs[row]), len(nodes), nodes

    def _polished(self, best: _Rank) -> _Rank:
        """Exchange one node, leave one out, or add one, while that helps."""
        everyone = np.flatnonzero(self.covers > 0)
        for _ in range(ROUNDS):
            before = best
            nodes = list(best[3])
            bases = [nodes[:place] + nodes[place + 1 :] for place in range(len(nodes))]
            if len(nodes) < self.problem.cap:
                bases.append(nodes)
            for base in bases:
                if base:
                    best = min(best, self._best_of(np.array([base], dtype=np.intp)))
                others = np.setdiff1d(everyone, base)
                if len(others):
                    sets = np.empty((len(others), len(base) + 1), dtype=np.intp)
                    sets[:, :-1] = base
                    sets[:, -1] = others
                    best = min(best, self._best_of(np.sort(sets, axis=1)))
            if best == before:
                break
        return best


def _priced(problem: Problem, sets: NDArray[np.intp]) -> tuple[Ints, Ints]:
    """(sets) uncovered units and cost of each set, every item filled from its cheapest node first."""
    costs = problem.parcel[sets].sum(1)
    routed = np.zeros(len(sets), dtype=np.int64)
    size = sets.shape[1]
    for item, want in enumerate(problem.want):
        have, unit = problem.have[item][sets], problem.unit[item][sets]
        for one in range(size):
            before = np.zeros(len(sets), dtype=np.int64)
            for other in range(size):
                if other != one:
                    sooner = unit[:, other] <= unit[:, one] if other < one else unit[:, other] < unit[:, one]
                    before += have[:, other] * sooner
            take = np.minimum(have[:, one], np.maximum(want - before, 0))
            routed += take
            costs += take * unit[:, one]
    return problem.want.sum() - routed, costs


def _filled(problem: Problem, nodes: tuple[int, ...], proven: bool) -> Answer:
    """The units each node of the set gives, without nodes that give nothing."""
    units = np.zeros((len(problem.want), len(nodes)), dtype=np.int64)
    for item, want in enumerate(problem.want.tolist()):
        left = want
        for _, place, node in sorted((int(problem.unit[item, node]), p, node) for p, node in enumerate(nodes)):
            take = min(left, int(problem.have[item, node]))
            units[item, place] = take
            left -= take
    used = [place for place in range(len(nodes)) if units[:, place].any()]
    chosen, given = tuple(nodes[place] for place in used), units[:, used]
    cost = sum(int(problem.parcel[node]) for node in chosen) + int((given * problem.unit[:, chosen]).sum())
    return Answer(chosen, given, cost, proven)


@lru_cache(maxsize=256)
def _sets(nodes: int, size: int) -> NDArray[np.intp]:
    """All sets of `size` out of `nodes` places, in lexicographic order."""
    return np.array(list(combinations(range(nodes), size)), dtype=np.intp).reshape(-1, size)


@lru_cache(maxsize=16)
def _most_for(size: int) -> int:
    """The longest list whose sets of `size` are at most `MOST_SETS`."""
    count = size
    while comb(count + 1, size) <= MOST_SETS:
        count += 1
    return count
