"""`availability_bulk`: 50 items in 200 nodes in one call over HTTP, against pydantic's dump of the same ready answer.

One caller asks for items drawn evenly from 2,000, one call after the other, in turns with the dump. A cell is one item
at one node. With every term of the arithmetic, and with the figures alone; with what the window keeps (a second at
most), and with every figure read anew.

    python -m tests.benchmarks.availability_bulk [calls]
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import urllib.request
from typing import Any

from server.inventory.availability_api import AvailabilityAnswer
from server.kit import postgres
from tests.benchmarks.availability import Sum
from tests.benchmarks.place_order_http import load
from tests.benchmarks.site import Site, serve, set_up

ITEMS, NODES, TURNS = 50, 200, 5
CELLS = ITEMS * NODES


def main(calls: int = 60) -> None:
    with postgres.temporary(fast=False) as server:
        token, skus = asyncio.run(set_up(server.url(None), nodes_count=NODES))
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        with serve(server.url(None)) as site:
            for detail in ("arithmetic", "nodes"):
                for max_age in (1, 0):
                    print(json.dumps(measure(site, headers, skus, calls, detail, max_age)), flush=True)


def measure(
    site: Site, headers: dict[str, str], skus: list[str], calls: int, detail: str, max_age: int
) -> dict[str, Any]:
    rng = random.Random(4)
    asked = [question(rng.sample(skus, ITEMS), detail, max_age) for _ in range(calls)]
    requests = [["POST", "/v1/availability", headers, body] for body in asked]
    ready = fetch(site, headers, asked[0])
    answer = AvailabilityAnswer.model_validate_json(ready)
    load(site, requests[: calls // TURNS], 1)
    measured, dumping = Sum(), 0.0
    for turn in range(TURNS):
        dumping += dumped(answer, len(requests[turn::TURNS]))
        measured.turn(site, requests[turn::TURNS], 1)
    rate, floor = measured.rate * CELLS, calls * CELLS / dumping
    return {
        "bench": "availability_bulk",
        "value": round(rate),
        "floor": round(floor),
        "ratio": round(rate / floor, 3),
        "unit": "cells/s",
        "detail": detail,
        "max_age": max_age,
        "calls": calls,
        "body_bytes": len(ready),
        "p50_ms": round(sorted(measured.p50)[TURNS // 2], 1),
        "cpu_ms_per_call": round(measured.cpu_ms, 1),
        "dump_ms": round(1000 * dumping / calls, 1),
    }


def question(skus: list[str], detail: str, max_age: int) -> str:
    return json.dumps({"skus": skus, "channels": ["web"], "detail": detail, "max_age": max_age})


def fetch(site: Site, headers: dict[str, str], body: str) -> bytes:
    request = urllib.request.Request(f"http://{site.host}:{site.port}/v1/availability", body.encode(), headers)
    with urllib.request.urlopen(request) as answer:
        found: bytes = answer.read()
    return found


def dumped(answer: AvailabilityAnswer, times: int) -> float:
    """Seconds that pydantic takes for so many dumps."""
    began = time.perf_counter()
    for _ in range(times):
        answer.model_dump_json(exclude_none=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
