"""When something was done: as the device says, within what can be true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.sync.rules import TICK, TOLERANCE, moment

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_good_clock_is_believed() -> None:
    for before in (None, NOW - 2 * HOUR):
        assert moment(NOW - HOUR, before, NOW) == (when := moment(NOW - HOUR, None, NOW))
        assert (when.at, when.sure) == (NOW - HOUR, True)


def test_nothing_was_done_in_the_future_not_even_a_first_command() -> None:
    for before in (None, NOW - HOUR):
        assert moment(NOW + DAY, before, NOW).at == NOW
        assert not moment(NOW + DAY, before, NOW).sure


def test_a_clock_that_went_back_does_not_change_the_order() -> None:
    found = moment(NOW - DAY, NOW - HOUR, NOW)
    assert (found.at, found.sure) == (NOW - HOUR + TICK, False)


def test_a_little_off_is_no_lie() -> None:
    assert moment(NOW + TOLERANCE, None, NOW).sure
    assert moment(NOW - HOUR - TOLERANCE / 2, NOW - HOUR, NOW).sure


@given(st.lists(st.tuples(st.integers(-200_000, 200_000), st.integers(0, 5_000)), min_size=1, max_size=20))
def test_whatever_a_clock_says_the_order_of_the_numbers_holds(said: list[tuple[int, int]]) -> None:
    now, before = NOW, None
    for off, passed in said:
        now += timedelta(seconds=passed)
        at = moment(now + timedelta(seconds=off), before, now).at
        assert at <= now + len(said) * TICK
        assert before is None or at > before
        before = at
