"""`availability`: the product page's question, against a route of the same process that returns a ready-made body.

Five items, the network figure and the 20 nearest nodes with their arithmetic.

    python -m tests.benchmarks.availability [requests]
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import urllib.request

from server.kit import postgres
from tests.benchmarks.place_order_http import CLIENTS, load
from tests.benchmarks.site import READY_MADE, serve, set_up


def main(count: int = 3000) -> None:
    rng = random.Random(2)
    with postgres.temporary(fast=False) as server:
        token, skus = asyncio.run(set_up(server.url(None)))
        headers = {"authorization": f"Bearer {token}"}
        nodes = "".join(f"&node=N{n:03}" for n in range(20))
        paths = [
            f"/v1/availability?channel=web{''.join(f'&sku={s}' for s in rng.sample(skus, 5))}{nodes}"
            for _ in range(count)
        ]
        with serve(server.url(None), ready_made=True) as site:
            request = urllib.request.Request(f"http://{site.host}:{site.port}{paths[0]}", headers=headers)
            with urllib.request.urlopen(request) as answer:
                size = len(answer.read())
            ready = [["GET", f"{READY_MADE}?size={size}", headers, ""]] * count
            floor = load(site, ready)
            measured = load(site, [["GET", path, headers, ""] for path in paths])
    rate = measured["statuses"].get("200", 0) / measured["seconds"]
    base = floor["statuses"].get("200", 0) / floor["seconds"]
    print(
        json.dumps(
            {
                "bench": "availability",
                "value": round(rate, 1),
                "floor": round(base, 1),
                "ratio": round(rate / base, 3),
                "unit": "requests/s",
                "body_bytes": size,
                "clients": CLIENTS,
                "p50_ms": round(measured["p50_ms"], 1),
                "p99_ms": round(measured["p99_ms"], 1),
            }
        )
    )


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
