"""`shift`: fifty devices worked eight hours without a network, and all come back at once while the web shop goes on.

    python -m tests.benchmarks.shift [devices] [commands of each] [web orders a second]     (default 50, 200 and 20)

Stores with five tablets each. Early in the morning every tablet takes in its store; then the line is cut, and people
accept, scan, pack, stage and hand over until 200 commands wait on each (`offline`): some jobs twice, by two who cannot
know of one another, some lines short. Eight hours later a real server, with its worker, runs in a process of its own.
Web orders come over HTTP at random moments (`steady`), for a while alone; then the fifty engines, in a second process
(`fleet`), start to sync at the same moment, until every queue is empty.

What is asserted (`nothing_lost`): every command is recorded once, in the order of its device; no fact was refused or
held; every web order that was answered is there; every replica is what a new device would be given; every question of
`baton check` holds. What is measured: how long the queues took, and what the shoppers felt before and meanwhile. It
fails, with its figures, when one of them was sent away. The floor is the rate at which PostgreSQL carries out minimal
transactions, of eight statements each (`floor`).
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from server.kit import logs, postgres
from server.kit.database import Database
from tests.benchmarks.floor import pgbench_floor
from tests.benchmarks.helper import helper
from tests.benchmarks.nothing_lost import verify
from tests.benchmarks.offline import SHIFT, TABLETS, work_offline
from tests.benchmarks.place_order_http import CLIENTS, order
from tests.benchmarks.site import Site, serve, set_up
from tests.benchmarks.stores import pickup

ITEMS = 1_000
DEVICES, COMMANDS, RATE = 50, 200, 20
ALONE_S = 20.0
"""How long the web orders have the server for themselves first."""
LONGEST_S = 600
"""Web orders are made beforehand for so long."""


@dataclass
class Evening:
    """What was measured: moments are of the monotonic clock, `web` is (due, seconds, status) of each order."""

    begun: float
    emptied: Sequence[float]
    web: Sequence[tuple[float, float, int]]
    answered_s: float
    """From the return until the worker had nothing left to do."""
    answers: Mapping[str, int]
    """Of the server to devices, by status; `none`: it did not come in time."""
    server_cpu: tuple[float, float]
    """Processor seconds of the server per second, alone with the web orders and during the drain."""
    fleet_cpu_s: float

    @property
    def seconds(self) -> float:
        return self.emptied[-1] - self.begun

    def felt(self, *, meanwhile: bool) -> list[float]:
        """Milliseconds of the web orders that were due before the devices came back, or while they drained."""
        spans = [(due, took) for due, took, _ in self.web]
        if meanwhile:
            return sorted(took * 1000 for due, took in spans if self.begun <= due <= self.emptied[-1])
        return sorted(took * 1000 for due, took in spans if due < self.begun - 1)


async def evening(db: Database, site: Site, folder: Path, web: Path, rate: float) -> Evening:
    """Everybody comes back."""
    address = f"http://{site.host}:{site.port}"
    with helper("fleet", folder, address) as fleet, helper("steady", site.host, site.port, web, rate) as shoppers:
        fleet.hear()
        await asyncio.sleep(3)
        before, at = site.cpu_seconds(), time.monotonic()
        await asyncio.sleep(ALONE_S)
        alone = (site.cpu_seconds() - before) / (time.monotonic() - at)
        before, at = site.cpu_seconds(), time.monotonic()
        fleet.say("go")
        drained = fleet.hear()
        busy = (site.cpu_seconds() - before) / (time.monotonic() - at)
        shoppers.say("stop")
        seen = shoppers.hear()
        await settled(db)
        answered = time.monotonic() - drained["begun"]
        fleet.say("stop")
        answers = fleet.hear()["answers"]
    return Evening(drained["begun"], drained["emptied"], seen, answered, answers, (alone, busy), drained["cpu_s"])


async def settled(db: Database) -> None:
    """The worker has given every answer: authorisations, captures, passes, messages put into the queue."""
    for _ in range(1200):
        left = await db.read(lambda tx: tx.value("SELECT count(*) FROM outbox WHERE NOT dead"))
        if not left:
            return
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{left} answers are still owed")


# ---------------------------------------------------------------- the run


def web_orders(folder: Path, token: str, skus: list[str], stores: int, count: int) -> Path:
    """Orders to ship and to pick up, in turns."""
    chance = random.Random(4)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    bodies = [
        order(n, skus, chance)
        if n % 2
        else pickup(f"bench-{n}", f"N{chance.randrange(stores):03}", chance.sample(skus, 2))
        for n in range(count)
    ]
    path = folder / "web.json"
    path.write_text(json.dumps([["POST", "/v1/orders", headers, json.dumps(body)] for body in bodies]))
    return path


async def measure(url: str, place: Path, stores: int, commands: int, rate: float) -> dict[str, Any]:
    begun = datetime.now(UTC) - SHIFT - timedelta(minutes=5)
    token, skus = await set_up(url, nodes_count=stores, items_count=ITEMS, clock=lambda: begun)
    tablets = await work_offline(url, place / "devices", stores, commands, begun)
    web = web_orders(place, token, skus, stores, int(rate * LONGEST_S))
    db = Database(url, pool_size=2)
    with serve(url, worker=True) as site:
        await settled(db)
        found = await evening(db, site, place / "devices", web, rate)
        ends = await verify(db, site, tablets, sum(status == 201 for _, _, status in found.web))
    await db.close()
    return {**figures(found, sum(len(tablet.ids) for tablet in tablets)), "outcomes": ends}


def figures(found: Evening, commands: int) -> dict[str, Any]:
    before, during = spread(found.felt(meanwhile=False)), spread(found.felt(meanwhile=True))
    return {
        "value": round(commands / found.seconds, 1),
        "drained_s": round(found.seconds, 2),
        "half_of_devices_s": round(statistics.median(found.emptied) - found.begun, 2),
        "answered_s": round(found.answered_s, 2),
        "commands": commands,
        "web_before_ms": before,
        "web_during_ms": during,
        "web_p99_ratio": round(during["p99"] / before["p99"], 1),
        "web_refused": sum(status != 201 for _, _, status in found.web),
        "server_cpu_before": round(found.server_cpu[0], 2),
        "server_cpu_during": round(found.server_cpu[1], 2),
        "fleet_cpu_s": round(found.fleet_cpu_s, 1),
        "answers_to_devices": found.answers,
    }


def spread(times: Sequence[float]) -> dict[str, float]:
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(times[min(len(times) - 1, int(len(times) * share))], 1) for name, share in at.items()} | {
        "orders": len(times)
    }


def main(devices: int = DEVICES, commands: int = COMMANDS, rate: int = RATE) -> int:
    logs.configure(level="ERROR")
    stores = max(1, devices // TABLETS)
    with postgres.temporary(fast=False) as server, tempfile.TemporaryDirectory() as place:
        floor = pgbench_floor(server, seconds=8, clients=CLIENTS)
        found = asyncio.run(measure(server.url(None), Path(place), stores, commands, rate))
    value = found.pop("value")
    line = {
        "bench": "shift",
        "value": value,
        "floor": round(floor, 1),
        "ratio": round(value / floor, 3),
        "unit": "commands/s",
        "devices": stores * TABLETS,
        "web_orders_per_s": rate,
        **found,
    }
    print(json.dumps(line), flush=True)
    return 1 if found["web_refused"] else 0


if __name__ == "__main__":
    sys.exit(main(*(int(a) for a in sys.argv[1:4])))
