"""Routing plans, decisions as they were taken, what waits and how, refusals that are remembered, jobs per day."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class DecisionRow(Table):
    """One answer of the router: winner, best five rivals, count per exclusion. The rest can be computed again."""

    __tablename__ = "routing_decision"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    at: Mapped[dt.datetime]
    plan: Mapped[str]
    version: Mapped[int]
    digest: Mapped[str]
    """SHA-256 of demand and stock figures the router saw: the same digest and plan give the same bytes."""
    body: Mapped[str]
    """The decision as canonical JSON, byte for byte."""


class PlanRow(Table):
    """A version of a routing plan. Once it was active it never changes again; at most one is active."""

    __tablename__ = "routing_plan"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("status IN ('draft', 'active', 'archived')", name="status_known"),
        Index("routing_plan_active_idx", "status", unique=True, postgresql_where="status = 'active'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    status: Mapped[str]
    revision: Mapped[int]
    """Counts the changes of a draft, so that nobody overwrites what they have not seen."""
    body: Mapped[dict[str, Any]]
    note: Mapped[str]
    """Why, in the author's words."""
    made_by: Mapped[str]
    made_at: Mapped[dt.datetime]
    changed_by: Mapped[str | None]
    changed_at: Mapped[dt.datetime | None]
    activated_by: Mapped[str | None]
    activated_at: Mapped[dt.datetime | None]
    archived_by: Mapped[str | None]
    archived_at: Mapped[dt.datetime | None]


class WaitRow(Table):
    """How units of a line wait that no node could give, as the rule said that had the last word."""

    __tablename__ = "routing_wait"
    __table_args__ = (
        Index("routing_wait_cancel_idx", "cancel_at", postgresql_where="cancel_at IS NOT NULL"),
        Index(None, "queue", "since"),
        Index("routing_wait_tried_idx", "tried_at"),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    queue: Mapped[str]
    """`backorder`, `unfillable` or `rejected`."""
    plan: Mapped[str]
    version: Mapped[int]
    rule: Mapped[str]
    reason: Mapped[str]
    since: Mapped[dt.datetime]
    tried_at: Mapped[dt.datetime]
    """When the router last looked. Who was looked at longest ago is the next."""
    cancel_at: Mapped[dt.datetime | None]
    alerted_at: Mapped[dt.datetime | None]
    """When it was told that it waits long."""


class RefusalRow(Table):
    """A node that could not do (part of) an order is not asked for it again. Line 0 stands for the whole order."""

    __tablename__ = "routing_refusal"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[dt.datetime]


class NodeDayRow(Table):
    """Jobs given to a node on a day of its own calendar, by way of delivery, and the limits that held (NULL: none).

    What a node gives back is taken off again. The columns are those of `shared.network.Delivery`.
    """

    __tablename__ = "node_day"
    __table_args__ = (CheckConstraint("ship >= 0 AND pickup >= 0 AND curbside >= 0", name="jobs_not_negative"),)

    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    node: Mapped[str] = mapped_column(primary_key=True)
    ship: Mapped[int]
    pickup: Mapped[int]
    curbside: Mapped[int]
    capacity: Mapped[int | None]
    capacity_ship: Mapped[int | None]
    capacity_pickup: Mapped[int | None]
    capacity_curbside: Mapped[int | None]
