"""Nodes, channels, and which channel may sell from which node."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class NodeRow(Table):
    """A place that holds stock or fulfils."""

    __tablename__ = "node"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    type: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    address: Mapped[list[Any]]
    """Lines as printed."""
    time_zone: Mapped[str]
    currency: Mapped[str]
    hours: Mapped[list[Any]]
    """Seven entries from Monday: [opens, closes] in local wall time, or null where closed."""
    holidays: Mapped[list[Any]]
    """Dates (ISO) on which it stays closed."""
    special_days: Mapped[list[Any]] = mapped_column(server_default="[]")
    """Dates that are not like others: {day, hours, capacity, note}."""
    cutoff: Mapped[str | None]
    """Local time at which the one carrier collects."""
    collections: Mapped[list[Any]] = mapped_column(server_default="[]")
    """Drivers that come: {at, carrier, service, order_by, days}."""
    capacity_per_day: Mapped[int | None]
    capacity_by_weekday: Mapped[list[Any] | None]
    capacity_by_method: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    capabilities: Mapped[list[Any]]
    """What it does for customers: ship, pickup, curbside."""
    safety_stock: Mapped[int]
    routing_buffer: Mapped[int]
    staging: Mapped[list[Any]]
    bays: Mapped[list[Any]]
    proof: Mapped[str] = mapped_column(server_default="none")
    """What is asked for when a bag is handed over (`shared.proofs.ProofPolicy`)."""
    version: Mapped[int]
    updated_at: Mapped[datetime]


class NodeOffRow(Table):
    """A way of delivery that a node takes no orders for, until then or until somebody switches it on."""

    __tablename__ = "node_off"

    node: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    reason: Mapped[str]
    note: Mapped[str]
    by: Mapped[str]


class ChannelRow(Table):
    """Where orders come from."""

    __tablename__ = "channel"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    remorse_minutes: Mapped[int] = mapped_column(server_default="0")
    """So long orders wait before they are routed."""
    version: Mapped[int]


class ChannelNodeRow(Table):
    """A node a channel may sell from, and the units of every item it may not touch there."""

    __tablename__ = "channel_node"
    __table_args__ = (Index(None, "node"),)

    channel: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(primary_key=True)
    threshold: Mapped[int]
