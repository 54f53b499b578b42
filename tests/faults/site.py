"""A whole installation in processes of its own, any of which may be killed: PostgreSQL, `baton serve`, two devices.

PostgreSQL is the embedded one with the settings of real life (fsync and all); the server runs with its worker and, as
always, brings its database back when that is gone. Processes stay from round to round; only what was killed starts
anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx

from server.kit import keys, migrate, postgres
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.people import devices, service
from tests import build
from tests.browser.harness import free_port
from tests.faults.journal import Journal, read
from tests.faults.proxy import Proxy
from tests.faults.shoppers import Shopper
from tests.faults.verdict import Journals
from tests.shop import STORE, Shop, open_shop

STOCK = 100_000
"""Units of everything everywhere: these rounds are not about who gets the last one."""
ROOT = Path(__file__).parents[2]
DEVICES = ("good line", "bad line")
PATIENCE_S = 30.0
LONGEST_LINE = 64 * 1024 * 1024
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class Nursery:
    """Where the processes come from."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._one_by_one = asyncio.Lock()

    async def fork(self, what: str, words: list[str], log: Path) -> int:
        """A new process; its number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"what": what, "words": words, "log": str(log)}
        async with self._one_by_one:
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            await self._process.stdin.drain()
            return int(await self._process.stdout.readline())


class Device:
    """A device's process, and what we remember of it while it is dead."""

    def __init__(self, name: str, folder: Path, server: str, seed: str, nursery: Nursery) -> None:
        self.name, self.folder, self.server, self.seed, self.nursery = name, folder, server, seed, nursery
        self.journal = folder / "acknowledged.jsonl"
        self.id = ""
        self.lives = 0
        self.pid = 0
        folder.mkdir(parents=True)

    async def start(self) -> None:
        """It goes on where its file says."""
        self.lives += 1
        called: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        address = self.folder / f"line-{self.lives}"
        desk = await asyncio.start_unix_server(lambda r, w: called.put_nowait((r, w)), address, limit=LONGEST_LINE)
        words = [self.folder, self.server, self.journal, f"{self.seed} {self.lives}", address]
        self.pid = await self.nursery.fork("device", [str(word) for word in words], self.folder / "log")
        self._reader, self._writer = await asyncio.wait_for(called.get(), PATIENCE_S)
        desk.close()
        address.unlink()

    async def tell(self, do: str, **more: Any) -> dict[str, Any]:
        """Say something to it; what it answers."""
        self._writer.write(json.dumps({"do": do, "with": more}).encode() + b"\n")
        await self._writer.drain()
        line = await asyncio.wait_for(self._reader.readline(), PATIENCE_S)
        if not line:
            raise ConnectionError(f"{self.name} has died: {(self.folder / 'log').read_text()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        await self.close()

    async def close(self) -> None:
        """It ends when nobody talks to it any more."""
        if self.pid:
            self._writer.close()
            await _until_gone([self.pid])
            self.pid = 0


class Site:
    """The installation. `site()` makes one."""

    def __init__(self, folder: Path, pg: postgres.Running, nursery: Nursery, seed: int) -> None:
        self.folder, self.pg, self.nursery = folder, pg, nursery
        self.chance = Random(seed)
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.server = 0
        """Number of the server's process."""
        self.db = Database(pg.url(None), pool_size=2)
        self.proxy = Proxy(self.port, Random(f"{seed} line"))
        self.devices: list[Device] = []
        self.shoppers: list[Shopper] = []

    # ------------------------------------------------------------ the server

    async def start_server(self) -> None:
        """`baton serve`, API and worker in one process; returns at once."""
        words = ["serve", "--data-dir", str(self.pg.data_dir), "--port", str(self.port)]
        self.server = await self.nursery.fork("baton", words, self.folder / "server.log")

    async def kill_server(self) -> None:
        os.kill(self.server, signal.SIGKILL)
        await _until_gone([self.server])

    async def kill_postgres(self) -> None:
        """The postmaster and all its children, at once."""
        postmaster = int((self.pg.cluster / "postmaster.pid").read_text().split()[0])
        pids = [postmaster, *_children(postmaster)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await _until_gone(pids)

    async def ready(self) -> None:
        """The server answers and its database takes writes."""
        until = time.monotonic() + PATIENCE_S
        async with httpx.AsyncClient(timeout=2) as client:
            while time.monotonic() < until:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(self.address + "/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.02)
        raise AssertionError(f"the server is not ready: {(self.folder / 'server.log').read_text()[-3000:]}")

    async def snapshot(self, device: Device) -> str:
        """What a new device in its place would be given."""
        token = json.loads((device.folder / "device.json").read_text())["token"]
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.get(self.address + "/v1/sync/snapshot", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return answer.text

    def journals(self) -> Journals:
        """All that was acknowledged to anybody so far."""
        clients = [line for shopper in self.shoppers for line in read(self.folder / f"{shopper.name}.jsonl")]
        return Journals({device.id: read(device.journal) for device in self.devices}, clients)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _until_gone(pids: list[int]) -> None:
    until = time.monotonic() + PATIENCE_S
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < until, f"{pids} do not die"
        await asyncio.sleep(0.002)


def _runs(pid: int) -> bool:
    """A zombie is dead: it only waits to be counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@contextlib.asynccontextmanager
async def site(seed: int) -> AsyncIterator[Site]:
    """An installation that has just opened, everybody enrolled and in step; gone afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="baton-faults-", ignore_cleanup_errors=True))
        )
        pg = stack.enter_context(postgres.temporary(fast=False))
        stack.callback(shutil.rmtree, pg.data_dir / "messages", ignore_errors=True)  # not the database's own
        nursery = await stack.enter_async_context(_nursery(folder))
        made = Site(folder, pg, nursery, seed)
        stack.push_async_callback(made.db.close)
        _check_settings(pg)
        await asyncio.to_thread(migrate.upgrade, pg.url(None))
        await stack.enter_async_context(made.proxy.running())
        invitations = await _open(made)
        made.proxy.bad = False  # a code to enrol with is good for one try
        await made.start_server()
        stack.push_async_callback(made.kill_server)
        await made.ready()
        for device, (code, badge) in zip(made.devices, invitations, strict=True):
            await device.start()
            stack.push_async_callback(device.close)
            device.id = (await device.tell("enrol", code=code, badge=badge))["device"]
            assert device.id, (device.folder / "log").read_text()
        for shopper in made.shoppers:
            stack.push_async_callback(shopper.aclose)
        yield made


def _check_settings(pg: postgres.Running) -> None:
    """It is our own PostgreSQL, and it does what it can to lose nothing."""
    assert Path(pg.sql("SHOW data_directory")) == pg.cluster
    for name, value in DURABLE.items():
        assert pg.sql(f"SHOW {name}") == value, name


@contextlib.asynccontextmanager
async def _nursery(folder: Path) -> AsyncIterator[Nursery]:
    with (folder / "nursery.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.nursery"), stdin=PIPE, stdout=PIPE, stderr=log, cwd=ROOT
        )
    try:
        yield Nursery(process)
    finally:
        await asyncio.wait_for(process.communicate(b""), PATIENCE_S)


