"""Where things stand: a bin for every item of a node, such that bins in the order of their names are a walk.

`D07-03-2` is zone D, aisle 7, bay 3, shelf 2. Categories stand together, and each node has one of five floor plans.
"""

from collections.abc import Iterable, Sequence

from server.demo.catalogue import Item
from server.demo.chance import dice
from server.demo.departments import Zone

PLANS = 5
PER_AISLE, PER_BAY, PER_SHELF = 96, 8, 2
SHELVES = tuple(f"-{place // PER_BAY + 1:02d}-{place % PER_BAY // PER_SHELF + 1}" for place in range(PER_AISLE))


def walk(items: Sequence[Item], plan: int, seed: int) -> list[tuple[int, str]]:
    """Every item's row number with its aisle, in walking order, on this floor plan."""
    zones = list(Zone)
    sections = sorted({(item.zone, item.category) for item in items})
    turn = {section: dice(seed, "plan", plan % PLANS, *section).random() for section in sections}
    sections.sort(key=lambda section: (zones.index(section[0]), turn[section]))
    members: dict[tuple[Zone, str], list[tuple[str, int]]] = {section: [] for section in sections}
    for row, item in enumerate(items):
        members[item.zone, item.category].append((item.name, row))
    placed = []
    count = dict.fromkeys(zones, 0)
    for (zone, _), named in members.items():
        for _, row in sorted(named):
            placed.append((row, f"{chr(65 + zones.index(zone))}{count[zone] // PER_AISLE + 1:02d}"))
            count[zone] += 1
    return placed


def bins(walked: Iterable[tuple[int, str]]) -> Iterable[tuple[int, str]]:
    """Row numbers with their bins, for what one node has of a walk; gaps are closed up."""
    last, place = "", 0
    for row, aisle in walked:
        place = place + 1 if aisle == last else 0
        last = aisle
        yield row, aisle + SHELVES[place]
