"""Orders on the wire, and how an order's status follows from where its units are.

A line carries quantities, not a state: every ordered unit is in exactly one `UnitState`, and their sum is what was
ordered. `status_of` is the only place where those counts become the word people see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from shared.kernel import Currency, Geo, Input, Instant, Minor, NodeCode, Quantity, Sku, Wire

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class UnitState(StrEnum):
    """Where one ordered unit is."""

    HELD = "held"
    """Waits for a person or a payment."""
    ROUTING = "routing"
    """Waits for a node."""
    BACKORDERED = "backordered"
    """No node has it; routed again when stock comes."""
    ALLOCATED = "allocated"
    """Promised by a node, or already in its hands."""
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    """A substitute stands for it, on a line of its own."""


STAND_INS_FROM = 1000
"""Line numbers below are those of what was ordered; an order has fewer lines, and a line fewer substitutes."""


def stand_in_line(line: int, place: int) -> int:
    """The line of the substitute at `place` (from 0) among those agreed for `line`: 1001, 1002 for line 1."""
    return line * STAND_INS_FROM + place + 1


class OrderStatus(StrEnum):
    HELD = "held"
    PENDING = "pending"
    """Nothing but the time in which its customer may change their mind holds it."""
    ROUTING = "routing"
    BACKORDERED = "backordered"
    ALLOCATED = "allocated"
    IN_FULFILMENT = "in_fulfilment"
    PARTLY_FULFILLED = "partly_fulfilled"
    FULFILLED = "fulfilled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINAL_STATUSES = frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED})


def status_of(
    lines: Iterable[Mapping[UnitState, int]], *, in_work: bool, settled: bool, pending: bool = False
) -> OrderStatus:
    """The status that follows from the units.

    `in_work`: some node has begun (accepted or later). `settled`: what was fulfilled is captured, what was
    cancelled is released or refunded, and parcels have arrived. `pending`: what is held waits for the end of a window
    only, and for nobody.
    """
    units: dict[UnitState, int] = dict.fromkeys(UnitState, 0)
    for line in lines:
        for state, count in line.items():
            units[state] += count
    waiting = (UnitState.HELD, UnitState.ROUTING, UnitState.BACKORDERED, UnitState.ALLOCATED)
    if not any(units[state] for state in waiting):
        if not units[UnitState.FULFILLED]:
            return OrderStatus.CANCELLED
        return OrderStatus.COMPLETED if settled else OrderStatus.FULFILLED
    if units[UnitState.FULFILLED]:
        return OrderStatus.PARTLY_FULFILLED
    if units[UnitState.HELD]:
        return OrderStatus.PENDING if pending else OrderStatus.HELD
    if in_work:
        return OrderStatus.IN_FULFILMENT
    if units[UnitState.ROUTING]:
        return OrderStatus.ROUTING
    if units[UnitState.BACKORDERED]:
        return OrderStatus.BACKORDERED
    return OrderStatus.ALLOCATED


# ---------------------------------------------------------------- placing


class Address(Input):
    """Where a parcel goes. `location` is used for distances; without it the country's middle would lie."""

    name: str = Field(min_length=1, max_length=120)
    line1: str = Field(min_length=1, max_length=120)
    line2: str | None = Field(default=None, max_length=120)
    city: str = Field(min_length=1, max_length=80)
    region: str | None = Field(default=None, max_length=40)
    postal_code: str = Field(min_length=1, max_length=16)
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2.", examples=["US"])
    location: Geo | None = None

    def label(self) -> tuple[str, ...]:
        """The lines of an address label."""
        place = " ".join(part for part in (self.city, self.region, self.postal_code) if part)
        return tuple(part for part in (self.name, self.line1, self.line2, place, self.country) if part)


class Customer(Input):
    name: str = Field(min_length=1, max_length=120, examples=["Maria Sanchez"])
    email: Email | None = Field(default=None, examples=["maria@example.com"])
    phone: str | None = Field(default=None, max_length=32, examples=["+1 555 0100"])
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    proxies: tuple[str, ...] = Field(default=(), max_length=5, description="Names of people who may collect.")


Consent = Literal["none", "same_or_lower_price"] | Annotated[tuple[Sku, ...], Field(min_length=1, max_length=20)]


class NewLine(Input):
    """One item on a new order. Amounts are for the whole line, in minor units."""

    sku: Sku
    quantity: Quantity
    substitutes: Consent = Field(
        default="none",
        description="What the customer takes when the item is not there: nothing, an item the catalogue names as its"
        " substitute for the same or a lower price, or one of these SKUs, best first. They never pay more than for what"
        " they ordered.",
        examples=["same_or_lower_price"],
    )
    unit_price: Minor = Field(description="Price of one unit before discount, tax not included.", examples=[349])
    discount: Minor = Field(default=0, description="Off the whole line.")
    tax: Minor = Field(default=0, description="On the whole line, after discount.")

    @property
    def total(self) -> int:
        return self.quantity * self.unit_price - self.discount + self.tax


