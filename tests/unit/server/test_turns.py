"""Few devices are served at a time: who came first first, and nobody waits for longer than their device does."""

from __future__ import annotations

import asyncio

import pytest

from server.sync.turns import PATIENCE_S, Turns
from shared.errors import Busy
from store_app.engine.client import READ_S, SNAPSHOT_S


class Queue:
    """People who take turns, and the order in which they sat down."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.served: list[str] = []
        self.most = self.now = 0
        self._goes = asyncio.Event()

    async def come(self, name: str) -> None:
        async with self.turns.one():
            self.served.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await self._goes.wait()
                await asyncio.sleep(0)
            finally:
                self.now -= 1

    async def joined_by(self, *names: str) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.come(name)) for name in names]
        await a_moment()
        return tasks

    def go(self) -> None:
        """Whoever sits there may finish."""
        self._goes.set()


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_few_are_served_at_once_and_who_came_first_first() -> None:
    queue = Queue(Turns(2, 60))
    tasks = await queue.joined_by(*"abcdefg")
    assert (queue.served, queue.turns.waiting) == (["a", "b"], 5)
    queue.go()
    await asyncio.gather(*tasks)
    assert (queue.served, queue.most, queue.turns.waiting) == (list("abcdefg"), 2, 0)


async def test_nobody_who_comes_in_the_moment_a_seat_is_left_overtakes_who_waits() -> None:
    turns, served = Turns(1, 60), list[str]()

    async def come(name: str) -> None:
        async with turns.one():
            served.append(name)

    async with turns.one():
        waiting = asyncio.create_task(come("waited"))
        await a_moment()
    await asyncio.gather(come("came later"), waiting)
    assert served == ["waited", "came later"]


async def test_who_waited_in_vain_is_asked_to_come_again_and_takes_nobodys_place() -> None:
    turns = Turns(1, 0.01)
    async with turns.one():
        with pytest.raises(Busy, match="at once"):
            async with turns.one():
                raise AssertionError("served beside another")
        assert turns.waiting == 0
    async with turns.one():
        assert turns.waiting == 0


async def test_the_turns_of_those_who_are_gone_go_to_the_next() -> None:
    """Of one who was being served, and of one who waited."""
    queue = Queue(Turns(1, 60))
    served, gone, last = await queue.joined_by(*"abc")
    gone.cancel()
    served.cancel()
    await a_moment()
    assert (queue.served, queue.turns.waiting) == (["a", "c"], 0)
    queue.go()
    await last
    assert queue.most == 1


async def test_a_device_is_answered_before_it_gives_up() -> None:
    assert PATIENCE_S["push"] < READ_S
    assert PATIENCE_S["read"] < READ_S
    assert PATIENCE_S["snapshot"] < SNAPSHOT_S
