"""A tablet in a pocket: the real engine over a real store that may lose its power between any two writes."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from shared.sync import SCHEMA
from store_app.engine.clock import Clock
from store_app.engine.db import Database
from store_app.engine.engine import Engine
from store_app.engine.local_store import FILE, LocalStore
from tests.shop import Tablet
from tests.simulation.lines import Line
from tests.simulation.timeline import Timeline


class PowerCut(BaseException):
    """The device is gone in this very moment. Not an Exception: no code of the engine may swallow it."""


class MortalStore(Database):
    """`fuse` counts transactions down; the one that reaches zero dies before its commit, or right after it."""

    fuse: int | None = None
    after_commit = False

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        outermost = self._depth == 0
        with super().write() as tx:
            yield tx
            if outermost and self._burn() and not self.after_commit:
                raise PowerCut
        if outermost and self.fuse == 0:
            raise PowerCut

    def _burn(self) -> bool:
        if self.fuse is not None:
            self.fuse -= 1
        return self.fuse == 0

    def die(self) -> None:
        """Let go of the file as a power cut does: nothing is finished."""
        self._writer.close()
        self._reader.close()


class MortalLocalStore(LocalStore):
    """A local store in such a file."""

    DATABASE = MortalStore


class KeyStore:
    """The platform's key store: outlives the app."""

    def __init__(self, **values: str) -> None:
        self._values = dict(values)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def put(self, **values: str) -> None:
        self._values |= values

    def wipe(self) -> None:
        self._values.clear()


class WrongClock(Clock):
    """The timeline's time, `skew` off."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.skew = timedelta(0)

    def now(self) -> datetime:
        return self._timeline.look() + self.skew

    async def sleep(self, seconds: float) -> None:
        await self._timeline.sleep(seconds)


class Device:
    """One tablet of a store and the person who holds it."""

    def __init__(
        self,
        name: str,
        node: str,
        tablet: Tablet,
        folder: Path,
        timeline: Timeline,
        line: Line,
        chance: Random,
        tell: Callable[[str], None],
    ) -> None:
        self.name, self.node, self.id, self.person = name, node, tablet.device.id, tablet.person.id
        self.timeline, self.line, self.chance, self.tell = timeline, line, chance, tell
        self.clock = WrongClock(timeline)
        self.secrets = KeyStore(token=tablet.device.token)
        self.folder = folder
        self.engine: Engine | None = None
        self.sync: asyncio.Task[None] | None = None
        self.deaths = 0
        self.schema = SCHEMA
        """Of the app that is installed on it."""
        folder.mkdir(parents=True)

    @property
    def store(self) -> MortalStore | None:
        """What is on its disk, while it is on."""
        store = self.engine.db if self.engine is not None else None
        return store if isinstance(store, MortalStore) else None

    # ------------------------------------------------------------ power

    def switch_on(self) -> Engine:
        """Open the store as the last moment left it, and begin to sync."""
        file = self.folder / FILE
        self.engine = Engine(MortalLocalStore(file, self.line, self.clock, self.chance, self.secrets))
        if self.engine.db.meta("device") is None:
            self.engine.db.set_meta(device=self.id, node=self.node)
            self.engine.view.load(self.id, ())
        self.engine.outbox.schema = self.schema
        self.sync = asyncio.get_running_loop().create_task(self._keep_in_step(self.engine))
        return self.engine

    async def _keep_in_step(self, engine: Engine) -> None:
        try:
            await engine.syncer.run_forever()
        except PowerCut:
            self.timeline.after(0, self.power_cut)

    def power_cut(self) -> None:
        """Everything in memory is lost; somebody switches the tablet on again within minutes."""
        if self.store is None:
            return
        self.deaths += 1
        self.tell(f"{self.name} lost its power")
        if self.sync is not None:
            self.sync.cancel()
        self.store.die()
        self.engine = self.sync = None
        self.timeline.after(5 + self.chance.random() * 600, self._again)

    def _again(self) -> None:
        if self.store is None:
            self.switch_on()

    def update_app(self, schema: int) -> None:
        """Somebody installs the newer app; what waits in the queue was written by the older one."""
        self.tell(f"{self.name} gets the app of version {schema}")
        self.schema = schema
        if self.store is not None:
            self.switch_off()
            self.switch_on()

    def set_fuse(self) -> None:
        """It will lose its power soon."""
        if self.store is not None:
            self.store.after_commit = self.chance.random() < 0.5
            self.store.fuse = self.chance.randint(1, 12)

    @contextlib.contextmanager
    def holding_on(self) -> Iterator[None]:
        """Whatever is done with the engine may end in a power cut."""
        try:
            yield
        except PowerCut:
            self.power_cut()

    def switch_off(self) -> None:
        """At the end of a story."""
        if self.store is not None:
            if self.sync is not None:
                self.sync.cancel()
            self.store.die()
            self.engine = None

    def journal(self) -> set[str]:
        """Ids of the commands on its disk, whether it is on or not."""
        with contextlib.closing(sqlite3.connect(self.folder / FILE)) as file:
            return {row[0] for row in file.execute("SELECT id FROM command")}

    # ------------------------------------------------------------ an old image of the store

    def image(self) -> bytes | None:
        """The store's file as it is now."""
        if self.store is None:
            return None
        return self.store._writer.serialize()

    def put_back_image(self, image: bytes) -> None:
        """The tablet comes back from repair with what it held then: the newest commits are gone."""
        self.tell(f"{self.name} lost its newest commits")
        if self.sync is not None:
            self.sync.cancel()
        if self.store is not None:
            self.store.die()
            self.engine = None
        for suffix in ("", "-wal", "-shm"):
            (self.folder / f"{FILE}{suffix}").unlink(missing_ok=True)
        (self.folder / FILE).write_bytes(image)
        self.switch_on()
