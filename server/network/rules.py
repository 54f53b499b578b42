"""Pure rules of places and time: what a node must look like, when it is open, when a job is due.

A node lives by its own clock: hours, cut-offs and due times are worked out in its time zone and given as instants.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.kernel import Currency, Geo, Input, NodeCode, Wire
from shared.proofs import ProofPolicy

PICKUP_TIME = timedelta(hours=2)
"""Open hours between an order and its bag standing ready."""
HORIZON_DAYS = 370
"""A node that is closed longer than this has no next opening."""
ZONES = available_timezones()


def _zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError(f"{name} is no time zone; use an IANA name such as America/Chicago")
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
WallTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
NodeType = Literal["store", "dark_store", "warehouse", "third_party", "vendor"]
Place = Annotated[str, StringConstraints(min_length=1, max_length=24)]


class Hours(Input):
    """Open from and to, local wall time; 24:00 is the end of the day."""

    opens: WallTime = Field(examples=["08:00"])
    closes: WallTime = Field(examples=["21:00"], description="After `opens`; a night shift ends at 24:00.")

    @model_validator(mode="after")
    def _forward(self) -> Hours:
        if self.closes <= self.opens:
            raise ValueError("closes: must be later than opens, at most 24:00")
        return self


class NewNode(Input):
    """A node, whole: what is not sent goes back to its default."""

    code: NodeCode = Field(examples=["S001"])
    name: str = Field(min_length=1, max_length=80, examples=["Cincinnati Northside"])
    type: NodeType = Field(examples=["store"])
    location: Geo | None = None
    address: tuple[Annotated[str, StringConstraints(min_length=1, max_length=120)], ...] = Field(
        default=(), max_length=6, description="Lines as printed on a label."
    )
    time_zone: TimeZone = Field(default="UTC", examples=["America/New_York"])
    currency: Currency = Field(default="USD")
    hours: tuple[Hours | None, ...] = Field(
        default=(Hours(opens="00:00", closes="24:00"),) * 7,
        min_length=7,
        max_length=7,
        description="Seven entries from Monday; null where closed.",
    )
    holidays: tuple[date, ...] = Field(default=(), max_length=100)
    cutoff: WallTime | None = Field(default=None, description="When the carrier collects, local time.")
    capacity_per_day: int | None = Field(default=None, ge=0, le=100_000, description="Jobs a day; null: no limit.")
    capabilities: tuple[Literal["ship", "pickup", "curbside"], ...] = Field(default=("ship",), max_length=3)
    safety_stock: int = Field(default=0, ge=0, le=10_000, description="Units of each item its own floor keeps.")
    routing_buffer: int = Field(default=0, ge=0, le=10_000, description="With fewer units it sends none of an item.")
    staging: tuple[Place, ...] = Field(default=(), max_length=200, description="Places where finished bags stand.")
    bays: tuple[Place, ...] = Field(default=(), max_length=100, description="Parking bays for curbside.")
    proof: ProofPolicy = Field(
        default="none",
        description="What a customer leaves when they collect. `none`: an associate may take a signature or a photo,"
        " and need not; otherwise a bag goes out without it only on a lead's PIN.",
    )
    taking_orders: bool = True


class NodeView(NewNode):
    """A node as it is now."""

    open_now: bool
    version: int


class ChannelNode(Input):
    node: NodeCode
    threshold: int = Field(default=0, ge=0, le=10_000, description="Units of each item this channel may not touch.")


class NewChannel(Input):
    """A channel and the nodes it sells from."""

    code: str = Field(min_length=1, max_length=24, pattern=r"^[a-z][a-z0-9_-]*$", examples=["web"])
    name: str = Field(min_length=1, max_length=80)
    nodes: tuple[ChannelNode, ...] = Field(max_length=5000)


class Calendar(Wire):
    """What time means at a node."""

    time_zone: str
    hours: tuple[Hours | None, ...]
    holidays: frozenset[date] = frozenset()
    cutoff: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def at_wall_time(day: date, wall: str, zone: ZoneInfo) -> datetime:
    """An instant from a node's own clock; 24:00 is midnight at the end of `day`."""
    if wall == "24:00":
        day, wall = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(wall), zone).astimezone(UTC)


def opening(calendar: Calendar, day: date) -> tuple[datetime, datetime] | None:
    """When the node opens and closes on its own `day`, as instants; None where it stays closed."""
    hours = calendar.hours[day.weekday()]
    if hours is None or day in calendar.holidays:
        return None
    start, end = (at_wall_time(day, wall, calendar.zone) for wall in (hours.opens, hours.closes))
    return (start, end) if start < end else None


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether somebody is there at `at`."""
    found = opening(calendar, at.astimezone(calendar.zone).date())
    return found is not None and found[0] <= at < found[1]


def pickup_due(calendar: Calendar, placed_at: datetime) -> datetime | None:
    """When a bag should stand ready: two open hours after the order. None when the node does not open within a year."""
    left = PICKUP_TIME
    day = placed_at.astimezone(calendar.zone).date()
    for offset in range(HORIZON_DAYS):
        found = opening(calendar, day + timedelta(days=offset))
        if found is None:
            continue
        start, end = max(found[0], placed_at), found[1]
        if start >= end:
            continue
        if end - start >= left:
            return start + left
        left -= end - start
    return None


def ship_due(calendar: Calendar, placed_at: datetime) -> datetime | None:
    """The carrier's next collection that leaves at least an hour to pack; without a cut-off, the end of the day."""
    day = placed_at.astimezone(calendar.zone).date()
    for offset in range(HORIZON_DAYS):
        found = opening(calendar, day + timedelta(days=offset))
        if found is None:
            continue
        leaves = (
            at_wall_time(day + timedelta(days=offset), calendar.cutoff, calendar.zone) if calendar.cutoff else found[1]
        )
        if leaves >= placed_at + timedelta(hours=1):
            return leaves
    return None


def pickup_expiry(calendar: Calendar, ready_at: datetime, days: int) -> datetime:
    """Closing time of the last of `days` open days after the day on which the bag was ready."""
    day = ready_at.astimezone(calendar.zone).date()
    left = days
    for offset in range(1, HORIZON_DAYS):
        found = opening(calendar, day + timedelta(days=offset))
        if found is None:
            continue
        left -= 1
        if left == 0:
            return found[1]
    return ready_at + timedelta(days=days)
