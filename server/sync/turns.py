"""Taking turns: however many devices come back at once, few are served at a time, who came first first.

A region that was offline for a shift comes back in the same second. Without turns its devices take every connection of
the pool, and shoppers wait behind them, or are sent away. With turns some connections are always left to everybody
else; the queues take longer to drain, and stores work on what is on their devices meanwhile (docs/adr/0013).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from server.kit.web import Parts
from shared.errors import Busy

Asked = Literal["push", "read", "snapshot", "photo"]
"""What devices ask for, each with turns of its own."""
PATIENCE_S: dict[Asked, float] = {"push": 8.0, "read": 8.0, "snapshot": 60.0, "photo": 8.0}
"""Seconds until a turn must come: fewer than devices wait for an answer (ten, and 120 for a snapshot)."""
SHARE: dict[Asked, float] = {"push": 0.4, "read": 0.2, "snapshot": 0.2, "photo": 0.1}
"""Of the process's database connections; one at least."""


class Turns:
    """`at_once` are served; who has waited `patience_s` for a turn is asked to come again, which devices do by
    themselves."""

    def __init__(self, at_once: int, patience_s: float) -> None:
        self._seats = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self.waiting = 0
        """Who wants a turn and has none yet."""

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A turn. Raises `Busy` where none came."""
        await self._sit_down()
        try:
            yield
        finally:
            self._seats.release()

    async def _sit_down(self) -> None:
        waits = self._seats.locked()
        self.waiting += waits
        try:
            async with asyncio.timeout(self._patience_s):
                await self._seats.acquire()
        except TimeoutError:
            raise Busy("Too many devices came at once.", remedy="Wait for Retry-After, then try again.") from None
        finally:
            self.waiting -= waits


def turns(parts: Parts, what: Asked) -> Turns:
    """Of this process."""
    found: Turns | None = parts.caches.get(f"turns {what}")
    if found is None:
        at_once = max(1, int(parts.settings.pool_size * SHARE[what]))
        found = parts.caches[f"turns {what}"] = Turns(at_once, PATIENCE_S[what])
    return found
