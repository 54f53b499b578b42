"""The append-only event log and its outbox."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from server.kit import bulk
from server.kit.database import to_json
from server.kit.tables import EventRow, OutboxRow
from server.kit.transaction import Tx


async def append(tx: Tx, events: Sequence[Any], *, to_outbox: set[type]) -> None:
    """Write `events` in their order; those in `to_outbox` also wait for their after-commit answers."""
    if not events:
        return
    rows, waiting = [], []
    for event in events:
        body = to_json({f.name: getattr(event, f.name) for f in dataclasses.fields(event)})
        row_id = tx.new_id()
        rows.append(
            {
                "id": row_id,
                "at": tx.now,
                "kind": type(event).__name__,
                "order_id": getattr(event, "order_id", None),
                "node": getattr(event, "node", None),
                "actor": getattr(event, "actor", None),
                "body": body,
            }
        )
        if type(event) in to_outbox:
            waiting.append({"event_id": row_id, "kind": type(event).__name__, "body": body})
    await bulk.insert(tx, EventRow, rows)
    await bulk.insert(tx, OutboxRow, waiting)
