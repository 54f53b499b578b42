"""A site to measure: the real application in a process of its own, on a database filled with nodes, items and stock.

python -m tests.benchmarks.site DATABASE_URL PORT [ready-made]     # what `serve` starts
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from shared.kernel import Geo
from shared.orders import NewOrder
from tests import build

NODES, ITEMS, UNITS = 50, 2000, 1_000_000
READY_MADE, ECHO = "/ready-made", "/echo"


async def set_up(url: str) -> tuple[str, list[str]]:
    """Migrate and fill the database; returns an API key's token and the SKUs."""
    migrate.upgrade(url)
    rng = random.Random(3)
    db = Database(url, answers=ANSWERS)
    skus = [f"SKU{n:05}" for n in range(ITEMS)]
    codes = [f"N{n:03}" for n in range(NODES)]
    nodes = [
        NewNode(
            code=code,
            name=f"Node {code}",
            type="store",
            location=Geo(latitude=rng.uniform(35, 45), longitude=rng.uniform(-100, -80)),
            capabilities=("ship", "pickup", "curbside"),
        )
        for code in codes
    ]
    channel = NewChannel(code="web", name="Web", nodes=tuple(ChannelNode(node=code) for code in codes))
    items = [NewItem(sku=sku, name=f"Item {sku}", price=499) for sku in skus]

    async def load(tx: Tx) -> None:
        await network.load_nodes(tx, SYSTEM, nodes)
        await network.load_channels(tx, SYSTEM, [channel])
        await catalog.load_items(tx, SYSTEM, items)

    await db.write(load)
    for code in codes:
        rows = [{"sku": s, "node": code, "quantity": UNITS, "bin": None, "walk": 0, "safety_stock": 0} for s in skus]

        async def fill(tx: Tx, rows: list[dict[str, Any]] = rows) -> None:
            await inventory.open_positions(tx, rows, actor=SYSTEM.id)

        await db.write(fill)
    key = await build.api_key(db, "integration", "admin")
    async with db.engine.connect() as conn:
        await (await conn.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE")
    await db.close()
    return key.token, skus


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
def serve(url: str, *, ready_made: bool = False, port: int | None = None) -> Iterator[Site]:
    """The application on this port, or a free one; stopped at the end."""
    port = port or free_port()
    more = ["ready-made"] if ready_made else []
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
    settings = Settings(database_url=url, role="api", log_level="WARNING")
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
