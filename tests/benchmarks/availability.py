"""`availability`: the product page's question, against a route of the same process that returns a ready-made body.

Five items, the network figure and the 20 nearest nodes with their arithmetic. Both are asked in turns, a part of the
requests at a time, so that other work on the machine slows both. `cpu_ms_per_request` is of the server's process.

    python -m tests.benchmarks.availability [requests] [max_age]     # max_age 0: every figure read anew
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from server.kit import postgres
from tests.benchmarks.place_order_http import CLIENTS, load
from tests.benchmarks.site import READY_MADE, Site, serve, set_up

TURNS = 6


@dataclass
class Sum:
    """What was measured over all turns."""

    done: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def turn(self, site: Site, requests: list[list[Any]], clients: int = CLIENTS) -> None:
        before = site.cpu_seconds()
        measured = load(site, requests, clients)
        self.cpu += site.cpu_seconds() - before
        self.done += measured["statuses"].get("200", 0)
        self.seconds += measured["seconds"]
        self.p50.append(measured["p50_ms"])
        self.p99.append(measured["p99_ms"])

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / max(self.done, 1)


def main(count: int = 6000, max_age: float = 1) -> None:
    rng = random.Random(2)
    with postgres.temporary(fast=False) as server:
        token, skus = asyncio.run(set_up(server.url(None)))
        headers = {"authorization": f"Bearer {token}"}
        nodes = ",".join(f"N{n:03}" for n in range(20))
        paths = [f"/v1/availability?channel=web&sku={','.join(rng.sample(skus, 5))}&node={nodes}" for _ in range(count)]
        asked = [["GET", path, headers, ""] for path in paths]
        with serve(server.url(None), ready_made=True) as site:
            request = urllib.request.Request(f"http://{site.host}:{site.port}{paths[0]}", headers=headers)
            with urllib.request.urlopen(request) as answer:
                size = len(answer.read())
            ready = [["GET", f"{READY_MADE}?size={size}", headers, ""]] * count
            load(site, asked[: count // TURNS])
            floor, measured = Sum(), Sum()
            for turn in range(TURNS):
                floor.turn(site, ready[turn::TURNS])
                measured.turn(site, asked[turn::TURNS])
    print(
        json.dumps(
            {
                "bench": "availability",
                "value": round(measured.rate, 1),
                "floor": round(floor.rate, 1),
                "ratio": round(measured.rate / floor.rate, 3),
                "unit": "requests/s",
                "body_bytes": size,
                "clients": CLIENTS,
                "cpu_ms_per_request": round(measured.cpu_ms, 3),
                "floor_cpu_ms": round(floor.cpu_ms, 3),
                "p50_ms": round(sorted(measured.p50)[TURNS // 2], 1),
                "p99_ms": round(max(measured.p99), 1),
            }
        )
    )


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]), *(float(a) for a in sys.argv[2:3]))
