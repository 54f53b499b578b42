"""Orders that are decided together: cheaper in all, and nobody pays for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from server.routing import wave
from server.routing.decisions import Decision, Demand
from server.routing.plan import plan
from server.routing.reasons import why
from server.routing.rules import DEFAULT, RoutingPlan
from server.routing.snapshot import Candidates, Nodes
from tests.unit.routing.build import NOW, capped, demand, node, world
from tests.unit.routing.test_plan import batches, holds

TOGETHER = DEFAULT.model_copy(update={"batch": "together"})


def at_once(routing_plan: RoutingPlan) -> RoutingPlan:
    return routing_plan.model_copy(update={"batch": "together"})


def worth(decisions: Sequence[Decision]) -> tuple[int, int]:
    """(units, negative; cost) of a batch: less is better."""
    units = sum(choice.quantity for decision in decisions for choice in decision.choices)
    return -units, sum(decision.cost for decision in decisions)


def units_of(decision: Decision) -> Counter[str]:
    units: Counter[str] = Counter()
    for choice in decision.choices:
        units[choice.sku] += choice.quantity
    return units


@settings(max_examples=250, deadline=None)
@given(batches())
def test_a_wave_keeps_every_promise_and_is_never_worse_than_in_order(
    batch: tuple[list[Demand], Candidates, int],
) -> None:
    demands, candidates, cap = batch
    before = candidates.available.copy(), candidates.capacity_left.copy()
    one_by_one = plan(demands, candidates, capped(cap), now=NOW)
    found = plan(demands, candidates, at_once(capped(cap)), now=NOW)
    assert (candidates.available == before[0]).all()
    assert (candidates.capacity_left == before[1]).all()
    assert worth(found) <= worth(one_by_one)
    taken: Counter[tuple[str, str]] = Counter()
    jobs: Counter[str] = Counter()
    for asked, alone, decision in zip(demands, one_by_one, found, strict=True):
        holds(asked, decision, cap)
        assert units_of(decision) >= units_of(alone)
        assert leaves(decision, candidates) <= leaves(alone, candidates)
        jobs.update(decision.assignments.keys())
        for choice in decision.choices:
            taken[choice.sku, choice.node] += choice.quantity
        if asked.delivery != "ship":
            assert decision.assignments == alone.assignments
    for (sku, code), units in taken.items():
        assert units <= candidates.available[candidates.skus[sku], candidates.nodes.row[code]]
    for code, count in jobs.items():
        assert count <= candidates.capacity_left[candidates.nodes.row[code]]


def leaves(decision: Decision, candidates: Candidates) -> float:
    """When the last parcel does; without a statement, or without parcels, nobody knows."""
    times = [int(candidates.nodes.ready_at[candidates.nodes.row[code]]) for code in decision.assignments]
    return max((time or float("inf") for time in times), default=float("inf"))


def _two_for_one_shelf() -> tuple[list[Demand], Candidates]:
    """The first order may come from near or a little farther, the second only from near or from the other coast."""
    nodes = [node("NEAR", 10), node("NEXT", 60), node("FAR", 2500)]
    stock = {("pen", "NEAR"): 1, ("pen", "NEXT"): 1, ("ink", "NEAR"): 5, ("ink", "FAR"): 5, ("pen", "FAR"): 5}
    return [demand(1, pen=1), demand(2, pen=1, ink=1)], world(nodes, stock)


def test_an_order_with_a_choice_leaves_the_shelf_to_one_without() -> None:
    demands, candidates = _two_for_one_shelf()
    one_by_one = plan(demands, candidates, DEFAULT, now=NOW)
    found = plan(demands, candidates, TOGETHER, now=NOW)
    assert [list(d.assignments) for d in one_by_one] == [["NEAR"], ["NEAR", "NEXT"]]
    assert [list(d.assignments) for d in found] == [["NEXT"], ["NEAR"]]
    assert worth(found) < worth(one_by_one)


def test_nobody_makes_way_where_that_would_cost_more_in_all() -> None:
    """The second would save a parcel and 600 km; the first would have to come from 2,500 km away."""
    nodes = [node("NEAR", 10), node("MID", 600), node("FAR", 2500)]
    stock = {("pen", "NEAR"): 1, ("ink", "NEAR"): 1, ("pen", "MID"): 1, ("pen", "FAR"): 1}
    demands = [replace(demand(1, pen=1), refused=frozenset({(None, "MID")})), demand(2, pen=1, ink=1)]
    found = plan(demands, world(nodes, stock), TOGETHER, now=NOW)
    assert [list(d.assignments) for d in found] == [["NEAR"], ["MID", "NEAR"]]
    assert found == plan(demands, world(nodes, stock), DEFAULT, now=NOW)


def test_who_made_way_is_told_why() -> None:
    demands, candidates = _two_for_one_shelf()
    first, second = plan(demands, candidates, TOGETHER, now=NOW)
    assert (first.together, first.proven, second.together, second.proven) == (True, False, False, True)
    rival = first.choices[0].rivals[0]
    assert (rival.node, rival.criterion, rival.cost + rival.lost) == ("NEAR", "together", first.cost)
    card = why(first, 1)
    assert "at the least cost for all orders decided together" in card.summary
    assert card.rivals[0].lost_by == "0.050 less for this order alone, but more for all that were decided together."
    assert Decision.from_json(first.to_json()) == first


def test_units_kept_for_another_order_are_said_to_be() -> None:
    """The first makes way at A. The third takes that pen in the parcel of its ink; the second would need its own."""
    candidates = world([node("A", 10), node("B", 60)], {("pen", "A"): 1, ("pen", "B"): 1, ("ink", "A"): 1})
    not_b = frozenset({(None, "B")})
    demands = [demand(1, pen=1), demand(2, pen=1), demand(3, pen=1, ink=1)]
    demands[1:] = [replace(each, refused=not_b) for each in demands[1:]]
    assert worth(plan(demands, candidates, DEFAULT, now=NOW))[0] == -2
    found = plan(demands, candidates, TOGETHER, now=NOW)
    assert [d.assignments for d in found] == [{"B": {1: 1}}, {}, {"A": {1: 1, 2: 1}}]
    missing = found[1].unrouted[0]
    assert (missing.reason, missing.excluded) == ("for_others", {"refused_before": 1, "for_others": 1})
    assert why(found[1], 1).summary == (
        "No node for 1 unit: the node that has most of them keeps them for another order that was decided together"
        " with this one."
    )


def test_nobody_leaves_later_for_the_sake_of_others() -> None:
    """As above, but the node that the first order would go to hands over eight hours later."""
    demands, before = _two_for_one_shelf()
    hours = {"NEAR": 1, "NEXT": 9, "FAR": 9}
    nodes = [
        node(c, km, ready_at=NOW + timedelta(hours=hours[c])) for c, km in (("NEAR", 10), ("NEXT", 60), ("FAR", 2500))
    ]
    candidates = replace(before, nodes=Nodes.of(nodes))
    found = plan(demands, candidates, TOGETHER, now=NOW)
    assert [list(d.assignments) for d in found] == [["NEAR"], ["NEAR", "NEXT"]]


def test_a_later_order_still_finds_a_node_above_its_buffer() -> None:
    """The first could make way for the third at A only by leaving one pen at B, too few for B to send the second's."""
    stock = {("pen", "A"): 2, ("ink", "A"): 1, ("pen", "B"): 3}
    demands = [demand(1, pen=2), replace(demand(2, pen=1), refused=frozenset({(None, "A")})), demand(3, pen=2, ink=1)]
    kept = world([node("A", 10), node("B", 600, routing_buffer=2)], stock)
    in_order = plan(demands, kept, DEFAULT, now=NOW)
    assert [d.assignments for d in in_order] == [{"A": {1: 2}}, {"B": {1: 1}}, {"A": {2: 1}, "B": {1: 2}}]
    assert plan(demands, kept, TOGETHER, now=NOW) == in_order
    free = world([node("A", 10), node("B", 600)], stock)
    found = plan(demands, free, TOGETHER, now=NOW)
    assert [d.assignments for d in found] == [{"B": {1: 2}}, {"B": {1: 1}}, {"A": {1: 2, 2: 1}}]


