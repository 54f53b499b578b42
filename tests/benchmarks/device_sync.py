"""`first_sync` and `delta_sync`: a device of a big store takes everything in, and later what has changed.

    python -m tests.benchmarks.device_sync [items] [jobs]     (default 100,000 and 5,000)

A store has 100,000 items with a stock position each, 5,000 open jobs and 40 people. A real server on PostgreSQL sends
them over HTTP; a real engine takes them into its SQLite file: read, checked, personal data sealed, codes and words
indexed, swapped in. The floor does, in the same run, what no device can do without: it reads the same body over HTTP,
and inserts the same rows as they came into one bare table in one durable transaction.

Then 1 % of the items, the jobs and the stock positions change, and the device asks for what is new; that is repeated,
with other rows each time. `ratio` of `delta_sync` is its time over that of the first sync.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from server.kit import postgres
from server.kit.database import Database
from server.wiring import ANSWERS
from shared import api
from shared.sync import MAX_PUSH
from store_app.engine import Engine
from store_app.engine.secrets import FileSecrets
from store_app.engine.transport import HttpTransport
from tests import build
from tests.benchmarks.site import Site, batched, item, serve, set_up
from tests.benchmarks.stores import hire, offer_jobs

ITEMS, JOBS, PEOPLE, LINES = 100_000, 5_000, 40, 3
NODE = "N000"
ROUNDS = 5
SHARE = 100
"""One row in so many changes."""


@dataclass
class Store:
    """What the server holds, and who may ask for it."""

    skus: list[str]
    admin: str
    tablet: build.Made
    """The device that is measured."""
    other: build.Made
    """A second one, which does the work the first one hears of."""
    person: str


async def fill(url: str, items: int, jobs: int) -> Store:
    admin, skus = await set_up(url, nodes_count=1, items_count=items)
    db = Database(url, answers=ANSWERS)
    await hire(db, NODE, PEOPLE)
    await offer_jobs(db, NODE, skus, jobs, random.Random(5), LINES)
    tablet, other = await build.device(db, NODE), await build.device(db, NODE)
    person = await db.read(lambda tx: tx.value("SELECT id FROM person ORDER BY id LIMIT 1"))
    async with db.engine.connect() as conn:
        await (await conn.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE")
    await db.close()
    return Store(skus, admin, tablet, other, str(person))


# ---------------------------------------------------------------- the floor


def bare_read(site: Site, token: str) -> tuple[bytes, float]:
    """The body of a snapshot, uncompressed, and how long it took to come."""
    begun = time.perf_counter()
    line = http.client.HTTPConnection(site.host, site.port, timeout=300)
    line.request("GET", api.SNAPSHOT, headers={"authorization": f"Bearer {token}"})
    body = line.getresponse().read()
    line.close()
    return body, time.perf_counter() - begun


def bare_insert(body: bytes, path: Path) -> float:
    """Seconds to put the lines into one table, as text, with the durability of the store."""
    rows = [(n, line.decode()) for n, line in enumerate(body.splitlines())]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE document (key INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        begun = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO document VALUES (?, ?)", rows)
        db.execute("COMMIT")
        return time.perf_counter() - begun


# ---------------------------------------------------------------- the device


class Tablet:
    """The real engine on a file; every sync on one event loop, as in the app."""

    def __init__(self, folder: Path, site: Site, store: Store) -> None:
        folder.mkdir()
        secrets = FileSecrets(folder / "device.json")
        secrets.put(token=store.tablet.token)
        address = f"http://{site.host}:{site.port}"
        self.engine = Engine.open(folder, address, transport=HttpTransport(address), secrets=secrets)
        self.engine.db.set_meta(device=store.tablet.id, node=NODE)
        self.engine.view.device = store.tablet.id

    async def sync(self) -> float:
        begun = time.perf_counter()
        assert await self.engine.syncer.run_once(), self.engine.syncer.status
        return time.perf_counter() - begun

    def cursor(self) -> int:
        """Feed rows contained so far."""
        return sum(self.engine.replica.cursor.values())

    def documents(self) -> dict[tuple[str, str], Any]:
        opened = self.engine.vault.open
        rows = self.engine.db.browse("SELECT kind, id, body FROM document")
        return {(kind, id_): opened(kind, id_, body) for kind, id_, body in rows}


# ---------------------------------------------------------------- what changes


class Change:
    """1 % of everything, through the API; every round takes other rows."""

    def __init__(self, site: Site, store: Store) -> None:
        self.store, self.url = store, f"http://{site.host}:{site.port}"
        chance = random.Random(7)
        self._skus = iter(chance.sample(store.skus, len(store.skus)))
        self._jobs: Iterator[str] = iter(())
        self._n = 0

    async def begin(self, jobs: list[str]) -> None:
        self._jobs = iter(jobs)

    async def once(self, items: int, jobs: int) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=120) as asking:
            for piece in batched((next(self._skus) for _ in range(items)), 1000):
                body = {"items": [item(sku, price=599).model_dump(mode="json") for sku in piece]}
                await self._ask(asking, "/v1/items", body)
            for piece in batched((next(self._skus) for _ in range(items)), 1000):
                fact = {"node": NODE, "bucket": "sellable", "delta": -1, "reason": "damage"}
                await self._ask(asking, "/v1/adjustments", {"adjustments": [{"sku": sku, **fact} for sku in piece]})
            for piece in batched((next(self._jobs) for _ in range(jobs)), MAX_PUSH):
                body = {"commands": [self._accept(job) for job in piece]}
                answer = await asking.post(api.PUSH, json=body, headers=_bearer(self.store.other.token))
                assert {o["status"] for o in answer.json()["outcomes"]} == {"applied"}, answer.text

    async def _ask(self, asking: httpx.AsyncClient, path: str, body: Any) -> None:
        answer = await asking.post(path, json=body, headers=_bearer(self.store.admin))
        assert answer.status_code == 200, answer.text
        assert all(row["status"] != "refused" for row in answer.json()["results"])

    def _accept(self, job: str) -> dict[str, Any]:
        self._n += 1
        return {
            "n": self._n,
            "id": str(uuid4()),
            "schema": 1,
            "actor": self.store.person,
            "made_at": "2026-11-01T12:00:00Z",
            "body": {"kind": "accept", "fulfilment": job},
        }


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# ---------------------------------------------------------------- the run


async def measure(site: Site, store: Store, folder: Path) -> dict[str, Any]:
    bare_read(site, store.tablet.token)
    before = site.cpu_seconds()
    body, read_s = bare_read(site, store.tablet.token)
    served_s = site.cpu_seconds() - before
    insert_s = bare_insert(body, folder / "floor.sqlite3")
    tablet = Tablet(folder / "store", site, store)
    cpu = time.process_time()
    full_s = await tablet.sync()
    cpu = time.process_time() - cpu
    deltas = await changes(site, store, tablet)
    assert tablet.documents() == _parsed(bare_read(site, store.tablet.token)[0]), (
        "the replica is not what the server has"
    )
    tablet.engine.close()
    return {
        "rows": body.count(b"\n") - 2,
        "bytes": len(body),
        "read_s": read_s,
        "served_s": served_s,
        "insert_s": insert_s,
        "full_s": full_s,
        "device_cpu_s": cpu,
        "deltas": deltas,
    }


async def changes(site: Site, store: Store, tablet: Tablet) -> list[tuple[int, float]]:
    """Rows and seconds of each delta."""
    found, change = [], Change(site, store)
    jobs = [str(job.id) for job in tablet.engine.work.jobs()]
    await change.begin(jobs)
    for _ in range(ROUNDS):
        await change.once(len(store.skus) // SHARE, len(jobs) // SHARE)
        before = tablet.cursor()
        seconds = await tablet.sync()
        found.append((tablet.cursor() - before, seconds))
    return found


def _parsed(body: bytes) -> dict[tuple[str, str], Any]:
    rows = (json.loads(line) for line in body.splitlines()[1:-1])
    return {(row["kind"], row["id"]): row["body"] for row in rows}


def main(items: int = ITEMS, jobs: int = JOBS) -> None:
    with postgres.temporary(fast=False) as server, tempfile.TemporaryDirectory() as place:
        store = asyncio.run(fill(server.url(None), items, jobs))
        with serve(server.url(None)) as site:
            found = asyncio.run(measure(site, store, Path(place)))
    rows, full, floor = found["rows"], found["full_s"], found["read_s"] + found["insert_s"]
    delta = statistics.median(seconds for _, seconds in found["deltas"])
    sample = {"items": items, "jobs": jobs, "rows": rows}
    first = {
        "bench": "first_sync",
        "value": round(rows / full),
        "floor": round(rows / floor),
        "ratio": round(floor / full, 3),
        "unit": "rows/s",
        **sample,
        "megabytes": round(found["bytes"] / 1e6, 1),
        "seconds": round(full, 2),
        "device_cpu_s": round(found["device_cpu_s"], 2),
        "bare_read_s": round(found["read_s"], 2),
        "server_cpu_s": round(found["served_s"], 2),
        "bare_insert_s": round(found["insert_s"], 2),
        "sqlite": sqlite3.sqlite_version,
    }
    second = {
        "bench": "delta_sync",
        "value": round(delta, 3),
        "floor": round(full, 2),
        "ratio": round(delta / full, 4),
        "unit": "s",
        **sample,
        "changed_rows": [count for count, _ in found["deltas"]],
        "seconds": [round(seconds, 3) for _, seconds in found["deltas"]],
    }
    print(json.dumps(first), json.dumps(second), sep="\n", flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:3]))
