"""Pure rules of places and time: what a node must look like, when it is open, when a job is due, how many it takes.

A node lives by its own clock: hours, cut-offs and due times are worked out in its time zone and given as instants, and
its days are those of its own calendar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.kernel import Currency, Geo, Input, Instant, NodeCode, Wire
from shared.network import Delivery, SwitchReason
from shared.proofs import ProofPolicy

PICKUP_TIME = timedelta(hours=2)
"""Open hours between an order and its bag standing ready."""
PACK_TIME = timedelta(hours=1)
"""Open hours that a parcel needs before its carrier comes, where a collection does not say until when to order."""
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
Jobs = Annotated[int, Field(ge=0, le=100_000)]
Note = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
CarrierCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,23}$")]


class Hours(Input):
    """Open from and to, local wall time; 24:00 is the end of the day."""

    opens: WallTime = Field(examples=["08:00"])
    closes: WallTime = Field(examples=["21:00"], description="After `opens`; a night shift ends at 24:00.")

    @model_validator(mode="after")
    def _forward(self) -> Hours:
        if self.closes <= self.opens:
            raise ValueError("closes: must be later than opens, at most 24:00")
        return self


class SpecialDay(Input):
    """A date that is not like others of its weekday: other hours, closed, or fewer or more jobs."""

    day: date = Field(examples=["2026-12-24"])
    hours: Hours | None = Field(default=None, description="Null: closed all day.")
    capacity: Jobs | None = Field(default=None, description="Jobs on this date; null: as on other days.")
    note: Note = Field(default="", examples=["Christmas Eve"])


class Collection(Input):
    """A carrier's driver comes: at this time, on these days, for these parcels."""

    at: WallTime = Field(examples=["17:00"], description="When the driver comes, local time.")
    carrier: CarrierCode | None = Field(default=None, examples=["ups"], description="Null: whoever the carrier is.")
    service: CarrierCode | None = Field(default=None, examples=["express"], description="Null: every service.")
    order_by: WallTime | None = Field(
        default=None,
        description="Until when a job must have come to leave with it; null: an open hour before the driver.",
    )
    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(
        default=(1, 2, 3, 4, 5, 6, 7), min_length=1, max_length=7, description="1 is Monday. Never on a closed day."
    )

    @model_validator(mode="after")
    def _possible(self) -> Collection:
        if self.order_by is not None and self.order_by > self.at:
            raise ValueError("order_by: must not be later than the driver")
        if len(set(self.days)) < len(self.days):
            raise ValueError("days: name each day once")
        return self


class NewNode(Input):
    """A node, whole: what is not sent goes back to its default. Its switch is not touched: that is the store's."""

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
    holidays: tuple[date, ...] = Field(default=(), max_length=100, description="Dates on which it stays closed.")
    special_days: tuple[SpecialDay, ...] = Field(default=(), max_length=400)
    cutoff: WallTime | None = Field(
        default=None, description="When the one carrier collects, local time; `collections` where there are more."
    )
    collections: tuple[Collection, ...] = Field(default=(), max_length=50)
    capacity_per_day: Jobs | None = Field(default=None, description="Jobs a day; null: no limit.")
    capacity_by_weekday: tuple[Jobs | None, ...] | None = Field(
        default=None,
        min_length=7,
        max_length=7,
        description="Seven entries from Monday, in place of `capacity_per_day`; null in one: no limit that day.",
    )
    capacity_by_method: dict[Delivery, Jobs] = Field(
        default_factory=dict, description="Jobs a day of one way of delivery, within the limit of all.", max_length=3
    )
    capabilities: tuple[Delivery, ...] = Field(default=(Delivery.SHIP,), max_length=3)
    safety_stock: int = Field(default=0, ge=0, le=10_000, description="Units of each item its own floor keeps.")
    routing_buffer: int = Field(default=0, ge=0, le=10_000, description="With fewer units it sends none of an item.")
    staging: tuple[Place, ...] = Field(default=(), max_length=200, description="Places where finished bags stand.")
    bays: tuple[Place, ...] = Field(default=(), max_length=100, description="Parking bays for curbside.")
    proof: ProofPolicy = Field(
        default="none",
        description="What a customer leaves when they collect. `none`: an associate may take a signature or a photo,"
        " and need not; otherwise a bag goes out without it only on a lead's PIN.",
    )

    @model_validator(mode="after")
    def _one_story(self) -> NewNode:
        if self.cutoff is not None and self.collections:
            raise ValueError("cutoff: says again what `collections` say; leave it out")
        days = [each.day for each in self.special_days]
        for place, day in enumerate(days):
            if day in self.holidays or day in days[:place]:
                raise ValueError(f"special_days.{place}.day: {day} is named twice; say once what is special about it")
        return self


