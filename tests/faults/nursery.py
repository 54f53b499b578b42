"""Where killed processes come back from: one process that has imported everything and forks whenever it is told to.

A kill would cost a round seconds of imports otherwise. What it forks is a process like any other: `baton` with the
words it is given, or a device; killed, it leaves what a killed process leaves.

    python -m tests.faults.nursery     # a line of JSON: {"what": "baton", "words": [...], "log": "file"} -> its number
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from server import cli
from tests.faults import device

WHAT: dict[str, Callable[[], None]] = {"baton": cli.main, "device": device.main}


def become(what: str, words: list[str], log: str) -> None:
    """The process from here on. Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(to, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [what, *words]
    code = 0
    try:
        WHAT[what]()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead: they are gone at once
    children = []
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            become(**asked)
        children.append(child)
        print(child, flush=True)
    for child in children:  # whoever told us is gone
        if str(Path(__file__).stem) in _command_of(child):
            os.kill(child, signal.SIGKILL)


def _command_of(pid: int) -> str:
    """What a process was started as; a fork has the name of its parent."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
