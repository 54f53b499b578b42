"""Work that no request waits for: loops that run every so often, in the server's process or in one of their own.

`LOOPS` is the whole list. A loop's function does a little and returns how much; while it finds something, it is called
again at once. What fails is logged and tried again later: one loop never stops another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from server.kit.web import Parts

MAX_PAUSE_S = 60.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loop:
    """`work(parts)` gives how many things it did; `pause_s` is how long to wait when there was nothing."""

    name: str
    work: Callable[[Parts], Awaitable[int]]
    pause_s: float


LOOPS: tuple[Loop, ...] = ()


async def run(parts: Parts, loops: tuple[Loop, ...] | None = None) -> None:
    """Run every loop until `parts.draining` is set."""
    async with asyncio.TaskGroup() as group:
        for loop in LOOPS if loops is None else loops:
            group.create_task(_repeat(parts, loop), name=loop.name)


async def _repeat(parts: Parts, loop: Loop) -> None:
    failures = 0
    while not parts.draining.is_set():
        done = 0
        try:
            done = await loop.work(parts)
            failures = 0
        except Exception:
            failures += 1
            log.exception("loop failed", loop=loop.name, failures=failures)
        if not done:
            pause = min(MAX_PAUSE_S, loop.pause_s * 2**failures)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(parts.draining.wait(), pause)


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """The worker beside other work in this process."""
    task = asyncio.create_task(run(parts))
    try:
        yield
    finally:
        parts.draining.set()
        await task
