"""A position per item and node, the ledger it is the fold of, and who has claimed what of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class PositionRow(Table):
    """Units of one item at one node, per bucket. `reserved` is the sum of live reservations."""

    __tablename__ = "stock_position"
    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("damaged >= 0 AND quality_hold >= 0 AND display >= 0", name="buckets_not_negative"),
        Index(None, "node"),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(primary_key=True)
    sellable: Mapped[int] = mapped_column(server_default="0")
    damaged: Mapped[int] = mapped_column(server_default="0")
    quality_hold: Mapped[int] = mapped_column(server_default="0")
    display: Mapped[int] = mapped_column(server_default="0")
    reserved: Mapped[int] = mapped_column(server_default="0")
    safety_stock: Mapped[int] = mapped_column(server_default="0")
    doubt: Mapped[int] = mapped_column(server_default="0")
    bin: Mapped[str | None]
    walk: Mapped[int] = mapped_column(server_default="0")
    count_id: Mapped[UUID | None]
    """The newest count of it, with its time and device."""
    counted_at: Mapped[datetime | None]
    counted_on: Mapped[str | None]
    fed_at: Mapped[datetime | None]
    """The newest figure another system gave of it, whose, and of when."""
    fed_units: Mapped[int | None]
    fed_by: Mapped[str | None]
    moved_at: Mapped[datetime | None]
    """Nothing was booked after this moment, except by feeds."""
    version: Mapped[int] = mapped_column(server_default="1")


class MovementRow(Table):
    """One line of the append-only ledger."""

    __tablename__ = "stock_movement"
    __table_args__ = (Index(None, "sku", "node"), {"postgresql_partition_by": "RANGE (id)"})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    sku: Mapped[str]
    node: Mapped[str]
    bucket: Mapped[str]
    quantity: Mapped[int]
    reason: Mapped[str]
    reference: Mapped[str | None]
    actor: Mapped[str | None]
    device: Mapped[str | None]
    at: Mapped[datetime]
    happened_at: Mapped[datetime | None]


class ShelfRow(Table):
    """Units of a job that were taken off a shelf or came back to one: what a count must know, and the ledger does not,
    since a unit in a tote is still in the building."""

    __tablename__ = "shelf_move"
    __table_args__ = (Index(None, "sku", "node", "happened_at"), {"postgresql_partition_by": "RANGE (id)"})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str]
    node: Mapped[str]
    in_hand: Mapped[int]
    """Units more (+) or fewer (-) in totes, bags and hands."""
    shelf: Mapped[int]
    """Units more (+) or fewer (-) on the shelf."""
    happened_at: Mapped[datetime]
    device: Mapped[str | None]
    reference: Mapped[str | None]


class CountRow(Table):
    """What somebody counted. `delta`: what the record was corrected by because of it, late news included."""

    __tablename__ = "stock_count"
    __table_args__ = (Index(None, "sku", "node"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str]
    node: Mapped[str]
    units: Mapped[int]
    bin: Mapped[str | None]
    session: Mapped[str | None]
    mode: Mapped[str]
    delta: Mapped[int]
    overtaken: Mapped[bool]
    """A newer count was known already when it came."""
    actor: Mapped[str]
    device: Mapped[str | None]
    happened_at: Mapped[datetime]
    at: Mapped[datetime]


class ReceivedRow(Table):
    """What one device has received of one item of a delivery, in total. `line` 0: none was said."""

    __tablename__ = "stock_received"
    __table_args__ = (Index(None, "node", "changed_at"),)

    node: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(primary_key=True)
    good: Mapped[int]
    damaged: Mapped[int]
    actor: Mapped[str]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default="1")


class ReservationRow(Table):
    """A claim on stock. A hard one belongs to a line of a job; a soft one (a cart) expires."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        Index("reservation_live_position_idx", "sku", "node", postgresql_where="quantity > 0"),
        Index("reservation_fulfilment_idx", "fulfilment_id", "line", postgresql_where="fulfilment_id IS NOT NULL"),
        Index("reservation_expiry_idx", "expires_at", postgresql_where="quantity > 0 AND expires_at IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str]
    node: Mapped[str]
    quantity: Mapped[int]
    """Units still claimed; zero when consumed or released."""
    asked: Mapped[int]
    kind: Mapped[str]
    owner: Mapped[str]
    order_id: Mapped[UUID | None]
    fulfilment_id: Mapped[UUID | None]
    line: Mapped[int | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    ended: Mapped[str | None]
