"""Milestones of a job, worked back from when it is due: by when it must be accepted, picked and packed. Pure.

Time is open time of the node's own clock: what is due at ten in the morning is accepted the evening before, if the
doors open at half past nine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.network.rules import PACK_TIME, PICKUP_TIME, Calendar, before_open_time
from shared.network import Delivery

PICKED, PACKED = timedelta(minutes=30), timedelta(minutes=15)
"""Open time that must be left when the units are picked, and when they are packed."""
START: Mapping[str, timedelta] = {
    Delivery.SHIP: PACK_TIME - timedelta(minutes=15),
    Delivery.PICKUP: PICKUP_TIME / 2,
    Delivery.CURBSIDE: PICKUP_TIME / 2,
}
"""Way of delivery -> open time that must be left when somebody begins: enough for the work, less than was given."""


@dataclass(frozen=True, slots=True)
class Milestones:
    """The last moments at which all is well."""

    accept_by: datetime
    pick_by: datetime
    pack_by: datetime
    due_at: datetime
    """Ready for the customer, or with the carrier."""


def milestones(calendar: Calendar, method: str, due_at: datetime) -> Milestones:
    """Worked back from `due_at` in the node's open time."""
    accept_by, pick_by, pack_by = (before_open_time(calendar, due_at, left) for left in (START[method], PICKED, PACKED))
    return Milestones(accept_by, pick_by, pack_by, due_at)
