"""What a figure of another system means for a position, and what it has in it already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.inventory.rules import Posting, Verdict, contained, is_near, judge_figure, with_contained
from shared.reasons import Bucket
from shared.stock import MovementReason

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def position(*, counted: float | None = None, fed: float | None = None, units: int = 5) -> dict[str, Any]:
    """A position, counted and fed so many hours after noon."""
    return {
        "sellable": units,
        "counted_at": None if counted is None else NOON + counted * HOUR,
        "counted_on": "tablet",
        "count_id": None,
        "fed_at": None if fed is None else NOON + fed * HOUR,
        "fed_units": units,
        "fed_by": "erp",
    }


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, Verdict.BUILD),
        ({"counted": -1}, Verdict.BUILD),
        ({"fed": -1}, Verdict.BUILD),
        ({"counted": 0}, Verdict.OVERTAKEN),
        ({"counted": 1}, Verdict.OVERTAKEN),
        ({"fed": 1}, Verdict.OVERTAKEN),
        ({"fed": 0}, Verdict.KNOWN),
        ({"fed": 0, "units": 6}, Verdict.CONTRADICTS),
        ({"fed": 0, "counted": 1}, Verdict.KNOWN),
    ],
    ids=str,
)
def test_the_newest_statement_stands(known: dict[str, Any], expected: Verdict) -> None:
    assert judge_figure(position(**known), 5, NOON) is expected


def sale(hours: float) -> Posting:
    return Posting("A", "S-1", Bucket.SELLABLE, -2, MovementReason.SALE, "1/7", NOON + hours * HOUR)


def test_a_sale_that_was_in_the_figure_is_booked_with_its_opposite() -> None:
    booked = with_contained(sale(-1), position(fed=0), None)
    assert [(p.quantity, p.reason.value, p.reference) for p in booked] == [(2, "feed", "erp"), (-2, "sale", "1/7")]


def test_a_sale_after_the_figure_is_booked_as_it_is() -> None:
    assert with_contained(sale(0.5), position(fed=0), None) == [sale(0.5)]


def test_what_our_own_devices_did_is_not_in_a_figure_taken_before_we_heard_of_it() -> None:
    assert with_contained(sale(-1), position(fed=0), "tablet") == [sale(-1)]


def test_a_position_is_built_on_one_thing_only() -> None:
    both = position(counted=-1, fed=0)
    assert not contained(both, NOON - 2 * HOUR), "the figure is newer than the count"
    assert not is_near(both, "till", NOON - HOUR)
    counted = position(counted=1, fed=0)
    assert contained(counted, NOON)
    assert [p.reason.value for p in with_contained(sale(0), {**counted, "count_id": 7}, None)] == ["count", "sale"]
