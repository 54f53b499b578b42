"""Run the benchmarks: `python -m tests.benchmarks all` or one by name. One JSON object per line on standard output.

Benchmarks are not tests: nothing here asserts a time. Every figure stands beside a floor measured in the same run.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version

BENCHES = {
    "place_order_http": "orders/s over HTTP, 32 clients, against pgbench's nine statements",
    "availability": "product pages/s against a ready-made answer from the same process",
    "router_time": "one order of three lines over 1,000 nodes",
    "scan_to_result": "a scan on the device until its result is stored, with 2,000 commands waiting",
}


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else "all"
    if wanted != "all" and wanted not in BENCHES:
        print(f"No benchmark {wanted}. There are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    machine = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlalchemy": version("sqlalchemy"),
        "fastapi": version("fastapi"),
    }
    print(json.dumps({"bench": "machine", **machine}), flush=True)
    failed = 0
    for name in BENCHES if wanted == "all" else [wanted]:
        failed += subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
