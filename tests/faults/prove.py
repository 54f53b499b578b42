"""Many rounds: kill, restart, and see that all that was acknowledged is there, once. Then many damaged device files.

    python -m tests.faults.prove --rounds 500     # goes on where it was stopped; adds up in build/faults.json

Exit code 1 when a round finds something: its seed, what is wrong, and where its journals are kept are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID
from rich.table import Column, Table

from server.kit import logs
from tests.faults.rounds import Round, play
from tests.faults.site import Site, site

DONE = Path("build/faults.json")
MUTATIONS = "10"
"""How many times as many damaged files as in `make test`."""
PER_SITE = 25
"""Rounds until a new installation: what is compared after each round grows with what was done before."""
out = Console(highlight=False)


@dataclass
class Sum:
    """What has held so far."""

    rounds: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    """Who was killed together -> rounds."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    """What became of connections through the proxy."""

    @classmethod
    def load(cls) -> Sum:
        if not DONE.exists():
            return cls()
        kept = json.loads(DONE.read_text())
        return cls(kept["rounds"], *(Counter(kept[name]) for name in ("killed", "acknowledged", "lines")))

    def add(self, done: Round) -> None:
        """Another round held; kept at once."""
        self.rounds = done.seed
        self.killed[" + ".join(done.killed)] += 1
        self.acknowledged += done.acknowledged
        self.lines += done.fates
        DONE.parent.mkdir(exist_ok=True)
        DONE.write_text(json.dumps(vars(self)))

    def table(self) -> Table:
        shown = Table("killed", Column("rounds", justify="right"), title=f"{self.rounds:,} rounds held so far")
        for names, times in sorted(self.killed.items()):
            shown.add_row(names, f"{times:,}")
        for title, counts in (("acknowledged, and there once", self.acknowledged), ("bad line", self.lines)):
            shown.add_section()
            for name, times in sorted(counts.items()):
                shown.add_row(f"{title}: {name}", f"{times:,}")
        return shown


async def _on(where: Site, seeds: range, total: Sum, bars: Progress, task: TaskID) -> bool:
    for seed in seeds:
        done = await play(where, seed)
        if done.wrong:
            out.print(f"[red]Round {seed} (killed: {', '.join(done.killed)}):[/]")
            out.print(*done.wrong, f"Journals, logs and stores are in {done.kept}", sep="\n", markup=False)
            return False
        total.add(done)
        bars.advance(task)
    return True


async def prove(rounds: int) -> bool:
    """So many rounds more; False when one of them finds something."""
    total = Sum.load()
    first, last = total.rounds + 1, total.rounds + rounds
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=out) as bars:
        task = bars.add_task(f"Kills from round {first}", total=rounds)
        for start in range(first, last + 1, PER_SITE):
            async with site(start) as where:
                if not await _on(where, range(start, min(start + PER_SITE, last + 1)), total, bars, task):
                    return False
    out.print(total.table())
    return True


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=500, help="how many more (default %(default)s)")
    logs.configure(level="CRITICAL")
    if not asyncio.run(prove(words.parse_args().rounds)):
        sys.exit(1)
    command = [sys.executable, "-m", "pytest", "-q", "tests/unit/engine/test_damage.py"]
    sys.exit(subprocess.run(command, env={**os.environ, "MUTATIONS": MUTATIONS}, check=False).returncode)


if __name__ == "__main__":
    main()
