"""What a decision means for a customer, by each node's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from server.network.rules import Calendar, Collection, Hours
from server.routing.decisions import Choice, Decision, Demand, DemandLine, Unrouted
from server.routing.promised import Facts, collected, shipped
from server.routing.runs import Run
from server.routing.snapshot import Candidates, Node, Nodes

DAY = Hours(opens="09:00", closes="20:00")
CHICAGO = Calendar(time_zone="America/Chicago", hours=(DAY,) * 7, holidays=frozenset({date(2026, 11, 27)}))
BERLIN = Calendar(
    time_zone="Europe/Berlin", hours=(DAY,) * 6 + (None,), collections=(Collection(at="16:00", order_by="14:30"),)
)
CALENDARS = {"S-1": CHICAGO, "W-1": BERLIN}
NAMES = {"S-1": "Lakeside", "W-1": "Spandau"}
ORDER = UUID(int=7)
NEXT_WEEK = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)


def facts(at: datetime, *, in_a_run: bool = False, remorse: int = 0) -> Facts:
    return Facts(at, in_a_run, timedelta(minutes=remorse), CALENDARS, NAMES, {"APPLE": NEXT_WEEK})


THURSDAY = datetime(2026, 11, 26, 13, 0, tzinfo=UTC)


def demand(delivery: str = "ship", node: str | None = None) -> Demand:
    lines = (DemandLine(1, "APPLE", 3), DemandLine(2, "BREAD", 1))
    return Demand(ORDER, lines, delivery, "web", node)  # type: ignore[arg-type]


def decision(*given: tuple[int, str, str, int], delivery: str = "ship", missing: tuple[Unrouted, ...] = ()) -> Decision:
    choices = tuple(Choice(line, sku, node, NAMES[node], units, (), (), {}) for line, sku, node, units in given)
    return Decision(ORDER, "standard", 1, delivery, choices, missing, 0, proven=True)  # type: ignore[arg-type]


def test_each_parcel_leaves_by_its_own_nodes_clock_and_the_last_one_decides() -> None:
    found = shipped(demand(), decision((1, "APPLE", "S-1", 3), (2, "BREAD", "W-1", 1)), facts(THURSDAY))
    lakeside, spandau = found.parcels
    assert (lakeside.name, [(u.sku, u.quantity) for u in lakeside.items]) == ("Lakeside", [("APPLE", 3)])
    assert lakeside.leaves_at == datetime(2026, 11, 27, 2, 0, tzinfo=UTC), "at closing time, 20:00 in Chicago"
    assert spandau.leaves_at == datetime(2026, 11, 26, 15, 0, tzinfo=UTC), "16:00 in Berlin"
    assert (found.complete, found.leaves_by) == (True, lakeside.leaves_at)
    assert found.order_by == spandau.order_by == datetime(2026, 11, 26, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        (datetime(2026, 11, 26, 13, 31, tzinfo=UTC), datetime(2026, 11, 27, 15, 0, tzinfo=UTC)),
        (datetime(2026, 11, 28, 13, 31, tzinfo=UTC), datetime(2026, 11, 30, 15, 0, tzinfo=UTC)),
    ],
)
def test_after_the_cut_off_a_parcel_leaves_on_the_next_open_day(at: datetime, leaves: datetime) -> None:
    found = shipped(demand(), decision((1, "APPLE", "W-1", 3), (2, "BREAD", "W-1", 1)), facts(at))
    assert found.leaves_by == leaves


def test_an_order_must_come_before_its_run_and_before_its_customer_may_no_longer_change_their_mind() -> None:
    given = decision((1, "APPLE", "W-1", 3), (2, "BREAD", "W-1", 1))
    at_once = shipped(demand(), given, facts(THURSDAY, remorse=20))
    assert at_once.order_by == datetime(2026, 11, 26, 13, 10, tzinfo=UTC)
    in_a_run = shipped(demand(), given, facts(THURSDAY, in_a_run=True, remorse=20))
    assert in_a_run.order_by == THURSDAY - timedelta(minutes=20)
    assert at_once.leaves_by == in_a_run.leaves_by


def test_a_cart_that_is_not_complete_has_no_time_and_says_what_is_missing() -> None:
    left = Unrouted(1, "APPLE", 2, "no_stock", {})
    found = shipped(
        demand(),
        decision((1, "APPLE", "W-1", 1), (2, "BREAD", "W-1", 1), missing=(left,)),
        facts(THURSDAY),
    )
    assert (found.complete, found.leaves_by, found.order_by) == (False, None, None)
    assert [(m.sku, m.quantity, m.reason, m.why, m.expected_at) for m in found.missing] == [
        ("APPLE", 2, "no_stock", "No node has the last 2 units.", NEXT_WEEK)
    ]


def test_a_bag_stands_ready_after_two_open_hours_and_not_on_a_holiday() -> None:
    asked = demand("pickup", "S-1")
    given = decision((1, "APPLE", "S-1", 3), (2, "BREAD", "S-1", 1), delivery="pickup")
    evening = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)  # Thursday 19:00 in Chicago; Friday is a holiday
    found = collected(asked, given, facts(evening), 12_345)
    assert found.ready_at == datetime(2026, 11, 28, 16, 0, tzinfo=UTC)
    assert (found.complete, found.distance_km, found.way) == (True, 12.3, "pickup")


def test_a_store_that_has_nothing_makes_nothing_ready() -> None:
    left = Unrouted(1, "APPLE", 3, "no_stock", {})
    found = collected(demand("curbside", "S-1"), decision(delivery="curbside", missing=(left,)), facts(THURSDAY), None)
    assert (found.complete, found.ready_at, found.items, found.distance_km) == (False, None, [], None)


def test_the_next_run_begins_after_the_last_one() -> None:
    every = Run(when="every", minutes=15)
    assert every.next(datetime(2026, 11, 26, 13, 7, tzinfo=UTC)) == datetime(2026, 11, 26, 13, 15, tzinfo=UTC)
    assert every.next(datetime(2026, 11, 26, 13, 15, tzinfo=UTC)) == datetime(2026, 11, 26, 13, 30, tzinfo=UTC)
    at = Run(when="at", times=("06:00", "14:00"), time_zone="America/Chicago")
    assert at.next(datetime(2026, 11, 26, 13, 0, tzinfo=UTC)) == datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
    assert at.next(datetime(2026, 11, 26, 20, 0, tzinfo=UTC)) == datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
    assert Run(when="at_once").next(THURSDAY) is None


def test_a_snapshot_with_other_units_differs_there_only() -> None:
    nodes = Nodes.of([Node("A", "A", "store"), Node("B", "B", "store")])
    before = Candidates.of(nodes, [("BREAD", "A", 4), ("BREAD", "B", 2)])
    after = before.with_free({("BREAD", "B"): 5, ("APPLE", "A"): 1, ("APPLE", "B"): -3, ("BREAD", "X"): 9})
    assert {sku: after.available[row].tolist() for sku, row in after.skus.items()} == {"APPLE": [1, 0], "BREAD": [4, 5]}
    assert before.available.tolist() == [[4, 2]]
    assert before.with_free({}) is before