async def _open(made: Site) -> list[tuple[str, str]]:
    """A shop with its clients, and a code and a badge for each device."""
    invitations = []
    async with build.world(made.pg.url(None), config=build.settings(data_dir=made.folder)) as world:
        shop = await open_shop(world, stock=STOCK)
        installation = await keys.load(world.db)
        token = (await build.api_key(world.db, "admin", "integration")).token
        for number, name in enumerate(DEVICES):
            person = await build.person(world.db, "lead", nodes=[STORE], name=f"Person {number}")
            badge = await world.write(lambda tx, id_=person.id: service.issue_badge(tx, SYSTEM, UUID(id_)))  # type: ignore[misc]
            code = await world.write(lambda tx: devices.offer_enrolment(tx, SYSTEM, installation, STORE))
            invitations.append((code.code, badge.label))
            port = made.port if name == "good line" else made.proxy.port
            device = Device(
                name,
                made.folder / f"device-{number}",
                f"http://127.0.0.1:{port}",
                f"{made.chance.random()}",
                made.nursery,
            )
            made.devices.append(device)
    _shoppers(made, shop, token)
    return invitations


def _shoppers(made: Site, shop: Shop, token: str) -> None:
    """One on a good line, one on both."""
    ways = [made.address, f"http://127.0.0.1:{made.proxy.port}"]
    for name, addresses in (("shop", ways[:1]), ("mobile", ways)):
        journal = Journal(made.folder / f"{name}.jsonl")
        made.shoppers.append(Shopper(name, Shop(shop.world, shop.codes), token, addresses, journal))
