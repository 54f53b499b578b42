"""Virtual time: what is due happens in order of its time, one thing after the other. Nothing else moves the clock.

While one thing happens (a request reaches the server and its database answers) everybody else waits for a future of
this timeline, so the order of events follows from the seed alone.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

TICK = timedelta(microseconds=10)


class Timeline:
    """`after(seconds, do)` plans; `run(until)` lets it happen. `do` may be a coroutine function."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._due: list[tuple[datetime, int, Callable[[], Any]]] = []
        self._numbers = itertools.count()
        self.after_each: Callable[[], Any] = lambda: None
        """Called (and awaited) after every event."""

    def after(self, seconds: float, do: Callable[[], Any]) -> None:
        """Plan `do`."""
        heapq.heappush(self._due, (self.now + timedelta(seconds=seconds), next(self._numbers), do))

    def look(self) -> datetime:
        """The time, a little later whenever somebody looks, so that no two ids are made at the same time."""
        self.now += TICK
        return self.now

    async def sleep(self, seconds: float) -> None:
        """As long as virtual time needs."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.after(seconds, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def skip(self, time: timedelta) -> None:
        """Time passes, and nothing happens: what is due meanwhile is late."""
        self.now += time

    async def run(self, until: datetime) -> None:
        """Let everything happen that is due before `until`; afterwards it is `until`."""
        await quiet()
        while self._due and self._due[0][0] <= until:
            at, _, do = heapq.heappop(self._due)
            self.now = max(self.now, at)
            await _done(do())
            await quiet()
            await _done(self.after_each())
            await quiet()
        self.now = max(self.now, until)


async def _done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


async def quiet() -> None:
    """Until every task waits for something that this task must bring about."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # nothing public says so
    await asyncio.sleep(0)
    while ready:  # noqa: ASYNC110 (there is no event for it: whoever is ready goes first)
        await asyncio.sleep(0)
