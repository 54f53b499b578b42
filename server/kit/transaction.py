"""One unit of work. Services get a `Tx`, never a connection pool: they cannot commit, and time stands still in it.

`tx.emit(event)` says what happened. Before the edge commits, `wiring.py` lets other slices answer: in the same
transaction, at its very end (hot rows such as feed heads), or after the commit through the outbox.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

import asyncpg
from asyncpg.pgproto.pgproto import UUID as FastUUID  # noqa: N811

from shared.kernel import uuid7_bytes

Row = Mapping[str, Any]
"""A row by column name."""


_BIND = re.compile(r"(?<![:\w]):([a-z_]\w*)(?!:)")


@lru_cache(maxsize=1024)
def statement(sql: str) -> tuple[str, tuple[str, ...]]:
    """A statement with named binds (`:name`) as PostgreSQL numbers them, and the names by number.

    Its shape is constant, so that it is prepared once per connection. Arrays are bound whole and unnested, never
    spelled out.
    """
    names = tuple(dict.fromkeys(_BIND.findall(sql)))
    numbers = {name: str(n) for n, name in enumerate(names, start=1)}
    return _BIND.sub(lambda found: "$" + numbers[found[1]], sql), names


@dataclass
class Tx:
    """A transaction in progress.

    `now` is the time of everything in it. `random` gives bytes for ids. `origin` marks a device command whose outcome
    travels on the last feed row.
    """

    conn: asyncpg.Connection
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
        """A new UUID version 7, of the driver's class: the same value, made and written ten times quicker."""
        made: UUID = FastUUID(uuid7_bytes(self.now, self.random(10)))
        return made

    def emit(self, *events: Any) -> None:
        self.events.extend(events)

    async def rows(self, sql: str, **binds: Any) -> Sequence[Row]:
        """Every row, by column name."""
        text, names = statement(sql)
        return cast("Sequence[Row]", await self.conn.fetch(text, *[binds[name] for name in names]))

    async def one(self, sql: str, **binds: Any) -> Row | None:
        """The first row, or None."""
        text, names = statement(sql)
        return cast("Row | None", await self.conn.fetchrow(text, *[binds[name] for name in names]))

    async def value(self, sql: str, **binds: Any) -> Any:
        """The first column of the first row, or None."""
        text, names = statement(sql)
        return await self.conn.fetchval(text, *[binds[name] for name in names])

    async def run(self, sql: str, **binds: Any) -> int:
        """Execute; returns the number of rows touched."""
        text, names = statement(sql)
        said: str = await self.conn.execute(text, *[binds[name] for name in names])
        return int(count) if (count := said.rpartition(" ")[2]).isdigit() else 0

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[Any]]) -> None:
        """Append records: the quickest way in, where nothing conflicts and nothing comes back."""
        await self.conn.copy_records_to_table(table, records=records, columns=list(columns))
