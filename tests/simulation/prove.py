"""The long proofs: many random histories, more generated requests, the races again and again.

    python -m tests.simulation.prove --seeds 500      # goes on where it was stopped
    python -m tests.simulation.prove --seed 42        # one history, told line by line

Exit code 1 when a history breaks an invariant; its seed is printed, and enough to see it again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from server.kit import logs, migrate, postgres
from tests.simulation.history import History, history

STEPS = 200
DONE = Path("build/proved")
"""The last seed that held, so that a run goes on after it."""
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


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", type=int, default=100, help="how many histories (default %(default)s)")
    words.add_argument("--seed", type=int, help="only this one, told line by line")
    words.add_argument("--steps", type=int, default=STEPS, help="steps of a history (default %(default)s)")
    given = words.parse_args()
    logs.configure(level="CRITICAL")
    with postgres.temporary() as pg:
        pg.create_database("template_proof")
        migrate.upgrade(pg.url(None, "template_proof"))
        if given.seed is not None:
            lines, broken = one(pg, given.seed, given.steps)
            out.print(*lines, *(f"BROKEN {each}" for each in broken), sep="\n", markup=False)
            sys.exit(bool(broken))
        if not histories(pg, given.seeds, given.steps):
            sys.exit(1)
    rounds = max(1, given.seeds // 50)
    more = {**os.environ, "EXAMPLES": str(10 * rounds)}
    command = [sys.executable, "-m", "pytest", "-q", "tests/api/test_openapi_schemathesis.py"]
    command += ["tests/postgres/test_races.py"] * rounds
    sys.exit(subprocess.run([*command, "--keep-duplicates"], env=more, check=False).returncode)


if __name__ == "__main__":
    main()
