"""`broken_promises`: what doubt is good for. The demo's retailer, whose records are wrong as in life, is played twice
from the same seed: with doubt, and without it. Everything else is the same; pickers look at the same shelves.

A broken promise is a unit that a store was to pick and did not find, or that the customer did not get at all.

    python -m tests.benchmarks.broken_promises [orders] [stores] [items]
"""

from __future__ import annotations

import json
import sys
from typing import Any

from server import wiring
from server.demo import headless
from server.demo.summary import Summary
from server.inventory import doubt
from server.kit import logs
from server.kit.answers import Answers


def play(orders: int, stores: int, items: int) -> Summary:
    def quiet(_what: str, _done: int, _total: int) -> None:
        """Nobody watches."""

    return headless.run(headless.Choices(orders=orders, stores=stores, items=items), quiet)


def without_doubt(orders: int, stores: int, items: int) -> Summary:
    """The same with a wiring in which nobody answers a picker who finds none."""
    whole = wiring.ANSWERS
    wiring.ANSWERS = Answers([row for row in wiring.ROWS if row.handler is not doubt.on_units_left])
    try:
        return play(orders, stores, items)
    finally:
        wiring.ANSWERS = whole


def broken(summary: Summary) -> dict[str, Any]:
    units = summary.units
    return {
        "not found": units["short"],
        "cancelled for want of stock": units["cancelled by reason"].get("not available", 0),
        "fulfilled": units["fulfilled"],
        "ordered": units["ordered"],
        "jobs": sum(summary.jobs["by method"].values()),
        "counts asked for": summary.exceptions.get("doubted", 0),
        "problems": summary.problems,
    }


def main(orders: int = 1000, stores: int = 4, items: int = 500) -> None:
    logs.configure(level="ERROR")
    found = {"without": broken(without_doubt(orders, stores, items)), "with": broken(play(orders, stores, items))}
    floor, value = found["without"]["not found"], found["with"]["not found"]
    said = {"bench": "broken_promises", "value": value, "floor": floor, "ratio": round(value / floor, 3)}
    print(json.dumps(said | {"unit": "units not found", "orders": orders, "stores": stores, "items": items, **found}))


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:4]))
