"""The bad line does what it says: it cuts in the middle, and it sends twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from tests.faults import proxy
from tests.faults.proxy import Fate, Proxy

ANSWER = b"x" * 5_000


@asynccontextmanager
async def _echo(heard: list[bytes]) -> AsyncIterator[int]:
    """A server that keeps what it hears, and answers a line with `ANSWER`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = len(heard)
        heard.append(b"")
        while piece := await reader.read(1_000):
            heard[mine] += piece
            if piece.endswith(b"\n"):
                writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _ask(fate: Fate, monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], bytes, Proxy]:
    """What the server heard, and what came back, of a request of 2,001 bytes."""
    monkeypatch.setattr(proxy, "draw", lambda chance: fate)
    heard: list[bytes] = []
    async with _echo(heard) as port, Proxy(port, Random(1)).running() as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(b"y" * 2_000 + b"\n")
        back = b""
        try:
            while len(back) < len(ANSWER) and (piece := await asyncio.wait_for(reader.read(1_000), 5)):
                back += piece
        except ConnectionError:
            pass
        writer.close()
        await asyncio.sleep(0.05)
    return heard, back, line


CASES: list[tuple[Fate, Callable[[list[bytes]], bool], int]] = [
    (Fate(), lambda heard: list(map(len, heard)) == [2_001], 5_000),
    (Fate("cut while asking", after=700), lambda heard: list(map(len, heard)) == [700], 0),
    (Fate("cut while answering", after=1_234), lambda heard: list(map(len, heard)) == [2_001], 1_234),
    (Fate("slow", wait_s=0.01), lambda heard: list(map(len, heard)) == [2_001], 5_000),
    (Fate("twice"), lambda heard: list(map(len, heard)) == [2_001, 2_001], 5_000),
]


@pytest.mark.parametrize(("fate", "heard_right", "back"), CASES, ids=[fate.name for fate, _, _ in CASES])
async def test_a_connection_meets_its_fate(
    monkeypatch: pytest.MonkeyPatch, fate: Fate, heard_right: Callable[[list[bytes]], bool], back: int
) -> None:
    heard, answer, line = await _ask(fate, monkeypatch)
    assert heard_right(heard), list(map(len, heard))
    assert len(answer) == back
    assert line.fates == {fate.name: 1}


def test_every_fate_is_drawn() -> None:
    chance = Random(1)
    names = {proxy.draw(chance).name for _ in range(200)}
    assert names == {"left alone", "cut while asking", "cut while answering", "slow", "twice"}
