"""When something was done, as far as a device's clock can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

TICK = timedelta(microseconds=1)
TOLERANCE = timedelta(minutes=2)
"""How far a clock may be off without a word."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`sure`: nothing speaks against it."""

    at: datetime
    sure: bool = True


def moment(said: datetime, before: datetime | None, now: datetime) -> Moment:
    """When a command was done: as its device says, but after the command before it (`before`) and not in the future.

    Within a device the order is that of the numbers, so that of two commands the later one has the later moment.
    """
    earliest = before + TICK if before else min(said, now)
    at = max(min(said, now), earliest)
    return Moment(at, sure=earliest - TOLERANCE <= said <= now + TOLERANCE)
