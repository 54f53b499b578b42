"""Web orders that come when shoppers come, not when the server is ready for the next: an open load, at random moments.

    python -m tests.benchmarks.steady HOST PORT REQUESTS.json RATE

Places the requests of the file (as `client` reads them) at RATE a second on average until a line comes on standard
input, lets those on their way arrive, and prints one JSON list: [when it was due, seconds until its answer, status] of
each. The time counts from the moment the shopper pressed the button, so that a server that stalls is charged for all
who came meanwhile. Times are of the monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from tests.benchmarks.client import encode

IDLE_S = 3.0
"""A connection that was idle for longer is not used again: the server is about to close it."""
Seen = list[tuple[float, float, int]]


class Lines:
    """Connections to the server: as many as there are shoppers at once."""

    def __init__(self, host: str, port: int) -> None:
        self._at = host, port
        self._free: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> int:
        """Send it; the status of the answer, 0 where none came."""
        try:
            reader, writer = await self._line()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
        except (OSError, EOFError):
            return 0
        self._free.append((time.monotonic(), reader, writer))
        return int(head[9:12])

    async def _line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._free:
            since, reader, writer = self._free.pop()
            if time.monotonic() - since < IDLE_S:
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._at)


async def shop(lines: Lines, orders: list[bytes], rate: float, stop: asyncio.Event) -> Seen:
    chance, seen = random.Random(9), Seen()
    tasks: list[asyncio.Task[None]] = []
    due = time.monotonic()
    while not stop.is_set():
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(place(lines, orders.pop(), due, seen)))
    await asyncio.gather(*tasks)
    return seen


async def place(lines: Lines, order: bytes, due: float, seen: Seen) -> None:
    status = await lines.ask(order)
    seen.append((due, time.monotonic() - due, status))


async def run(host: str, port: int, orders: list[bytes], rate: float) -> Seen:
    """Until a line comes on standard input."""
    stop = asyncio.Event()
    task = asyncio.create_task(shop(Lines(host, port), orders[::-1], rate, stop))
    await asyncio.to_thread(sys.stdin.readline)
    stop.set()
    return await task


def main() -> None:
    host, port, path, rate = sys.argv[1:5]
    orders = [encode(*request, host=f"{host}:{port}") for request in json.loads(Path(path).read_text())]
    print(json.dumps(asyncio.run(run(host, int(port), orders, float(rate)))), flush=True)


if __name__ == "__main__":
    main()
