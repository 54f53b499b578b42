"""Orders and their lines, holds and money. Every unit of a line is counted in exactly one column."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table

ORDER_NUMBER = Sequence("order_number_seq", metadata=Table.metadata, start=1001)


class OrderRow(Table):
    """An order. Amounts in minor units; `status` is written by the rule that derives it, never by hand."""

    __tablename__ = "customer_order"
    __table_args__ = (
        CheckConstraint("captured <= authorised AND refunded <= captured", name="money_in_bounds"),
        CheckConstraint("authorised >= 0 AND captured >= 0 AND refunded >= 0 AND released >= 0", name="money_positive"),
        Index(None, "number"),
        Index("customer_order_open_idx", "status", "id", postgresql_where="status NOT IN ('completed', 'cancelled')"),
        Index(None, "placed_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    channel: Mapped[str]
    external_id: Mapped[str]
    placed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    method: Mapped[str]
    node: Mapped[str | None]
    customer: Mapped[dict[str, Any]]
    ship_to: Mapped[dict[str, Any] | None]
    wanted_by: Mapped[datetime | None]
    search: Mapped[str]
    """Lower-case words a person may look for: number, external id, name, e-mail, phone digits."""
    currency: Mapped[str]
    shipping: Mapped[int]
    total: Mapped[int]
    payment_kind: Mapped[str]
    payment_reference: Mapped[str]
    """The authorisation that captures go to; until there is one, what the shop sent."""
    payment_token: Mapped[str | None]
    """With what we may authorise anew; None where the shop authorised by itself."""
    authorised: Mapped[int] = mapped_column(server_default="0")
    captured: Mapped[int] = mapped_column(server_default="0")
    refunded: Mapped[int] = mapped_column(server_default="0")
    released: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[str]
    jobs_open: Mapped[int] = mapped_column(server_default="0")
    """Jobs of nodes that are not at an end; a parcel on its way counts."""
    in_work: Mapped[bool] = mapped_column(server_default="false")
    """Some node has begun."""
    version: Mapped[int] = mapped_column(server_default="1")


class LineRow(Table):
    """A line; amounts are for the whole line."""

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint(
            "quantity = held + routing + backordered + allocated + fulfilled + cancelled + replaced",
            name="units_conserved",
        ),
        CheckConstraint(
            "held >= 0 AND routing >= 0 AND backordered >= 0 AND allocated >= 0 AND fulfilled >= 0"
            " AND cancelled >= 0 AND replaced >= 0",
            name="units_not_negative",
        ),
        CheckConstraint("owed >= 0 AND spare >= 0", name="dues_not_negative"),
        Index("order_line_waiting_idx", "sku", postgresql_where="held > 0 OR routing > 0 OR backordered > 0"),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    quantity: Mapped[int]
    unit_price: Mapped[int]
    discount: Mapped[int]
    tax: Mapped[int]
    total: Mapped[int]
    held: Mapped[int] = mapped_column(server_default="0")
    routing: Mapped[int] = mapped_column(server_default="0")
    backordered: Mapped[int] = mapped_column(server_default="0")
    allocated: Mapped[int] = mapped_column(server_default="0")
    fulfilled: Mapped[int] = mapped_column(server_default="0")
    cancelled: Mapped[int] = mapped_column(server_default="0")
    replaced: Mapped[int] = mapped_column(server_default="0")
    substitutes: Mapped[list[Any]]
    """What the customer takes instead, best first: {sku, price}; the price is the most they pay for a unit of it."""
    replaces: Mapped[int | None]
    """The line this one is a substitute for."""
    promised_at: Mapped[datetime | None]
    """When its customer was told to have it: ready to collect, or with the carrier."""
    backordered_at: Mapped[datetime | None]
    """When units of it first waited, since no node had them."""
    owed: Mapped[int]
    """Of `total`: what is neither captured nor given back, for the units that have not left or been cancelled."""
    spare: Mapped[int] = mapped_column(server_default="0")
    """On a substitute that costs less: what was authorised beyond its price, given back when its units leave."""


class ExpectedRow(Table):
    """An item of which there is none: when customers can have it again, as somebody said."""

    __tablename__ = "expected_item"

    sku: Mapped[str] = mapped_column(primary_key=True)
    expected_at: Mapped[datetime]
    note: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]


class OrderKeyRow(Table):
    """The channel's own id of an order. Outlives every partition, so that nothing is placed twice."""

    __tablename__ = "order_key"

    channel: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    number: Mapped[str]
    fingerprint: Mapped[str]


ONCE = "resolved_at IS NULL AND kind <> 'manual'"
"""Nothing holds an order twice at a time for the same reason, but people do."""


class HoldRow(Table):
    """Why an order waits for somebody, as a task."""

    __tablename__ = "order_hold"
    __table_args__ = (
        Index(None, "order_id"),
        Index("order_hold_open_idx", "id", postgresql_where="resolved_at IS NULL"),
        Index("order_hold_due_idx", "due_at", postgresql_where="resolved_at IS NULL"),
        Index("order_hold_once_idx", "order_id", "kind", unique=True, postgresql_where=ONCE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    kind: Mapped[str]
    reason: Mapped[str]
    since: Mapped[datetime]
    due_at: Mapped[datetime]
    """By when somebody should have dealt with it; when a remorse window ends."""
    assignee: Mapped[str | None]
    assignee_name: Mapped[str | None]
    note: Mapped[str] = mapped_column(server_default="")
    """What was said last; the rest is in the event log."""
    alerted_at: Mapped[datetime | None]
    """When it was told that nobody did in time."""
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None]
    resolved_by: Mapped[str | None]


class MoneyRow(Table):
    """One step of money: wanted first, then done or refused by the gateway. Its id is the gateway's idempotency key."""

    __tablename__ = "money_entry"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        Index(None, "order_id"),
        Index("money_entry_open_idx", "id", postgresql_where="state = 'wanted'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    order_id: Mapped[UUID]
    kind: Mapped[str]
    amount: Mapped[int]
    state: Mapped[str]
    fulfilment_id: Mapped[UUID | None]
    lines: Mapped[list[Any]]
    """What the amount is for: [line, units, amount]; line 0 is shipping."""
    reason: Mapped[str | None]
    reference: Mapped[str | None]
    made_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    """When an authorisation runs out, as the gateway says."""
