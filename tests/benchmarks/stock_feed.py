"""`stock_feed`: an absolute snapshot in which every position has changed, then as many deltas, through the code that
reads streams, against two bare SQL statements over the same rows (UPDATE of positions, INSERT of movements).

The floor has its rows ready in memory, in key order, a transaction for each 2,000 of them, as the feed has. `told` is
how many positions a second devices hear of afterwards; `copy` is what a plain COPY of as many rows into an empty table
does.

    python -m tests.benchmarks.stock_feed [positions]
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from server.inventory import streams
from server.inventory.streams import PIECE
from server.kit import garbage, outbox, postgres
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.settings import Settings
from server.wiring import ANSWERS
from tests.benchmarks.site import ITEMS, NODES, set_up

Key = tuple[str, str]
UPDATE = (
    "UPDATE stock_position p SET sellable = k.units, version = p.version + 1 FROM unnest(CAST(:skus AS text[]),"
    " CAST(:nodes AS text[]), CAST(:units AS bigint[])) AS k(sku, node, units) WHERE p.sku = k.sku AND p.node = k.node"
)
INSERT = (
    "INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, reference, actor, at) SELECT k.id, k.sku,"
    " k.node, 'sellable', k.units, 'feed', 'erp', 'system', :now FROM unnest(CAST(:ids AS uuid[]),"
    " CAST(:skus AS text[]), CAST(:nodes AS text[]), CAST(:units AS bigint[])) AS k(id, sku, node, units)"
)
_units = itertools.count(1000)


async def floor(db: Database, keys: Sequence[Key]) -> None:
    """The two statements, a piece at a time."""
    for start in range(0, len(keys), PIECE):
        some, units = keys[start : start + PIECE], next(_units)

        async def bare(tx: Tx, some: Sequence[Key] = some, units: int = units) -> None:
            rows = {"skus": [k[0] for k in some], "nodes": [k[1] for k in some], "units": [units] * len(some)}
            await tx.run(UPDATE, **rows)
            await tx.run(INSERT, **rows, ids=[tx.new_id() for _ in some], now=tx.now)

        await db.write(bare)


async def copied(db: Database, keys: Sequence[Key]) -> None:
    """A plain COPY into a table without indexes."""

    async def fill(tx: Tx) -> None:
        await tx.run("CREATE TEMPORARY TABLE copied (sku text, node text, units bigint) ON COMMIT DROP")
        await tx.copy("copied", ("sku", "node", "units"), ((sku, node, 1) for sku, node in keys))

    await db.write(fill)


async def figures(db: Database, keys: Sequence[Key]) -> None:
    units, as_of = next(_units), datetime.now(UTC) - timedelta(milliseconds=1)
    lines = [json.dumps({"sku": sku, "node": node, "units": units}).encode() for sku, node in keys]
    await _read(db, streams.figure_feed(SYSTEM, "erp", as_of), lines)


async def deltas(db: Database, keys: Sequence[Key]) -> None:
    run = next(_units)
    lines = [
        json.dumps({"key": f"{run}-{n}", "sku": sku, "node": node, "delta": -1, "reason": "sale"}).encode()
        for n, (sku, node) in enumerate(keys)
    ]
    await _read(db, streams.delta_feed(SYSTEM, "erp"), lines)


async def _read(db: Database, feed: streams.Feed[Any], lines: Sequence[bytes]) -> None:
    body = b"\n".join(lines)

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    began = time.perf_counter()
    tally = await streams.read(db, feed, parts())
    taken.append(time.perf_counter() - began)
    if tally.changed != len(lines):
        raise RuntimeError(f"Of {len(lines)} rows {tally.changed} changed anything: {tally.problems[:3]}")


taken: list[float] = []
"""Seconds of the streams alone, without writing their lines."""


async def rate(work: Callable[[Database, Sequence[Key]], Awaitable[None]], db: Database, keys: Sequence[Key]) -> float:
    """Positions a second."""
    taken.clear()
    began = time.perf_counter()
    await work(db, keys)
    return len(keys) / (taken[0] if taken else time.perf_counter() - began)


async def told(db: Database) -> float:
    """Positions a second that reach the feeds of devices."""
    count = "SELECT count(*) FROM feed WHERE kind = 'stock'"
    before = await db.read(lambda tx: tx.value(count))
    began = time.perf_counter()
    await outbox.drain(Parts(Settings(), db))
    seconds = time.perf_counter() - began
    return float((await db.read(lambda tx: tx.value(count)) - before) / seconds)


async def measure(url: str, positions: int) -> None:
    _, skus = await set_up(url)
    garbage.tame()
    every = [(sku, f"N{n:03}") for n in range(NODES) for sku in skus]
    keys = sorted(random.Random(5).sample(every, min(positions, len(every))))
    db = Database(url, answers=ANSWERS)
    found: dict[str, list[float]] = {"floor": [], "figures": [], "deltas": []}
    for _ in range(3):
        found["floor"].append(await rate(floor, db, keys))
        found["figures"].append(await rate(figures, db, keys))
        found["deltas"].append(await rate(deltas, db, keys))
    middle = {name: sorted(rates)[1] for name, rates in found.items()}
    more = {"told": round(await told(db)), "copy": round(await rate(copied, db, keys))}
    for name in ("figures", "deltas"):
        ratio = round(middle[name] / middle["floor"], 3)
        said = {"bench": "stock_feed", "kind": name, "value": round(middle[name]), "floor": round(middle["floor"])}
        print(json.dumps(said | {"ratio": ratio, "unit": "positions/s", "positions": len(keys), **more}), flush=True)
    await db.close()


def main(positions: int = ITEMS * NODES // 2) -> None:
    with postgres.temporary(fast=False) as server:
        asyncio.run(measure(server.url(None), positions))


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
