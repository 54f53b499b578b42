"""A bad line: a TCP proxy that cuts connections in the middle of a body, holds them up, and sends requests twice.

What becomes of a connection is drawn when it opens, by chance: it is left alone, cut after so many bytes of what the
client says or of what the server says, slow, or doubled: every byte of the client goes to the server twice, over two
connections, and one of the two answers is thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

PIECE = 16 * 1024
LONGEST_DELAY_S = 0.3


@dataclass(frozen=True)
class Fate:
    """`after` bytes it is cut; `wait_s` before each piece."""

    name: str = "left alone"
    after: int = 0
    wait_s: float = 0.0


def draw(chance: Random) -> Fate:
    """One for a new connection: every other is bad."""
    match chance.choice(("good", "good", "good", "asking", "answer", "slow", "twice")):
        case "asking":
            return Fate("cut while asking", after=chance.randint(1, 6_000))
        case "answer":
            return Fate("cut while answering", after=chance.randint(1, 12_000))
        case "slow":
            return Fate("slow", wait_s=chance.random() * LONGEST_DELAY_S)
        case "twice":
            return Fate("twice")
    return Fate()


class Proxy:
    """Listens on `port` and talks to `target`; `bad` False leaves everything alone."""

    def __init__(self, target: int, chance: Random) -> None:
        self.target, self.chance = target, chance
        self.bad = True
        self.fates: Counter[str] = Counter()
        """How many connections met which fate."""
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        fate = draw(self.chance) if self.bad else Fate()
        try:
            await self._carry(fate, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            _slam(writer)

    async def _carry(self, fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        also = await asyncio.open_connection("127.0.0.1", self.target) if fate.name == "twice" else None
        to = [back, *([also[1]] if also else [])]
        ways = [
            self._pump(reader, to, fate, fate.after if fate.name == "cut while asking" else 0),
            self._pump(there, [writer], fate, fate.after if fate.name == "cut while answering" else 0),
            *([self._pump(also[0], [], fate, 0)] if also else []),
        ]
        tasks = [asyncio.ensure_future(way) for way in ways]
        met = fate.name
        try:
            done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            if fate.after and not any(task.exception() is None and task.result() for task in done):
                met = "left alone"  # it was over before it came to that
        finally:
            self.fates[met] += 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in to:
                _slam(each)

    async def _pump(self, source: asyncio.StreamReader, to: list[asyncio.StreamWriter], fate: Fate, cut: int) -> bool:
        """Carry bytes until the source ends, or `cut` of them are carried: True then."""
        carried = 0
        while piece := await source.read(PIECE):
            if fate.wait_s:
                await asyncio.sleep(fate.wait_s)
            if cut and carried + len(piece) >= cut:
                piece = piece[: cut - carried]
            carried += len(piece)
            for each in to:
                each.write(piece)
            for each in to:
                await each.drain()
            if cut and carried >= cut:
                return True
        return False


def _slam(writer: asyncio.StreamWriter) -> None:
    """What was said so far arrives; then the line is dead."""
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