class NewPayment(Input):
    """How the order is paid.

    `authorised`: the shop holds an authorisation with `reference`. `paid`: money was taken already (its `reference`).
    `token`: we authorise after the order is in; the order is held until the gateway says yes.
    """

    kind: Literal["authorised", "paid", "token"] = "token"
    reference: str = Field(min_length=1, max_length=120, examples=["tok_visa_4242"])
    amount: Minor | None = Field(default=None, description="Authorised or paid amount; must equal the total if given.")


class NewOrder(Input):
    """An order as a channel sends it."""

    channel: str = Field(min_length=1, max_length=24, pattern=r"^[a-z][a-z0-9_-]*$", examples=["web"])
    external_id: str = Field(min_length=1, max_length=80, description="The channel's own id: one order per id.")
    placed_at: Instant
    currency: Currency = Field(examples=["USD"])
    customer: Customer
    method: Literal["ship", "pickup", "curbside"]
    node: NodeCode | None = Field(default=None, description="The store to collect from; pickup and curbside only.")
    ship_to: Address | None = Field(default=None, description="Shipping only.")
    wanted_by: Instant | None = Field(default=None, description="When the customer wants it; in the future.")
    lines: list[NewLine] = Field(min_length=1, max_length=500)
    shipping: Minor = Field(default=0, description="What the customer pays for shipping.")
    payment: NewPayment

    @model_validator(mode="after")
    def _place(self) -> NewOrder:
        if self.method == "ship" and self.ship_to is None:
            raise ValueError("ship_to: a shipped order needs an address")
        if self.method != "ship" and self.node is None:
            raise ValueError("node: an order to collect needs the store")
        for number, line in enumerate(self.lines):
            if line.discount > line.quantity * line.unit_price:
                raise ValueError(f"lines.{number}.discount: is more than the line costs")
        return self

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines) + self.shipping


# ---------------------------------------------------------------- reading


class LineView(Wire):
    line: int
    sku: Sku
    name: str = ""
    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int
    units: dict[UnitState, int] = Field(description="Units per state; their sum is `quantity`.")
    substitutes: list[Sku] = Field(default_factory=list, description="What the customer takes instead, best first.")
    replaces: int | None = Field(default=None, description="The line this one is a substitute for.")
    promised_at: Instant | None = Field(
        default=None, description="When the customer was told to have it: ready to collect, or with the carrier."
    )


class MoneyView(Wire):
    """Minor units. captured <= authorised; refunded <= captured."""

    currency: Currency
    total: int
    authorised: int = 0
    captured: int = 0
    refunded: int = 0
    released: int = 0


class JobView(Wire):
    """One fulfilment of the order, in short."""

    id: UUID
    number: str
    node: NodeCode
    node_name: str = ""
    method: str
    state: str
    units: int
    due_at: Instant | None = None
    accept_by: Instant | None = Field(default=None, description="Somebody must have begun, for `due_at` to be kept.")
    pick_by: Instant | None = None
    pack_by: Instant | None = None


class HoldView(Wire):
    """Why an order waits for somebody, as a task."""

    id: UUID
    kind: str = Field(description="payment, fraud, address, remorse, swap or manual.", examples=["fraud"])
    since: Instant
    reason: str
    due_at: Instant | None = Field(
        default=None, description="By when somebody should have dealt with it; a remorse window ends then by itself."
    )
    assignee: str | None = Field(default=None, description="Id of whoever has taken it.")
    assignee_name: str | None = None
    resolved_at: Instant | None = None
    resolution: str | None = Field(
        default=None, description="release, cancel, authorised, window_over or order_cancelled."
    )
    resolved_by: str | None = Field(default=None, description="Their name.")
    note: str = Field(default="", description="What was said last.")


class TimelineEntry(Wire):
    """One thing that happened to the order, for people: a code for the catalogues and the values of its sentence."""

    at: Instant
    code: str = Field(examples=["job.offered"])
    values: dict[str, str | int | None] = Field(default_factory=dict)
    actor: str | None = None
    node: str | None = None


class OrderView(Wire):
    """An order as the API and the app show it."""

    id: UUID
    number: str = Field(examples=["B-1042-7K"])
    channel: str
    external_id: str
    placed_at: Instant
    status: OrderStatus
    method: str
    node: NodeCode | None = None
    customer: Customer
    ship_to: Address | None = None
    wanted_by: Instant | None = None
    lines: list[LineView]
    money: MoneyView
    jobs: list[JobView] = Field(default_factory=list)
    holds: list[HoldView] = Field(default_factory=list)


class Placed(Wire):
    """The answer to placing one order."""

    id: UUID
    number: str
    external_id: str
    status: OrderStatus
    existing: bool = Field(default=False, description="True when the same order had come in before.")


class OrderDigest(Wire):
    """One row of an order list."""

    id: UUID
    number: str
    channel: str
    placed_at: Instant
    status: OrderStatus
    method: str
    customer: str
    units: int
    total: int
    currency: Currency
