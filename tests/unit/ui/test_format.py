"""Money, dates and spans as the reader writes them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from store_app.ui.format import clock, day, full_day, moment, money, number, span

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_money_has_as_many_decimals_as_its_currency() -> None:
    assert money(1999, "EUR", "en") == "€19.99"
    assert money(1999, "JPY", "en") == "¥1,999"
    assert money(-5, "USD", "en") == "-$0.05"


def test_money_is_written_the_reader_s_way() -> None:
    assert money(123450, "EUR", "de").replace("\u00a0", " ") == "1.234,50 €"


def test_the_time_is_the_node_s_and_not_the_device_s() -> None:
    assert clock(NOON, "America/New_York", "de") == "07:00"
    assert clock(NOON, "Asia/Tokyo", "de") == "21:00"


def test_today_needs_no_date_and_another_day_does() -> None:
    assert moment(NOON, "UTC", NOON, "de") == "12:00"
    assert moment(NOON - timedelta(days=1), "UTC", NOON, "en").startswith("Thu, Nov 19, 12:00")


def test_a_day_is_the_day_at_the_node() -> None:
    assert day(datetime(2026, 11, 20, 23, 30, tzinfo=UTC), "Asia/Tokyo", "en") == "Sat, Nov 21"
    assert full_day(date(2026, 11, 20), "en") == "Nov 20, 2026"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=1, minutes=5), "1 h 05"),
        (timedelta(days=-3, hours=-2), "3 d"),
    ],
)
def test_a_span_has_at_most_two_units(length: timedelta, words: str) -> None:
    assert span(length).replace("\u00a0", " ") == words


def test_numbers_are_grouped_as_the_language_does() -> None:
    assert number(12345.5, "de") == "12.345,5"
