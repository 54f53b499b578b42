"""When orders that wait are routed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from server.routing.rules import DEFAULT, RoutingPlan
from server.routing.runs import Run
from tests.unit.routing.build import NOW, demand


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def planned(*runs: dict[str, Any]) -> RoutingPlan:
    return RoutingPlan.model_validate({**DEFAULT.model_dump(), "runs": runs})


@pytest.mark.parametrize(
    ("run", "now", "began"),
    [
        ({"when": "every", "minutes": 15}, at(2, 9, 59), at(2, 9, 45)),
        ({"when": "every", "minutes": 15}, at(2, 10), at(2, 10)),
        ({"when": "every", "minutes": 1440}, at(2, 23, 59), at(2, 0)),
        ({"when": "at", "times": ["06:00", "14:30"]}, at(2, 14, 29), at(2, 6)),
        ({"when": "at", "times": ["06:00", "14:30"]}, at(2, 5, 59), at(1, 14, 30)),
        ({"when": "at", "times": ["24:00"]}, at(2, 1), at(2, 0)),
        ({"when": "at", "times": ["06:00"], "time_zone": "America/Chicago"}, at(2, 11), at(1, 12)),
        ({"when": "at", "times": ["06:00"], "time_zone": "America/Chicago"}, at(9, 11), at(9, 11)),  # summer time now
        ({"when": "at_once"}, at(2, 9), None),
    ],
)
def test_a_run_knows_when_it_began_last(run: dict[str, Any], now: datetime, began: datetime | None) -> None:
    assert Run.model_validate(run).last(now) == began


def test_the_latest_of_several_runs_counts_and_without_any_nobody_waits() -> None:
    both = planned({"when": "every", "minutes": 60}, {"when": "at", "times": ["08:45"]})
    assert both.last_run(at(2, 8, 50)) == at(2, 8, 45)
    assert both.last_run(at(2, 9, 10)) == at(2, 9)
    assert DEFAULT.last_run(at(2, 9, 10)) == at(2, 9, 10)


def test_orders_are_routed_at_once_where_the_plan_says_so() -> None:
    parcel, bag = demand(pen=1), demand(delivery="pickup", at="A", pen=1)
    waves = planned({"when": "at_once", "orders": {"methods": ["pickup"]}}, {"when": "every", "minutes": 15})
    assert (waves.at_once(bag, NOW), waves.at_once(parcel, NOW)) == (True, False)
    assert not planned({"when": "every", "minutes": 15}).at_once(bag, NOW)
    assert DEFAULT.at_once(parcel, NOW)
    assert (DEFAULT.all_at_once, waves.all_at_once) == (True, False)
