"""A server that is asked to stop sends long polls home at once; one whose database was away goes on where it was."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from server.kit.transaction import Tx
from server.sync import service
from server.sync.watch import FeedWatch
from tests import build
from tests.shop import open_shop

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


async def test_who_waits_for_news_hears_them_after_the_database_was_away(
    world: build.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = FeedWatch(world.db, world.parts.draining)
    look, failures = watch._look_once, iter(range(2))

    async def away_at_first() -> None:
        if next(failures, None) is not None:
            raise ConnectionRefusedError
        await look()

    monkeypatch.setattr(watch, "_look_once", away_at_first)
    began = time.monotonic()
    await open_shop(world)
    assert await watch.wait({"catalogue": 0}, 20) is True
    assert time.monotonic() - began < 5


async def test_a_database_that_dies_under_a_push_is_no_fault_of_its_commands(
    world: build.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried one by one, and then held, they would be: while the database comes back."""
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1))
    tablet = await shop.tablet()
    command = tablet.command("accept", fulfilment=order["jobs"][0]["id"])
    carry_out, deaths = service._carry_out, iter(range(2))

    async def dying(tx: Tx, *given: Any, **more: Any) -> Any:
        done = await carry_out(tx, *given, **more)
        if next(deaths, None) is not None:
            await tx.value("SELECT pg_terminate_backend(pg_backend_pid())")
        return done

    monkeypatch.setattr(service, "_carry_out", dying)
    for _ in range(2):
        assert (await tablet.push(command, status=503))["code"] == "unavailable"
    assert (await tablet.push(command))["outcomes"][0]["status"] == "applied"
