"""A day of two stores: tablets with people on them, lines, a server that may die; and how it all heals in the end.

The code is the real one on both sides; only time, chance and the lines belong to the story. What happens in it is in
`people` and `faults`, how often in `story`, how it must end in `verdict`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from shared.sync import SCHEMA
from tests.simulation.arena import Arena
from tests.simulation.devices import Device
from tests.simulation.history import History
from tests.simulation.lines import FAIR, ServerDown
from tests.simulation.promises import Promises
from tests.simulation.timeline import Timeline

HEALED_WITHIN = timedelta(seconds=60)
"""Virtual time until everybody is in step again after the last fault."""
EVERY = 40.0
"""Seconds between two things that happen, on average."""


@dataclass
class Fleet:
    """The story: its devices, what was said, and what is wrong."""

    arena: Arena
    seed: int
    chance: Random
    life: History
    devices: list[Device] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    down: bool = False
    heads: dict[str, int] = field(default_factory=dict)
    seen: int = 0
    promises: Promises = field(default_factory=Promises)
    images: dict[str, tuple[bytes, set[str]]] = field(default_factory=dict)
    oldest: int = SCHEMA
    newest: int = SCHEMA
    """Versions of apps that the server talks to."""

    @property
    def timeline(self) -> Timeline:
        return self.arena.timeline

    def tell(self, said: str) -> None:
        self.lines.append(f"{self.timeline.now:%d %H:%M:%S.%f} {said}")

    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()

    async def run(self, steps: int, happenings: Happenings) -> None:
        """So many things happen, then everything heals. `wrong` says what broke on the way."""
        for device in self.devices:
            device.switch_on()
        self.timeline.after_each = self._news
        await self.timeline.run(self.timeline.now + timedelta(seconds=5))
        names, weights = zip(*((name, weight) for name, (weight, _) in happenings.items()), strict=True)
        for _ in range(steps):
            name = self.chance.choices(names, weights)[0]
            await self.timeline.run(self.timeline.now + timedelta(seconds=self.chance.expovariate(1 / EVERY)))
            said = happenings[name][1](self)
            said = await said if not isinstance(said, str | None) else said
            if said is not None:
                self.tell(f"{name}: {said}")
            if self.wrong:
                return
        await self._heal()

    async def _heal(self) -> None:
        """No more faults, and a minute to get in step."""
        self.tell("everything heals")
        self.down = False
        self.arena.db.fuse = None
        for device in self.devices:
            device.line.weather, device.line.cut = FAIR, False
            if device.schema < self.oldest:
                self.update(device)
            if device.engine is None:
                device.switch_on()
            if device.store is not None:
                device.store.fuse = None
        await self.timeline.run(self.timeline.now + timedelta(seconds=1))
        for device in self.devices:
            if device.engine is not None:
                device.engine.syncer.poke()
        end = self.timeline.now + HEALED_WITHIN
        for part in (15, 30):
            self.timeline.after(part, self.settle)
        await self.timeline.run(end)

    async def settle(self) -> str:
        """Jobs and schedules of the server."""
        return await self.at_the_server(self.life.settle)

    async def at_the_server(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> str:
        """What happens there while it lives, and what became of it."""
        if self.down:
            return "down"
        try:
            return str(await self.arena.db.while_it_lives(work()))
        except ServerDown:
            return self.server_died()

    async def _news(self) -> None:
        """Whoever waits for a feed that has moved hears of it; no screen forgets what its person did."""
        self.wrong += self.promises.forgotten(self.devices)
        if self.down or self.seen == self.arena.db.writes:
            return
        self.seen = self.arena.db.writes
        heads = await self.arena.heads()
        moved = {stream for stream, last in heads.items() if self.heads.get(stream) != last}
        self.heads = heads
        for device in self.devices:
            if {f"node/{device.node}", "catalogue"} & moved:
                device.line.news()

    async def ask(self, method: str, path: str, json: Any, params: Any, headers: Any) -> Any:
        """The server, as devices reach it."""
        if self.down:
            raise ServerDown
        try:
            return await self.arena.db.while_it_lives(self.arena.ask(method, path, json, params, headers))
        except ServerDown:
            self.server_died()
            raise

    def server_died(self) -> str:
        """It begins anew within five minutes, with nothing in its memory."""
        self.faults["server died"] += 1
        self.tell("the server died")
        self.down = True
        self.arena.restart()
        self.timeline.after(5 + self.chance.random() * 300, self._server_again)
        return "the server died"

    def _server_again(self) -> None:
        self.down = False

    def update(self, device: Device) -> None:
        """The newest app on this tablet, with whatever waits in its queue."""
        self.faults["app updated with a queue"] += bool(device.engine and device.engine.outbox.waiting)
        device.update_app(self.newest)

    async def close(self) -> None:
        """The story is over."""
        syncs = [device.sync for device in self.devices if device.sync is not None]
        for sync in syncs:
            sync.cancel()
        await asyncio.gather(*syncs, return_exceptions=True)
        for device in self.devices:
            device.switch_off()


Happenings = Mapping[str, tuple[int, Callable[[Fleet], Any]]]
"""Name -> how often out of a hundred or so, and what it does; it answers a sentence, or None: nothing to do it to."""
