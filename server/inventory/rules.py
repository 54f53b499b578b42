"""Pure rules of stock: what may be reserved, and what a fact does to a position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from shared.fulfilment import Exit
from shared.reasons import REASONS, Bucket
from shared.stock import Atp, MovementReason

PositionKey = tuple[str, str]
"""(sku, node): the order in which stock rows are locked, everywhere."""


class Position(Protocol):
    """The columns of `stock_position` the rules look at."""

    def __getitem__(self, column: str) -> int: ...


def atp_of(row: Mapping[str, int], *, threshold: int = 0, inbound: int = 0) -> Atp:
    """Available to promise of a position row, every term by name."""
    not_sellable = row["damaged"] + row["quality_hold"] + row["display"]
    return Atp(
        on_hand=row["sellable"] + not_sellable,
        not_sellable=not_sellable,
        reserved=row["reserved"],
        safety_stock=row["safety_stock"],
        channel_threshold=threshold,
        doubt=row["doubt"],
        inbound=inbound,
    )


def free_units(row: Mapping[str, int], threshold: int = 0) -> int:
    """What a new reservation may take; the same sum as `Atp.available`, without building the document."""
    return max(0, row["sellable"] - row["reserved"] - row["safety_stock"] - row["doubt"] - threshold)


@dataclass(frozen=True, slots=True)
class Want:
    """A claim on units of one item at one node, for a line of a job (hard) or for a cart (soft)."""

    sku: str
    node: str
    quantity: int
    owner: str
    order_id: UUID | None = None
    fulfilment_id: UUID | None = None
    line: int | None = None
    threshold: int = 0

    @property
    def key(self) -> PositionKey:
        return (self.sku, self.node)


def grant(free: dict[PositionKey, int], wants: Sequence[Want]) -> list[bool]:
    """First come, first promised: each want gets all of its units or none. `free` is reduced by what was granted."""
    granted = []
    for want in wants:
        left = free.get((want.sku, want.node), 0) - want.threshold
        ok = left >= want.quantity
        if ok:
            free[(want.sku, want.node)] -= want.quantity
        granted.append(ok)
    return granted


@dataclass(frozen=True, slots=True)
class Posting:
    """One line to write into the ledger: `quantity` is signed."""

    sku: str
    node: str
    bucket: Bucket
    quantity: int
    reason: MovementReason
    reference: str | None = None
    happened_at: datetime | None = None
    of_job: bool = False
    """Its job says itself what it means for the shelf (`ShelfChanged`)."""
    late: bool = False
    """A correction by a count that had seen something before the record was told of it."""

    @property
    def key(self) -> PositionKey:
        return (self.sku, self.node)

    @property
    def changes_shelf(self) -> bool:
        """Whether a count of this position is concerned."""
        return self.bucket is Bucket.SELLABLE and not self.of_job and self.reason not in COUNTED_ALREADY


@dataclass(slots=True)
class Change:
    """What postings and claims do to one position, bucket by bucket."""

    buckets: dict[Bucket, int] = field(default_factory=dict)
    reserved: int = 0


def fold(postings: Iterable[Posting]) -> dict[PositionKey, Change]:
    """The sum of the postings per position: what the ledger says the position must be changed by."""
    changes: dict[PositionKey, Change] = {}
    for p in postings:
        buckets = changes.setdefault(p.key, Change()).buckets
        buckets[p.bucket] = buckets.get(p.bucket, 0) + p.quantity
    return changes


def found_by_fact(position: Mapping[str, int], postings: Sequence[Posting]) -> list[Posting]:
    """A unit that was sold or moved was there: where a bucket would fall below zero, the record is corrected first."""
    corrections = []
    left = {bucket: position[bucket.value] for bucket in Bucket}
    for p in postings:
        left[p.bucket] += p.quantity
        if left[p.bucket] < 0:
            corrections.append(
                Posting(p.sku, p.node, p.bucket, -left[p.bucket], MovementReason.EVIDENCE, p.reference, p.happened_at)
            )
            left[p.bucket] = 0
    return corrections


# ---------------------------------------------------------------- counts


COUNTED_ALREADY = frozenset({MovementReason.COUNT, MovementReason.EVIDENCE, MovementReason.FEED})
"""Corrections of the record: nothing happened on the shelf."""
NEAR = timedelta(minutes=2)
"""Clocks are only so good: what other devices did so close to a count cannot be put in order with it."""


def expected(units: int, in_hand: int, since: int) -> int:
    """What the record should say now: what was counted, what was in hand then, and what happened since."""
    return units + in_hand + since


def is_fed(position: Mapping[str, Any]) -> bool:
    """Whether a position is built on a figure of another system: one that is newer than its newest count."""
    fed, counted = position["fed_at"], position["counted_at"]
    return fed is not None and (counted is None or fed > counted)


def contained(position: Mapping[str, Any], at: datetime) -> bool:
    """Whether a position is built on a count that has seen what happened then."""
    return position["counted_at"] is not None and at <= position["counted_at"] and not is_fed(position)


def is_near(position: Mapping[str, Any], device: str | None, at: datetime) -> bool:
    """Whether something another device did then cannot be put in order with the count a position is built on."""
    counted = position["counted_at"]
    if counted is None or device == position["counted_on"] or is_fed(position):
        return False
    return bool(abs(at - counted) <= NEAR)


def with_contained(posting: Posting, position: Mapping[str, Any], device: str | None) -> list[Posting]:
    """A posting, with its opposite where it had been counted, or was in the figure of another system already; what adds
    units comes first, so that none is missing."""
    if posting.happened_at is None:
        return [posting]
    if in_figure(position, posting.happened_at, device):
        opposite = figure_posting(posting.key, -posting.quantity, position["fed_by"], position["fed_at"])
    elif posting.changes_shelf and contained(position, posting.happened_at):
        counted = position["counted_at"]
        opposite = count_posting(posting.key, -posting.quantity, position["count_id"], counted, late=True)
    else:
        return [posting]
    return sorted((posting, opposite), key=lambda each: -each.quantity)


def count_posting(key: PositionKey, units: int, count: UUID, at: datetime, *, late: bool = False) -> Posting:
    """The correction that a count asks for."""
    return Posting(*key, Bucket.SELLABLE, units, MovementReason.COUNT, str(count), at, late=late)


def contradicts(proof: Posting, position: Mapping[str, Any]) -> bool:
    """Whether units that were there after all prove the newest count wrong."""
    if proof.bucket is not Bucket.SELLABLE or proof.reason is not MovementReason.EVIDENCE:
        return False
    return position["counted_at"] is not None and not is_fed(position)


# ---------------------------------------------------------------- doubt


def casts_doubt(exit_: Exit, reason: str | None) -> bool:
    """Whether units that left a job were looked for and not found. Damaged ones were there, and those taken back."""
    why = REASONS.get(reason or "")
    looked = exit_ in (Exit.REROUTE, Exit.CANCEL, Exit.REPLACED)
    return looked and why is not None and why.collateral


def doubted_units(sellable: int, in_hand: int) -> int:
    """What a record still has although its shelf was found empty: all that is not in somebody's hands."""
    return max(0, sellable - max(0, in_hand))


