"""Run the benchmarks: `python -m tests.benchmarks all`, or one by its name and with its arguments. One JSON object per
line on standard output.

Benchmarks are not tests: nothing here asserts a time. Every figure stands beside a floor measured in the same run.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

BENCHES = {
    "place_order_http": "orders/s over HTTP, 32 clients, against pgbench's nine statements",
    "stock_feed": "positions/s of a snapshot and of deltas, against two bare SQL statements over the same rows",
    "broken_promises": "units that pickers did not find in the demo's wrong records, with doubt and without",
    "availability": "product pages/s against a ready-made answer from the same process",
    "availability_bulk": "50 items in 200 nodes at once: cells/s against pydantic's dump of the same answer",
    "router_time": "one order of three lines over 1,000 nodes",
    "router_gap": "cost of its answers over the exact optimum, for single orders and batches of 50",
    "second_look": "days of orders that are looked at again before somebody begins them, against the same days without",
    "scan_to_result": "a scan on the device until its result is stored, with 2,000 commands waiting",
    "first_sync": "rows/s of a big store's first sync, against a bare read and a bare insert of the same rows",
    "delta_sync": "1 % of that store has changed: time over that of the first sync",
    "shift": "commands/s when fifty devices come back from eight hours offline, while web orders come in",
}
TOGETHER = {"first_sync": "device_sync", "delta_sync": "device_sync"}
"""Benches that one module measures in one run."""
SHORTER = {"shift": ("20", "50"), "router_gap": ("200", "4"), "second_look": ("1",)}
"""What a long bench is given when all are run; by its name alone it measures what its docstring says."""


def main() -> int:
    wanted, *words = sys.argv[1:] or ["all"]
    if wanted != "all" and wanted not in BENCHES:
        print(f"No benchmark {wanted}. There are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    print(json.dumps({"bench": "machine", **machine()}), flush=True)
    if wanted != "all":
        return run(TOGETHER.get(wanted, wanted), words)
    modules = dict.fromkeys(TOGETHER.get(name, name) for name in BENCHES)
    return max([run(module, SHORTER.get(module, ())) for module in modules])


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlalchemy": version("sqlalchemy"),
        "fastapi": version("fastapi"),
    }


def run(module: str, words: Sequence[str]) -> int:
    """0 where it went well."""
    done = subprocess.run([sys.executable, "-m", f"tests.benchmarks.{module}", *words], check=False)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
