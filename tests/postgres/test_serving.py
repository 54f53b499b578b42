"""A server that is asked to stop sends long polls home at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.sync.watch import FeedWatch
from tests import build

pytestmark = pytest.mark.postgres


async def test_a_long_poll_ends_when_the_server_is_asked_to_stop(world: build.World) -> None:
    watch = FeedWatch(world.db, world.parts.draining)
    began = time.monotonic()
    waiting = asyncio.create_task(watch.wait({"node:S-1": 0}, 20))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    world.parts.draining.set()
    assert await waiting is False
    assert time.monotonic() - began < 3
    assert await watch.wait({"node:S-1": 0}, 20) is False, "and no new one begins"
