"""A node lives by its own clock: hours, closed days, changes of the clock, and when things are due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.network.rules import Calendar, Hours, is_open, opening, pickup_due, pickup_expiry, ship_due

ZONES = ("America/New_York", "America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
DAY = Hours(opens="09:00", closes="17:00")
NIGHT = Hours(opens="00:00", closes="24:00")
weeks = st.lists(st.sampled_from([DAY, NIGHT, Hours(opens="01:30", closes="02:30"), None]), min_size=7, max_size=7)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
calendars = st.builds(
    Calendar,
    time_zone=st.sampled_from(ZONES),
    hours=weeks.map(tuple),
    holidays=st.frozensets(st.dates(date(2024, 1, 1), date(2027, 12, 31)), max_size=5),
    cutoff=st.sampled_from([None, "16:00", "02:30"]),
)


def chicago(**more: object) -> Calendar:
    return Calendar(**{"time_zone": "America/Chicago", "hours": (DAY,) * 6 + (None,), **more})  # type: ignore[arg-type]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_two_open_hours_run_over_the_night_and_a_closed_sunday() -> None:
    assert pickup_due(chicago(), at("2026-11-21T16:00-06:00")) == at("2026-11-23T10:00-06:00")


def test_the_carrier_leaves_an_hour_to_pack() -> None:
    calendar = chicago(cutoff="16:00")
    assert ship_due(calendar, at("2026-11-23T14:59-06:00")) == at("2026-11-23T16:00-06:00")
    assert ship_due(calendar, at("2026-11-23T15:01-06:00")) == at("2026-11-24T16:00-06:00")


def test_a_bag_waits_for_open_days_only_and_until_closing_time() -> None:
    calendar = chicago(holidays=frozenset({date(2026, 11, 26)}))
    assert pickup_expiry(calendar, at("2026-11-24T12:00-06:00"), 3) == at("2026-11-28T17:00-06:00")


def test_the_day_of_the_changed_clock_has_an_hour_more_or_less() -> None:
    calendar = chicago(hours=(NIGHT,) * 7)
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 11, 2), 24)):
        found = opening(calendar, day)
        assert found is not None
        assert found[1] - found[0] == timedelta(hours=hours)


def test_hours_run_forward() -> None:
    with pytest.raises(ValidationError, match="later than opens"):
        Hours(opens="18:00", closes="02:00")


@given(calendars, moments)
def test_a_pickup_is_due_while_somebody_is_there_and_not_before_two_hours(calendar: Calendar, placed: datetime) -> None:
    due = pickup_due(calendar, placed)
    if due is None:
        assert not any(calendar.hours)
        return
    assert due >= placed + timedelta(hours=2)
    assert is_open(calendar, due - timedelta(microseconds=1))


@given(calendars, moments, st.timedeltas(timedelta(), timedelta(days=3)))
def test_who_orders_later_is_never_due_earlier(calendar: Calendar, placed: datetime, later: timedelta) -> None:
    for rule in (pickup_due, ship_due):
        first, second = rule(calendar, placed), rule(calendar, placed + later)
        assert first is None or second is None or first <= second


@given(calendars, moments, st.integers(1, 10))
def test_a_bag_that_may_wait_longer_never_goes_back_earlier(calendar: Calendar, ready: datetime, days: int) -> None:
    expiry = pickup_expiry(calendar, ready, days)
    assert ready < expiry <= pickup_expiry(calendar, ready, days + 1)
