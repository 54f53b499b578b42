"""Which asyncio driver? The same five array statements for one batch of minimal orders, through each candidate.

    .venv/bin/python -m tests.benchmarks.drivers

A transaction places 1, 8 or 32 orders: insert orders, lines, events and reservations, then take stock, each one
statement over `unnest` arrays. Candidates take turns, so that a neighbour on the machine disturbs all alike; the
median round is shown, with the processor time Python spent on an order and pgbench's floor from the same run.
"""

import asyncio
import itertools
import json
import random
import re
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from server.kit import postgres
from tests.benchmarks.floor import ITEMS, NODES, SCHEMA, drop_tables, make_tables, pgbench_floor

CONNECTIONS, SECONDS, ROUNDS = 4, 1.5, 3
Binds = dict[str, Any]
Place = Callable[[Binds], Awaitable[int]]

STATEMENTS = [
    f"""INSERT INTO {SCHEMA}.orders SELECT id, ext, at, body::jsonb FROM unnest(CAST(:orders AS uuid[]),
        CAST(:externals AS text[]), CAST(:times AS timestamptz[]), CAST(:bodies AS text[])) AS o (id, ext, at, body)""",
    f"""INSERT INTO {SCHEMA}.lines SELECT * FROM unnest(CAST(:line_orders AS uuid[]), CAST(:ns AS int[]),
        CAST(:items AS int[]), CAST(:quantities AS int[]))""",
    f"""INSERT INTO {SCHEMA}.events (order_id, kind, at, body)
        SELECT id, 'placed', at, body::jsonb
        FROM unnest(CAST(:orders AS uuid[]), CAST(:times AS timestamptz[]), CAST(:bodies AS text[]))
             AS e (id, at, body)""",
    f"""INSERT INTO {SCHEMA}.reservations SELECT * FROM unnest(CAST(:line_orders AS uuid[]), CAST(:ns AS int[]),
        CAST(:items AS int[]), CAST(:nodes AS int[]), CAST(:quantities AS int[]))""",
    f"""WITH locked AS (
            SELECT s.item_id, s.node_id, w.wanted
            FROM (SELECT item, node, sum(quantity) AS wanted
                  FROM unnest(CAST(:items AS int[]), CAST(:nodes AS int[]), CAST(:quantities AS int[]))
                       AS t (item, node, quantity) GROUP BY item, node) AS w
            JOIN {SCHEMA}.stock s ON s.item_id = w.item AND s.node_id = w.node
            ORDER BY s.item_id, s.node_id FOR UPDATE OF s)
        UPDATE {SCHEMA}.stock s SET reserved = s.reserved + l.wanted FROM locked l
        WHERE s.item_id = l.item_id AND s.node_id = l.node_id AND s.on_hand - s.reserved >= l.wanted
        RETURNING s.item_id, s.node_id, s.reserved""",
]


def batch(size: int) -> Binds:
    ids, lines = [uuid.uuid4() for _ in range(size)], size * 2
    return {
        "orders": ids,
        "externals": [f"web-{n}" for n in range(size)],
        "times": [datetime.now(UTC)] * size,
        "bodies": [json.dumps({"channel": "web"})] * size,
        "line_orders": [order for order in ids for _ in (1, 2)],
        "ns": [1, 2] * size,
        "items": [random.randint(1, ITEMS) for _ in range(lines)],
        "nodes": [random.randint(1, NODES) for _ in range(lines)],
        "quantities": [1] * lines,
    }


@asynccontextmanager
async def through_sqlalchemy(server: postgres.Running, driver: str) -> AsyncIterator[Place]:
    engine = create_async_engine(server.url(driver), pool_size=CONNECTIONS, max_overflow=0)
    statements = [text(statement) for statement in STATEMENTS]

    async def place(binds: Binds) -> int:
        async with engine.begin() as connection:
            for statement in statements[:-1]:
                await connection.execute(statement, binds)
            return len((await connection.execute(statements[-1], binds)).all())

    yield place
    await engine.dispose()


@asynccontextmanager
async def through_bare_asyncpg(server: postgres.Running, _: str) -> AsyncIterator[Place]:
    pool = await asyncpg.create_pool(server.url(None), min_size=CONNECTIONS, max_size=CONNECTIONS)
    statements = []
    for statement in STATEMENTS:
        names = list(dict.fromkeys(re.findall(r"\(:(\w+)", statement)))
        for n, name in enumerate(names, 1):
            statement = statement.replace(f"(:{name} ", f"(${n} ")
        statements.append((statement, names))

    async def place(binds: Binds) -> int:
        async with pool.acquire() as connection, connection.transaction():
            for sql, names in statements:
                rows = await connection.fetch(sql, *(binds[name] for name in names))
            return len(rows)

    yield place
    await pool.close()


async def measure(server: postgres.Running, way: Callable[..., Any], driver: str, size: int) -> tuple[float, float]:
    """Orders a second, and milliseconds of Python's processor time for each."""
    async with way(server, driver) as place:

        async def client(until: float) -> int:
            placed = 0
            while time.perf_counter() < until:
                if not await place(batch(size)):
                    raise RuntimeError("no stock taken")
                placed += size
            return placed

        await asyncio.gather(*(client(time.perf_counter() + 0.2) for _ in range(CONNECTIONS)))  # statements prepared
        began, cpu = time.perf_counter(), time.process_time()
        placed = sum(await asyncio.gather(*(client(began + SECONDS) for _ in range(CONNECTIONS))))
        return placed / (time.perf_counter() - began), (time.process_time() - cpu) / placed * 1000


def main() -> None:
    ways = [(through_bare_asyncpg, ""), (through_sqlalchemy, "asyncpg"), (through_sqlalchemy, "psycopg")]
    cells = list(itertools.product(ways, (1, 8, 32), (asyncio.new_event_loop, uvloop.new_event_loop)))
    results: dict[Any, list[tuple[float, float]]] = {cell: [] for cell in cells}
    with postgres.temporary(fast=False) as server:
        floor = pgbench_floor(server, seconds=5)
        make_tables(server.url(None))
        for _, cell in itertools.product(range(ROUNDS), cells):
            (way, driver), size, loop = cell
            with asyncio.Runner(loop_factory=loop) as runner:
                results[cell].append(runner.run(measure(server, way, driver, size)))
        drop_tables(server.url(None))
    for ((_, driver), size, loop), rounds in results.items():
        rate, cpu = (statistics.median(figure) for figure in zip(*rounds, strict=True))
        name = f"{driver or 'bare asyncpg'}, {size} a transaction, {loop.__module__.split('.')[0]}"
        line = {"bench": name, "value": round(rate), "floor": round(floor), "ratio": round(rate / floor, 2)}
        sys.stdout.write(json.dumps(line | {"unit": "orders/s", "cpu_ms_per_order": round(cpu, 2)}) + "\n")


if __name__ == "__main__":
    main()
