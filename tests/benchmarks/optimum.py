"""The exact optimum of a batch of orders, by an integer program (HiGHS): the yardstick of the router.

It shares the router's costs and what each order may take, and none of its search. In the router's order of preference:
most units covered, then least cost. For every order o, node n and item i there is a parcel y[o,n] of 0 or 1 and there
are units x[o,i,n]; within chosen parcels they flow like goods to markets, so that they come out whole by themselves.

    sum_n x[o,i,n] <= wanted        x[o,i,n] <= have * y[o,n]        sum_n y[o,n] <= cap
    sum_o x[o,i,n] <= shelf         sum_o y[o,n] = sum_k z[n,k]      sum_n x[o,i,n] >= at least

z[n,k] is the k-th job that the batch gives to a node; its cost is how much load has grown by then, and never falls.

A unit costs what it costs before the batch takes anything. In order, the second order at a shelf pays a little more
than the first, since less is left: a cost that is no longer linear. So for one order the figure is exact; for a batch
it is a bound that no answer can beat, and `in_order` is the cost of an answer, which the optimum does not exceed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from server.routing.case import Case
from server.routing.criteria._base import Facts, Ints
from server.routing.desk import Desk
from server.routing.rules import Rule
from server.routing.snapshot import Candidates
from server.routing.solve import Answer
from server.routing.weighing import weigh

Floats = NDArray[np.float64]
Floors = Sequence[Sequence[int]]
"""Order -> item -> units."""
_SCALE = 1e6
"""Costs as the solver sees them: a parcel costs about 1, which is what its tolerances are made for."""
_SHARP = 1e-9


@dataclass(frozen=True, slots=True)
class Optimum:
    units: int
    """Covered; at most."""
    cost: int
    """Micro-units; at least."""
    exact: bool
    """False: the time ran out, and the figures are bounds."""
    answers: tuple[Answer, ...]
    """One per order; their cost is what it would be before the batch takes anything."""


def optimum(
    cases: Sequence[Case],
    candidates: Candidates,
    rule: Rule,
    *,
    at_least: Floors | None = None,
    units: int | None = None,
    seconds: float = 60,
) -> Optimum:
    """Of orders that were looked at before anything was taken.

    `at_least` are the units of each item that each order must get; `units` is how many the batch gets, where that is
    known already.
    """
    model = _Model(cases, candidates, rule, at_least)
    if not model.parcels:
        return Optimum(0, 0, True, model.answers(np.zeros(0, dtype=np.int64)))
    exact = True
    if units is None:
        units, exact = model.most_units(seconds)
    model.cover(units)
    cost, answers, settled = model.least_cost(seconds)
    return Optimum(units, cost, exact and settled, answers)


@dataclass(slots=True)
class _Rows:
    """Constraints in the making, entry by entry."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)

    def add(self, low: float, high: float, columns: Sequence[int], factors: Sequence[float] | None = None) -> None:
        self.starts.append(len(self.columns))
        self.low.append(low)
        self.high.append(high)
        self.columns += columns
        self.factors += factors or [1.0] * len(columns)


