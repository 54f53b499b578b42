"""The base of every table, and the tables that belong to no slice: event log, outbox, command log, audit, installation.

Keys that must stay unique for ever (idempotency keys) stand in small tables that are not partitioned; history is
partitioned by the range of its UUIDv7, so that old months can be detached.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own declaration)
        datetime: DateTime(timezone=True),
        str: Text(),
        int: BigInteger(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class EventRow(Table):
    """One fact. Append-only; `seq` grows within each order and each position in the order of commits."""

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "order_id", postgresql_where="order_id IS NOT NULL"),
        Index(None, "seq"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    at: Mapped[datetime]
    kind: Mapped[str]
    order_id: Mapped[UUID | None]
    node: Mapped[str | None]
    actor: Mapped[str | None]
    body: Mapped[dict[str, Any]]


class OutboxRow(Table):
    """A fact that somebody answers after the commit: one row per answer, removed when it is done."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(None, "order_id", "seq"),
        Index("outbox_due_idx", "next_try_at", postgresql_where="NOT dead"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    answer: Mapped[str]
    """Who answers, as `wiring.py` names it."""
    kind: Mapped[str]
    body: Mapped[dict[str, Any]]
    order_id: Mapped[UUID | None]
    """Answers about one order are given one after the other, in the order of the facts."""
    made_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    dead: Mapped[bool] = mapped_column(server_default="false")
    """Given up after many tries; `baton check` lists it, and it can be tried again."""


class CommandRow(Table):
    """A request that must happen once: its key, what it was, and what was answered."""

    __tablename__ = "command_log"

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    at: Mapped[datetime]
    outcome: Mapped[dict[str, Any] | None]


class AuditRow(Table):
    """Who did what, chained per stream: each row's hash covers the row before it."""

    __tablename__ = "audit"

    stream: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
    hash: Mapped[str]


class InstallationRow(Table):
    """A secret of this installation (`server.kit.keys`), base64."""

    __tablename__ = "installation"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
