"""The search against an answer found by trying everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.routing import solve as search
from server.routing.solve import Answer, Problem, solve
from tests.unit.routing.build import by_trying_everything


@st.composite
def problems(draw: st.DrawFn, most_nodes: int = 5, most_items: int = 2) -> Problem:
    nodes, items = draw(st.integers(1, most_nodes)), draw(st.integers(1, most_items))
    want = np.array(draw(st.lists(st.integers(1, 3), min_size=items, max_size=items)), dtype=np.int64)
    costs = st.integers(0, 12)
    have = draw(st.lists(st.integers(0, 3), min_size=items * nodes, max_size=items * nodes))
    unit = draw(st.lists(costs, min_size=items * nodes, max_size=items * nodes))
    return Problem(
        parcel=np.array(draw(st.lists(costs, min_size=nodes, max_size=nodes)), dtype=np.int64),
        unit=np.array(unit, dtype=np.int64).reshape(items, nodes),
        have=np.minimum(np.array(have, dtype=np.int64).reshape(items, nodes), want[:, None]),
        want=want,
        cap=draw(st.integers(1, 4)),
    )


def rank(problem: Problem, answer: Answer) -> tuple[int, int]:
    """(units uncovered, cost) worked out from the units alone, after checking that they can be had."""
    nodes = list(answer.nodes)
    assert len(set(nodes)) == len(nodes) <= problem.cap
    assert (answer.units >= 0).all()
    assert (answer.units <= problem.have[:, nodes]).all()
    assert (answer.units.sum(1) <= problem.want).all()
    assert answer.units.any(0).all()
    cost = int(problem.parcel[nodes].sum() + (answer.units * problem.unit[:, nodes]).sum())
    assert cost == answer.cost
    return int(problem.want.sum() - answer.units.sum()), cost


@settings(max_examples=300, deadline=None)
@given(problems())
def test_small_orders_get_the_optimum(problem: Problem) -> None:
    answer = solve(problem)
    assert answer.proven
    assert rank(problem, answer) == by_trying_everything(problem)


@settings(max_examples=100, deadline=None)
@given(problems(most_nodes=12, most_items=4))
def test_an_answer_cut_short_is_feasible_and_says_so(problem: Problem) -> None:
    most_sets, search.MOST_SETS = search.MOST_SETS, 6
    search._most_for.cache_clear()
    try:
        short = solve(problem)
    finally:
        search.MOST_SETS = most_sets
        search._most_for.cache_clear()
    whole = rank(problem, solve(problem))
    found = rank(problem, short)
    assert found >= whole
    if short.proven:
        assert found == whole


def test_equal_nodes_go_by_code_and_fewer_parcels_before_more() -> None:
    same = np.full(4, 7, dtype=np.int64)
    unit = np.ones((1, 4), dtype=np.int64)
    one = Problem(same, unit, np.full((1, 4), 2, dtype=np.int64), np.array([2], dtype=np.int64), 3)
    assert solve(one).nodes == (0,)
    two = Problem(same, unit, np.ones((1, 4), dtype=np.int64), np.array([2], dtype=np.int64), 3)
    assert solve(two).nodes == (0, 1)
    free = Problem(same * 0, unit, np.array([[1, 1, 2, 0]], dtype=np.int64), np.array([2], dtype=np.int64), 3)
    assert solve(free).nodes == (2,)


def test_more_units_come_before_less_cost() -> None:
    parcel = np.array([1, 1_000_000], dtype=np.int64)
    have = np.array([[1, 2]], dtype=np.int64)
    answer = solve(Problem(parcel, np.zeros((1, 2), dtype=np.int64), have, np.array([2], dtype=np.int64), 1))
    assert answer.nodes == (1,)


def test_nothing_anywhere_is_an_empty_answer() -> None:
    none = np.zeros((2, 0), dtype=np.int64)
    answer = solve(Problem(np.zeros(0, dtype=np.int64), none, none, np.array([1, 1], dtype=np.int64), 3))
    assert answer.nodes == ()
    assert answer.proven


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_the_list_of_nodes_keeps_its_bound(size: int) -> None:
    count = search._most_for(size)
    assert len(search._sets(count, size)) <= search.MOST_SETS
