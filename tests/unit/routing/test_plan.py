"""What the router promises: whole units, within stock, capacity, split and memory, in the order given."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.routing.decisions import Decision, Delivery, Demand, DemandLine
from server.routing.filters import NodeFilter
from server.routing.plan import plan
from server.routing.rules import DEFAULT, Split
from server.routing.snapshot import Candidates
from server.routing.weighing import Weight
from shared.kernel import distance_km
from tests.unit.routing.build import DENVER, NOW, capped, demand, east, node, one, ruled, world

CODES = ("A", "B", "C", "D")
ITEMS = ("pen", "ink", "pad")


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Demand], Candidates, int]:
    ready = st.sampled_from((None, NOW + timedelta(hours=1), NOW + timedelta(hours=5)))
    buffer = st.sampled_from((0, 0, 2))
    nodes = [
        node(code, draw(st.integers(1, 3000)), routing_buffer=draw(buffer), ready_at=draw(ready)) for code in CODES
    ]
    stock = {(sku, code): draw(st.integers(0, 5)) for sku in ITEMS for code in CODES}
    left = {code: draw(st.integers(0, 3)) for code in CODES}
    demands = []
    for number in range(draw(st.integers(1, 5))):
        skus = draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4))
        lines = tuple(DemandLine(place, sku, draw(st.integers(1, 4))) for place, sku in enumerate(skus, 1))
        delivery: Delivery = "pickup" if draw(st.integers(0, 2)) == 0 else "ship"
        at = draw(st.sampled_from(CODES)) if delivery == "pickup" else None
        refused = draw(st.frozensets(st.tuples(st.none() | st.integers(1, 4), st.sampled_from(CODES)), max_size=3))
        demands.append(Demand(UUID(int=number), lines, delivery, "web", at, DENVER, refused=refused))
    return demands, world(nodes, stock, left), draw(st.integers(1, 4))


@settings(max_examples=250, deadline=None)
@given(batches())
def test_a_batch_keeps_every_promise(batch: tuple[list[Demand], Candidates, int]) -> None:
    demands, candidates, cap = batch
    before = candidates.available.copy(), candidates.capacity_left.copy()
    decisions = plan(demands, candidates, capped(cap), now=NOW)
    assert (candidates.available == before[0]).all()
    assert (candidates.capacity_left == before[1]).all()
    taken: Counter[tuple[str, str]] = Counter()
    jobs: Counter[str] = Counter()
    for asked, decision in zip(demands, decisions, strict=True):
        holds(asked, decision, cap)
        jobs.update(decision.assignments.keys())
        for choice in decision.choices:
            taken[choice.sku, choice.node] += choice.quantity
    for (sku, code), units in taken.items():
        assert units <= candidates.available[candidates.skus[sku], candidates.nodes.row[code]]
    for code, count in jobs.items():
        assert count <= candidates.capacity_left[candidates.nodes.row[code]]


def holds(asked: Demand, decision: Decision, cap: int) -> None:
    """Units, split, memory and reasons of one decision."""
    units = Counter({line.line: 0 for line in asked.lines})
    for choice in decision.choices:
        assert choice.quantity > 0
        units[choice.line] += choice.quantity
    for missing in decision.unrouted:
        assert missing.quantity > 0
        assert missing.excluded
        units[missing.line] += missing.quantity
    assert units == Counter({line.line: line.quantity for line in asked.lines})
    assert len(decision.assignments) <= (cap if asked.delivery == "ship" else 1)
    if asked.delivery == "pickup":
        assert set(decision.assignments) <= {asked.node}
    refused = {(line, code) for line, code in asked.refused}
    for choice in decision.choices:
        assert (None, choice.node) not in refused
        assert (choice.line, choice.node) not in refused
    if decision.delivery == "ship" and decision.proven:
        assert all(rival.cost >= decision.cost for choice in decision.choices for rival in choice.rivals)
    if decision.delivery == "ship":
        parcels = {c.node: sum(t.cost for t in c.terms if t.criterion != "stock_depth") for c in decision.choices}
        depth = {(c.node, c.sku): t.cost for c in decision.choices for t in c.terms if t.criterion == "stock_depth"}
        assert decision.cost == sum(parcels.values()) + sum(depth.values())


def test_every_node_of_the_snapshot_is_explained_for_every_line() -> None:
    nodes = [
        node("A"),
        node("B", 20),
        node("C", off=frozenset({"ship"})),
        node("D", open=False),
        node("E", deliveries=frozenset({"pickup"})),
        node("F", channels=frozenset({"phone"})),
        node("G"),
        node("H"),
        node("I", routing_buffer=5),
        node("J"),
        node("K"),
        node("L", 900),
        node("M", type="locker"),
        node("N", ready_at=NOW + timedelta(days=3)),
        node("O"),
        node("P"),
    ]
    stock = {("pen", each.code): 4 for each in nodes} | {("pen", "J"): 0, ("pen", "K"): 1}
    nodes_asked = NodeFilter(max_km=500, types=("store",), without=("O",))
    routing_plan = ruled(nodes=nodes_asked, split=Split(max_parcels=1))
    asked = replace(demand(pen=2), refused=frozenset({(None, "H"), (1, "P")}), wanted_by=NOW + timedelta(days=1))
    choice = one(asked, world(nodes, stock, {"G": 0}), routing_plan).choices[0]
    assert choice.node == "A"
    assert [rival.node for rival in choice.rivals] == ["B"]
    assert choice.excluded == {
        "not_in_channel": 1,
        "left_out": 2,
        "not_capable": 1,
        "switched_off": 1,
        "closed": 1,
        "no_capacity": 1,
        "too_late": 1,
        "too_far": 1,
        "refused_before": 2,
        "buffer": 1,
        "no_stock": 1,
        "too_little": 1,
    }


def test_the_near_node_wins_and_the_far_one_lost_by_distance() -> None:
    decision = one(demand(pen=1), world([node("FAR", 800), node("NEAR", 20)], {("pen", "FAR"): 9, ("pen", "NEAR"): 9}))
    rival = decision.choices[0].rivals[0]
    assert decision.assignments == {"NEAR": {1: 1}}
    assert (rival.node, rival.criterion) == ("FAR", "proximity")
    assert rival.figures["metres"] == pytest.approx(800_000, rel=0.01)
    assert rival.lost == rival.figures["metres"] - rival.against["metres"]


def test_one_parcel_goes_before_two() -> None:
    nodes = [node("A", 10), node("B", 10), node("C", 300)]
    stock = {("pen", "A"): 9, ("ink", "B"): 9, ("pen", "C"): 9, ("ink", "C"): 9}
    decision = one(demand(pen=1, ink=1), world(nodes, stock))
    assert decision.assignments == {"C": {1: 1, 2: 1}}
    assert decision.choices[0].rivals[0].criterion == "fewest_parcels"
    assert decision.choices[0].rivals[0].extra_parcel


def test_a_busy_node_and_a_thin_shelf_lose() -> None:
    nodes = [node("A"), node("B")]
    busy = one(demand(pen=1), world(nodes, {("pen", "A"): 9, ("pen", "B"): 9}, {"A": 2}))
    assert (busy.choices[0].node, busy.choices[0].rivals[0].criterion) == ("B", "capacity")
    thin = one(demand(pen=1), world(nodes, {("pen", "A"): 1, ("pen", "B"): 9}))
    assert (thin.choices[0].node, thin.choices[0].rivals[0].criterion) == ("B", "stock_depth")


def test_the_last_unit_is_promised_once_and_to_the_first_order() -> None:
    first, second = plan([demand(1, pen=1), demand(2, pen=1)], world([node("A")], {("pen", "A"): 1}), DEFAULT, now=NOW)
    assert first.assignments == {"A": {1: 1}}
    assert (second.assignments, second.unrouted[0].reason) == ({}, "no_stock")


def test_the_last_job_of_the_day_is_given_once() -> None:
    candidates = world([node("A", 10), node("B", 900)], {("pen", "A"): 9, ("pen", "B"): 9}, {"A": 1})
    decisions = plan([demand(1, pen=1), demand(2, pen=1)], candidates, DEFAULT, now=NOW)
    assert [list(decision.assignments) for decision in decisions] == [["A"], ["B"]]
    assert decisions[1].choices[0].excluded == {"no_capacity": 1}


def test_the_split_cap_leaves_units_waiting_and_says_so() -> None:
    nodes = [node("A", 10), node("B", 20)]
    decision = one(demand(pen=3), world(nodes, {("pen", "A"): 2, ("pen", "B"): 1}), capped(1))
    assert decision.assignments == {"A": {1: 2}}
    assert [(each.quantity, each.reason) for each in decision.unrouted] == [(1, "split_cap")]


def test_an_order_of_little_value_is_not_split() -> None:
    routing_plan = ruled(split=Split(max_parcels=3, whole_below=5000))
    candidates = world([node("A"), node("B")], {("pen", "A"): 1, ("pen", "B"): 1})
    small, large = replace(demand(pen=2), value=4999), replace(demand(pen=2), value=5000)
    assert len(one(small, candidates, routing_plan).assignments) == 1
    assert len(one(large, candidates, routing_plan).assignments) == 2


def test_the_reason_for_missing_units_is_what_keeps_the_stock_away() -> None:
    far = one(
        demand(pen=1),
        world([node("A", 800), node("B")], {("pen", "A"): 3}),
        ruled(nodes=NodeFilter(max_km=100)),
    )
    assert far.unrouted[0].reason == "too_far"
    full = one(demand(pen=1), world([node("A"), node("B")], {("pen", "A"): 3}, {"A": 0}))
    assert full.unrouted[0].reason == "no_capacity"
    kept = one(demand(pen=1), world([node("A", routing_buffer=5)], {("pen", "A"): 3}))
    assert kept.unrouted[0].reason == "buffer"
    again = one(replace(demand(pen=1), refused=frozenset({(1, "A")})), world([node("A")], {("pen", "A"): 3}))
    assert again.unrouted[0].reason == "refused_before"


def test_a_collected_order_stays_where_the_customer_wants_it() -> None:
    candidates = world([node("A"), node("B")], {("pen", "A"): 1, ("pen", "B"): 9}, {"B": 0})
    short = one(demand(delivery="pickup", at="A", pen=3), candidates)
    assert short.assignments == {"A": {1: 1}}
    assert [(each.quantity, each.reason) for each in short.unrouted] == [(2, "too_little")]
    full = one(demand(delivery="curbside", at="B", pen=1), candidates)
    assert (full.choices, full.unrouted[0].reason) == ((), "no_capacity")
    unknown = one(demand(delivery="pickup", at="Z", pen=1), candidates)
    assert unknown.unrouted[0].reason == "not_capable"


def test_the_routing_buffer_holds_for_sending_and_not_for_collecting() -> None:
    candidates = world([node("A", routing_buffer=3)], {("pen", "A"): 2})
    assert one(demand(pen=1), candidates).assignments == {}
    assert one(demand(delivery="pickup", at="A", pen=1), candidates).assignments == {"A": {1: 1}}


def test_a_channel_may_not_touch_its_threshold() -> None:
    candidates = world([node("A", thresholds={"web": 2})], {("pen", "A"): 3})
    decision = one(demand(pen=3), candidates)
    assert decision.assignments == {"A": {1: 1}}
    assert one(replace(demand(pen=3), channel="phone"), candidates).assignments == {"A": {1: 3}}


def test_lines_with_the_same_item_share_its_stock_and_are_filled_in_order() -> None:
    lines = (DemandLine(7, "pen", 2), DemandLine(2, "pen", 2))
    asked = replace(demand(), lines=lines)
    decision = one(asked, world([node("A"), node("B", 900)], {("pen", "A"): 3}))
    assert decision.assignments == {"A": {2: 2, 7: 1}}
    assert [(each.line, each.quantity) for each in decision.unrouted] == [(7, 1)]


def test_an_item_nobody_lists_and_an_empty_network_are_answered() -> None:
    assert one(demand(ghost=1), world([node("A")], {("pen", "A"): 1})).unrouted[0].reason == "no_stock"
    assert one(demand(pen=1), world([], {})).unrouted[0].reason == "no_stock"
    assert plan([], world([], {}), DEFAULT, now=NOW) == []


def test_a_late_order_may_still_be_sent() -> None:
    late = replace(demand(pen=1), wanted_by=NOW - timedelta(days=1))
    candidates = world([node("A", ready_at=NOW + timedelta(hours=2))], {("pen", "A"): 1})
    assert one(late, candidates).assignments == {"A": {1: 1}}


def test_without_places_the_router_still_decides() -> None:
    candidates = world([node("A", None), node("B", 10)], {("pen", "A"): 9, ("pen", "B"): 9})
    assert one(demand(pen=1), candidates).assignments == {"B": {1: 1}}
    assert one(replace(demand(pen=1), destination=None), candidates).assignments == {"A": {1: 1}}


@given(st.integers(0, 20_000))
def test_distances_agree_with_the_kernel(km: int) -> None:
    place = east(km % 5000)
    metres = world([node("A", 0)], {}).nodes.metres_from([place])
    assert metres[0, 0] == pytest.approx(distance_km(DENVER, place) * 1000, abs=1)


def test_many_nodes_are_cut_short_within_bounds_and_improved() -> None:
    """Six items, a third of them in every shop: more sets than are compared, still a full and polished answer."""
    dice = np.random.Generator(np.random.PCG64(7))
    nodes = [node(f"N{place:03}", float(dice.integers(1, 400))) for place in range(300)]
    skus = [f"s{place}" for place in range(6)]
    stock = {(sku, each.code): 1 for each in nodes for sku in skus if dice.random() < 0.35}
    asked = replace(demand(), lines=tuple(DemandLine(line, sku, 1) for line, sku in enumerate(skus, 1)))
    decision = one(asked, world(nodes, stock), capped(4))
    assert not decision.unrouted
    assert all(rival.cost >= decision.cost for choice in decision.choices for rival in choice.rivals)


def test_a_weightless_plan_falls_back_to_code_order() -> None:
    routing_plan = ruled(weights=(Weight(criterion="proximity", weight=0),))
    routing_plan = type(routing_plan).model_validate(routing_plan.model_dump())
    decision = one(
        demand(pen=1), world([node("B", 1), node("A", 900)], {("pen", "A"): 1, ("pen", "B"): 1}), routing_plan
    )
    assert decision.choices[0].node == "A"
    assert decision.choices[0].rivals[0].criterion == "tie"


def test_a_parcel_without_the_first_item_compares_its_own_items_with_the_rivals() -> None:
    stock = {("ink", "A"): 9, ("ink", "B"): 9, ("pad", "A"): 9, ("pad", "B"): 9}
    decision = one(demand(pen=1, ink=1, pad=1), world([node("A", 10), node("B", 60)], stock))
    assert decision.assignments == {"A": {2: 1, 3: 1}}
    assert [[(r.node, r.criterion, r.extra_parcel) for r in c.rivals] for c in decision.choices] == [
        [("B", "proximity", False)],
        [("B", "proximity", False)],
    ]
    assert [(each.line, each.reason) for each in decision.unrouted] == [(1, "no_stock")]


def test_a_way_of_delivery_has_its_own_limit_and_its_own_switch() -> None:
    nodes = [node("A", capacity_by={"ship": 1}), node("B", 60, off=frozenset({"pickup"}))]
    candidates = world(nodes, {("pen", "A"): 9, ("pen", "B"): 9})
    asked = [demand(1, pen=1), demand(2, pen=1), demand(3, delivery="pickup", at="A", pen=1)]
    first, second, third = plan(asked, candidates, DEFAULT, now=NOW)
    assert (first.assignments, second.assignments, third.assignments) == (
        {"A": {1: 1}},
        {"B": {1: 1}},
        {"A": {1: 1}},
    )
    assert second.choices[0].excluded == {"no_capacity_for_it": 1}
    off = one(demand(4, delivery="pickup", at="B", pen=1), candidates)
    assert (off.choices, off.unrouted[0].reason) == ((), "switched_off")
    used = Candidates.of(candidates.nodes, [("pen", "A", 9), ("pen", "B", 9)], left_by={"ship": {"A": 0}})
    assert one(demand(5, pen=1), used).assignments == {"B": {1: 1}}


def test_who_collects_is_too_late_by_when_the_bag_is_ready_not_by_when_the_driver_comes() -> None:
    nodes = [node("A", ready_at=NOW + timedelta(hours=9), collect_at=NOW + timedelta(hours=2))]
    soon = replace(demand(delivery="pickup", at="A", pen=1), wanted_by=NOW + timedelta(hours=3))
    assert one(soon, world(nodes, {("pen", "A"): 1})).assignments == {"A": {1: 1}}
    sooner = replace(soon, wanted_by=NOW + timedelta(hours=1))
    assert one(sooner, world(nodes, {("pen", "A"): 1})).unrouted[0].reason == "too_late"
