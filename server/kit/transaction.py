"""One unit of work. Services get a `Tx`, never a connection pool: they cannot commit, and time stands still in it.

`tx.emit(event)` says what happened. Before the edge commits, `wiring.py` lets other slices answer: in the same
transaction, at its very end (hot rows such as feed heads), or after the commit through the outbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kernel import uuid7

Row = Mapping[str, Any]
"""A row by column name."""


@lru_cache(maxsize=1024)
def statement(sql: str) -> TextClause:
    """A statement of constant shape, compiled once. Arrays are bound whole and unnested, never spelled out."""
    return text(sql)


@dataclass
class Tx:
    """A transaction in progress.

    `now` is the time of everything in it. `random` gives bytes for ids. `origin` marks a device command whose outcome
    travels on the last feed row.
    """

    conn: AsyncConnection
    now: datetime
    random: Callable[[int], bytes]
    events: list[Any] = field(default_factory=list)
    origin: Any = None
    notes: dict[str, Any] = field(default_factory=dict)
    """Scratch of this transaction, by the slice that owns the key (rows already loaded, documents to publish)."""
    settle: Callable[[Tx], Awaitable[None]] | None = None

    async def settle_now(self) -> None:
        """Let the other slices answer what was emitted so far, before going on."""
        if self.settle:
            await self.settle(self)

    def new_id(self) -> UUID:
        return uuid7(self.now, self.random(10))

    def emit(self, *events: Any) -> None:
        self.events.extend(events)

    async def rows(self, sql: str, **binds: Any) -> Sequence[Row]:
        """Every row, as mappings."""
        found = (await self.conn.execute(statement(sql), binds)).mappings().all()
        return cast("Sequence[Row]", found)

    async def one(self, sql: str, **binds: Any) -> Row | None:
        """The first row, or None."""
        found = (await self.conn.execute(statement(sql), binds)).mappings().first()
        return cast("Row | None", found)

    async def value(self, sql: str, **binds: Any) -> Any:
        """The first column of the first row, or None."""
        return (await self.conn.execute(statement(sql), binds)).scalar()

    async def run(self, sql: str, **binds: Any) -> int:
        """Execute; returns the number of rows touched."""
        result = await self.conn.execute(statement(sql), binds)
        return int(result.rowcount)
