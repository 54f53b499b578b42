"""Stock on the wire, and available-to-promise with its arithmetic.

A position is one item in one node. `on_hand` is everything in the building; part of it is not sellable, part of it is
reserved. `atp` is the only place where those figures become a promise, and it always returns every term by name.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import Field, computed_field, field_validator

from shared.kernel import Count, Input, Instant, NodeCode, Quantity, Sku, Wire
from shared.reasons import Bucket


class MovementReason(StrEnum):
    """Why a unit moved. Closed: the ledger is read by people and by head-office systems."""

    OPENING = "opening"
    RECEIPT = "receipt"
    SALE = "sale"
    """Sold over the counter."""
    SHIP = "ship"
    HAND_OFF = "hand_off"
    PICK_VARIANCE = "pick_variance"
    """A picker found the record wrong."""
    FOUND = "found"
    """Somebody found more than the record knew."""
    DAMAGE = "damage"
    THEFT = "theft"
    SAMPLE = "sample"
    MISCOUNT = "miscount"
    RETURN = "return"
    LEFT_UNRECORDED = "left_unrecorded"
    """Handed over although the job had been cancelled; an exception says who settles it."""
    COUNT = "count"
    """What a count says beside the record; also what came late and had been counted already."""
    FEED = "feed"
    """What another system's figure says beside the record; also what came late and was in that figure already."""
    EVIDENCE = "evidence"
    """More was there than the record knew: a unit that was sold, picked or handed over proves it."""


ADJUST_REASONS = (
    MovementReason.FOUND,
    MovementReason.DAMAGE,
    MovementReason.THEFT,
    MovementReason.SAMPLE,
    MovementReason.MISCOUNT,
    MovementReason.RETURN,
)
"""What a person may give for an adjustment by hand."""


class Buckets(Wire):
    """Units per bucket at one node; their sum is what is in the building."""

    sellable: int = 0
    damaged: int = 0
    quality_hold: int = 0
    display: int = 0

    @property
    def on_hand(self) -> int:
        return self.sellable + self.damaged + self.quality_hold + self.display

    @property
    def not_sellable(self) -> int:
        return self.damaged + self.quality_hold + self.display


class Atp(Wire):
    """Available to promise, term by term. `available` is the floor at zero of the sum."""

    on_hand: int = Field(examples=[12])
    not_sellable: int = Field(examples=[1], description="Damaged, on quality hold or on display.")
    reserved: int = Field(examples=[3], description="Hard reservations, and soft ones that have not expired.")
    safety_stock: int = Field(examples=[2], description="What the node's own floor needs.")
    channel_threshold: int = Field(default=0, description="What this channel may not touch.")
    doubt: int = Field(
        default=0, description="Units on record where a picker found none: not promised until somebody has counted."
    )
    inbound: int = Field(default=0, description="Transfers and purchase orders due by the asked date.")

    @computed_field(examples=[6])  # type: ignore[prop-decorator]
    @property
    def available(self) -> int:
        kept = self.not_sellable + self.reserved + self.safety_stock + self.channel_threshold + self.doubt
        return max(0, self.on_hand - kept + self.inbound)


class StockDoc(Wire):
    """A position as it travels to the store's devices (feed kind `stock`)."""

    sku: Sku
    node: NodeCode
    buckets: Buckets
    atp: Atp
    bin: str | None = None
    walk: int = Field(default=0, description="Place in walking order through the store; smaller comes first.")
    elsewhere: int = Field(default=0, description="Available in other nodes when this was written.")
    counted_at: Instant | None = Field(default=None, description="When somebody last counted it.")


class StockLevel(Wire):
    """One item at one node, as the API shows it."""

    sku: Sku
    node: NodeCode
    name: str = Field(default="", description="What people call the node.")
    atp: Atp
    distance_km: float | None = Field(default=None, description="From the asked node or point, where one was given.")


class NodeAvailability(Wire):
    """One item at one node for a channel."""

    node: NodeCode
    name: str = Field(description="What people call the node.")
    available: int = Field(examples=[6])
    atp: Atp | None = Field(default=None, description="The arithmetic, where it was asked for.")


class Availability(Wire):
    """One item for a channel: the network figure, and its nodes."""

    sku: Sku
    channel: str | None = Field(description="None: all nodes, whoever sells from them.")
    available: int = Field(examples=[17], description="`in_nodes` - `promised_not_routed`, at least 0.")
    in_nodes: int = Field(examples=[18], description="The sum of what each of the channel's nodes has available.")
    promised_not_routed: int = Field(examples=[1], description="Units of orders that have no node yet.")
    nodes: list[NodeAvailability] = Field(default_factory=list)


