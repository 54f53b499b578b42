"""The feed per stream, and what became of each device command."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class FeedHeadRow(Table):
    """The last number given out in a stream. Incremented as the last statement before the commit, so numbers are
    gap-free and in commit order: a reader can never skip a row that was still on its way."""

    __tablename__ = "feed_head"

    stream: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int]
    first_seq: Mapped[int] = mapped_column(server_default="1")
    """The oldest row that is still there; a cursor before it must fetch a snapshot."""


class FeedRow(Table):
    """One whole document, as of its transaction."""

    __tablename__ = "feed"

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    doc_id: Mapped[str]
    version: Mapped[int]
    body: Mapped[str | None]
    """JSON text: it is written once and sent many times, never looked into."""
    origin: Mapped[dict[str, Any] | None]
    ends: Mapped[bool]
    """True on the last row of a transaction in this stream: pages end only here."""
    at: Mapped[datetime]


class EpochRow(Table):
    """The histories the feeds have told: a new one begins when the server was restored from a backup."""

    __tablename__ = "sync_epoch"

    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    begun_at: Mapped[datetime]
    reason: Mapped[str]


class DeviceCommandRow(Table):
    """A command of a device and its outcome. Unique for ever."""

    __tablename__ = "device_command"

    device: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    fingerprint: Mapped[str]
    actor: Mapped[str]
    body: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    received_at: Mapped[datetime]
    outcome: Mapped[dict[str, Any]]


class QuarantineRow(Table):
    """A command that a revoked device sent last: held and shown, never carried out."""

    __tablename__ = "quarantine"

    device: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    actor: Mapped[str]
    version: Mapped[int]
    made_at: Mapped[datetime]
    received_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
