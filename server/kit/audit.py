"""Who did what: an append-only record, hash-chained per stream (one chain per person or node, never one for all).

Each row's hash covers its content and the hash of the row before it, so that a changed or removed row shows.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from server.kit.database import to_json
from server.kit.transaction import Tx

START = "0" * 64


def chained(before: str, n: int, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]) -> str:
    """The hash of a row, in hex."""
    content = [before, n, at.astimezone(UTC).isoformat(), actor, action, subject, json.loads(to_json(detail))]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


async def record(tx: Tx, stream: str, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Append to `stream` (`node:S-1`, `person:<id>`, `head-office`). Writers of one stream wait for each other."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(:stream, 0))", stream=f"audit {stream}")
    last = await tx.one("SELECT n, hash FROM audit WHERE stream = :stream ORDER BY n DESC LIMIT 1", stream=stream)
    n, before = (last["n"] + 1, last["hash"]) if last else (1, START)
    await tx.run(
        "INSERT INTO audit (stream, n, at, actor, action, subject, detail, hash)"
        " VALUES (:stream, :n, :at, :actor, :action, :subject, CAST(:detail AS jsonb), :hash)",
        stream=stream,
        n=n,
        at=tx.now,
        actor=actor,
        action=action,
        subject=subject,
        detail=json.loads(to_json(detail)),
        hash=chained(before, n, tx.now, actor, action, subject, detail),
    )


async def broken(tx: Tx, stream: str | None = None) -> list[tuple[str, int]]:
    """Rows (stream, n) that do not follow from the row before them; all streams unless one is named."""
    rows = await tx.rows(
        "SELECT * FROM audit WHERE CAST(:stream AS text) IS NULL OR stream = :stream ORDER BY stream, n", stream=stream
    )
    found: list[tuple[str, int]] = []
    here, n, before = "", 0, START
    for row in rows:
        if row["stream"] != here:
            here, n, before = row["stream"], 0, START
        expected = chained(before, n + 1, row["at"], row["actor"], row["action"], row["subject"], row["detail"])
        if row["n"] != n + 1 or row["hash"] != expected:
            found.append((here, row["n"]))
        n, before = row["n"], row["hash"]
    return found
