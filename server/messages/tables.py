"""Messages that wait, were sent, or could not be."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class MessageRow(Table):
    """One message. `values` are frozen when it is queued; the text is written when it is first sent, and kept."""

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "order_id"),
        Index("message_due_idx", "next_try_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[UUID]
    fulfilment_id: Mapped[UUID | None]
    kind: Mapped[str]
    to_address: Mapped[str]
    language: Mapped[str]
    values: Mapped[dict[str, Any]]
    subject: Mapped[str | None]
    body_text: Mapped[str | None]
    body_html: Mapped[str | None]
    state: Mapped[str]
    """waiting, sent or failed."""
    attempts: Mapped[int]
    next_try_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None]
