"""Every fact one slice tells another. Frozen values; who answers which is in `server/wiring.py`.

`STORED` facts are written to the event log and make up an order's timeline; the others only say, within their own
transaction, that something must be published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.fulfilment import Fulfilment, UnitMove
from shared.sync import CommandOutcome

# ---------------------------------------------------------------- orders


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    STORED: ClassVar[bool] = True
    order_id: UUID
    number: str
    channel: str
    method: str
    node: str | None
    units: int
    total: int
    currency: str
    actor: str


@dataclass(frozen=True, slots=True)
class OrderReleased:
    """Units of this order wait for a node."""

    STORED: ClassVar[bool] = False
    order_id: UUID


@dataclass(frozen=True, slots=True)
class OrderHeld:
    STORED: ClassVar[bool] = True
    order_id: UUID
    hold_id: UUID
    hold: str
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class HoldResolved:
    STORED: ClassVar[bool] = True
    order_id: UUID
    hold_id: UUID
    hold: str
    resolution: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class HoldTaken:
    """Somebody looks after a hold, or nobody any more (`assignee` empty)."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    hold_id: UUID
    hold: str
    assignee: str
    actor: str


@dataclass(frozen=True, slots=True)
class HoldNoted:
    STORED: ClassVar[bool] = True
    order_id: UUID
    hold_id: UUID
    hold: str
    note: str
    actor: str


@dataclass(frozen=True, slots=True)
class HoldOverdue:
    """Nobody has dealt with a hold in time. Said once."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    hold_id: UUID
    hold: str
    reason: str


@dataclass(frozen=True, slots=True)
class FreezeAsked:
    """An order was put on hold: what its nodes have not picked yet shall wait, too."""

    STORED: ClassVar[bool] = False
    order_id: UUID


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Units of this order shall be taken out of the jobs that have them: line -> units; None means all."""

    STORED: ClassVar[bool] = False
    order_id: UUID
    units: dict[int, int] | None


@dataclass(frozen=True, slots=True)
class UnitsCancelled:
    """Units the customer will not get. `amount` is their share of price, discount and tax, in minor units."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    units: int
    amount: int
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class OrderStatusChanged:
    STORED: ClassVar[bool] = True
    order_id: UUID
    status: str


@dataclass(frozen=True, slots=True)
class PromiseChanged:
    """Lines of an order come later than their customer was told (`was`), or are promised after they had waited.

    `promised_at`: for when now; None: nobody knows. `reason`: has_node, waits, late or expected.
    """

    STORED: ClassVar[bool] = True
    order_id: UUID
    node: str | None
    lines: tuple[int, ...]
    was: datetime | None
    promised_at: datetime | None
    reason: str


# ---------------------------------------------------------------- money


@dataclass(frozen=True, slots=True)
class MoneyWanted:
    """The gateway must be asked, after the commit, with `entry_id` as its idempotency key."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    entry_id: UUID
    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    STORED: ClassVar[bool] = True
    order_id: UUID
    entry_id: UUID
    kind: str
    amount: int
    reference: str


@dataclass(frozen=True, slots=True)
class MoneyRefused:
    STORED: ClassVar[bool] = True
    order_id: UUID
    entry_id: UUID
    kind: str
    amount: int
    reason: str


# ---------------------------------------------------------------- routing


@dataclass(frozen=True, slots=True)
class UnitsRouted:
    STORED: ClassVar[bool] = True
    order_id: UUID
    node: str
    units: int
    plan: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitsUnrouted:
    """No node can take these units now."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    line: int
    units: int
    reason: str


@dataclass(frozen=True, slots=True)
class WaitsLong:
    """Units of a line have waited in a queue longer than somebody should let them. Said once."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    line: int
    queue: str
    reason: str


# ---------------------------------------------------------------- inventory


@dataclass(frozen=True, slots=True)
class StockChanged:
    STORED: ClassVar[bool] = False
    sku: str
    node: str


@dataclass(frozen=True, slots=True)
class StockFed:
    """Another system told of stock: node -> items whose record has changed."""

    STORED: ClassVar[bool] = True
    source: str
    stock: dict[str, list[str]]
    actor: str


@dataclass(frozen=True, slots=True)
class StockShort:
    """A fact left `units` fewer than orders have reserved."""

    STORED: ClassVar[bool] = False
    sku: str
    node: str
    units: int


@dataclass(frozen=True, slots=True)
class ShelfChanged:
    """A job took units off a shelf or brought them back: so many more in hand, so many more on the shelf."""

    STORED: ClassVar[bool] = False
    sku: str
    node: str
    in_hand: int
    shelf: int
    happened_at: datetime
    device: str | None
    reference: str