@settings(max_examples=50, deadline=None)
@given(batches())
def test_a_try_that_fails_leaves_no_trace(batch: tuple[list[Demand], Candidates, int]) -> None:
    demands, candidates, cap = batch
    found = wave._Wave(demands, candidates, at_once(capped(cap)).rules[0], NOW)
    found.improve()
    left, jobs = candidates.available.copy(), candidates.capacity_left.copy()
    for order in found.orders:
        for row, units in order.given:
            jobs[row] -= 1
            for sku, count in zip(order.items.skus, units, strict=True):
                if count:
                    left[candidates.skus[sku], row] -= count
    assert (found.rest.available == left).all()
    assert (found.rest.capacity_left == jobs).all()


def test_without_steps_a_wave_is_what_it_would_be_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wave, "STEPS", 0)
    demands, candidates = _two_for_one_shelf()
    assert plan(demands, candidates, TOGETHER, now=NOW) == plan(demands, candidates, DEFAULT, now=NOW)


def test_one_order_alone_is_no_wave() -> None:
    demands, candidates = _two_for_one_shelf()
    assert plan(demands[:1], candidates, TOGETHER, now=NOW) == plan(demands[:1], candidates, DEFAULT, now=NOW)


def test_an_order_to_collect_gets_what_it_would_get_in_order() -> None:
    """The store is short of pens: if the first order made way, the second would take the pen that the third needs."""
    nodes = [node("A", 10), node("B", 60)]
    candidates = world(nodes, {("pen", "A"): 2, ("pen", "B"): 1, ("ink", "A"): 1})
    demands = [demand(1, pen=1), demand(2, delivery="pickup", at="A", pen=2), demand(3, pen=1, ink=1)]
    one_by_one = plan(demands, candidates, DEFAULT, now=NOW)
    found = plan(demands, candidates, TOGETHER, now=NOW)
    assert one_by_one[1].assignments == found[1].assignments == {"A": {1: 1}}


def test_a_plan_names_how_a_batch_is_decided() -> None:
    assert DEFAULT.batch == "in_order"
    assert RoutingPlan.model_validate_json(TOGETHER.model_dump_json()) == TOGETHER
    stored = DEFAULT.model_dump(mode="json")
    del stored["batch"]
    assert RoutingPlan.model_validate(stored).batch == "in_order"
    with pytest.raises(ValidationError, match="in_order"):
        RoutingPlan.model_validate({**stored, "batch": "at_random"})


def test_a_wave_keeps_the_limit_of_parcels_of_a_node() -> None:
    """Two orders would rather be sent by the near node, which takes one parcel more; pickups have no part in that."""
    nodes = [node("NEAR", 10, capacity_by={"ship": 1}), node("FAR", 900)]
    candidates = world(nodes, {("pen", "NEAR"): 9, ("pen", "FAR"): 9, ("ink", "NEAR"): 1})
    asked = [demand(1, pen=1), demand(2, pen=1, ink=1), demand(3, delivery="pickup", at="NEAR", pen=1)]
    found = plan(asked, candidates, TOGETHER, now=NOW)
    sent = [node for decision in found[:2] for node in decision.assignments]
    assert sent.count("NEAR") == 1
    assert found[2].assignments == {"NEAR": {1: 1}}
