"""Who answers which event, and when. The table itself is `server/wiring.py`; this is how it is carried out.

*Same transaction* answers run until nobody has anything more to say; then the facts are written to the event log;
*last* answers touch the hot rows (feed heads) just before the commit; *after commit* answers stand in the outbox, from
which `server.kit.outbox` carries them out, so that a hot path never waits for somebody else's work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from server.kit import eventlog
from server.kit.transaction import Tx

MAX_ROUNDS = 20
Handler = Callable[[Tx, Sequence[Any]], Awaitable[None]]


class When(StrEnum):
    SAME_TRANSACTION = "same transaction"
    LAST = "same transaction, last"
    AFTER_COMMIT = "after commit"


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the wiring: `handler` answers `event`. Handlers take all events of the kind at once."""

    event: type
    handler: Callable[..., Awaitable[None]]
    when: When

    @property
    def name(self) -> str:
        """Stable name of an after-commit answer, as its job is stored."""
        return f"{self.handler.__module__.removeprefix('server.')}.{self.handler.__name__}"


class Answers:
    """The wiring, indexed for use."""

    def __init__(self, rows: Sequence[Answer]) -> None:
        self.rows = tuple(rows)
        self._same: dict[type, list[Handler]] = {}
        self._last: dict[type, list[Handler]] = {}
        self._after: dict[type, list[str]] = {}
        self._by_name: dict[str, Answer] = {}
        for row in rows:
            if row.when is When.AFTER_COMMIT:
                self._after.setdefault(row.event, []).append(row.name)
                self._by_name[row.name] = row
            else:
                side = self._same if row.when is When.SAME_TRANSACTION else self._last
                side.setdefault(row.event, []).append(row.handler)

    async def settle(self, tx: Tx) -> None:
        """Let slices answer in this transaction until nothing new happens."""
        done = tx.notes.setdefault("answered", 0)
        for _ in range(MAX_ROUNDS):
            fresh = tx.events[done:]
            if not fresh:
                return
            done = tx.notes["answered"] = len(tx.events)
            by_kind: dict[type, list[Any]] = {}
            for each in fresh:
                by_kind.setdefault(type(each), []).append(each)
            for kind, events in by_kind.items():
                for handler in self._same.get(kind, ()):
                    await handler(tx, events)
        raise RuntimeError("events answer each other without end: " + type(tx.events[-1]).__name__)

    async def close(self, tx: Tx) -> None:
        """Write the event log and the outbox, then the hot rows, in the order of the table: their order of locks."""
        await eventlog.append(tx, [e for e in tx.events if e.STORED], answers=lambda kind: self._after.get(kind, ()))
        by_handler: dict[Handler, list[Any]] = {h: [] for handlers in self._last.values() for h in handlers}
        for each in tx.events:
            for handler in self._last.get(type(each), ()):
                by_handler[handler].append(each)
        for handler, events in by_handler.items():
            if events:
                await handler(tx, events)

    def named(self, name: str) -> Answer | None:
        """The after-commit answer of this name; None when a newer or older build knows it, not this one."""
        return self._by_name.get(name)
