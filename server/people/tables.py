"""People, their devices and sign-ins, and the keys of machines. Secrets are stored as hashes only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table

Words = ARRAY(Text)


class PersonRow(Table):
    """Somebody who works here. `nodes` is empty for head office, who are bound to none."""

    __tablename__ = "person"
    __table_args__ = (Index("person_nodes_idx", "nodes", postgresql_using="gin"), Index(None, "name", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(Words)
    nodes: Mapped[list[str]] = mapped_column(Words)
    left_nodes: Mapped[list[str]] = mapped_column(Words, server_default="{}")
    """Where they no longer work; those devices are told so."""
    language: Mapped[str] = mapped_column(server_default="en")
    badge_hash: Mapped[str | None] = mapped_column(unique=True)
    pin_verifier: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]


class PinTryRow(Table):
    """Wrong PINs of a person on a device since the last right one; five lock that person there."""

    __tablename__ = "pin_try"

    person: Mapped[UUID] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(primary_key=True)
    failed: Mapped[int]
    last_at: Mapped[datetime]


class DeviceRow(Table):
    """An enrolled tablet, phone or hub, bound to one node."""

    __tablename__ = "device"
    __table_args__ = (Index(None, "node"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str]
    name: Mapped[str]
    platform: Mapped[str] = mapped_column(server_default="")
    version: Mapped[str] = mapped_column(server_default="")
    token_hash: Mapped[str] = mapped_column(unique=True)
    enrolled_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    """When a revoked device had handed over all of its queue."""
    last_n: Mapped[int] = mapped_column(server_default="0")
    """The last command of this device that was carried out."""
    settled_n: Mapped[int] = mapped_column(server_default="0")
    """The last command the device says it has seen settled."""
    queue_length: Mapped[int] = mapped_column(server_default="0")
    queue_age_s: Mapped[int] = mapped_column(server_default="0")
    done_at: Mapped[datetime | None]
    """When its last command was done, as far as its clock can be believed."""


class EnrolmentCodeRow(Table):
    """A code a manager shows, good once and for ten minutes."""

    __tablename__ = "enrolment_code"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKeyRow(Table):
    """A machine's key: prefix to recognise it, hash to check it."""

    __tablename__ = "api_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    roles: Mapped[list[str]] = mapped_column(Words)
    scopes: Mapped[list[str] | None] = mapped_column(Words)
    """Actions it is limited to; null means all of its roles'."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class PersonSessionRow(Table):
    """A person signed in on a device, for one shift."""

    __tablename__ = "person_session"
    __table_args__ = (Index(None, "person"), Index(None, "device"))

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[UUID]
    device: Mapped[str]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
