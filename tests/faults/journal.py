"""What was acknowledged, written down by whoever heard it: a file that only grows, on the disk line by line.

A verb, or a request, is in its journal *after* it was acknowledged. So whatever stands there must be found later,
however many processes were killed meanwhile; what was under way when its author was killed may be there or not.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """`note` returns when the line is on the disk."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, **entry: Any) -> None:
        os.write(self._file, json.dumps(entry).encode() + b"\n")
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> list[dict[str, Any]]:
    """Every whole line. One that a killed author has left half written was never acknowledged to anybody."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
