"""The append-only event log and its outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from server.kit import bulk
from server.kit.database import to_json
from server.kit.tables import EventRow, OutboxRow
from server.kit.transaction import Tx


async def append(tx: Tx, events: Sequence[Any], *, answers: Callable[[type], Sequence[str]]) -> None:
    """Write `events` in their order. `answers` names who answers a kind after the commit: each gets an outbox row."""
    rows, waiting = [], []
    for event in events:
        body = to_json(event)
        kind, order_id = type(event).__name__, getattr(event, "order_id", None)
        rows.append(
            {
                "id": tx.new_id(),
                "at": tx.now,
                "kind": kind,
                "order_id": order_id,
                "node": getattr(event, "node", None),
                "actor": getattr(event, "actor", None),
                "body": body,
            }
        )
        for answer in answers(type(event)):
            due = {"order_id": order_id, "made_at": tx.now, "next_try_at": tx.now}
            waiting.append({"answer": answer, "kind": kind, "body": body, **due})
    await bulk.append(tx, EventRow, rows)
    await bulk.append(tx, OutboxRow, waiting)
