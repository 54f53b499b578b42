"""The verbs of messages: queue in a transaction, deliver outside of one.

A message is queued once per `dedupe_key`. Sending claims it for a while first, so that two workers never deliver the
same one at the same time and a worker that dies gives it back; the Message-ID stays the same over all attempts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Protocol
from uuid import UUID

import structlog

from server.kit import bulk
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.messages.rules import Kind, Rendered, language_of, mail, pause_after, render
from server.messages.tables import MessageRow

CLAIM = timedelta(minutes=5)
BATCH = 20
log = structlog.get_logger(__name__)


class Messenger(Protocol):
    """Delivers e-mail. Raises when it could not; it is asked again later."""

    async def send(self, message: EmailMessage) -> None: ...


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Something to tell a customer. `values` must hold `link` and what the template of `kind` says."""

    dedupe_key: str
    kind: Kind
    order_id: UUID
    to: str
    language: str
    values: Mapping[str, Any]
    fulfilment_id: UUID | None = None


async def queue(tx: Tx, messages: Sequence[NewMessage]) -> int:
    """Queue messages; those queued before stay as they were. Returns how many are new."""
    rows = [
        {
            "id": tx.new_id(),
            "dedupe_key": each.dedupe_key,
            "order_id": each.order_id,
            "fulfilment_id": each.fulfilment_id,
            "kind": each.kind,
            "to_address": each.to,
            "language": language_of(each.language),
            "values": dict(each.values),
            "state": "waiting",
            "attempts": 0,
            "next_try_at": tx.now,
            "queued_at": tx.now,
        }
        for each in messages
    ]
    return len(await bulk.insert(tx, MessageRow, rows, conflict="ON CONFLICT DO NOTHING", returning="id"))


async def send_due(db: Database, messenger: Messenger, *, sender: str) -> int:
    """Deliver what is due. Returns how many messages were tried."""
    claimed = await db.write(_claim)
    for row in claimed:
        rendered = error = None
        try:
            rendered = render(row["kind"], row["language"], row["values"])
            await messenger.send(mail(str(row["id"]), sender, row["to_address"], rendered))
        except Exception as problem:  # whatever the far side does, the message waits and is tried again
            error = f"{type(problem).__name__}: {problem}"[:500]
            log.warning("message not delivered", message=str(row["id"]), attempts=row["attempts"], error=error)
        await _write_down(db, row["id"], row["attempts"], rendered, error)
    return len(claimed)


async def send_waiting(parts: Parts) -> int:
    """The worker's loop."""
    return await send_due(parts.db, parts.ports["messenger"], sender=parts.settings.message_from)


async def _claim(tx: Tx) -> list[dict[str, Any]]:
    rows = await tx.rows(
        "UPDATE message SET attempts = attempts + 1, next_try_at = :until WHERE id IN ("
        " SELECT id FROM message WHERE state = 'waiting' AND next_try_at <= :now"
        " ORDER BY next_try_at LIMIT :batch FOR UPDATE SKIP LOCKED)"
        " RETURNING id, kind, language, to_address, values, attempts",
        now=tx.now,
        until=tx.now + CLAIM,
        batch=BATCH,
    )
    return [dict(row) for row in rows]


async def _write_down(db: Database, message: UUID, attempts: int, said: Rendered | None, error: str | None) -> None:
    async def work(tx: Tx) -> None:
        pause = pause_after(attempts) if error else None
        state = "sent" if error is None else "waiting" if pause else "failed"
        await tx.run(
            "UPDATE message SET state = :state, error = :error, next_try_at = :next, sent_at = :sent,"
            " subject = :subject, body_text = :text, body_html = :html WHERE id = :id",
            id=message,
            state=state,
            error=error,
            next=tx.now + (pause or timedelta()),
            sent=tx.now if error is None else None,
            subject=said.subject if said else None,
            text=said.text if said else None,
            html=said.html if said else None,
        )

    await db.write(work)
