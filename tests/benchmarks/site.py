"""A site to measure: the real application in a process of its own, on a database filled with nodes, items and stock.

python -m tests.benchmarks.site DATABASE_URL PORT [ready-made] [worker]     # what `serve` starts
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from server.catalog import service as catalog
from server.catalog.rules import NewItem
from server.inventory import service as inventory
from server.kit import garbage, logs, migrate
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.kit.transaction import Tx
from server.network import service as network
from server.network.rules import ChannelNode, NewChannel, NewNode
from server.wiring import ANSWERS
from shared.barcodes import check_digit
from shared.kernel import Geo
from shared.orders import NewOrder
from tests import build

T = TypeVar("T")
NODES, ITEMS, UNITS = 50, 2000, 1_000_000
CHUNK = 5_000
"""Rows of one transaction while the database is filled."""
READY_MADE, ECHO = "/ready-made", "/echo"
COLOURS = ("black", "white", "navy", "olive", "sand", "red")
THINGS = ("shirt", "jacket", "trousers", "socks", "scarf", "boots", "belt", "dress")


async def set_up(
    url: str,
    *,
    nodes_count: int = NODES,
    items_count: int = ITEMS,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[str, list[str]]:
    """Migrate and fill the database; returns an API key's token and the SKUs."""
    migrate.upgrade(url)
    rng = random.Random(3)
    db = Database(url, answers=ANSWERS, clock=clock)
    skus = [f"SKU{n:05}" for n in range(items_count)]
    codes = [f"N{n:03}" for n in range(nodes_count)]
    nodes = [
        NewNode(
            code=code,
            name=f"Node {code}",
            type="store",
            location=Geo(latitude=rng.uniform(35, 45), longitude=rng.uniform(-100, -80)),
            capabilities=("ship", "pickup", "curbside"),
            staging=("A1", "A2"),
        )
        for code in codes
    ]
    channel = NewChannel(code="web", name="Web", nodes=tuple(ChannelNode(node=code) for code in codes))

    async def load(tx: Tx) -> None:
        await network.load_nodes(tx, SYSTEM, nodes)
        await network.load_channels(tx, SYSTEM, [channel])

    await db.write(load)
    for piece in batched([item(sku) for sku in skus], CHUNK):
        await db.write(lambda tx, piece=piece: catalog.load_items(tx, SYSTEM, piece))  # type: ignore[misc]
    positions = (position(sku, n, code) for code in codes for n, sku in enumerate(skus))
    for rows in batched(positions, CHUNK):
        await db.write(lambda tx, rows=rows: inventory.open_positions(tx, rows, actor=SYSTEM.id))  # type: ignore[misc]
    key = await build.api_key(db, "integration", "admin")
    async with db.engine.connect() as conn:
        await (await conn.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE")
    await db.close()
    return key.token, skus


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The things in lists of at most `size`."""
    left = iter(things)
    while piece := list(itertools.islice(left, size)):
        yield piece


def item(sku: str, *, price: int = 499) -> NewItem:
    """An item with the name, size and code that items have."""
    number = int(sku[3:])
    name = f"{COLOURS[number % 6]} {THINGS[number % 8]} {number % 900}"
    return NewItem(sku=sku, name=name, variant="M", category=THINGS[number % 8], price=price, barcodes=(gtin(number),))


def gtin(number: int) -> str:
    digits = f"{100_000_000_000 + number}"
    return digits + check_digit(digits)


def position(sku: str, n: int, node: str) -> dict[str, Any]:
    """First stock that never runs out, in a bin."""
    return {"sku": sku, "node": node, "quantity": UNITS, "bin": f"A{n % 50}", "walk": n % 50, "safety_stock": 0}


@dataclass
class Site:
    """A running server."""

    host: str
    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """Processor time of the server process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(url: str, *, ready_made: bool = False, worker: bool = False, port: int | None = None) -> Iterator[Site]:
    """The application on this port, or a free one; stopped at the end."""
    port = port or free_port()
    more = ["ready-made"] * ready_made + ["worker"] * worker
    command = [sys.executable, "-m", "tests.benchmarks.site", url, str(port), *more]
    process = subprocess.Popen(command)
    try:
        _wait(port, process)
        yield Site("127.0.0.1", port, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError("the server stopped while starting")
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2).close()
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not start within 30 s")


def main() -> None:
    import uvicorn
    from fastapi import Response

    from server.app import create_app
    from server.settings import Settings

    url, port = sys.argv[1], int(sys.argv[2])
    letters = Path(tempfile.mkdtemp(prefix="baton-letters-"))
    role: Literal["all", "api"] = "all" if "worker" in sys.argv else "api"
    settings = Settings(database_url=url, role=role, log_level="WARNING", data_dir=letters)
    logs.configure(level=settings.log_level)
    app = create_app(settings)
    if "ready-made" in sys.argv:
        bodies: dict[int, bytes] = {}

        @app.get(READY_MADE)
        async def ready_made(size: int) -> Response:
            body = bodies.setdefault(size, b"x" * size)
            return Response(body, media_type="application/json")

        @app.post(ECHO)
        async def echo(order: NewOrder) -> NewOrder:
            return order

    garbage.tame()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=3)


if __name__ == "__main__":
    main()