@dataclass(frozen=True, slots=True)
class CountContains:
    """The newest count of this position has seen `units` that the record is told of only now."""

    STORED: ClassVar[bool] = False
    sku: str
    node: str
    units: int
    actor: str
    device: str | None


@dataclass(frozen=True, slots=True)
class StockCounted:
    """Somebody counted, and nobody before has counted later."""

    STORED: ClassVar[bool] = False
    sku: str
    node: str
    units: int
    actor: str
    device: str | None


@dataclass(frozen=True, slots=True)
class CountDoubted:
    """The newest count of this position cannot be put in order with something else, or was contradicted by it."""

    STORED: ClassVar[bool] = False
    sku: str
    node: str
    why: str
    actor: str | None
    device: str | None


@dataclass(frozen=True, slots=True)
class StockDoubted:
    """A picker of that job found none where the record still has so many units: somebody must count."""

    STORED: ClassVar[bool] = True
    sku: str
    node: str
    units: int
    number: str
    actor: str
    device: str | None


@dataclass(frozen=True, slots=True)
class DeliveryChanged:
    """More or less of an item of a delivery was received."""

    STORED: ClassVar[bool] = False
    node: str
    document: str
    line: int
    sku: str


@dataclass(frozen=True, slots=True)
class PromiseBroken:
    """A fact left less than was reserved: these units of a job are no longer there."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    fulfilment_id: UUID
    node: str
    line: int
    sku: str
    units: int


# ---------------------------------------------------------------- fulfilment


@dataclass(frozen=True, slots=True)
class JobOffered:
    STORED: ClassVar[bool] = True
    order_id: UUID
    fulfilment_id: UUID
    number: str
    node: str
    method: str
    units: int
    due_at: datetime | None = None
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class JobAtRisk:
    """A milestone of a job has passed that it needs for being in time. Said once, before it is late."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    fulfilment_id: UUID
    number: str
    node: str
    milestone: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class JobMoved:
    """A command changed a job. `values` are for the sentence in the timeline."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    fulfilment_id: UUID
    number: str
    node: str
    command: str
    from_state: str
    to_state: str
    actor: str
    device: str | None
    values: dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class UnitsLeft:
    """Units left a job: with the customer, to be routed again, or cancelled."""

    STORED: ClassVar[bool] = False
    order_id: UUID
    fulfilment_id: UUID
    number: str
    node: str
    method: str
    moves: tuple[UnitMove, ...]
    actor: str
    device: str | None
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class JobReady:
    """A bag waits for its customer."""

    STORED: ClassVar[bool] = True
    order_id: UUID
    fulfilment_id: UUID
    number: str
    node: str
    method: str


@dataclass(frozen=True, slots=True)
class JobShipped:
    STORED: ClassVar[bool] = True
    order_id: UUID
    fulfilment_id: UUID
    number: str
    node: str
    carrier: str
    tracking: str


@dataclass(frozen=True, slots=True)
class JobChanged:
    """The document to publish to the node's devices. `moved` when it left the node's list (body null)."""

    STORED: ClassVar[bool] = False
    job: Fulfilment


@dataclass(frozen=True, slots=True)
class ExceptionOpened:
    """A fact contradicts the books; somebody must act."""

    STORED: ClassVar[bool] = True
    order_id: UUID | None
    exception_id: UUID
    fulfilment_id: UUID | None
    node: str
    kind: str
    actor: str


@dataclass(frozen=True, slots=True)
class ExceptionChanged:
    """More was told of what must be settled, or somebody else owns it now."""

    STORED: ClassVar[bool] = False
    exception_id: UUID


@dataclass(frozen=True, slots=True)
class ExceptionSettled:
    """Somebody did what an exception asked for, or it came to nothing by itself."""

    STORED: ClassVar[bool] = True
    order_id: UUID | None
    exception_id: UUID
    fulfilment_id: UUID | None
    node: str
    kind: str
    resolution: str
    actor: str


# ---------------------------------------------------------------- catalog, network, people


@dataclass(frozen=True, slots=True)
class ItemsChanged:
    STORED: ClassVar[bool] = False
    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodesChanged:
    STORED: ClassVar[bool] = False
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeSwitched:
    """A node takes orders for these ways of delivery (comma separated), or takes none for now."""

    STORED: ClassVar[bool] = True
    node: str
    taking_orders: bool
    methods: str
    until: str | None
    reason: str | None
    note: str
    actor: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    STORED: ClassVar[bool] = False
    person_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandSettled:
    """A device command has its outcome, which travels in the feed of the device's node."""

    STORED: ClassVar[bool] = False
    device: str
    node: str
    outcome: CommandOutcome


@dataclass(frozen=True, slots=True)
class DeviceRevoked:
    STORED: ClassVar[bool] = True
    device: str
    node: str
    actor: str
