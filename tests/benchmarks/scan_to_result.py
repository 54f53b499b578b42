"""A scan on the device until its result is on the screen's desk: read, look up, decide, commit to disk, read back what
the pick screen and its frame show. Drawing is not in it.

    python -m tests.benchmarks.scan_to_result [scans]     (default 10,000)

The store holds 5,000 open jobs and 100,000 items with a stock position each. 2,000 commands wait for a server that does
not answer, and every right scan adds one. One scan in ten is of a wrong item. The floor is a bare SQLite commit of one
row of the same size with the same durability, taking turns with the scans in the same run and on the same disk.
"""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.barcodes import check_digit
from shared.fulfilment import Fulfilment, JobLine
from shared.stock import Atp, Buckets, StockDoc
from shared.sync import FeedRow, ItemDoc, NodeDoc, PersonDoc
from store_app.engine import Engine
from store_app.engine.session import badge_hash
from store_app.engine.transport import Answer, Offline

ITEMS, JOBS, WAITING, LINES, UNITS = 100_000, 5_000, 2_000, 3, 4
SCANS, WRONG = 10_000, 10
"""So many scans; one in ten is of an item that is in no job's hands."""
SIGN_IN = 1
"""Commands that are no scan."""
NODE, STREAM = "S001", "node/S001"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLOURS = ("black", "white", "navy", "olive", "sand", "red")
THINGS = ("shirt", "jacket", "trousers", "socks", "scarf", "boots", "belt", "dress")


class Nobody:
    """The network of a cellar."""

    async def request(self, method: str, path: str, **how: Any) -> Answer:
        raise Offline("no network")

    async def aclose(self) -> None:
        pass


def gtin(number: int) -> str:
    digits = f"{1_000_000_000_000 + number}"
    return digits + check_digit(digits)


def documents(dice: random.Random) -> Iterator[tuple[str, str, str, Any]]:
    """(stream, kind, id, document) of a big store."""
    yield STREAM, "node", NODE, NodeDoc(code=NODE, name="Big", type="store", time_zone="UTC", currency="USD")
    yield STREAM, "person", "p1", PersonDoc(id="p1", name="Pat", roles=("lead",), badge_hash=badge_hash("PAT"))
    for n in range(ITEMS):
        name = f"{dice.choice(COLOURS)} {dice.choice(THINGS)} {n % 900}"
        yield (
            "catalogue",
            "item",
            f"K{n}",
            ItemDoc(sku=f"K{n}", name=name, variant="M", barcodes=(gtin(n),), price=1990),
        )
    for n in range(ITEMS):
        atp = Atp(on_hand=9, not_sellable=0, reserved=2, safety_stock=1)
        shelf = StockDoc(sku=f"K{n}", node=NODE, buckets=Buckets(sellable=9), atp=atp, bin=f"A{n % 50}", walk=n % 50)
        yield STREAM, "stock", f"K{n}", shelf
    for n in range(JOBS):
        yield STREAM, "fulfilment", str(UUID(int=n + 1)), a_job(n, dice)


def a_job(number: int, dice: random.Random) -> Fulfilment:
    skus = dice.sample(range(ITEMS), LINES)
    return Fulfilment(
        id=UUID(int=number + 1),
        number=f"B-{number}-AA/1",
        order_id=UUID(int=1_000_000 + number),
        order_number=f"B-{number}-AA",
        node=NODE,
        method="pickup",
        lines=tuple(JobLine(line=line, sku=f"K{n}", quantity=UNITS) for line, n in enumerate(skus, start=1)),
        offered_at=NOON,
        due_at=NOON + timedelta(minutes=number),
        customer="Maria S.",
    )


def build(folder: Path) -> Engine:
    """A full store, Pat signed in, 2,000 commands waiting."""
    engine = Engine.open(folder, "http://nowhere", transport=Nobody())
    engine.db.set_meta(device="D1", node=NODE)
    load, count = engine.replica.snapshot(), 0
    rows = (
        FeedRow(stream=s, seq=1, kind=k, id=i, version=1, body=d.model_dump(mode="json"))
        for s, k, i, d in documents(random.Random(11))
    )
    while piece := list(itertools.islice(rows, 5_000)):
        load.add(piece)
        count += len(piece)
    engine.view.device = "D1"
    load.swap({"catalogue": 1, STREAM: 1}, 1, count, None)
    assert engine.session.sign_in_badge("BTN:B:PAT").ok
    scans = targets(engine)
    with engine.db.write():
        while engine.outbox.waiting < WAITING:
            assert engine.work.scan(*next(scans)).ok
    return engine


def targets(engine: Engine) -> Iterator[tuple[UUID, str]]:
    """Units that are still open, one job after the other, as (job, code)."""
    for job in engine.work.jobs():
        for line in job.lines:
            for _ in range(line.open):
                yield job.id, gtin(int(line.sku[1:]))


class Floor:
    """One row of the size of a command, committed with the same durability."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE command (n INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        self._body = "x" * 420

    def commit(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO command (body) VALUES (?)", (self._body,))
        self._db.execute("COMMIT")


def measure(engine: Engine, floor: Floor, scans: int) -> dict[str, list[float]]:
    """Milliseconds of each right scan, each wrong one and each bare commit, taken in turns."""
    taken: dict[str, list[float]] = {"right": [], "wrong": [], "bare": []}
    codes = targets(engine)
    for n in range(scans):
        job, raw = next(codes)
        right = n % WRONG != 0
        begun = time.perf_counter()
        result = engine.work.scan(job, raw if right else gtin(ITEMS + n))
        shown = engine.work.pick_list(job), engine.app_state()
        taken["right" if right else "wrong"].append((time.perf_counter() - begun) * 1000)
        assert result.ok is right, result
        assert shown
        begun = time.perf_counter()
        floor.commit()
        taken["bare"].append((time.perf_counter() - begun) * 1000)
    return taken


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def main() -> None:
    scans = int(sys.argv[1]) if len(sys.argv) > 1 else SCANS
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        engine = build(folder / "store")
        before = engine.outbox.waiting
        taken = measure(engine, Floor(folder / "floor.sqlite3"), scans)
        waiting = engine.outbox.waiting
        engine.close()
        begun = time.perf_counter()
        reopened = Engine.open(folder / "store", "http://nowhere", transport=Nobody())
        opened = time.perf_counter() - begun
        found = sum(line.picked for job in reopened.work.jobs() for line in job.lines)
        reopened.close()
    assert waiting - before == len(taken["right"]), "every right scan is a command"
    assert found == waiting - SIGN_IN, "what was scanned is found again"
    both = taken["right"] + taken["wrong"]
    line = {
        "bench": "scan_to_result",
        "value": round(p99(both), 2),
        "p50": round(statistics.median(both), 2),
        "max": round(max(both), 2),
        "floor": round(p99(taken["bare"]), 2),
        "floor_p50": round(statistics.median(taken["bare"]), 2),
        "ratio": round(p99(both) / p99(taken["bare"]), 2),
        "unit": "ms",
        "p99_wrong": round(p99(taken["wrong"]), 2),
        "scans": len(both),
        "items": ITEMS,
        "jobs": JOBS,
        "waiting": [before, waiting],
        "open_s": round(opened, 2),
        "sqlite": sqlite3.sqlite_version,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
