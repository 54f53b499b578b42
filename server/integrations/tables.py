"""The built-in test gateway's own books: what a provider would keep on its side."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class GatewayRow(Table):
    """One request the gateway has answered; the key makes it happen once."""

    __tablename__ = "test_gateway_entry"
    __table_args__ = (Index(None, "authorisation"),)

    key: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    authorisation: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    ok: Mapped[bool]
    reason: Mapped[str]
    at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
