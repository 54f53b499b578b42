"""Devices that come back from a shift: real engines on their files, in a process and on an event loop of their own.

    python -m tests.benchmarks.fleet FOLDER ADDRESS

Each folder in FOLDER is a device. It is told what to do by lines on standard input, and answers each with a line of
JSON: `go` (all reconnect at once; answers when every queue is empty), `stop` (everybody catches up with the feed once
more, then the files are closed). Times are of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store_app.engine import Engine
from store_app.engine.notify import Topic
from store_app.engine.transport import Answer, HttpTransport, Offline


class Counting(HttpTransport):
    """Counts what was answered, and how often nobody did."""

    def __init__(self, address: str, answers: Counter[str]) -> None:
        super().__init__(address)
        self._answers = answers

    async def request(self, method: str, path: str, **how: Any) -> Answer:
        try:
            answer = await super().request(method, path, **how)
        except Offline:
            self._answers["none"] += 1
            raise
        self._answers[str(answer[0])] += 1
        return answer


class Fleet:
    """All devices, and when each had an empty queue."""

    def __init__(self, folder: Path, address: str) -> None:
        self.answers: Counter[str] = Counter()
        self.engines = {
            each.name: Engine.open(each, address, transport=Counting(address, self.answers))
            for each in sorted(folder.iterdir())
            if each.is_dir()
        }
        self.emptied: dict[str, float] = {}
        self.all_empty = asyncio.Event()
        self._syncs: list[asyncio.Task[None]] = []

    async def go(self) -> Mapping[str, Any]:
        """Reconnect, all at once, and wait for empty queues."""
        for name, engine in self.engines.items():
            engine.subscribe(lambda name=name: self._look(name), Topic.SYNC)  # type: ignore[misc]
        before, cpu = time.monotonic(), _cpu_seconds()
        self._syncs = [asyncio.create_task(engine.syncer.run_forever()) for engine in self.engines.values()]
        await self.all_empty.wait()
        return {
            "begun": before,
            "emptied": sorted(self.emptied.values()),
            "answers": self.answers,
            "cpu_s": _cpu_seconds() - cpu,
        }

    def _look(self, name: str) -> None:
        if name not in self.emptied and self.engines[name].outbox.waiting == 0:
            self.emptied[name] = time.monotonic()
            if len(self.emptied) == len(self.engines):
                self.all_empty.set()

    async def stop(self) -> Mapping[str, Any]:
        """Everybody is in step a last time."""
        for engine in self.engines.values():
            engine.syncer.stop()
        await asyncio.gather(*(asyncio.wait_for(sync, 60) for sync in self._syncs))
        for engine in self.engines.values():
            assert await engine.syncer.run_once(), engine.syncer.status
            await engine.client.transport.aclose()
            engine.close()
        return {"answers": self.answers}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main() -> None:
    fleet = Fleet(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps({"devices": len(fleet.engines)}), flush=True)
    for word in ("go", "stop"):
        assert (await asyncio.to_thread(sys.stdin.readline)).strip() == word
        print(json.dumps(await getattr(fleet, word)()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
