"""Waking long polls: one look at the feed heads for all waiting devices of a process, a few times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from server.kit.database import Database

EVERY_S = 0.25
log = structlog.get_logger(__name__)


class FeedWatch:
    """Lets any number of long polls wait with one small query per tick, and none when nobody waits.

    Once `stopping` is set they end within a second.
    """

    def __init__(self, db: Database, stopping: asyncio.Event) -> None:
        self._db = db
        self._stopping = stopping
        self._heads: dict[str, int] = {}
        self._waiting = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def wait(self, cursor: Mapping[str, int], seconds: float) -> bool:
        """True as soon as a stream has more than the cursor; False when the time is over or the server stops."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        self._waiting += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            while not self._stopping.is_set() and (left := until - loop.time()) > 0:
                if any(self._heads.get(stream, 0) > seq for stream, seq in cursor.items()):
                    return True
                changed = self._changed
                try:
                    await asyncio.wait_for(changed.wait(), min(left, EVERY_S * 4))
                except TimeoutError:
                    continue
                except asyncio.CancelledError:  # the server stops: an empty page ends the poll
                    return False
            return False
        finally:
            self._waiting -= 1

    async def _look(self) -> None:
        while self._waiting and not self._stopping.is_set():
            try:
                await self._look_once()
            except Exception as error:  # a database that was away must not leave those who wait without news
                log.warning("the feeds could not be looked at", error=repr(error))
            await asyncio.sleep(EVERY_S)

    async def _look_once(self) -> None:
        async with self._db.reading() as tx:
            rows = await tx.rows("SELECT stream, last_seq FROM feed_head")
        heads = {r["stream"]: r["last_seq"] for r in rows}
        if heads != self._heads:
            self._heads = heads
            self._changed.set()
            self._changed = asyncio.Event()
