"""Answers after the commit, and schedules: given at least once, in order per order, by one process at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest

from server import worker
from server.kit import outbox
from server.kit.answers import Answer, Answers, When
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import Parts
from tests import build


@dataclass(frozen=True, slots=True)
class Rang:
    """The fact of these tests."""

    STORED: ClassVar[bool] = True
    order_id: UUID | None
    word: str


@dataclass
class Listener:
    """An answer that remembers what it heard. What `trouble` raises, it raises after hearing."""

    heard: list[str] = field(default_factory=list)
    trouble: Callable[[str], Awaitable[None]] | None = None

    async def answer(self, parts: Parts, event: Rang) -> None:
        self.heard.append(event.word)
        if self.trouble:
            await self.trouble(event.word)


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 2, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, **more: float) -> None:
        self.now += timedelta(**more)


@dataclass
class House:
    """Two processes on one database, a bell, a listener and a clock that stands still."""

    parts: Parts
    other: Parts
    listener: Listener
    clock: Clock

    async def ring(self, *words: str, order: UUID | None = None) -> None:
        async def work(tx: Tx) -> None:
            tx.emit(*(Rang(order, word) for word in words))

        await self.parts.db.write(work)

    async def waiting(self) -> list[dict[str, Any]]:
        async def work(tx: Tx) -> list[dict[str, Any]]:
            sql = "SELECT body->>'word' AS word, attempts, dead, error, next_try_at FROM outbox ORDER BY seq"
            return [dict(row) for row in await tx.rows(sql)]

        return await self.parts.db.read(work)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    listener, clock = Listener(), Clock()
    answers = Answers([Answer(Rang, listener.answer, When.AFTER_COMMIT)])
    async with contextlib.AsyncExitStack() as stack:
        both = []
        for _ in range(2):
            db = Database(database_url, answers=answers, clock=clock, pool_size=4)
            stack.push_async_callback(db.close)
            both.append(Parts(build.settings(), db))
        yield House(both[0], both[1], listener, clock)


async def test_a_fact_is_answered_after_its_commit_and_then_forgotten(house: House) -> None:
    await house.ring("one")
    assert house.listener.heard == []
    await outbox.drain(house.parts)
    assert (house.listener.heard, await house.waiting()) == (["one"], [])


async def test_a_transaction_that_fails_is_answered_by_nobody(house: House) -> None:
    async def work(tx: Tx) -> None:
        tx.emit(Rang(None, "never"))
        raise LookupError

    with pytest.raises(LookupError):
        await house.parts.db.write(work)
    await outbox.drain(house.parts)
    assert house.listener.heard == []


async def test_one_order_is_answered_in_its_order_though_an_answer_fails(house: House) -> None:
    order, failures = uuid4(), iter([True, True])

    async def trouble(word: str) -> None:
        if word == "authorise" and next(failures, False):
            raise ConnectionError("far side is down")

    house.listener.trouble = trouble
    await house.ring("authorise", "capture", order=order)
    await house.ring("of another order", order=uuid4())
    for _ in range(4):
        await outbox.drain(house.parts)
        house.clock.later(minutes=1)
    assert house.listener.heard == ["authorise", "of another order", "authorise", "authorise", "capture"]


async def test_two_processes_never_give_one_answer_at_the_same_time(house: House) -> None:
    async def slow(_word: str) -> None:
        await asyncio.sleep(0.01)

    house.listener.trouble = slow
    for n in range(40):
        await house.ring(str(n))
    await asyncio.gather(outbox.drain(house.parts), outbox.drain(house.other))
    assert sorted(house.listener.heard, key=int) == [str(n) for n in range(40)]


async def test_what_a_dead_process_had_claimed_is_answered_by_another(house: House) -> None:
    async def dies(_word: str) -> None:
        raise asyncio.CancelledError

    house.listener.trouble = dies
    await house.ring("one")
    with pytest.raises(asyncio.CancelledError):
        await outbox.work(house.parts)
    house.listener.trouble = None
    await outbox.drain(house.other)
    assert house.listener.heard == ["one"], "its claim still holds"
    house.clock.later(seconds=61)
    await outbox.drain(house.other)
    assert (house.listener.heard, await house.waiting()) == (["one", "one"], [])


async def test_what_keeps_failing_is_set_aside_and_the_next_of_its_order_goes_on(house: House) -> None:
    async def trouble(word: str) -> None:
        if word == "bad":
            raise ValueError("no use")

    house.listener.trouble = trouble
    await house.ring("bad", "good", order=uuid4())
    for _ in range(outbox.TRIES):
        await outbox.drain(house.parts)
        house.clock.later(hours=2)
    assert house.listener.heard.count("bad") == outbox.TRIES
    await outbox.drain(house.parts)
    assert house.listener.heard[-1] == "good"
    (dead,) = await house.parts.db.read(outbox.given_up)
    assert (dead["attempts"], dead["error"]) == (outbox.TRIES, "ValueError('no use')")

    house.listener.trouble = None
    assert await house.parts.db.write(outbox.try_again) == 1
    await outbox.drain(house.parts)
    assert (house.listener.heard[-1], await house.waiting()) == ("bad", [])


async def test_an_answer_that_never_ends_is_broken_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_word: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(outbox, "PATIENCE_S", 0.05)
    house.listener.trouble = hangs
    await house.ring("one")
    await outbox.work(house.parts)
    (row,) = await house.waiting()
    assert (row["attempts"], row["error"]) == (1, "TimeoutError()")


async def test_an_answer_of_a_newer_build_waits_for_one_that_knows_it(house: House) -> None:
    await house.ring("one")
    known, house.parts.db.answers = house.parts.db.answers, Answers([])
    await outbox.work(house.parts)
    (row,) = await house.waiting()
    assert "this build has no answer" in row["error"]
    house.parts.db.answers = known
    house.clock.later(seconds=10)
    await outbox.drain(house.parts)
    assert house.listener.heard == ["one"]


def test_pauses_double_and_never_fall_together() -> None:
    middle = [outbox.pause_after(n, 0.5) for n in range(1, 13)]
    assert middle[:5] == [2, 4, 8, 16, 32]
    assert middle[-1] == outbox.LONGEST_PAUSE
    assert (outbox.pause_after(3, 0.0), outbox.pause_after(3, 1.0)) == (6, 10)


async def test_a_loop_that_fails_stops_no_other_and_all_finish_what_they_do(house: House) -> None:
    begun, finished, tries = asyncio.Event(), asyncio.Event(), 0

    async def breaks(_parts: Parts) -> int:
        nonlocal tries
        tries += 1
        raise ConnectionError

    async def takes_long(_parts: Parts) -> int:
        begun.set()
        await asyncio.sleep(0.1)
        finished.set()
        return 0

    loops = (worker.Loop("breaks", breaks, 0.01), worker.Loop("takes long", takes_long, 60))
    running = asyncio.create_task(worker.run(house.parts, loops))
    await begun.wait()
    house.parts.draining.set()
    await asyncio.wait_for(running, 5)
    assert finished.is_set()
    assert tries >= 1


async def test_a_schedule_runs_in_one_process_at_a_time(house: House) -> None:
    inside = most = runs = 0

    async def work(_tx: Tx) -> int:
        nonlocal inside, most, runs
        inside += 1
        runs, most = runs + 1, max(most, inside)
        await asyncio.sleep(0.05)
        inside -= 1
        return 7

    both = [worker.alone(parts, "sweep", work) for parts in (house.parts, house.other)]
    assert sorted(await asyncio.gather(*both)) == [0, 7]
    assert (most, runs) == (1, 1)
    assert await worker.alone(house.other, "sweep", work) == 7, "the next one may"
