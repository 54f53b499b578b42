"""Exactly once: a key, a fingerprint of what was asked, and the stored answer.

The row is inserted first, so a second request with the same key waits for the first one's commit and then reads its
answer. Same key with another fingerprint is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.kit import bulk
from server.kit.database import to_json
from server.kit.tables import CommandRow
from server.kit.transaction import Tx
from shared.errors import ReusedKey


@dataclass(frozen=True, slots=True)
class Key:
    """`scope` is who asks (a key, a device), `key` what they call the request."""

    scope: str
    key: str
    fingerprint: str


def fingerprint(body: str | bytes) -> str:
    """SHA-256 of a canonical body."""
    return hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()


async def begin(tx: Tx, keys: Sequence[Key]) -> dict[Key, dict[str, Any] | ReusedKey | None]:
    """Claim `keys`. For each: None (new, go on), the stored answer, or `ReusedKey` when the body differs."""
    answers: dict[Key, dict[str, Any] | ReusedKey | None] = {}
    if not keys:
        return answers
    rows = [
        {"scope": k.scope, "key": k.key, "fingerprint": k.fingerprint, "at": tx.now, "outcome": None}
        for k in sorted(set(keys), key=lambda k: (k.scope, k.key))
    ]
    new = await bulk.insert(tx, CommandRow, rows, conflict="ON CONFLICT DO NOTHING", returning="scope, key")
    fresh = {(r["scope"], r["key"]) for r in new}
    known = await tx.rows(
        "SELECT scope, key, fingerprint, outcome FROM command_log"
        " WHERE (scope, key) IN (SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[])))",
        scopes=[k.scope for k in keys if (k.scope, k.key) not in fresh],
        keys=[k.key for k in keys if (k.scope, k.key) not in fresh],
    )
    stored = {(r["scope"], r["key"]): r for r in known}
    for key in keys:
        row = stored.get((key.scope, key.key))
        if row is None:
            answers[key] = None
        elif row["fingerprint"] != key.fingerprint:
            answers[key] = ReusedKey(
                f"The idempotency key {key.key} was used for another request.",
                field="Idempotency-Key",
                remedy="Use a new key for a new request; repeat a request only with the same body.",
            )
        else:
            answers[key] = row["outcome"] or {}
    return answers


async def claim(tx: Tx, scope: str, marks: Mapping[str, str], outcome: Mapping[str, Any]) -> dict[str, str]:
    """Claim keys (with their fingerprints) that will all have the same `outcome`: at once, in one statement.

    Returns those that were claimed before, with the fingerprints they had then.
    """
    keys = sorted(marks)
    new = await tx.rows(
        "INSERT INTO command_log (scope, key, fingerprint, at, outcome) SELECT :scope, k.key, k.fingerprint, :now,"
        " CAST(:outcome AS jsonb) FROM unnest(CAST(:keys AS text[]), CAST(:marks AS text[])) AS k(key, fingerprint)"
        " ON CONFLICT DO NOTHING RETURNING key",
        scope=scope,
        now=tx.now,
        outcome=outcome,
        keys=keys,
        marks=[marks[key] for key in keys],
    )
    old = marks.keys() - {row["key"] for row in new}
    if not old:
        return {}
    known = await tx.rows(
        "SELECT key, fingerprint FROM command_log WHERE scope = :scope AND key = ANY(CAST(:keys AS text[]))",
        scope=scope,
        keys=sorted(old),
    )
    return {row["key"]: row["fingerprint"] for row in known}


async def finish(tx: Tx, outcomes: dict[Key, dict[str, Any]]) -> None:
    """Store the answers of keys that `begin` gave to us, in the same transaction."""
    if not outcomes:
        return
    await tx.run(
        "UPDATE command_log c SET outcome = u.outcome::jsonb"
        " FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[]), CAST(:outcomes AS text[]))"
        " AS u(scope, key, outcome) WHERE c.scope = u.scope AND c.key = u.key",
        scopes=[k.scope for k in outcomes],
        keys=[k.key for k in outcomes],
        outcomes=[to_json(v) for v in outcomes.values()],
    )
