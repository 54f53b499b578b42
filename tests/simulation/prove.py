"""The long proofs: many random histories, more generated requests, the races again and again.

    python -m tests.simulation.prove --seeds 500      # goes on where it was stopped, and adds up
    python -m tests.simulation.prove --seed 42        # one history and one fleet, told line by line

Histories are the server's alone; fleets are tablets too, with bad lines, power cuts and a server that dies and is
restored. Exit code 1 when one breaks something; its seed is printed, and enough to see it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Column, Table

from server.kit import logs, migrate, postgres
from tests.simulation.arena import arena
from tests.simulation.history import History, history
from tests.simulation.story import tell_story

STEPS = 200
DONE = Path("build/proved")
"""The last seed that held, so that a run goes on after it."""
FLEETS = Path("build/fleets.json")
"""The same for fleets, with how often each fault was met."""
FLEET_STEPS = 40
out = Console(highlight=False)


async def _live(url: str, seed: int, steps: int) -> tuple[History, list[str]]:
    async with history(url, seed) as life:
        await life.run(steps)
        return life, await life.broken()


def one(pg: postgres.Running, seed: int, steps: int) -> tuple[list[str], list[str]]:
    """What happened, and what is broken after it."""
    name = pg.create_database(f"history_{seed}", "template_proof")
    try:
        life, broken = asyncio.run(_live(pg.url(None, name), seed, steps))
        return life.lines, broken
    except Exception as error:
        return [], [f"it did not come to its end: {error!r}"]
    finally:
        pg.drop_database(name)


def histories(pg: postgres.Running, seeds: int, steps: int) -> bool:
    """Run `seeds` histories after the last one that held."""
    first = int(DONE.read_text()) + 1 if DONE.exists() else 1
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=out) as bars:
        task = bars.add_task(f"Histories from seed {first}", total=seeds)
        for seed in range(first, first + seeds):
            _, broken = one(pg, seed, steps)
            if broken:
                out.print(f"[red]Seed {seed} breaks:[/]", *broken, sep="\n  ", markup=True)
                out.print(f"See it with: make prove SEED={seed}")
                return False
            DONE.parent.mkdir(exist_ok=True)
            DONE.write_text(str(seed))
            bars.advance(task)
    return True


def _fleets_so_far() -> tuple[int, Counter[str]]:
    kept = json.loads(FLEETS.read_text()) if FLEETS.exists() else {"seed": 0, "faults": {}}
    return int(kept["seed"]), Counter(kept["faults"])


def _keep_fleets(seed: int, faults: Counter[str]) -> None:
    FLEETS.parent.mkdir(exist_ok=True)
    FLEETS.write_text(json.dumps({"seed": seed, "faults": faults}))


async def _fleets(url: str, seeds: int) -> bool:
    """Tell `seeds` stories after the last one that held."""
    last, faults = _fleets_so_far()
    first = last + 1
    async with arena(url) as stage:
        with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=out) as bars:
            task = bars.add_task(f"Fleets from seed {first}", total=seeds)
            for seed in range(first, first + seeds):
                fleet, wrong = await tell_story(stage, seed, FLEET_STEPS)
                if wrong:
                    out.print(f"[red]Seed {seed} breaks:[/]", *wrong, sep="\n  ", markup=True)
                    out.print(f"See it with: make prove SEED={seed}")
                    return False
                faults += fleet.faults
                _keep_fleets(seed, faults)
                if seed % 50 == 0:
                    await stage.tidy()
                bars.advance(task)
    table = Table("fault", Column("times", justify="right"), title=f"{first + seeds - 1:,} fleets held so far")
    for name, times in sorted(faults.items()):
        table.add_row(name, f"{times:,}")
    out.print(table)
    return True


async def _one_fleet(url: str, seed: int) -> tuple[list[str], list[str]]:
    async with arena(url) as stage:
        fleet, wrong = await tell_story(stage, seed, FLEET_STEPS)
        return fleet.lines, wrong


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", type=int, default=100, help="how many histories (default %(default)s)")
    words.add_argument("--seed", type=int, help="only this one, told line by line")
    words.add_argument("--only", choices=("histories", "fleets"), help="only these, and no generated requests or races")
    words.add_argument("--steps", type=int, default=STEPS, help="steps of a history (default %(default)s)")
    given = words.parse_args()
    logs.configure(level="CRITICAL")
    with postgres.temporary() as pg:
        pg.create_database("template_proof")
        migrate.upgrade(pg.url(None, "template_proof"))
        if given.seed is not None:
            lines, broken = one(pg, given.seed, given.steps)
            pg.create_database("fleet", "template_proof")
            more, wrong = asyncio.run(_one_fleet(pg.url(None, "fleet"), given.seed))
            told = [*lines, *(f"BROKEN {each}" for each in broken), *more, *(f"BROKEN {each}" for each in wrong)]
            out.print(*told, sep="\n", markup=False)
            sys.exit(bool(broken or wrong))
        if given.only != "fleets" and not histories(pg, given.seeds, given.steps):
            sys.exit(1)
        pg.create_database("fleets", "template_proof")
        if given.only != "histories" and not asyncio.run(_fleets(pg.url(None, "fleets"), given.seeds)):
            sys.exit(1)
    if given.only:
        return
    rounds = max(1, given.seeds // 50)
    more = {**os.environ, "EXAMPLES": str(10 * rounds)}
    command = [sys.executable, "-m", "pytest", "-q", "tests/api/test_openapi_schemathesis.py"]
    command += ["tests/postgres/test_races.py"] * rounds
    sys.exit(subprocess.run([*command, "--keep-duplicates"], env=more, check=False).returncode)


if __name__ == "__main__":
    main()