# ---------------------------------------------------------------- figures of other systems


FUTURE = timedelta(minutes=2)
"""A figure may be so far ahead of our clock: its own clock is only so good."""


def in_figure(position: Mapping[str, Any], at: datetime, device: str | None) -> bool:
    """Whether the figure a position is built on had that movement in it. What our own devices did is in a figure only
    when we had heard of it by then: nobody else can have told its source."""
    return device is None and is_fed(position) and at <= position["fed_at"]


def figure_posting(key: PositionKey, units: int, source: str, at: datetime) -> Posting:
    """The correction that a figure asks for."""
    return Posting(*key, Bucket.SELLABLE, units, MovementReason.FEED, source, at)


class Verdict(StrEnum):
    """What a figure means for a position."""

    BUILD = "build"
    """It is the newest: the position is built on it from now on."""
    KNOWN = "known"
    """It came before."""
    CONTRADICTS = "contradicts"
    """Another figure came for the same moment."""
    OVERTAKEN = "overtaken"
    """A count or a figure of a later moment is known."""


def judge_figure(position: Mapping[str, Any], units: int, at: datetime) -> Verdict:
    """The newest statement about a position stands, by its own time. At the same moment a count stands."""
    counted, fed = position["counted_at"], position["fed_at"]
    if fed is not None and fed >= at:
        if fed > at:
            return Verdict.OVERTAKEN
        return Verdict.KNOWN if position["fed_units"] == units else Verdict.CONTRADICTS
    return Verdict.OVERTAKEN if counted is not None and counted >= at else Verdict.BUILD


def exit_postings(
    sku: str,
    node: str,
    quantity: int,
    exit_: Exit,
    reason: str | None,
    *,
    shipped: bool,
    reference: str,
    at: datetime | None = None,
) -> list[Posting]:
    """The ledger lines for units that leave a job. Back to the shelf needs none: they never left the building.

    What a picker said of units that a substitute stood in for is taken back with the substitute.
    """

    def post(bucket: Bucket, units: int, why: MovementReason) -> Posting:
        return Posting(sku, node, bucket, units, why, reference, at, of_job=True)

    out = MovementReason.SHIP if shipped else MovementReason.HAND_OFF
    if exit_ is Exit.FULFILLED:
        return [post(Bucket.SELLABLE, -quantity, out)]
    if exit_ is Exit.LEFT:
        return [post(Bucket.SELLABLE, -quantity, MovementReason.LEFT_UNRECORDED)]
    why = REASONS.get(reason or "")
    if why is None or not why.variance:
        return []
    gone = -quantity if exit_ is Exit.RESTORED else quantity
    lines = [post(Bucket.SELLABLE, -gone, MovementReason.PICK_VARIANCE)]
    if why.to_bucket is not None:
        lines.append(post(why.to_bucket, gone, MovementReason.PICK_VARIANCE))
    return lines
