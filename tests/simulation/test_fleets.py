"""Fleets at random over the real server and the real engine, and the test of that test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from server.inventory import rules, shelf
from server.kit import postgres
from server.sync import service as sync
from shared.sync import CommandOutcome
from store_app.engine.outbox import Outbox
from tests.conftest import TEMPLATE
from tests.simulation.arena import Arena, arena
from tests.simulation.story import tell_story

STEPS, LONGER = 30, 40
STORIES = 10
"""Stories per test, so that a failure names its seed and two workers share the work."""
SEEDS = 300


@pytest.fixture(scope="module")
async def stage(pg: postgres.Running) -> AsyncIterator[Arena]:
    """One database for all stories of a worker."""
    name = pg.create_database(f"fleets_{os.getpid()}", TEMPLATE)
    async with arena(pg.url(None, name)) as made:
        yield made
    pg.drop_database(name)


@pytest.mark.parametrize("first", range(1, SEEDS + 1, STORIES))
async def test_whatever_happens_everybody_agrees_in_the_end(stage: Arena, first: int) -> None:
    for seed in range(first, first + STORIES):
        fleet, wrong = await tell_story(stage, seed, STEPS)
        assert not wrong, "\n".join([f"seed {seed}: {wrong}", *fleet.lines])
    await stage.tidy()


async def test_a_seed_is_one_story(stage: Arena) -> None:
    first, again = [[(await tell_story(stage, seed, STEPS))[0] for seed in (5, 6, 7, 33, 35)] for _ in range(2)]
    for told, retold in zip(first, again, strict=True):
        assert "\n".join(told.lines) == "\n".join(retold.lines)
        assert told.digest() == retold.digest()


# ---------------------------------------------------------------- the test is tested


def _settle_when_answered(self: Outbox, outcomes: Sequence[CommandOutcome]) -> list[CommandOutcome]:
    """The push answer takes commands off the queue, as the feed should."""
    with self._db.write() as tx:
        for outcome in outcomes:
            self.settle(tx, outcome)
    self.on_reload()
    return []


_CARRY_OUT = sync._carry_out


async def _without_dedupe(tx: Any, device: Any, queue: Sequence[Any], **more: Any) -> Any:
    """What came before is carried out again."""
    first = queue[0].n
    await tx.run("DELETE FROM device_command WHERE device = :id AND n >= :n", id=device.id, n=first)
    await tx.run("UPDATE device SET last_n = least(last_n, :n) WHERE id = :id", id=device.id, n=first - 1)
    return await _CARRY_OUT(tx, device, queue, **more)


async def _in_any_order(tx: Any, device: Any, queue: Sequence[Any], **more: Any) -> Any:
    """The newest command first: whoever comes is let in."""
    outcomes = []
    top = 0
    for command in reversed(queue):
        known = await tx.value("SELECT 1 FROM device_command WHERE device = :id AND n = :n", id=device.id, n=command.n)
        before = await tx.value("SELECT last_n FROM device WHERE id = :id", id=device.id)
        top = max(top, before, command.n)
        last = command.n if known else command.n - 1
        await tx.run("UPDATE device SET last_n = :n WHERE id = :id", id=device.id, n=last)
        outcomes += await _CARRY_OUT(tx, device, [command], **more)
        await tx.run("UPDATE device SET last_n = :n WHERE id = :id", id=device.id, n=top)
    return outcomes[::-1]


async def _nothing_in_hand(*_: Any) -> int:
    """A count takes what is in totes for missing."""
    return 0


def _not_contained(*_: Any) -> bool:
    """A movement that is heard of late is booked although it had been counted."""
    return False


FAULTS: dict[str, tuple[Any, str, Any, int]] = {
    "without dedupe": (sync, "_carry_out", _without_dedupe, 2),
    "in any order": (sync, "_carry_out", _in_any_order, 1),
    "settled by the answer": (Outbox, "mark_sent", _settle_when_answered, 1),
    "without what is in hand": (shelf, "in_hand", _nothing_in_hand, 1),
    "booked twice": (rules, "contained", _not_contained, 47),
}
"""What is broken, and a seed that is known to show it: the search begins there."""


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_fault_is_found(stage: Arena, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    where, name, broken, first = FAULTS[fault]
    monkeypatch.setattr(where, name, broken)
    for seed in range(first, first + 20):
        _, wrong = await tell_story(stage, seed, LONGER)
        if wrong:
            return
    pytest.fail(f"twenty stories {fault}, and nobody noticed")
