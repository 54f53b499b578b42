"""`place_order_http`: orders per second through the real server, against pgbench on the same database in the same run.

32 clients place authorised orders of two lines over HTTP; each is validated, checked for its business key, routed over
50 nodes, reserved, offered as a job, written to the event log and published to the feed of its store. Durable commits.
`echo` is what the same process does that only reads, validates and returns the same orders.

    python -m tests.benchmarks.place_order_http [orders]
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
from typing import Any

from server.kit import postgres
from tests.benchmarks.floor import drop_tables, make_tables, pgbench_floor
from tests.benchmarks.site import ECHO, NODES, Site, serve, set_up

CLIENTS = 32


def order(n: int, skus: list[str], rng: random.Random) -> dict[str, Any]:
    """An authorised order of two lines to an address somewhere among the nodes."""
    lines = [{"sku": sku, "quantity": 1, "unit_price": 499, "tax": 20} for sku in rng.sample(skus, 2)]
    return {
        "channel": "web",
        "external_id": f"bench-{n}",
        "placed_at": "2026-11-01T12:00:00Z",
        "currency": "USD",
        "customer": {"name": "Bench Buyer", "email": "bench@example.com"},
        "method": "ship",
        "ship_to": {
            "name": "Bench Buyer",
            "line1": "1 Main Street",
            "city": "Springfield",
            "postal_code": "62701",
            "country": "US",
            "location": {"latitude": rng.uniform(35, 45), "longitude": rng.uniform(-100, -80)},
        },
        "lines": lines,
        "payment": {"kind": "authorised", "reference": f"auth-{n}"},
    }


def load(site: Site, requests: list[list[Any]], clients: int = CLIENTS) -> dict[str, Any]:
    """Send the requests from a process of its own; returns what it measured."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(requests, file)
        file.flush()
        command = [sys.executable, "-m", "tests.benchmarks.client", site.host, str(site.port), file.name, str(clients)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(count: int = 6000) -> None:
    rng = random.Random(1)
    with postgres.temporary(fast=False) as server:
        make_tables(server.url(None))
        floor = pgbench_floor(server, seconds=8, clients=CLIENTS)
        drop_tables(server.url(None))
        token, skus = asyncio.run(set_up(server.url(None)))
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        bodies = [json.dumps(order(n, skus, rng)) for n in range(count)]
        with serve(server.url(None), ready_made=True) as site:
            requests = [["POST", "/v1/orders", headers, body] for body in bodies]
            echoed = load(site, [["POST", ECHO, headers, body] for body in bodies])
            load(site, requests[: count // 6])
            before = site.cpu_seconds()
            measured = load(site, requests[count // 6 :])
            cpu = site.cpu_seconds() - before
    placed = measured["statuses"].get("201", 0)
    rate = placed / measured["seconds"]
    print(
        json.dumps(
            {
                "bench": "place_order_http",
                "value": round(rate, 1),
                "floor": round(floor, 1),
                "ratio": round(rate / floor, 3),
                "unit": "orders/s",
                "echo": round(count / echoed["seconds"], 1),
                "ratio_to_echo": round(rate * echoed["seconds"] / count, 3),
                "orders": placed,
                "nodes": NODES,
                "clients": CLIENTS,
                "statuses": measured["statuses"],
                "p50_ms": round(measured["p50_ms"], 1),
                "p99_ms": round(measured["p99_ms"], 1),
                "cpu_ms_per_order": round(1000 * cpu / max(placed, 1), 2),
                "client_cpu_s": round(measured["client_cpu_s"], 2),
            }
        )
    )


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
