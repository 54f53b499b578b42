"""`baton ...` as a person runs it: a process of its own, told in its environment which database is meant."""

from __future__ import annotations

import os
import subprocess
import sys


def baton(*words: str, database: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its words, its complaints and its exit code."""
    told = {**os.environ, "BATON_DATABASE_URL": database, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *words], env=told, capture_output=True, text=True, timeout=300, check=False
    )
