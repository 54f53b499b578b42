"""A load generator cheap enough not to be what is measured: raw sockets, bodies made beforehand, a process of its own.

    python -m tests.benchmarks.client HOST PORT REQUESTS.json CLIENTS

`REQUESTS.json` holds `[[method, path, headers, body], ...]`; every client takes the next one when it is free. Prints
one JSON object: requests, seconds, answers by status, latency in ms, and the processor time of this process.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def encode(method: str, path: str, headers: dict[str, str], body: str, host: str) -> bytes:
    payload = body.encode()
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", f"content-length: {len(payload)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + payload


async def one_client(host: str, port: int, queue: list[bytes], seen: list[tuple[int, float]]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while queue:
        request = queue.pop()
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        seen.append((status, time.perf_counter() - started))
    writer.close()


async def run(host: str, port: int, requests: list[list[Any]], clients: int) -> dict[str, Any]:
    queue = [encode(*r, host=f"{host}:{port}") for r in reversed(requests)]
    seen: list[tuple[int, float]] = []
    started = time.perf_counter()
    await asyncio.gather(*(one_client(host, port, queue, seen) for _ in range(clients)))
    seconds = time.perf_counter() - started
    latencies = sorted(latency for _, latency in seen)
    statuses: dict[str, int] = {}
    for status, _ in seen:
        statuses[str(status)] = statuses.get(str(status), 0) + 1
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "requests": len(seen),
        "seconds": seconds,
        "statuses": statuses,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "client_cpu_s": used.ru_utime + used.ru_stime,
    }


def main() -> None:
    host, port, path, clients = sys.argv[1:5]
    requests = json.loads(Path(path).read_text())
    print(json.dumps(asyncio.run(run(host, int(port), requests, int(clients)))))


if __name__ == "__main__":
    main()
