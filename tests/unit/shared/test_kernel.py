"""Small values: shares to the cent, ids in order of time, distances, masked phones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel import Geo, distance_km, masked_phone, shares, uuid7

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.integers(0, 10**11), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_shares_add_up_to_the_cent_and_are_at_most_one_off(total: int, weights: list[int]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    whole = sum(weights) or len(weights)
    for part, weight in zip(parts, weights if sum(weights) else [1] * len(weights), strict=True):
        assert abs(part * whole - total * weight) < whole


def test_nobody_to_share_with_means_no_shares() -> None:
    assert shares(100, []) == []


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_the_time_they_were_made(first: bytes, second: bytes) -> None:
    early, late = uuid7(NOON, first), uuid7(NOON + timedelta(milliseconds=1), second)
    assert early < late
    assert early.version == 7


def test_a_distance_is_measured_along_the_earth() -> None:
    paris, london = Geo(latitude=48.8566, longitude=2.3522), Geo(latitude=51.5074, longitude=-0.1278)
    assert distance_km(paris, london) == pytest.approx(343.6, abs=0.5)
    assert distance_km(paris, paris) == 0


def test_a_phone_shows_its_last_four_digits_only() -> None:
    assert masked_phone("+1 (555) 010-4711") == "···· 4711"
    assert masked_phone("12") is None
    assert masked_phone(None) is None