class Off(Wire):
    """One way of delivery that a node does not take orders for, for now."""

    method: Delivery
    since: Instant
    until: Instant | None = Field(default=None, description="When it takes them again by itself; null: when told.")
    reason: SwitchReason
    note: str = ""
    by: str = Field(description="Name of who switched it off.")


def still_off(off: Off, now: datetime) -> bool:
    """Whether its time is not over yet."""
    return off.until is None or off.until > now


class NodeView(NewNode):
    """A node as it is now."""

    open_now: bool
    taking_orders: bool = Field(description="Whether it takes web orders of any kind now.")
    switched_off: tuple[Off, ...] = Field(default=(), description="What it takes none for, and why.")
    version: int


class Switch(Input):
    """Stop or start giving web orders to a node. What it has already stays."""

    taking_orders: bool
    methods: tuple[Delivery, ...] | None = Field(
        default=None, min_length=1, max_length=3, description="Null: every way of delivery."
    )
    until: Instant | None = Field(
        default=None, description="When it goes on again by itself; null: when somebody switches it on."
    )
    reason: SwitchReason = SwitchReason.OTHER
    note: Note = Field(default="", examples=["two people ill"])

    @model_validator(mode="after")
    def _fits(self) -> Switch:
        if self.taking_orders and self.until is not None:
            raise ValueError("until: is for switching off; leave it out to switch on")
        return self


class ChannelNode(Input):
    node: NodeCode
    threshold: int = Field(default=0, ge=0, le=10_000, description="Units of each item this channel may not touch.")


class NewChannel(Input):
    """A channel and the nodes it sells from."""

    code: str = Field(min_length=1, max_length=24, pattern=r"^[a-z][a-z0-9_-]*$", examples=["web"])
    name: str = Field(min_length=1, max_length=80)
    nodes: tuple[ChannelNode, ...] = Field(max_length=5000)
    remorse_minutes: int = Field(
        default=0,
        ge=0,
        le=7 * 24 * 60,
        description="So long after ordering a customer may change their mind before anything is done; 0: at once.",
    )


class Calendar(Wire):
    """What time means at a node."""

    time_zone: str
    hours: tuple[Hours | None, ...]
    holidays: frozenset[date] = frozenset()
    special: Mapping[date, Hours | None] = Field(default_factory=dict)
    cutoff: str | None = None
    collections: tuple[Collection, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def hours_on(self, day: date) -> Hours | None:
        """The hours of a date of its own calendar; None where it stays closed."""
        if day in self.special:
            return self.special[day]
        return None if day in self.holidays else self.hours[day.weekday()]


class Limits(Wire):
    """How many jobs a node takes on one day; None: as many as come."""

    in_all: int | None = None
    by_method: Mapping[Delivery, int] = Field(default_factory=dict)


class Capacity(Wire):
    """How many jobs a node takes on which day."""

    per_day: int | None = None
    by_weekday: tuple[int | None, ...] | None = None
    by_date: Mapping[date, int] = Field(default_factory=dict)
    by_method: Mapping[Delivery, int] = Field(default_factory=dict)

    def on(self, day: date) -> Limits:
        """The limits of a date of the node's own calendar."""
        usual = self.by_weekday[day.weekday()] if self.by_weekday else self.per_day
        return Limits(in_all=self.by_date.get(day, usual), by_method=self.by_method)


def at_wall_time(day: date, wall: str, zone: ZoneInfo) -> datetime:
    """An instant from a node's own clock; 24:00 is midnight at the end of `day`."""
    if wall == "24:00":
        day, wall = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(wall), zone).astimezone(UTC)