class _Model:
    """Columns: first every parcel that is possible, then every unit that can be had, then the jobs of each node."""

    def __init__(self, cases: Sequence[Case], candidates: Candidates, rule: Rule, at_least: Floors | None) -> None:
        self.cases = cases
        self.parcels = [(o, int(n)) for o, case in enumerate(cases) for n in np.flatnonzero(case.problem.have.sum(0))]
        self.units = [(o, i, n) for o, n in self.parcels for i in np.flatnonzero(cases[o].problem.have[:, n]).tolist()]
        self.first_unit = len(self.parcels)
        self.first_job = self.first_unit + len(self.units)
        wanted = np.bincount([self._row(o, n) for o, n in self.parcels], minlength=len(candidates.nodes))
        jobs = _jobs(candidates, rule, wanted) if len(cases) > 1 else []
        self.jobs = [node for node, _ in jobs]
        self.costs = np.array(
            [
                *(cases[o].problem.parcel[n] for o, n in self.parcels),
                *(cases[o].problem.unit[i, n] for o, i, n in self.units),
                *(cost for _, cost in jobs),
            ],
            dtype=np.float64,
        )
        self.highs = self._loaded(self._rows(candidates, at_least))

    def _rows(self, candidates: Candidates, at_least: Floors | None) -> _Rows:
        rows, infinite = _Rows(), highspy.kHighsInf
        parcel = {key: place for place, key in enumerate(self.parcels)}
        for o, mine in _grouped(self.parcels, lambda key: key[0]).items():
            rows.add(0, self.cases[o].cap, mine)
        for place, (o, i, n) in enumerate(self.units, self.first_unit):
            rows.add(-infinite, 0, [place, parcel[o, n]], [1.0, -float(self.cases[o].problem.have[i, n])])
        for (o, i), mine in _grouped(self.units, lambda key: key[:2], self.first_unit).items():
            rows.add(at_least[o][i] if at_least else 0, int(self.cases[o].problem.want[i]), mine)
        for (sku, node), mine in _grouped(self.units, self._shelf, self.first_unit).items():
            rows.add(0, int(candidates.available[candidates.skus[sku], node]), mine)
        given = _grouped(self.jobs, lambda node: node, self.first_job)
        for node, mine in _grouped(self.parcels, lambda key: self._row(*key)).items():
            if node in given:
                rows.add(0, 0, mine + given[node], [1.0] * len(mine) + [-1.0] * len(given[node]))
        rows.add(0, infinite, list(range(self.first_unit, self.first_job)))
        return rows

    def _row(self, order: int, node: int) -> int:
        return int(self.cases[order].costs.rows[node])

    def _shelf(self, key: tuple[int, int, int]) -> tuple[str, int]:
        order, item, node = key
        return self.cases[order].items.skus[item], self._row(order, node)

    def _loaded(self, rows: _Rows) -> highspy.Highs:
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.costs), len(rows.low)
        lp.col_cost_ = np.zeros(len(self.costs))
        lp.col_lower_ = np.zeros(len(self.costs))
        ones, have = [1.0] * len(self.parcels), [float(self.cases[o].problem.have[i, n]) for o, i, n in self.units]
        lp.col_upper_ = np.array([*ones, *have, *([1.0] * len(self.jobs))])
        whole, any_ = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        lp.integrality_ = [whole] * len(self.parcels) + [any_] * (len(self.units) + len(self.jobs))
        lp.row_lower_, lp.row_upper_ = np.array(rows.low), np.array(rows.high)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.array([*rows.starts, len(rows.columns)], dtype=np.int32)
        lp.a_matrix_.index_ = np.array(rows.columns, dtype=np.int32)
        lp.a_matrix_.value_ = np.array(rows.factors)
        highs = _quiet()
        for name, value in {"output_flag": False, "threads": 1, "random_seed": 0, "mip_rel_gap": 0.0}.items():
            highs.setOptionValue(name, value)
        for name in ("mip_abs_gap", "mip_feasibility_tolerance", "primal_feasibility_tolerance"):
            highs.setOptionValue(name, _SHARP)
        highs.passModel(lp)
        self.last_row = lp.num_row_ - 1
        return highs

    def _solve(self, costs: Floats, seconds: float) -> tuple[float, bool]:
        """(the bound, whether it is reached)"""
        self.highs.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        self.highs.setOptionValue("time_limit", self.highs.getRunTime() + seconds)
        self.highs.run()
        status = self.highs.getModelStatus()
        if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
            raise RuntimeError(f"HiGHS says {self.highs.modelStatusToString(status)}")
        return self.highs.getInfo().mip_dual_bound, status == highspy.HighsModelStatus.kOptimal

    def most_units(self, seconds: float) -> tuple[int, bool]:
        costs = np.zeros(len(self.costs))
        costs[self.first_unit : self.first_job] = -1
        bound, reached = self._solve(costs, seconds)
        return int(np.floor(-bound + 1e-4)), reached

    def cover(self, units: int) -> None:
        """No answer with fewer units any more."""
        self.highs.changeRowBounds(self.last_row, units, highspy.kHighsInf)

    def least_cost(self, seconds: float) -> tuple[int, tuple[Answer, ...], bool]:
        """(least cost, an answer that has it, True), or (a bound of it, nothing, False)."""
        bound, reached = self._solve(self.costs / _SCALE, seconds)
        if not reached:
            return int(np.floor(bound * _SCALE)), (), False
        values = np.rint(self.highs.getSolution().col_value).astype(np.int64)
        cost = int(values @ self.costs.astype(np.int64))
        return cost, self.answers(values), True

    def answers(self, values: Ints) -> tuple[Answer, ...]:
        return tuple(self._answer(order, values) for order in range(len(self.cases)))

    def _answer(self, order: int, values: Ints) -> Answer:
        problem = self.cases[order].problem
        units = np.zeros_like(problem.have)
        for place, (o, i, n) in enumerate(self.units, self.first_unit):
            if o == order:
                units[i, n] = values[place]
        nodes = np.flatnonzero(units.sum(0))
        cost = int(problem.parcel[nodes].sum() + (units * problem.unit).sum())
        return Answer(tuple(nodes.tolist()), units[:, nodes], cost, True)


def in_order(answers: Sequence[Answer], cases: Sequence[Case], metres: Ints, desk: Desk) -> int:
    """What such answers cost one after the other, as the router prices a batch. The desk must be a lasting one."""
    cost = 0
    for answer, case, way in zip(answers, cases, metres, strict=True):
        turn = Case.of(desk, case.demand, way)
        place = {int(row): node for node, row in enumerate(turn.costs.rows)}
        nodes = [place[int(case.costs.rows[node])] for node in answer.nodes]
        cost += int(turn.problem.parcel[nodes].sum() + (answer.units * turn.problem.unit[:, nodes]).sum())
        turn.take(desk, Answer(tuple(nodes), answer.units, 0, False))
    return cost


def _quiet() -> highspy.Highs:
    """A solver whose greeting goes to standard error: standard output is for figures."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        return highspy.Highs()
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _grouped(keys: Iterable[Any], group: Callable[[Any], Any], first: int = 0) -> dict[Any, list[int]]:
    """Group -> columns, where the keys stand in the order of the columns from `first`."""
    found: dict[Any, list[int]] = {}
    for column, key in enumerate(keys, first):
        found.setdefault(group(key), []).append(column)
    return found


def _jobs(candidates: Candidates, rule: Rule, parcels: Ints) -> list[tuple[int, int]]:
    """(node, cost over that of the first job) for each job that the batch may give it. `parcels`: (n) at most."""
    nodes, by_parcel = candidates.nodes, rule.weighed[0]
    nothing = np.zeros((1, len(nodes)), dtype=np.int64)
    costs = [
        weigh(
            by_parcel,
            Facts(nothing[0], nodes.capacity, candidates.capacity_left - job, nothing, nothing[0, :1]),
            (len(nodes),),
        ).sum(0)
        for job in range(int(parcels.max(initial=0)))
    ]
    found = []
    for node, count in enumerate(np.minimum(parcels, candidates.capacity_left).tolist()):
        grown = [int(costs[job][node] - costs[0][node]) for job in range(count)]
        if grown != sorted(grown):
            raise ValueError("a node's later jobs cost less than its first: this needs another model")
        found += [(node, cost) for cost in grown]
    return found
