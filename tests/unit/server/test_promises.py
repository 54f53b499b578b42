"""Promises and milestones: worked back in open time, kept when something better comes, told when they get worse."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.network.milestones import milestones
from server.network.rules import Calendar, due, is_open
from server.orders.promises import Promise, with_node, without_node
from tests.unit.server.test_node_hours import at, calendars, chicago, moments

KEY = (UUID(int=1), 1)
FIVE, SIX = at("2026-11-23T17:00-06:00"), at("2026-11-23T18:00-06:00")


def test_what_is_due_soon_after_the_doors_open_is_begun_the_evening_before() -> None:
    by = milestones(chicago(), "pickup", at("2026-11-24T09:20-06:00"))
    assert (by.accept_by, by.pick_by, by.pack_by) == (
        at("2026-11-23T16:20-06:00"),
        at("2026-11-23T16:50-06:00"),
        at("2026-11-24T09:05-06:00"),
    )


@given(calendars, moments, st.sampled_from(["ship", "pickup", "curbside"]))
def test_milestones_come_in_order_and_a_new_job_is_not_at_risk_while_somebody_is_there(
    calendar: Calendar, placed: datetime, method: str
) -> None:
    due_at = due(calendar, method, placed)
    if due_at is None:
        return
    by = milestones(calendar, method, due_at)
    assert by.accept_by < by.pick_by < by.pack_by < by.due_at
    assert by.accept_by > placed or not is_open(calendar, placed) or method == "ship"


@pytest.mark.parametrize(
    ("was", "due_at", "waited", "expected"),
    [
        (None, FIVE, False, Promise(KEY, None, FIVE, told=False)),  # the first promise
        (None, FIVE, True, Promise(KEY, None, FIVE, told=True)),  # it waited, and has a time now
        (FIVE, SIX, False, Promise(KEY, FIVE, SIX, told=True)),
        (SIX, FIVE, True, None),  # better: what was promised stands
        (FIVE, FIVE, False, None),
    ],
)
def test_a_promise_changes_for_the_worse_only_and_then_it_is_told(
    was: datetime | None, due_at: datetime, waited: bool, expected: Promise | None
) -> None:
    assert with_node(KEY, was, due_at, waited=waited) == expected


def test_without_a_node_the_promise_is_gone_or_moves_to_when_the_item_is_expected() -> None:
    assert without_node(KEY, FIVE, None) == Promise(KEY, FIVE, None, told=True)
    assert without_node(KEY, None, FIVE) == Promise(KEY, None, FIVE, told=False)
    assert without_node(KEY, FIVE, SIX) == Promise(KEY, FIVE, SIX, told=True)
    early = without_node(KEY, SIX, FIVE)
    assert (early.now, early.told) == (SIX, False), "nobody is promised earlier than they were"
    assert without_node(KEY, FIVE, FIVE + timedelta()).told is False