def opening(calendar: Calendar, day: date) -> tuple[datetime, datetime] | None:
    """When the node opens and closes on its own `day`, as instants; None where it stays closed."""
    hours = calendar.hours_on(day)
    if hours is None:
        return None
    start, end = (at_wall_time(day, wall, calendar.zone) for wall in (hours.opens, hours.closes))
    return (start, end) if start < end else None


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether somebody is there at `at`."""
    found = opening(calendar, at.astimezone(calendar.zone).date())
    return found is not None and found[0] <= at < found[1]


def open_times(calendar: Calendar, at: datetime) -> Iterator[tuple[date, datetime, datetime]]:
    """(day, from, to) of the times at which somebody is there, from `at` on, for a year."""
    day = at.astimezone(calendar.zone).date()
    for offset in range(HORIZON_DAYS):
        found = opening(calendar, day + timedelta(days=offset))
        if found is not None and found[1] > at:
            yield day + timedelta(days=offset), max(found[0], at), found[1]


def work_day(calendar: Calendar, at: datetime) -> date | None:
    """The day of its own calendar on which a job given now is first worked on: after closing time, the next open one.

    None when the node does not open within a year.
    """
    return next((day for day, _, _ in open_times(calendar, at)), None)


def after_open_time(calendar: Calendar, at: datetime, work: timedelta) -> datetime | None:
    """When `work` open time has gone by since `at`. None when the node is not open so long within a year."""
    for _, start, end in open_times(calendar, at):
        if end - start >= work:
            return start + work
        work -= end - start
    return None


def before_open_time(calendar: Calendar, at: datetime, work: timedelta) -> datetime:
    """The last moment from which `work` open time is left until `at`; `work` before it, where a node is hardly open."""
    left, day = work, at.astimezone(calendar.zone).date()
    for offset in range(HORIZON_DAYS):
        found = opening(calendar, day - timedelta(days=offset))
        if found is None or found[0] >= at:
            continue
        start, end = found[0], min(found[1], at)
        if end - start >= left:
            return end - left
        left -= end - start
    return at - work


def pickup_due(calendar: Calendar, placed_at: datetime) -> datetime | None:
    """When a bag should stand ready: two open hours after the order. None when the node does not open within a year."""
    return after_open_time(calendar, placed_at, PICKUP_TIME)


class Leaves(Wire):
    """A carrier's collection on one day: until when jobs are taken for it, and when the driver comes."""

    order_by: datetime
    at: datetime
    carrier: str | None = None
    service: str | None = None

    def carries(self, carrier: str | None, service: str | None) -> bool:
        """Whether a parcel of this carrier and service leaves with it; None: not settled yet."""
        return carrier in (None, self.carrier or carrier) and service in (None, self.service or service)


def collections_on(calendar: Calendar, day: date) -> list[Leaves]:
    """The collections of a date, the first one first. A node that names none has one: when it closes."""
    hours = opening(calendar, day)
    if hours is None:
        return []
    planned = calendar.collections or ((Collection(at=calendar.cutoff),) if calendar.cutoff else ())
    if not planned:
        return [Leaves(order_by=before_open_time(calendar, hours[1], PACK_TIME), at=hours[1])]
    found = [_leaves(calendar, day, each) for each in planned if day.isoweekday() in each.days]
    return sorted(found, key=lambda each: (each.at, each.carrier or "", each.service or ""))


def _leaves(calendar: Calendar, day: date, planned: Collection) -> Leaves:
    at = at_wall_time(day, planned.at, calendar.zone)
    if planned.order_by is not None:
        order_by = at_wall_time(day, planned.order_by, calendar.zone)
    else:
        order_by = before_open_time(calendar, at, PACK_TIME)
    return Leaves(order_by=order_by, at=at, carrier=planned.carrier, service=planned.service)


def next_collection(
    calendar: Calendar, placed_at: datetime, *, carrier: str | None = None, service: str | None = None
) -> Leaves | None:
    """The first collection that a job given at `placed_at` can leave with; None when none comes within a year."""
    day = placed_at.astimezone(calendar.zone).date()
    for offset in range(HORIZON_DAYS):
        for leaves in collections_on(calendar, day + timedelta(days=offset)):
            if leaves.order_by >= placed_at and leaves.carries(carrier, service):
                return leaves
    return None


def ship_due(calendar: Calendar, placed_at: datetime) -> datetime | None:
    """The carrier's next collection that leaves time to pack; without collections, the end of the open day."""
    leaves = next_collection(calendar, placed_at)
    return leaves.at if leaves else None


def due(calendar: Calendar, method: str, placed_at: datetime) -> datetime | None:
    """When a job given at `placed_at` should be ready (`pickup`, `curbside`) or leave (`ship`)."""
    return (ship_due if method == Delivery.SHIP else pickup_due)(calendar, placed_at)


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
