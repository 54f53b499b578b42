"""One seed, one story: what may happen to a fleet and how often, from its opening to the verdict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.simulation import faults, people, shelf
from tests.simulation.arena import Arena
from tests.simulation.devices import Device
from tests.simulation.fleet import Fleet, Happenings
from tests.simulation.history import History
from tests.simulation.lines import Line
from tests.simulation.verdict import verdict

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a power cut costs no disk."""


def _life(name: str) -> Callable[[Fleet], Any]:
    """Shoppers, tills and head office: the same as in `history`."""
    return lambda fleet: fleet.at_the_server(getattr(fleet.life, name))


HAPPENINGS: Happenings = {
    "work": (45, people.work),
    "exception": (3, people.settle_exception),
    "count": (5, shelf.count),
    "delivery": (4, shelf.receive),
    "buy": (16, _life("buy")),
    "cancel": (6, _life("cancel")),
    "sell": (4, _life("sell")),
    "receive": (3, _life("receive")),
    "adjust": (2, _life("adjust")),
    "jobs and schedules": (6, Fleet.settle),
    "hours": (2, faults.hours_pass),
    "weather": (5, faults.weather),
    "line": (6, faults.cut),
    "power": (4, faults.power_cut),
    "server": (3, faults.server_dies),
    "clock": (2, faults.clock_jumps),
    "release": (2, faults.release),
    "update": (4, faults.update_app),
    "compaction": (3, faults.compact),
    "backup": (2, faults.back_up),
    "restore": (1, faults.restore),
    "image": (1, faults.take_image),
    "lost": (1, faults.lose_commits),
}
"""What may happen."""


async def tell_story(arena: Arena, seed: int, steps: int) -> tuple[Fleet, list[str]]:
    """One story from its beginning to its end. Fleet for what happened; the list is what is wrong."""
    await arena.begin(seed)
    chance = Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="baton-fleet-", dir=IN_MEMORY))
    fleet = Fleet(arena, seed, chance, History(arena.world, arena.shop, _AsClock(arena), chance, {}))  # type: ignore[arg-type]
    try:
        fleet.devices += _devices(fleet, folder)
        await fleet.run(steps, HAPPENINGS)
        wrong = fleet.wrong or await verdict(fleet) or await shelf.count_everything(fleet) or await verdict(fleet)
        return fleet, wrong
    finally:
        await fleet.close()
        shutil.rmtree(folder, ignore_errors=True)


def _devices(fleet: Fleet, folder: Path) -> Iterator[Device]:
    """One tablet at each store, or more."""
    arena = fleet.arena
    for node, tablets in arena.tablets.items():
        for number, tablet in enumerate(tablets[: fleet.chance.randint(1, len(tablets))], start=1):
            name = f"{node}/{number}"
            line = Line(arena.timeline, fleet.ask, Random(f"{fleet.seed} {name} line"), fleet.tell)
            own = Random(f"{fleet.seed} {name}")
            yield Device(name, node, tablet, folder / name.replace("/", "-"), arena.timeline, line, own, fleet.tell)


class _AsClock:
    """The timeline, as `history` reads it."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    @property
    def now(self) -> Any:
        return self._arena.timeline.look()
