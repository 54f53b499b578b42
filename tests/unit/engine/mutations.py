"""Files as a bad copy, a bad card or a bad day leaves them: cut short, bits turned over, a block never written."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

BLOCK = 4096


def copy(file: Path, to: Path) -> Path:
    """The file and its log as they lie there now. The index of the log is not copied: SQLite makes it anew."""
    to.mkdir(parents=True)
    for end in ("", "-wal"):
        if Path(f"{file}{end}").exists():
            shutil.copyfile(f"{file}{end}", f"{to / file.name}{end}")
    return to / file.name


def mutate(path: Path, chance: Random) -> str:
    """Do something to a file; what it was."""
    data = bytearray(path.read_bytes())
    if not data:
        return "it is empty"
    what = chance.choice(("cut", "bits", "bits", "block"))
    at = chance.randrange(len(data))
    if what == "cut":
        del data[at:]
    elif what == "bits":
        for _ in range(chance.choice((1, 1, 3, 20))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    else:
        start = at - at % BLOCK
        data[start : start + BLOCK] = bytes(len(data[start : start + BLOCK]))
    path.write_bytes(data)
    return f"{what} at {at} of {len(data)}"
