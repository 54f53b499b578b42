"""The demo to play with: real baskets arrive as orders, tills sell, and one store is yours.

One process serves the API and runs the jobs; the store app is a process of its own, as in a store. Orders and sales
come over HTTP like any channel's. Everywhere else simulated people work; in your store only you do.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn
from rich.progress import Progress

from server import app as application
from server.demo import retailer as making
from server.demo.arrivals import Arrivals
from server.demo.codes import CodesPage, Yours
from server.demo.customers import Customers
from server.demo.load import BAYS, STAGING, is_loaded, load
from server.demo.neighbours import Neighbours
from server.demo.retailer import Retailer
from server.demo.welcome import Addresses, out, say
from server.demo.world import world_behind
from server.kit import garbage, keys, postgres
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.kit.serving import Server
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.people import keys as api_keys
from server.people.rules import KeyRole, NewKey
from server.settings import Settings
from shared.here import network_addresses

log = structlog.get_logger(__name__)
WAIT_S = 60
MARK = "made-by-demo"
STORE, TABLETS = "store", "tablets"
"""Folders of the two store apps' own stores."""


@dataclass(frozen=True)
class Choices:
    """What can be said on the command line."""

    speed: float
    stores: int
    port: int
    app_port: int
    data: Path
    network: bool = True
    """Serve the store app to the network too, with TLS, on the port after `app_port`."""
    fresh: bool = False
    """Begin anew."""


def your_store(retailer: Retailer) -> Yours:
    """The busiest store, and the people who work there."""
    node = next(n for n in retailer.nodes if n.type == "store")
    staff = tuple(p for p in retailer.people if node.code in p.nodes)
    return Yours(node.code, node.name, staff, STAGING, BAYS)


