"""A plan of several rules: who is served by which, what goes on to the next, and what stays behind how."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from server.routing.decisions import Decision, Demand, DemandLine
from server.routing.filters import NodeFilter, OrderFilter
from server.routing.plan import plan
from server.routing.reasons import why
from server.routing.rules import DEFAULT, Otherwise, RoutingPlan, Rule, Split
from server.routing.snapshot import Candidates
from server.routing.weighing import Sorted, Weight
from tests.unit.routing.build import NOW, by, demand, node, one, world
from tests.unit.routing.test_plan import batches

NEAREST = (Weight(criterion="proximity", weight=1),)
REST = Rule(name="Rest", weights=DEFAULT.rules[0].weights)


def rule(name: str = "First", **more: Any) -> Rule:
    return Rule(**{"name": name, "weights": NEAREST, **more})


def where(decision: Decision) -> dict[int, list[tuple[str, str]]]:
    """Line -> (node, rule)"""
    found: dict[int, list[tuple[str, str]]] = {}
    for choice in decision.choices:
        found.setdefault(choice.line, []).append((choice.node, choice.rule))
    return found


def flagged(asked: Demand, **flags: str) -> Demand:
    """The same order with a flag on an item."""
    lines = tuple(replace(line, flags=(flags[line.sku],) if line.sku in flags else ()) for line in asked.lines)
    return replace(asked, lines=lines)


# ---------------------------------------------------------------- one rule after the other


def test_what_a_rule_cannot_give_goes_to_the_next_one() -> None:
    stores = rule("Stores", nodes=NodeFilter(types=("store",)))
    candidates = world(
        [node("A"), node("W", 900, type="warehouse")], {("pen", "A"): 1, ("pen", "W"): 9, ("ink", "W"): 9}
    )
    decision = one(demand(pen=3, ink=1), candidates, by(stores, REST))
    assert where(decision) == {1: [("A", "Stores"), ("W", "Rest")], 2: [("W", "Rest")]}
    assert decision.assignments == {"A": {1: 1}, "W": {1: 2, 2: 1}}
    assert decision.unrouted == ()
    assert why(decision, 2).plan == "test v7, Rest"


def test_a_rule_for_whole_orders_gives_all_or_nothing() -> None:
    nodes = [node("A"), node("W", 900, type="warehouse")]
    stores = rule("Stores", nodes=NodeFilter(types=("store",)), split=Split(partly=False))
    stock = {("pen", "A"): 2, ("ink", "A"): 0, ("pen", "W"): 9, ("ink", "W"): 9}
    decision = one(demand(pen=2, ink=1), world(nodes, stock), by(stores, REST))
    assert where(decision) == {1: [("W", "Rest")], 2: [("W", "Rest")]}
    last = rule("Stores", nodes=NodeFilter(types=("store",)), split=Split(partly=False))
    none = one(demand(pen=2, ink=1), world(nodes, stock), by(last))
    assert none.choices == ()
    assert [(each.line, each.quantity, each.reason) for each in none.unrouted] == [
        (1, 2, "not_whole"),
        (2, 1, "left_out"),
    ]
    assert "whole orders only" in why(none, 1).summary


def test_a_rule_stops_where_it_says_so_and_says_how_the_units_wait() -> None:
    stop = Otherwise(action="queue", queue="rejected", cancel_after_days=2)
    back = rule("Came back", orders=OrderFilter(sent_back=True), nodes=NodeFilter(max_km=5), otherwise=stop)
    candidates = world([node("A", 100)], {("pen", "A"): 9})
    asked = replace(demand(pen=1), refused=frozenset({(None, "B")}))
    held = one(asked, candidates, by(back, REST)).unrouted[0]
    assert (held.reason, held.waits.rule, held.waits.queue) == ("too_far", "Came back", "rejected")
    assert held.waits.cancel_at == NOW + timedelta(days=2)
    assert where(one(demand(pen=1), candidates, by(back, REST))) == {1: [("A", "Rest")]}


def test_behind_the_last_rule_units_wait_for_stock() -> None:
    missing = one(demand(pen=1), world([node("A")], {}), by(REST)).unrouted[0]
    assert (missing.waits.rule, missing.waits.queue, missing.waits.cancel_at) == ("Rest", "backorder", None)


def test_rules_are_served_from_top_to_bottom_and_their_orders_in_turn() -> None:
    dear = rule("Dear first", orders=OrderFilter(min_value=5000), serve_first=("most_valuable",))
    orders = [replace(demand(n, pen=1), value=value) for n, value in enumerate((100, 6000, 9000, 100), 1)]
    decisions = plan(orders, world([node("A")], {("pen", "A"): 3}), by(dear, REST), now=NOW)
    assert [[c.rule for c in d.choices] for d in decisions] == [["Rest"], ["Dear first"], ["Dear first"], []]
    two = plan(orders, world([node("A")], {("pen", "A"): 1}), by(dear, REST), now=NOW)
    assert [bool(d.choices) for d in two] == [False, False, True, False]


@pytest.mark.parametrize("by_what", ["oldest", "soonest_wanted", "most_valuable", "fewest_units"])
def test_who_comes_first_gets_the_last_unit(by_what: Any) -> None:
    plain = replace(demand(1, pen=2), placed_at=NOW, wanted_by=NOW + timedelta(days=9), value=10)
    first = replace(demand(2, pen=1), placed_at=NOW - timedelta(days=1), wanted_by=NOW + timedelta(days=1), value=20)
    decisions = plan([plain, first], world([node("A")], {("pen", "A"): 1}), by(rule(serve_first=(by_what,))), now=NOW)
    assert [bool(each.choices) for each in decisions] == [False, True]


def test_parcels_of_earlier_rules_count() -> None:
    near = rule("Near", nodes=NodeFilter(max_km=50), split=Split(max_parcels=2))
    far = rule("Far", split=Split(max_parcels=2))
    nodes = [node("A", 1), node("B", 2), node("C", 500)]
    stock = {("pen", "A"): 1, ("ink", "B"): 1, ("pad", "C"): 1}
    decision = one(demand(pen=1, ink=1, pad=1), world(nodes, stock), by(near, far))
    assert where(decision) == {1: [("A", "Near")], 2: [("B", "Near")]}
    assert [(each.line, each.reason) for each in decision.unrouted] == [(3, "split_cap")]


# ---------------------------------------------------------------- filters


ASKED = replace(
    demand(pen=1),
    value=500,
    placed_at=NOW - timedelta(hours=5),
    wanted_by=NOW + timedelta(hours=20),
    country="US",
    postcode="K1A 0B1",
    refused=frozenset({(1, "Z")}),
    lines=(DemandLine(1, "pen", 1, ("hazmat", "lot")),),
)


@pytest.mark.parametrize(
    ("asks", "takes"),
    [
        ({}, True),
        ({"channels": ["web", "phone"]}, True),
        ({"channels": ["phone"]}, False),
        ({"methods": ["ship"]}, True),
        ({"methods": ["pickup"]}, False),
        ({"min_value": 500, "max_value": 500}, True),
        ({"min_value": 501}, False),
        ({"max_value": 499}, False),
        ({"flags": ["kit", "lot"]}, True),
        ({"flags": ["kit"]}, False),
        ({"countries": ["US", "CA"]}, True),
        ({"countries": ["CA"]}, False),
        ({"postcodes": ["k1a0"]}, True),
        ({"postcodes": ["K1B", "0"]}, False),
        ({"older_than_hours": 4}, True),
        ({"older_than_hours": 5}, False),
        ({"wanted_within_hours": 20}, True),
        ({"wanted_within_hours": 19}, False),
        ({"sent_back": True}, True),
        ({"sent_back": False}, False),
        ({"channels": ["web"], "methods": ["pickup"]}, False),
    ],
)
def test_a_filter_takes_what_is_as_it_says(asks: dict[str, Any], takes: bool) -> None:
    assert OrderFilter.model_validate(asks).takes(ASKED, NOW) is takes


def test_what_is_not_known_of_an_order_is_not_what_a_filter_asks() -> None:
    bare = demand(delivery="pickup", at="A", pen=1)
    for asks in ({"countries": ["US"]}, {"postcodes": ["8"]}, {"wanted_within_hours": 9}, {"older_than_hours": 1}):
        assert not OrderFilter.model_validate(asks).takes(bare, NOW)


@pytest.mark.parametrize(
    ("asks", "sends"),
    [
        ({"types": ["warehouse"]}, "W"),
        ({"max_km": 50}, "B"),
        ({"only": ["C", "W"]}, "C"),
        ({"without": ["B"]}, "C"),
        ({"capabilities": ["curbside"]}, "C"),
        ({"types": ["store"], "capabilities": ["curbside"], "only": ["C", "B"]}, "C"),
    ],
)
def test_only_nodes_that_a_rule_asks_send(asks: dict[str, Any], sends: str) -> None:
    only_ship = frozenset({"ship"})
    nodes = [node("B", 20, deliveries=only_ship), node("C", 60), node("W", 90, type="warehouse", deliveries=only_ship)]
    stock = {("pen", each.code): 9 for each in nodes}
    decision = one(demand(pen=1), world(nodes, stock), by(rule(nodes=NodeFilter.model_validate(asks))))
    assert decision.choices[0].node == sends
    assert sum(decision.choices[0].excluded.values()) + len(decision.choices[0].rivals) == 2


def test_a_customer_who_collects_is_served_where_they_asked_whatever_the_rule() -> None:
    elsewhere = rule(nodes=NodeFilter(types=("warehouse",)))
    decision = one(demand(delivery="pickup", at="A", pen=1), world([node("A")], {("pen", "A"): 1}), by(elsewhere))
    assert decision.assignments == {"A": {1: 1}}


# ---------------------------------------------------------------- what the catalogue says


def test_all_units_of_a_kit_leave_from_one_node_or_none() -> None:
    nodes = [node("A", 1), node("B", 2), node("C", 500)]
    asked = flagged(demand(kit=3, pen=1), kit="kit")
    stock = {("kit", "A"): 2, ("kit", "B"): 2, ("kit", "C"): 3, ("pen", "A"): 1}
    assert one(asked, world(nodes, stock), by(REST)).assignments == {"A": {2: 1}, "C": {1: 3}}
    apart = one(asked, world(nodes, {**stock, ("kit", "C"): 0}), by(REST))
    assert apart.assignments == {"A": {2: 1}}
    assert [(each.line, each.quantity, each.reason) for each in apart.unrouted] == [(1, 3, "too_little")]
    plain = one(demand(kit=3, pen=1), world(nodes, stock), by(REST))
    assert plain.assignments == {"A": {1: 2, 2: 1}, "B": {1: 1}}


def test_an_item_that_ships_alone_has_a_job_of_its_own_and_does_not_use_up_the_split() -> None:
    asked = flagged(demand(sofa=1, pen=1, ink=1), sofa="ship_alone")
    nodes = [node("A", 1), node("B", 5)]
    stock = {("sofa", "A"): 1, ("pen", "A"): 9, ("ink", "A"): 9, ("sofa", "B"): 1}
    decision = one(asked, world(nodes, stock), by(rule(split=Split(max_parcels=1))))
    assert decision.jobs == [("A", False, {2: 1, 3: 1}), ("A", True, {1: 1})]
    full = one(asked, world(nodes, stock, {"A": 1}), by(rule(split=Split(max_parcels=1))))
    assert full.jobs == [("A", False, {2: 1, 3: 1}), ("B", True, {1: 1})]


# ---------------------------------------------------------------- anything at all


@st.composite
def plans(draw: st.DrawFn, most: int = 4) -> RoutingPlan:
    rules = []
    for number in range(draw(st.integers(1, most))):
        asks: dict[str, Any] = {
            "methods": draw(st.sampled_from(((), ("ship",), ("pickup",)))),
            "sent_back": draw(st.sampled_from((None, True, False))),
        }
        rules.append(
            rule(
                f"rule {number}",
                orders=OrderFilter.model_validate(asks),
                nodes=NodeFilter(max_km=draw(st.sampled_from((None, 500, 1500)))),
                serve_first=draw(st.sampled_from(((), ("fewest_units",)))),
                weights=DEFAULT.rules[0].weights,
                split=Split(max_parcels=draw(st.integers(1, 4)), partly=draw(st.booleans())),
                otherwise=Otherwise(action=draw(st.sampled_from(("next_rule", "backorder")))),
            )
        )
    last = rules[-1].model_copy(update={"orders": OrderFilter()})
    return by(*rules[:-1], last, batch=draw(st.sampled_from(("in_order", "together"))))


@settings(max_examples=250, deadline=None)
@given(batches(), plans(), st.data())
def test_any_plan_gives_every_unit_one_place_within_stock_and_jobs(
    batch: tuple[list[Demand], Candidates, int], routing_plan: RoutingPlan, data: st.DataObject
) -> None:
    demands, candidates, _ = batch
    flags = {sku: data.draw(st.sampled_from(((), ("kit",), ("ship_alone",)))) for sku in ("pen", "ink", "pad")}
    demands = [replace(d, lines=tuple(replace(each, flags=flags[each.sku]) for each in d.lines)) for d in demands]
    before = candidates.available.copy(), candidates.capacity_left.copy()
    decisions = plan(demands, candidates, routing_plan, now=NOW)
    assert plan(demands, candidates, routing_plan, now=NOW) == decisions
    assert (candidates.available == before[0]).all()
    assert (candidates.capacity_left == before[1]).all()
    taken: Counter[tuple[str, str]] = Counter()
    for asked, decision in zip(demands, decisions, strict=True):
        _holds(asked, decision, routing_plan)
        for choice in decision.choices:
            taken[choice.sku, choice.node] += choice.quantity
        assert Decision.from_json(decision.to_json()) == decision
    for (sku, code), units in taken.items():
        assert units <= candidates.available[candidates.skus[sku], candidates.nodes.row[code]]
    jobs = Counter(node for decision in decisions for node, _, _ in decision.jobs)
    for code, count in jobs.items():
        assert count <= candidates.capacity_left[candidates.nodes.row[code]]


def _holds(asked: Demand, decision: Decision, routing_plan: RoutingPlan) -> None:
    """Units, kits, whole orders and the rule behind each."""
    names = {each.name: each for each in routing_plan.rules}
    units: Counter[int] = Counter()
    for choice in decision.choices:
        units[choice.line] += choice.quantity
        assert names[choice.rule].orders.takes(asked, NOW)
        assert why(decision, choice.line, choice.node).summary
    for missing in decision.unrouted:
        assert missing.excluded
        assert names[missing.waits.rule].orders.takes(asked, NOW)
        assert why(decision, missing.line).summary
        units[missing.line] += missing.quantity
    assert units == Counter({line.line: line.quantity for line in asked.lines})
    kits = {line.sku for line in asked.lines if "kit" in line.flags} if asked.delivery == "ship" else set()
    for kit in kits:
        assert len({choice.node for choice in decision.choices if choice.sku == kit}) <= 1
    if asked.delivery == "ship" and len(routing_plan.rules) == 1 and not routing_plan.rules[0].split.partly:
        for alone in {False, *(line.sku for line in asked.lines if "ship_alone" in line.flags)}:
            mine = [line.line for line in asked.lines if (line.sku == alone if alone else not line.flags)]
            got = {choice.line for choice in decision.choices if choice.line in mine}
            lost = {missing.line for missing in decision.unrouted if missing.line in mine}
            assert not (got and lost)


def test_the_plan_in_the_docs_is_one_and_does_what_they_say() -> None:
    text = (Path(__file__).parents[3] / "docs" / "routing.md").read_text()
    (written,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    shown = RoutingPlan.model_validate({**json.loads(written), "version": 1})
    nodes = [node("A", 15, capacity=10), node("B", 30, capacity=10), node("W", 900, type="warehouse")]
    stock = {(sku, each.code): 5 for each in nodes for sku in ("pen", "wine")} | {("ink", "W"): 5}
    candidates = world(nodes, stock, {"A": 2})
    near = replace(demand(pen=1), country="US", postcode="45202")
    assert where(one(near, candidates, shown)) == {1: [("A", "A quiet store nearby, in one parcel")]}
    assert where(one(replace(near, postcode="10001"), candidates, shown)) == {1: [("B", "Everybody")]}
    both = replace(near, lines=(*near.lines, DemandLine(2, "ink", 1)))
    assert where(one(both, candidates, shown)) == {1: [("W", "Everybody")], 2: [("W", "Everybody")]}
    wine = flagged(demand(wine=6), wine="age_restricted")
    decision = one(wine, candidates, shown)
    assert where(decision) == {1: [("W", "Wine from the warehouse")]}
    assert decision.unrouted[0].waits.queue == "unfillable"


# ---------------------------------------------------------------- documents that make no sense


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"rules": [rule(orders=OrderFilter(channels=("web",)))]},
            "rules.0.orders: the last rule must take every order",
        ),
        ({"rules": [rule(), rule()]}, "two rules are called 'First'"),
        ({"rules": [rule(weights=(), sort=(Sorted(criterion="proximity"),))], "batch": "together"}, "rules.0.sort"),
        ({"runs": [{"when": "at_once", "orders": {"methods": ["pickup"]}}]}, "need a run"),
        ({"runs": [{"when": "every", "minutes": 7}]}, "a whole number of runs"),
        ({"runs": [{"when": "at"}]}, "say at which times"),
        ({"runs": [{"when": "at", "times": ["6:00"]}]}, "pattern"),
        ({"runs": [{"when": "every", "minutes": 15, "orders": {"methods": ["ship"]}}]}, "takes all that waits"),
        ({"name": "semi;colon"}, "pattern"),
    ],
)
def test_a_plan_that_could_not_work_is_refused(changes: dict[str, Any], says: str) -> None:
    rules = [each.model_dump() for each in changes.pop("rules", [rule()])]
    with pytest.raises(ValidationError, match=says):
        RoutingPlan.model_validate({"name": "test", "version": 1, "rules": rules, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"weights": ()}, "weights or a sort"),
        ({"sort": (Sorted(criterion="proximity"),)}, "weights or a sort"),
        ({"otherwise": Otherwise(action="next_rule"), "orders": {"min_value": 5, "max_value": 4}}, "no order is worth"),
        ({"otherwise": {"action": "queue"}}, "say which one"),
        ({"otherwise": {"queue": "rejected"}}, "belongs to"),
        ({"nodes": {"only": ["A"], "without": ["A"]}}, "also stands in only"),
        ({"orders": {"flags": ["fragile"]}}, "fragile|Input should be"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rule(**changes)
