"""A node lives by its own clock: hours, closed days, changes of the clock, and when things are due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.network.rules import (
    Calendar,
    Capacity,
    Collection,
    Hours,
    Limits,
    NewNode,
    after_open_time,
    before_open_time,
    is_open,
    next_collection,
    opening,
    pickup_due,
    pickup_expiry,
    ship_due,
    work_day,
)
from shared.network import Delivery

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
    special=st.dictionaries(st.dates(date(2024, 1, 1), date(2027, 12, 31)), st.sampled_from([DAY, None]), max_size=5),
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


# ---------------------------------------------------------------- special days, drivers, capacity

XMAS_EVE, XMAS = date(2026, 12, 24), date(2026, 12, 25)
LONG = Hours(opens="08:00", closes="22:00")


def test_a_special_day_has_its_own_hours_even_on_a_day_that_is_closed() -> None:
    sunday = date(2026, 12, 20)
    calendar = chicago(special={sunday: LONG, XMAS_EVE: Hours(opens="09:00", closes="13:00"), XMAS: None})
    assert opening(calendar, sunday) == (at("2026-12-20T08:00-06:00"), at("2026-12-20T22:00-06:00"))
    assert opening(calendar, XMAS) is None
    assert pickup_due(calendar, at("2026-12-24T12:00-06:00")) == at("2026-12-26T10:00-06:00")


def test_each_driver_takes_what_came_in_time_for_them() -> None:
    drivers = (
        Collection(at="11:00", carrier="dhl", service="express", order_by="10:30"),
        Collection(at="16:00", carrier="ups", days=(1, 2, 3, 4, 5)),
        Collection(at="16:30", carrier="dhl"),
    )
    calendar = chicago(collections=drivers)
    monday = "2026-11-23"
    assert ship_due(calendar, at(f"{monday}T10:30-06:00")) == at(f"{monday}T11:00-06:00")
    assert ship_due(calendar, at(f"{monday}T10:31-06:00")) == at(f"{monday}T16:00-06:00")
    assert ship_due(calendar, at(f"{monday}T15:20-06:00")) == at(f"{monday}T16:30-06:00")

    def leaves(placed: str, carrier: str, service: str | None = None) -> datetime | None:
        found = next_collection(calendar, at(placed), carrier=carrier, service=service)
        return found.at if found else None

    assert leaves(f"{monday}T09:00-06:00", "ups", "ground") == at(f"{monday}T16:00-06:00")
    assert leaves(f"{monday}T09:00-06:00", "dhl", "ground") == at(f"{monday}T16:30-06:00")
    assert leaves("2026-11-21T09:00-06:00", "ups") == at(f"{monday}T16:00-06:00")
    assert leaves(f"{monday}T09:00-06:00", "gls") is None


def test_the_hour_before_a_driver_is_one_in_which_somebody_is_there() -> None:
    calendar = chicago(collections=(Collection(at="09:15"),))
    assert ship_due(calendar, at("2026-11-23T16:10-06:00")) == at("2026-11-24T09:15-06:00")
    assert ship_due(calendar, at("2026-11-23T16:20-06:00")) == at("2026-11-25T09:15-06:00")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-23T23:30-06:00", date(2026, 11, 24)),  # after closing time, and another day in UTC already
        ("2026-11-23T16:59-06:00", date(2026, 11, 23)),
        ("2026-11-23T02:00-06:00", date(2026, 11, 23)),
        ("2026-11-21T18:00-06:00", date(2026, 11, 23)),  # a Saturday evening
    ],
)
def test_a_job_belongs_to_the_day_of_the_nodes_own_calendar_on_which_it_is_worked_on(moment: str, day: date) -> None:
    assert work_day(chicago(), at(moment)) == day


def test_a_day_takes_what_its_date_says_before_its_weekday() -> None:
    weekdays = (20, 20, 20, 20, 30, 50, None)
    capacity = Capacity(per_day=99, by_weekday=weekdays, by_date={XMAS_EVE: 5}, by_method={Delivery.SHIP: 7})
    assert capacity.on(date(2026, 12, 23)) == Limits(in_all=20, by_method={Delivery.SHIP: 7})
    assert capacity.on(XMAS_EVE).in_all == 5
    assert capacity.on(date(2026, 12, 27)).in_all is None
    assert Capacity(per_day=99).on(XMAS_EVE).in_all == 99


@given(calendars, moments, st.timedeltas(timedelta(minutes=1), timedelta(hours=30)))
def test_open_time_walked_back_and_forth_meets(calendar: Calendar, moment: datetime, work: timedelta) -> None:
    start = before_open_time(calendar, moment, work)
    assert start <= moment - work
    done = after_open_time(calendar, start, work)
    assert done is None or not any(calendar.hours) or done <= moment


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cutoff": "16:00", "collections": [{"at": "17:00"}]}, "cutoff"),
        ({"collections": [{"at": "17:00", "order_by": "18:00"}]}, "order_by"),
        ({"holidays": ["2026-12-25"], "special_days": [{"day": "2026-12-25"}]}, "special_days.0.day"),
        ({"special_days": [{"day": "2026-12-24"}, {"day": "2026-12-24"}]}, "special_days.1.day"),
    ],
)
def test_a_node_tells_one_story(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        NewNode.model_validate({"code": "S-1", "name": "One", "type": "store", **wrong})
