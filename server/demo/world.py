"""What is really on each shelf. Only the demo's simulated people look here, and only where they stand.

Records are wrong as in life: between 60 and 65 in a hundred are exact. Most of the others promise more than there is
(stolen, broken, misplaced, scanned as something else), some of them everything; the rest are too low. The server and
the store app never import this module: they learn the truth as a shop does, when someone looks.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from server.demo.chance import many
from server.demo.opening import Position

EXACT = (0.605, 0.645)
"""Each node's share of exact records lies between these."""
TOO_HIGH = 0.62
ALL_GONE = 0.10
"""Of the records that are too high, so many stand over an empty shelf."""
SMALL_SLIP = 0.55
"""Chance that a wrong record is wrong by one; by two is this much of the rest, and so on."""
MOST_UNITS = 1_000_000


class World:
    """Units on every shelf. They are never negative, and nobody takes what is not there."""

    def __init__(self, units: Mapping[tuple[str, str], int]) -> None:
        self._units = dict(units)

    def look(self, node: str, sku: str) -> int:
        """Units really there; none where the item was never put."""
        return self._units.get((node, sku), 0)

    def take(self, node: str, sku: str, units: int) -> int:
        """Take up to so many, and say how many there were to take."""
        _check(units)
        there = self.look(node, sku)
        taken = min(there, units)
        self._units[node, sku] = there - taken
        return taken

    def put(self, node: str, sku: str, units: int) -> int:
        """Put so many on the shelf, and say how many are there now."""
        _check(units)
        self._units[node, sku] = now = self.look(node, sku) + units
        return now

    def sell(self, node: str, lines: Iterable[tuple[str, int]]) -> dict[str, int]:
        """A shopper at the shelves: what of the wanted units could be had, per item. Those they do not get are lost."""
        return {sku: self.take(node, sku, units) for sku, units in lines}

    def differences(self, records: Iterable[Position]) -> list[tuple[Position, int]]:
        """Records that are wrong now, each with what is really there."""
        return [(record, self.look(record.node, record.sku)) for record in records if not self._is_exact(record)]

    def exact_share(self, records: Sequence[Position]) -> float:
        """Which share of these records is exact now."""
        return sum(map(self._is_exact, records)) / len(records) if records else 1.0

    def _is_exact(self, record: Position) -> bool:
        return self.look(record.node, record.sku) == record.units


def world_behind(records: Sequence[Position], seed: int) -> World:
    """A world in which these records were kept as records are."""
    by_node: dict[str, list[Position]] = {}
    for record in records:
        by_node.setdefault(record.node, []).append(record)
    units: dict[tuple[str, str], int] = {}
    for node, mine in by_node.items():
        truth = _truth([record.units for record in mine], seed, node)
        units.update(((node, record.sku), there) for record, there in zip(mine, truth, strict=True))
    return World(units)


def _truth(recorded: Sequence[int], seed: int, node: str) -> list[int]:
    chance = many(seed, "truth", node)
    record = np.asarray(recorded, dtype=np.int64)
    exact = round(chance.uniform(*EXACT) * len(record))
    wrong = chance.permutation(len(record))[exact:]
    slip = chance.geometric(SMALL_SLIP, len(wrong))
    high = (chance.random(len(wrong)) < TOO_HIGH) & (record[wrong] > 0)
    gone = chance.random(len(wrong)) < ALL_GONE
    missing = np.where(gone, record[wrong], np.minimum(slip, record[wrong]))
    truth = record.copy()
    truth[wrong] = np.where(high, record[wrong] - missing, record[wrong] + slip)
    return [int(units) for units in truth]


def _check(units: int) -> None:
    if not 0 <= units <= MOST_UNITS:
        raise ValueError(f"Nobody can carry {units} units.")
