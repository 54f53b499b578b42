"""A stretch of orders played again: what was given is gone, stock comes and goes, and the same question gets the same
answer."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.routing.filters import NodeFilter
from server.routing.replay import Change, Past, Stretch, replay
from server.routing.rules import DEFAULT, Otherwise, RoutingPlan, Split
from server.routing.snapshot import Node, Nodes
from server.routing.whatif import compare
from tests.unit.routing.build import NOW, by, demand, node, ruled
from tests.unit.routing.test_rules import REST, plans, rule


def came(number: int, minutes: int, **lines: Any) -> Past:
    at = NOW + timedelta(minutes=minutes)
    return Past(replace(demand(number, **lines), placed_at=at), at)


def stretch(
    *orders: Past, stock: dict[tuple[str, str], int], changes: tuple[Change, ...] = (), nodes: tuple[Node, ...] = ()
) -> Stretch:
    fixed = Nodes.of(nodes or (node("A", 5), node("B", 400)))
    return Stretch(NOW, NOW + timedelta(days=1), orders, stock, changes, lambda moment: fixed)


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_what_one_order_gets_is_gone_for_the_next() -> None:
    found = replay(stretch(came(1, 1, pen=2), came(2, 2, pen=2), stock={("pen", "A"): 3}), DEFAULT)
    assert (found.orders, found.units, found.given, found.whole) == (2, 4, 3, 1)
    assert (found.parcels, found.split, found.emptied) == (2, 0, 1)
    assert dict(found.waiting) == {"backorder": 1}


def test_stock_that_comes_is_given_to_those_who_wait_and_what_is_sold_at_the_till_is_gone() -> None:
    waits = (
        Change(later(60), ("pen", "B"), 5),
        Change(later(90), ("pen", "B"), -4),
        Change(later(91), ("ink", "A"), 1),
    )
    found = replay(stretch(came(1, 1, pen=2), came(2, 120, pen=1), stock={}, changes=waits), DEFAULT)
    assert (found.given, found.whole, found.parcels) == (2, 1, 1)  # two of five, four at the till: one is owed
    assert dict(found.waiting) == {"backorder": 1}


def test_units_that_waited_longer_than_their_rule_says_are_cancelled() -> None:
    short = by(rule(otherwise=Otherwise(action="backorder", cancel_after_days=0.02)))
    comes = (Change(later(60), ("pen", "A"), 5),)
    found = replay(stretch(came(1, 1, pen=2), stock={}, changes=comes), short)
    assert (found.given, found.whole, dict(found.waiting)) == (0, 0, {"cancelled": 2})


def test_a_run_decides_what_came_in_since_the_one_before() -> None:
    waves = by(REST, runs=[{"when": "every", "minutes": 60}])
    first_served = by(rule(serve_first=("fewest_units",)), runs=[{"when": "every", "minutes": 60}])
    orders = (came(1, 1, pen=2), came(2, 2, pen=1))
    stock = {("pen", "A"): 1}
    one = ruled(split=Split(partly=False))
    assert replay(stretch(*orders, stock=stock), one).whole == 1
    assert replay(stretch(*orders, stock=stock), waves).given == 1
    assert replay(stretch(*orders, stock=stock), first_served).whole == 1
    early = replay(stretch(came(1, 1, pen=1), stock=stock, changes=(Change(later(30), ("pen", "A"), -1),)), waves)
    assert early.given == 0  # gone before the run


def test_the_day_of_a_node_is_full_after_its_jobs() -> None:
    nodes = (replace(node("A", 5, capacity=1), day=NOW.date()), replace(node("B", 400, capacity=9), day=NOW.date()))
    orders = [came(n, n, pen=1) for n in (1, 2, 3)]
    found = replay(stretch(*orders, stock={("pen", "A"): 9, ("pen", "B"): 9}, nodes=nodes), DEFAULT)
    assert round(found.metres / 100_000) == 8  # one from A, two from B


def test_late_parcels_and_ways_are_counted() -> None:
    slow = (node("A", 10, ready_at=NOW + timedelta(days=3)),)
    wanted = came(1, 1, pen=1)
    wanted = Past(replace(wanted.demand, wanted_by=NOW), wanted.received_at)
    found = replay(stretch(wanted, came(2, 2, pen=1), stock={("pen", "A"): 2}, nodes=slow), DEFAULT)
    assert (found.late, found.known_ways) == (1, 2)


def test_two_plans_are_compared_figure_by_figure() -> None:
    near = ruled(nodes=NodeFilter(max_km=100))
    orders = [came(n, n, pen=1) for n in range(1, 5)]
    found = compare(stretch(*orders, stock={("pen", "A"): 2, ("pen", "B"): 9}), near, DEFAULT)
    assert (found.against.fill_rate, found.plan.fill_rate, found.differences["fill_rate"]) == (1.0, 0.5, -0.5)
    assert found.plan.waiting == {"backorder": 2}
    assert found.differences["parcels"] == -2
    assert "orders_split" not in found.differences


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 10**6))
def test_any_plan_gives_no_more_than_there_was_and_the_same_again(routing_plan: RoutingPlan, seed: int) -> None:
    dice = random.Random(seed)
    nodes = tuple(node(code, dice.randint(1, 900), capacity=dice.randint(1, 9)) for code in "ABCD")
    stock = {(sku, each.code): dice.randint(0, 4) for sku in ("pen", "ink") for each in nodes}
    changes = tuple(
        Change(later(dice.randint(0, 600)), dice.choice(list(stock)), dice.randint(-2, 4)) for _ in range(9)
    )
    orders = [came(n, dice.randint(0, 600), pen=dice.randint(1, 3), ink=dice.randint(1, 3)) for n in range(8)]
    played = stretch(*orders, stock=stock, changes=changes, nodes=nodes)
    found = replay(played, routing_plan)
    assert found.given + sum(found.waiting.values()) == found.units
    assert found.given <= sum(stock.values()) + sum(change.units for change in changes if change.units > 0)
    shuffled = Stretch(
        played.since,
        played.until,
        tuple(dice.sample(orders, len(orders))),
        dict(dice.sample(list(stock.items()), len(stock))),
        tuple(dice.sample(changes, len(changes))),
        played.nodes_at,
    )
    assert replay(shuffled, routing_plan) == found
