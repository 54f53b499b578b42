"""Answers after the commit: at least once, in order per order, tried again with growing pauses, never lost.

A row is claimed for a minute and deleted when its answer has been given. Only the oldest row of an order can be
claimed, so a capture never overtakes its authorisation. A process that dies leaves its claims to time out. What keeps
failing is set aside as dead after `TRIES`, and the rows behind it go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from pydantic import TypeAdapter

from server.kit.answers import Answer, Answers
from server.kit.transaction import Row, Tx
from server.kit.web import Parts

BATCH = 32
LEASE = timedelta(seconds=60)
PATIENCE_S = 30.0
"""An answer that takes longer is broken off and tried again; well within the lease, so nobody else has it meanwhile."""
TRIES = 12
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 3600.0
"""Seconds; each failure doubles the pause, more or less: a far side that comes back is not met by all at once."""
log = structlog.get_logger(__name__)

_CLAIM = (
    "UPDATE outbox SET leased_until = :until WHERE seq IN (SELECT o.seq FROM outbox o WHERE NOT o.dead"
    " AND o.next_try_at <= :now AND (o.leased_until IS NULL OR o.leased_until <= :now)"
    " AND (o.order_id IS NULL OR NOT EXISTS (SELECT 1 FROM outbox e WHERE e.order_id = o.order_id AND e.seq < o.seq"
    " AND NOT e.dead)) ORDER BY o.seq LIMIT :limit FOR UPDATE SKIP LOCKED)"
    " RETURNING seq, answer, kind, body, attempts"
)


async def work(parts: Parts) -> int:
    """Give the answers that are due, several at a time; returns how many were tried."""
    answers = parts.db.answers
    if answers is None:
        return 0
    rows = await parts.db.write(_claim)
    await asyncio.gather(*(_give(parts, answers, row) for row in sorted(rows, key=lambda r: r["seq"])))
    return len(rows)


async def _claim(tx: Tx) -> Sequence[Row]:
    return await tx.rows(_CLAIM, now=tx.now, until=tx.now + LEASE, limit=BATCH)


async def _give(parts: Parts, answers: Answers, row: Row) -> None:
    answer = answers.named(row["answer"])
    try:
        if answer is None:
            raise LookupError(f"this build has no answer {row['answer']}")
        async with asyncio.timeout(PATIENCE_S):
            await answer.handler(parts, event_of(answer, row["body"]))
    except Exception as error:
        log.warning("after-commit answer failed", answer=row["answer"], attempts=row["attempts"] + 1, error=repr(error))
        failure = repr(error)[:500]
        await parts.db.write(lambda tx: _again(tx, row, failure))
    else:
        await parts.db.write(lambda tx: tx.run("DELETE FROM outbox WHERE seq = :seq", seq=row["seq"]))


def event_of(answer: Answer, body: dict[str, Any]) -> Any:
    """The fact as it was, from its stored body."""
    return TypeAdapter(answer.event).validate_python(body)


def pause_after(attempts: int, chance: float) -> float:
    """Seconds until the next try: doubled with each, never above an hour, 25 % more or less by `chance` (0 to 1)."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempts - 1) * (0.75 + chance / 2))


async def _again(tx: Tx, row: Row, error: str) -> None:
    attempts = row["attempts"] + 1
    pause = pause_after(attempts, tx.random(1)[0] / 255)
    await tx.run(
        "UPDATE outbox SET attempts = :attempts, next_try_at = :next, leased_until = NULL, error = :error, dead = :dead"
        " WHERE seq = :seq",
        seq=row["seq"],
        attempts=attempts,
        next=tx.now + timedelta(seconds=pause),
        error=error,
        dead=attempts >= TRIES,
    )


async def given_up(tx: Tx, *, limit: int = 200) -> Sequence[Row]:
    """Answers that were set aside as dead, oldest first."""
    return await tx.rows(
        "SELECT seq, answer, order_id, made_at, attempts, error FROM outbox WHERE dead ORDER BY seq LIMIT :limit",
        limit=limit,
    )


async def try_again(tx: Tx) -> int:
    """Give every dead answer its tries anew, at once. Returns how many."""
    return await tx.run(
        "UPDATE outbox SET dead = false, attempts = 0, next_try_at = :now, leased_until = NULL WHERE dead", now=tx.now
    )


async def drain(parts: Parts, *, rounds: int = 1000) -> None:
    """Give every answer that is due, and those that follow from them. For tests and scripted runs."""
    for _ in range(rounds):
        if not await work(parts):
            return
    raise RuntimeError("answers follow each other without end")
