"""A helper of a benchmark in a process of its own: it is told a word, and answers with a line of JSON."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


class Helper:
    """`python -m tests.benchmarks.MODULE WORDS...`, running."""

    def __init__(self, module: str, *words: object) -> None:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, words)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the helper has died")
        return json.loads(line)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()


@contextlib.contextmanager
def helper(module: str, *words: object) -> Iterator[Helper]:
    """Ended with the block."""
    made = Helper(module, *words)
    try:
        yield made
    finally:
        made.end()
