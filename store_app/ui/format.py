"""Money, numbers, dates and spans of time as the reader's language writes them, in the node's time zone."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal, get_currency_precision

from store_app.ui.texts import current_locale, t


def _locale(locale: str | None) -> Locale:
    return Locale.parse((locale or current_locale()).replace("-", "_"))


def money(minor: int, currency: str, locale: str | None = None) -> str:
    """Minor units and an ISO 4217 code: `money(1999, "EUR")` -> €19.99."""
    amount = minor / 10 ** get_currency_precision(currency)
    return format_currency(amount, currency, locale=_locale(locale))


def number(value: float, locale: str | None = None) -> str:
    """A number with the language's own separators and digits."""
    return format_decimal(value, locale=_locale(locale))


def clock(instant: datetime, zone: str, locale: str | None = None) -> str:
    """The time of day at the node: 10:42, or 10:42 AM where that is the custom."""
    return format_time(instant, "short", tzinfo=ZoneInfo(zone), locale=_locale(locale))


def day(when: date | datetime, zone: str = "UTC", locale: str | None = None) -> str:
    """A date with its weekday: Fri, Nov 20."""
    if isinstance(when, datetime):
        when = when.astimezone(ZoneInfo(zone)).date()
    return format_skeleton("MMMEd", datetime(when.year, when.month, when.day), locale=_locale(locale))  # noqa: DTZ001


def full_day(when: date, locale: str | None = None) -> str:
    """A date with its year: Nov 20, 2026."""
    return format_date(when, "medium", locale=_locale(locale))


def moment(instant: datetime, zone: str, now: datetime, locale: str | None = None) -> str:
    """Just the time when it is today at the node, else the day and the time."""
    here = ZoneInfo(zone)
    time = clock(instant, zone, locale)
    if instant.astimezone(here).date() == now.astimezone(here).date():
        return time
    return t("time.day_and_clock", day=day(instant, zone, locale), clock=time)


def span(length: timedelta) -> str:
    """A length of time in at most two units, rounded down: 45 s, 12 min, 1 h 05, 3 d."""
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return t("span.seconds", n=seconds)
    minutes = seconds // 60
    if minutes < 60:
        return t("span.minutes", n=minutes)
    if minutes < 24 * 60:
        return _hours(*divmod(minutes, 60))
    return t("span.days", n=minutes // (24 * 60))


def _hours(hours: int, minutes: int) -> str:
    if minutes == 0:
        return t("span.hours", n=hours)
    return t("span.hours_and_minutes", n=hours, rest=f"{minutes:02d}")
