"""Time and chance, handed in, so that a test or a simulation can decide both."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The device's clock. It may be wrong; nothing is ordered by it."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The real one."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Chance(Protocol):
    """Random numbers; `random.Random` and `random.SystemRandom` both do."""

    def random(self) -> float: ...

    def randbytes(self, n: int, /) -> bytes: ...


def system_chance() -> Chance:
    """The platform's generator."""
    return random.SystemRandom()
