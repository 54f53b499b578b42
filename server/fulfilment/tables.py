"""Jobs, and contradictions between facts and books that a person must settle."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table

AT_RISK = (
    "(state = 'offered' AND accept_by <= :now OR state IN ('accepted', 'picking') AND pick_by <= :now"
    " OR state = 'picked' AND pack_by <= :now)"
)
"""Whether a milestone has passed that the job needs for being in time."""


class FulfilmentRow(Table):
    """A job. `doc` is the document devices see (`shared.fulfilment.Fulfilment`); the columns are what queries need."""

    __tablename__ = "fulfilment"
    __table_args__ = (
        Index(None, "order_id"),
        Index(None, "node", "order_id"),
        Index("fulfilment_open_idx", "node", "due_at", postgresql_where="NOT final"),
        Index("fulfilment_expiry_idx", "expires_at", postgresql_where="NOT final AND expires_at IS NOT NULL"),
        Index("fulfilment_due_idx", "due_at", postgresql_where="NOT final"),
        Index("fulfilment_risk_idx", "accept_by", postgresql_where="NOT final AND warned_at IS NULL"),
        Index(None, "locator"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    number: Mapped[str]
    node: Mapped[str]
    method: Mapped[str]
    state: Mapped[str]
    final: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int]
    offered_at: Mapped[datetime]
    work_day: Mapped[date | None] = mapped_column(Date)
    """The day of the node's own calendar whose capacity it takes."""
    due_at: Mapped[datetime | None]
    accept_by: Mapped[datetime | None]
    """The last moments at which all is well for `due_at`, worked back in the node's open time."""
    pick_by: Mapped[datetime | None]
    pack_by: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    """When it was told that the job may be late."""
    expires_at: Mapped[datetime | None]
    locator: Mapped[str | None]
    doc: Mapped[dict[str, Any]]


class ExceptionRow(Table):
    """A fact the books cannot follow by themselves."""

    __tablename__ = "fulfilment_exception"
    __table_args__ = (
        Index("fulfilment_exception_open_idx", "node", postgresql_where="settled_at IS NULL"),
        Index("fulfilment_exception_job_idx", "fulfilment_id", "kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    node: Mapped[str]
    order_id: Mapped[UUID | None]
    fulfilment_id: Mapped[UUID | None]
    order_number: Mapped[str | None]
    values: Mapped[dict[str, Any]]
    lines: Mapped[list[Any]] = mapped_column(server_default="[]")
    owner_role: Mapped[str]
    opened_at: Mapped[datetime]
    opened_by: Mapped[str | None]
    device: Mapped[str | None]
    due_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    resolution: Mapped[str | None]
    note: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")


class ProofRow(Table):
    """What was left at one hand-off: who was there, a signature as strokes, the hash of a photo. Append-only."""

    __tablename__ = "hand_off_proof"
    __table_args__ = (Index(None, "fulfilment_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    fulfilment_id: Mapped[UUID]
    node: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    device: Mapped[str | None]
    method: Mapped[str]
    collector: Mapped[str | None]
    proxy: Mapped[bool]
    signature: Mapped[dict[str, Any] | None]
    photo: Mapped[str | None]


class AttachmentRow(Table):
    """A file that a command has named. `content` is there once all of it is, and is what the hash says."""

    __tablename__ = "attachment"
    __table_args__ = (Index("attachment_missing_idx", "named_at", postgresql_where="whole_at IS NULL"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    size: Mapped[int]
    device: Mapped[str]
    """Who named it first."""
    named_at: Mapped[datetime]
    whole_at: Mapped[datetime | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)


class AttachmentPieceRow(Table):
    """A part of a file that is on its way, per device that sends it: nobody can spoil what another one has sent."""

    __tablename__ = "attachment_piece"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
