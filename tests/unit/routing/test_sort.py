"""One criterion after the other: no sum of later ones ever outweighs an earlier one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.routing.case import Case
from server.routing.criteria import CRITERIA
from server.routing.desk import Desk
from server.routing.reasons import why
from server.routing.rules import Rule
from server.routing.solve import solve
from server.routing.weighing import BOUND, MAX_PARCELS, MOST_UNITS, Sorted, in_order
from tests.unit.routing.build import NOW, by, demand, node, one, world


def sort(*codes: str, **steps: float) -> tuple[Sorted, ...]:
    return tuple(Sorted(criterion=code, step=steps.get(code)) for code in codes)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, Rule]:
    """Three items at most, four nodes, and all criteria in any order."""
    codes = draw(st.permutations(sorted(CRITERIA)))
    chosen = tuple(codes[: draw(st.integers(1, len(codes)))])
    nodes = [node(code, draw(st.integers(1, 400)), capacity=10) for code in "ABCD"]
    skus = ("pen", "ink", "pad")[: draw(st.integers(1, 3))]
    stock = {(sku, each.code): draw(st.integers(0, 3)) for sku in skus for each in nodes}
    left = {each.code: draw(st.integers(1, 10)) for each in nodes}
    rule = Rule(name="sorted", sort=sort(*chosen))
    asked = demand(**{sku: draw(st.integers(1, 3)) for sku in skus})
    candidates = world(nodes, stock, left)
    desk = Desk(candidates, rule, NOW, lasting=False)
    return Case.of(desk, asked, candidates.nodes.metres_from([asked.destination])[0]), rule


def steps_of(case: Case, rule: Rule, units: np.ndarray) -> tuple[int, ...]:  # type: ignore[type-arg]
    """What (m, n) units come to, criterion by criterion in the order of the sort, in steps."""
    found = {}
    used = units.any(axis=0)
    for each, costs in zip(case.costs.parcel_criteria, case.costs.parcel_terms, strict=True):
        found[each.criterion.code] = int((costs // int(each.factor))[used].sum())
    for each, costs in zip(case.costs.unit_criteria, case.costs.unit_terms, strict=True):
        found[each.criterion.code] = int((costs // int(each.factor) * units).sum())
    return tuple(found[each.criterion] for each in rule.sort)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_answer_is_the_first_in_the_order_of_the_sort(made: tuple[Case, Rule]) -> None:
    case, rule = made
    problem = case.problem
    nodes = range(problem.have.shape[1])
    best: tuple[int, tuple[int, ...]] = (1 << 60, ())
    per_item = [
        [way for way in product(*(range(int(problem.have[i, n]) + 1) for n in nodes)) if sum(way) <= problem.want[i]]
        for i in range(len(problem.want))
    ]
    for ways in product(*([w for w in each if sum(w) == max(map(sum, each))] for each in per_item)):
        units = np.array(ways)
        if units.any(axis=0).sum() <= problem.cap:
            best = min(best, (int(problem.want.sum() - units.sum()), steps_of(case, rule, units)))
    answer = solve(problem)
    units = np.zeros_like(problem.have)
    units[:, list(answer.nodes)] = answer.units
    mine = (int(problem.want.sum() - units.sum()), steps_of(case, rule, units))
    if best[1] and answer.proven:
        assert mine <= best


@given(st.permutations(sorted(CRITERIA)))
def test_one_step_of_a_criterion_costs_more_than_everything_behind_it(codes: list[str]) -> None:
    ready = in_order(sort(*codes))
    for place, each in enumerate(ready):
        behind = sum(
            int(later.factor) * later.steps * (MAX_PARCELS if later.criterion.scope == "parcel" else MOST_UNITS)
            for later in ready[place + 1 :]
        )
        assert int(each.factor) > behind
        assert int(each.factor) * each.steps * MAX_PARCELS <= BOUND


def test_a_sort_that_64_bits_do_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="larger steps"):
        Rule(name="fine", sort=sort("stock_depth", "proximity", "capacity", stock_depth=0.001, capacity=0.001))


def test_within_a_step_the_next_criterion_decides() -> None:
    nodes = [node("A", 20), node("B", 40), node("C", 70)]
    candidates = world(nodes, {("pen", each.code): 9 for each in nodes}, {"A": 10})
    by_distance = by(Rule(name="near", sort=sort("proximity", "capacity")))
    decision = one(demand(pen=1), candidates, by_distance)
    assert decision.choices[0].node == "B"  # both within the first 50 km, and A is busy
    card = why(decision, 1)
    assert "Store B sends this in one parcel and comes first in the rule's sort: 40.0 km away" in card.summary
    assert [(rival.node, rival.lost_by.split(":")[0]) for rival in card.rivals] == [("A", "load"), ("C", "distance")]
    assert all("+" not in rival.lost_by for rival in card.rivals)
    finer = by(Rule(name="near", sort=sort("proximity", "capacity", proximity=0.01)))
    assert one(demand(pen=1), candidates, finer).choices[0].node == "A"


def test_a_border_belongs_to_the_step_above_whatever_its_bits() -> None:
    """0.3 / 0.1 is less than 3 in binary."""
    nodes = [node("A", capacity=10), node("B", capacity=100)]
    candidates = world(nodes, {("pen", "A"): 9, ("pen", "B"): 9}, {"A": 7, "B": 70})
    rule = Rule(name="quiet", sort=sort("capacity"))
    assert one(demand(pen=1), candidates, by(rule)).choices[0].rivals[0].criterion == "tie"
