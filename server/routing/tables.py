"""Decisions as they were taken, refusals that are remembered, and how many jobs a node got on a day."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index
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
