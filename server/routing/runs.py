"""When a plan's orders are routed: as they come in, and in runs at set times.

A run needs no diary: an order is taken by the first time of a run after it came in, so a worker that was away takes up
where it would have been.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from server.network.rules import TimeZone, WallTime, at_wall_time
from server.routing.filters import OrderFilter
from server.routing.spelling import Spelled

_DAY = 24 * 60


class Run(Spelled):
    """One way of starting to route."""

    when: Literal["at_once", "every", "at"] = Field(
        description="`at_once`: as an order comes in. `every`: each so many minutes. `at`: at times of day. The last"
        " two take all orders that wait."
    )
    orders: OrderFilter = Field(default=OrderFilter(), description="at_once only: the others wait for the next run.")
    minutes: int | None = Field(
        default=None, ge=1, le=_DAY, description="every only; from midnight UTC.", examples=[15]
    )
    times: tuple[WallTime, ...] = Field(
        default=(), max_length=48, description="at only.", examples=[["06:00", "14:00"]]
    )
    time_zone: TimeZone = Field(default="UTC", description="at only.", examples=["America/New_York"])

    @model_validator(mode="after")
    def _complete(self) -> Run:
        if self.when == "every" and (self.minutes is None or _DAY % self.minutes):
            raise ValueError("minutes: say how many, so that a day is a whole number of runs (5, 10, 15, 20, 30, 60)")
        if self.when == "at" and not self.times:
            raise ValueError("times: say at which times of day")
        if self.when != "every" and self.minutes is not None:
            raise ValueError("minutes: belongs to a run `every` so many minutes")
        if self.when != "at" and (self.times or self.time_zone != "UTC"):
            raise ValueError("times: belongs to a run `at` times of day")
        if self.when != "at_once" and not self.orders.everything:
            raise ValueError("orders: a run takes all that waits; only `at_once` chooses, and rules do")
        return self

    def last(self, now: datetime) -> datetime | None:
        """When it began last; None for `at_once`, which needs no time."""
        if self.when == "every" and self.minutes:
            at = now.astimezone(UTC)
            return at.replace(second=0, microsecond=0) - timedelta(minutes=(at.hour * 60 + at.minute) % self.minutes)
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        days = (today, today - timedelta(days=1), today - timedelta(days=2))
        starts = [at_wall_time(day, wall, zone) for day in days for wall in self.times]
        return max((start for start in starts if start <= now), default=None)

    def starts(self, after: datetime, until: datetime) -> list[datetime]:
        """Every time at which it begins after `after`, up to `until`, in order."""
        found = []
        at = self.last(until)
        while at is not None and at > after:
            found.append(at)
            at = self.last(at - timedelta(microseconds=1))
        return found[::-1]

    def next(self, now: datetime) -> datetime | None:
        """When it begins next; None for `at_once`."""
        if self.when == "every" and self.minutes and (began := self.last(now)):
            return began + timedelta(minutes=self.minutes)
        return min(self.starts(now, now + timedelta(days=2)), default=None)
