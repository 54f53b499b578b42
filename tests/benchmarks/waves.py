"""What each part of a wave is worth: the same batches of 50 in order, and together with fewer exchanges or steps.

    python -m tests.benchmarks.waves [batches]     (default 20 random and 20 real ones)

`alone`: an order tries again by itself. `pairs`: also with one of those in its way, which is how the router does it.
`several`: with up to six of them at once, too. The number is how many searches a wave may take. No optimum here:
`router_gap` has it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from server.routing import wave
from tests.benchmarks.gap_cases import Asked, random_cases, real_cases
from tests.benchmarks.router_gap import BATCH, BATCHES
from tests.benchmarks.router_time import NOW

Groups = Callable[[Any, int], Iterator[tuple[int, ...]]]
_pairs: Groups = wave._Wave._groups


def _alone(self: Any, place: int) -> Iterator[tuple[int, ...]]:
    yield ()


def _several(self: Any, place: int) -> Iterator[tuple[int, ...]]:
    yield from _pairs(self, place)
    if len(others := self._in_the_way(place)) > 1:
        yield tuple(others[:6])


VARIANTS: dict[str, tuple[Groups, int]] = {
    "in order": (_alone, 0),
    "alone 1000": (_alone, 1000),
    "pairs 250": (_pairs, 250),
    "pairs 1000": (_pairs, 1000),
    "pairs 4000": (_pairs, 4000),
    "several 1000": (_several, 1000),
    "several 4000": (_several, 4000),
}


def tried(asked: Asked, groups: Groups, steps: int) -> tuple[int, int, int, float]:
    """(units, cost, steps taken, processor seconds)"""
    with patch.object(wave._Wave, "_groups", groups), patch.object(wave, "STEPS", steps):
        start = time.process_time()
        found = wave._Wave(asked.demands, asked.candidates, asked.rule, NOW)
        found.improve()
        seconds = time.process_time() - start
    assert found.rank is not None
    return -found.rank[0], found.rank[1], steps - found.steps, seconds


def main(batches: int = BATCHES) -> None:
    for kind, cases in (("random", random_cases), ("real", real_cases)):
        asked = list(cases(batches, BATCH))
        for name, (groups, steps) in VARIANTS.items():
            units, costs, taken, seconds = zip(*(tried(each, groups, steps) for each in asked), strict=True)
            line = {
                "bench": "waves",
                "cases": kind,
                "variant": name,
                "units": sum(units),
                "cost_per_unit": round(sum(costs) / sum(units) / 1e6, 5),
                "steps_per_batch": round(sum(taken) / batches, 1),
                "ms_per_batch": round(sum(seconds) / batches * 1e3, 1),
                "worst_ms": round(max(seconds) * 1e3),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
