"""The yardstick of `make bench` is checked too: by trying everything, and against answers that cannot be beaten."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.routing.case import Case
from server.routing.decisions import Demand
from server.routing.desk import Desk
from server.routing.plan import plan
from server.routing.rules import RoutingPlan
from server.routing.snapshot import Candidates
from server.routing.solve import Answer, Problem, _filled
from tests.benchmarks.optimum import in_order, optimum
from tests.unit.routing.build import NOW, by_trying_everything, capped, demand, node, world

CODES = ("A", "B", "C")


@st.composite
def batches(draw: st.DrawFn, most_orders: int = 3) -> tuple[list[Demand], Candidates, RoutingPlan]:
    nodes = [node(code, draw(st.integers(1, 900)), capacity=4) for code in CODES]
    stock = {(sku, code): draw(st.integers(0, 3)) for sku in ("pen", "ink") for code in CODES}
    left = {code: draw(st.integers(0, 3)) for code in CODES}
    demands = [
        demand(number, pen=draw(st.integers(1, 2)), ink=draw(st.integers(1, 2)))
        for number in range(draw(st.integers(1, most_orders)))
    ]
    return demands, world(nodes, stock, left), capped(draw(st.integers(1, 3)))


def cases_of(demands: list[Demand], candidates: Candidates, routing_plan: RoutingPlan) -> list[Case]:
    """Every order as if it were alone."""
    desk = Desk(candidates, routing_plan.rules[0], NOW, lasting=False)
    metres = candidates.nodes.metres_from([each.destination for each in demands])
    return [Case.of(desk, each, way) for each, way in zip(demands, metres, strict=True)]


@settings(max_examples=60, deadline=None)
@given(batches(most_orders=1))
def test_the_optimum_of_one_order_is_the_best_of_everything(
    batch: tuple[list[Demand], Candidates, RoutingPlan],
) -> None:
    cases = cases_of(*batch)
    found = optimum(cases, *batch[1:])
    uncovered, cost = by_trying_everything(cases[0].problem)
    assert found.exact
    assert (int(cases[0].problem.want.sum()) - found.units, found.cost) == (uncovered, cost)
    assert found.answers[0].cost == cost


@settings(max_examples=60, deadline=None)
@given(batches())
def test_no_answer_to_a_batch_beats_its_bound(batch: tuple[list[Demand], Candidates, RoutingPlan]) -> None:
    demands, candidates, routing_plan = batch
    cases = cases_of(*batch)
    best = optimum(cases, candidates, routing_plan.rules[0])
    metres = candidates.nodes.metres_from([each.destination for each in demands])
    most, least = 0, 0
    for sets in product(*(_sets(case.problem) for case in cases)):
        desk = Desk(candidates, routing_plan.rules[0], NOW, lasting=True)
        units = cost = 0
        for each, way, nodes in zip(demands, metres, sets, strict=True):
            case = Case.of(desk, each, way)
            answer = _filled(case.problem, nodes, True)
            case.take(desk, answer)
            units, cost = units + int(answer.units.sum()), cost + answer.cost
        most, least = min((-most, least), (-units, cost))
        most = -most
    assert best.exact
    assert best.units >= most
    if best.units == most:
        assert best.cost <= least
    desk = Desk(candidates, routing_plan.rules[0], NOW, lasting=True)
    assert in_order(best.answers, cases, metres, desk) >= best.cost
    _can_be_had(best.answers, cases, candidates, best.units)


@settings(max_examples=60, deadline=None)
@given(batches())
def test_what_was_promised_in_order_is_kept_by_the_optimum(
    batch: tuple[list[Demand], Candidates, RoutingPlan],
) -> None:
    demands, candidates, routing_plan = batch
    decisions = plan(demands, candidates, routing_plan, now=NOW)
    floors = [[sum(c.quantity for c in d.choices if c.line == line) for line in (1, 2)] for d in decisions]
    best = optimum(cases_of(*batch), candidates, routing_plan.rules[0], at_least=floors)
    assert best.units >= sum(map(sum, floors))
    for answer, floor in zip(best.answers, floors, strict=True):
        assert (answer.units.sum(1) >= floor).all()


def _sets(problem: Problem) -> list[tuple[int, ...]]:
    nodes = range(len(problem.parcel))
    return [chosen for size in range(problem.cap + 1) for chosen in combinations(nodes, size)]


def _can_be_had(answers: tuple[Answer, ...], cases: list[Case], candidates: Candidates, units: int) -> None:
    taken = np.zeros_like(candidates.available)
    jobs = np.zeros_like(candidates.capacity_left)
    for answer, case in zip(answers, cases, strict=True):
        assert len(answer.nodes) <= case.cap
        for place, at in enumerate(answer.nodes):
            jobs[at] += 1
            for item, sku in enumerate(case.items.skus):
                if answer.units[item, place]:
                    taken[candidates.skus[sku], at] += answer.units[item, place]
    assert (taken <= candidates.available).all()
    assert (jobs <= candidates.capacity_left).all()
    assert int(taken.sum()) == units
