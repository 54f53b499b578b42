"""A morning that is told of afterwards: a shop that opened before it, and moments of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from tests import build
from tests.shop import Shop, open_shop

MINUTES = timedelta(minutes=1)
START = datetime.now(UTC) - timedelta(hours=5)


@contextlib.asynccontextmanager
async def heard_of_later(database_url: str) -> AsyncIterator[Shop]:
    """It opened before the morning, and everything is heard of by now."""
    clock = [START - 60 * MINUTES]

    def now() -> datetime:
        clock[0] += timedelta(milliseconds=10)
        return clock[0]

    async with build.world(database_url, clock=now) as world:
        opened = await open_shop(world)
        clock[0] = datetime.now(UTC)
        yield opened


def at(minutes: float) -> str:
    """A moment of this morning."""
    return (START + minutes * MINUTES).isoformat()