class _Server(Server):
    """Leaves signals to the demo, so that everybody goes home before the server does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(choices: Choices) -> None:
    """Everything up, until Ctrl-C or the system asks to stop; then everything down."""
    work, loop = asyncio.ensure_future(_run(choices)), asyncio.get_running_loop()

    def stop() -> None:
        if not work.cancelling():
            out.print("\nStopping ...")
            work.cancel()

    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sign, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    if work.cancelled():
        out.print("Stopped.")


async def _run(choices: Choices) -> None:
    with alone(choices.data):
        if choices.fresh:
            forget(choices.data)
        await _play(choices)


async def _play(choices: Choices) -> None:
    began = time.monotonic()
    out.print("Making a retailer out of real baskets ...")
    built = asyncio.create_task(asyncio.to_thread(making.build, stores=choices.stores))
    settings = Settings(data_dir=choices.data, port=free_port(choices.port, "server"), log_level="WARNING")
    url = f"http://{settings.host}:{settings.port}"
    async with application.prepared(settings) as db, _store_apps(choices, url) as (app_url, tablet_urls):
        retailer = await built
        yours = your_store(retailer)
        await _fill(db, retailer, yours)
        page = CodesPage(yours)
        async with _serving(settings, page) as parts:
            await _answers([url + "/livez", app_url])
            addresses = Addresses(url, app_url, tablet_urls, await _key(db, "Demo planner", "planner"))
            async with _client(url, await _key(db, "Demo channels", "integration")) as client:
                shelves = world_behind(retailer.positions, retailer.seed)
                arrivals = Arrivals(parts, client, retailer, shelves, yours.node, choices.speed)
                others = Neighbours(parts, url, client, retailer, shelves, yours.node, choices.speed)
                page.customers = Customers(parts, client, yours.node, yours.bays, choices.speed, retailer.seed)
                await arrivals.begin()
                say(yours, addresses, time.monotonic() - began)
                await _until_one_ends(arrivals.run(), others.run(), page.customers.run())


@contextlib.asynccontextmanager
async def _serving(settings: Settings, page: CodesPage) -> AsyncIterator[Parts]:
    """The API, its jobs and the page of codes. Raises RuntimeError when it does not start."""
    app = application.create_app(settings, slices=(*application.SLICES, page.router()))
    garbage.tame()
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = _Server(config, app)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            raise RuntimeError(f"The server did not start on port {settings.port}.")
        await asyncio.sleep(0.05)
    parts: Parts = app.state.parts
    try:
        yield parts
    finally:
        parts.draining.set()
        server.should_exit = True
        await serving


async def _until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """All at once; when one ends the others are sent home. Raises what it failed with."""
    everybody = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(everybody, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in everybody:
            task.cancel()
        await asyncio.gather(*everybody, return_exceptions=True)


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """The only demo in this folder; a new folder is marked as a demo's, so that `forget` may empty it.

    Exits when another one runs there.
    """
    new = not (data / "cluster").exists()
    postgres.make_folder(data)
    if new:
        (data / MARK).touch()
    with (data / ".demo").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"A demo runs in {data} already: stop it, or give another folder with --data.") from None
        yield


def forget(data: Path) -> None:
    """Remove the rows and the tablets' own stores of the last demo; the certificate that tablets know stays.

    Exits when the folder has rows that are no demo's.
    """
    if (data / "cluster").exists() and not (data / MARK).exists():
        raise SystemExit(f"{data} was not made by a demo: --fresh leaves it alone.")
    postgres.discard(data)
    for folder in (data / STORE, data / TABLETS):
        for slot in folder.glob("[0-9a-f]" * 32):
            shutil.rmtree(slot)


async def _fill(db: Database, retailer: Retailer, yours: Yours) -> None:
    """Load the retailer, unless this folder has it already. Exits when it has another one."""
    if await is_loaded(db):
        known = await db.read(lambda tx: tx.value("SELECT count(*) FROM node WHERE type = 'store'"))
        if known != len(retailer.stores):
            raise SystemExit(f"The demo of last time has {known} stores: give --stores {known}, or --fresh.")
        if await db.read(lambda tx: tx.value("SELECT count(*) FROM stock_position")) < len(retailer.positions):
            raise SystemExit("The demo of last time was stopped before it was loaded: give --fresh.")
        out.print("The retailer of last time is still here.")
        return
    quiet = Database(db.url)
    with Progress(console=out) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(f"Loading {what}", total=total)
            bars.update(tasks[what], completed=done)

        await load(quiet, retailer, await keys.load(db), pins_at=[yours.node], progress=show)
    await quiet.close()


async def _answers(urls: Sequence[str]) -> None:
    """Wait until every address answers."""
    async with httpx.AsyncClient() as client:
        for url in urls:
            await _answered(client, url)


async def _answered(client: httpx.AsyncClient, url: str) -> None:
    for _ in range(WAIT_S * 10):
        with contextlib.suppress(httpx.TransportError):
            if (await client.get(url)).status_code < 500:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {WAIT_S} s")


def free_port(wanted: int, what: str) -> int:
    """`wanted`, or where somebody listens there already, the next free port, said aloud."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port != wanted:
                    out.print(f"[yellow]Port {wanted} is taken; the {what} listens on {port}.[/]")
                return port
    raise SystemExit(f"No free port from {wanted} on. Choose another one for the {what}.")


@contextlib.asynccontextmanager
async def _store_apps(choices: Choices, server: str) -> AsyncIterator[tuple[str, list[str]]]:
    """The store app in its own process, plain on this machine; with TLS for the network in another one."""
    port = free_port(choices.app_port, "store app")
    given = [["--port", str(port), "--data", str(choices.data / STORE)]]
    tablets = []
    if choices.network:
        other = free_port(port + 1, "store app for tablets")
        given.append(["--host", "0.0.0.0", "--port", str(other), "--data", str(choices.data / TABLETS), "--tls"])  # noqa: S104 (asked for)
        tablets = [f"https://{address}:{other}" for address in network_addresses()]
    children = [
        subprocess.Popen(  # noqa: ASYNC220, S603 (our own words)
            [sys.executable, "-m", "store_app", "--server", server, *words],
            start_new_session=True,  # Ctrl-C reaches us, and we tell them
        )
        for words in given
    ]
    try:
        yield f"http://127.0.0.1:{port}", tablets
    finally:
        for child in children:
            child.terminate()
        for child in children:
            await asyncio.to_thread(child.wait, 20)


async def _key(db: Database, name: str, role: KeyRole) -> str:
    """A new key; the one of last time, which stands in some terminal, no longer works."""

    async def renew(tx: Tx) -> str:
        for row in await tx.rows("SELECT id FROM api_key WHERE name = :name AND revoked_at IS NULL", name=name):
            await api_keys.revoke_key(tx, SYSTEM, row["id"])
        return (await api_keys.create_key(tx, SYSTEM, NewKey(name=name, roles=[role]))).key

    return await db.write(renew)


def _client(url: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