class Adjustment(Input):
    """A correction by hand. Its id makes it happen once, however often it is sent."""

    sku: Sku
    node: NodeCode
    bucket: Bucket = Bucket.SELLABLE
    delta: int = Field(ge=-100_000, le=100_000, description="Units more (+) or fewer (-).")
    reason: Literal["found", "damage", "theft", "sample", "miscount", "return"]
    note: str | None = Field(default=None, max_length=500)

    @field_validator("delta")
    @classmethod
    def _something(cls, delta: int) -> int:
        if delta == 0:
            raise ValueError("a correction by nothing corrects nothing")
        return delta


class Receipt(Input):
    """Units that arrived at a node against a document."""

    sku: Sku
    node: NodeCode
    quantity: Quantity
    document: str = Field(min_length=1, max_length=80, description="Delivery note, transfer or purchase order.")
    line: int = Field(ge=1, description="Line on the document: the same document and line count once.")
    bin: str | None = Field(default=None, max_length=24)


class ShelfCount(Input):
    """What somebody counted: everything of one item that may be sold and is not in a bag or tote of a job."""

    sku: Sku
    node: NodeCode
    units: Count = Field(description="Counted, on the shelf and in the back room; grams of what is weighed.")
    bin: str | None = Field(default=None, max_length=24, description="Where it was counted.")
    session: str | None = Field(default=None, max_length=40, description="The count it is part of, where it is.")
    mode: Literal["directed", "full", "blind"] = Field(
        default="blind", description="Asked for, part of a whole area, or without seeing the figure of the record."
    )


class Received(Input):
    """What a device has received of one item of a delivery so far, in total: sent twice, it counts once."""

    node: NodeCode
    document: str = Field(min_length=1, max_length=80, description="Number on the delivery note.")
    line: int | None = Field(default=None, ge=1, description="Line on the note, where it is known.")
    sku: Sku
    good: Count = Field(description="Units that may be sold, received on this device so far.")
    damaged: Count = Field(default=0, description="Units that may not, received on this device so far.")


class Got(Wire):
    """Units of one item of a delivery, received on one device."""

    good: int = 0
    damaged: int = 0


class ReceivedDoc(Wire):
    """One item of a delivery as the store's devices know it (feed kind `received`)."""

    node: NodeCode
    document: str
    line: int | None = None
    sku: Sku
    by: dict[str, Got] = Field(description="Device id -> what was received there; the delivery is their sum.")
    changed_at: Instant

    @property
    def id(self) -> str:
        """Within its node."""
        return received_id(self.document, self.line, self.sku)

    @property
    def good(self) -> int:
        return sum(got.good for got in self.by.values())

    @property
    def damaged(self) -> int:
        return sum(got.damaged for got in self.by.values())


def received_id(document: str, line: int | None, sku: str) -> str:
    """The key of one item of a delivery within its node. No SKU has a bar in it."""
    return f"{sku}|{line or ''}|{document}"


class CounterSaleLine(Input):
    sku: Sku
    quantity: Quantity


class CounterSale(Input):
    """A receipt of a till. `node`, `till` and `receipt` name it; the same receipt counts once."""

    node: NodeCode
    till: str = Field(min_length=1, max_length=24)
    receipt: str = Field(min_length=1, max_length=40)
    sold_at: Instant
    lines: list[CounterSaleLine] = Field(min_length=1, max_length=500)


class Movement(Wire):
    """One line of the ledger."""

    id: int
    sku: Sku
    node: NodeCode
    bucket: Bucket
    quantity: int = Field(description="Signed: + came in, - went out.")
    reason: MovementReason
    reference: str | None = None
    actor: str | None = None
    at: Instant


class InboundSupply(Wire):
    """Units expected at a node on a day."""

    sku: Sku
    node: NodeCode
    quantity: Count
    on: date


# ---------------------------------------------------------------- feeds of other systems


class StockFigure(Input):
    """What another system has of an item at a node: an absolute figure, true as of its own time."""

    sku: Sku
    node: NodeCode
    units: Count = Field(
        description="Units in the building that may be sold, promised or not; none that is damaged, held or on display."
    )
    as_of: Instant | None = Field(
        default=None,
        description="Everything that happened up to then is in the figure, nothing later. Left out: the stream's own.",
    )


class StockDelta(Input):
    """One movement that another system booked."""

    key: str = Field(min_length=1, max_length=80, description="The movement's own name there. It counts once.")
    sku: Sku
    node: NodeCode
    delta: int = Field(ge=-100_000, le=100_000, strict=True, description="Units more (+) or fewer (-), not 0.")
    reason: Literal["receipt", "sale", "return", "damage", "theft", "sample", "found", "miscount"]
    bucket: Bucket = Bucket.SELLABLE
    at: Instant | None = Field(default=None, description="When it happened. Left out: now.")
