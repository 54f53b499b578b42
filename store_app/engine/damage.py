"""A file that can no longer be trusted: how that is noticed, and what is saved of it.

SQLite notices what does not hang together; rows that matter say with a `mark` what they should add up to. A damaged
file is never repaired. It is set aside under a name that says so, the store begins anew and loads everything from the
server. What exists nowhere else is the queue: the commands that can be read, and are exactly what they were, are kept
in the new file (`rescued`) until the server says which it has. Then those that follow on without a gap go into the
queue.

The new file is whole before the damaged one is moved, so that a battery that dies in between loses nothing either.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from shared.sync import CommandOutcome
from store_app.engine import schema

MADE = "n, id, kind, schema, body, actor, made_at, offset_ms"
"""What a command is from the moment it was made."""
ENDS = ("", "-wal", "-shm")
"""Of the names of the files that SQLite makes of one."""
LATER = "state, outcome, settled_at, seen"
KEPT_FOR = timedelta(days=14)
"""How long a damaged file is kept for whoever wants to look into it."""
NOT_THE_FILE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_INTERRUPT,
    }
)
"""What says nothing about the file itself."""


ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What reading and writing may raise; the second where a text is none, even that of SQLite's own complaint."""


class Damaged(sqlite3.DatabaseError):
    """Rows do not add up, or SQLite says that its file does not hang together."""


def mark(values: Iterable[object]) -> int:
    """What a row adds up to: any few bits that change, change this too."""
    return zlib.crc32("\x1f".join(map(str, values)).encode())


def is_damage(error: Exception) -> bool:
    """Whether an error of work that usually succeeds says that the file is damaged."""
    if isinstance(error, (Damaged, UnicodeDecodeError)):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # Python's own: text that is none
        return isinstance(error, sqlite3.OperationalError)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or code == sqlite3.SQLITE_IOERR_SHORT_READ


def keeps_from_opening(error: Exception, file: Path) -> bool:
    """The same while the file is opened, where nothing else can be wrong with statements that always work: columns that
    are not there, a version nobody knows, a file that says it may not be written although it may."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_READONLY:
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    return is_damage(error) or (code not in NOT_THE_FILE and code != sqlite3.SQLITE_IOERR)


def _shape(connection: sqlite3.Connection) -> dict[str, tuple[list[Any], list[Any]]]:
    """Columns and indexes of every table of ours."""
    return {
        table: (
            connection.execute(f"PRAGMA table_info({table})").fetchall(),
            sorted(row[2:] for row in connection.execute(f"PRAGMA index_list({table})")),
        )
        for table in (*schema.OWN_TABLES, *schema.REPLICA_TABLES)
    }


@cache
def _right_shape(full_text: bool) -> dict[str, tuple[list[Any], list[Any]]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.OWN + schema.replica("", full_text))
        return _shape(connection)


def verify(connection: sqlite3.Connection, *, full_text: bool = True) -> None:
    """Raises `Damaged` when the file does not hang together, a table is not as we make it, or a row not what it was."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(found)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if strangers := [name for name in tables if not schema.is_ours(name)]:
        raise Damaged(f"there are tables nobody made: {strangers}")
    if _shape(connection) != _right_shape(full_text):
        raise Damaged("a table is not as it was made")
    for columns, table in ((MADE, "command"), ("kind, id, body", "document")):
        for *values, kept in connection.execute(f"SELECT {columns}, mark FROM {table}"):  # noqa: S608 (own names)
            if kept is not None and mark(values) != kept:
                raise Damaged(f"a row of {table} is not what it was")


# ---------------------------------------------------------------- saving what can be saved


@dataclass
class Saved:
    """What was read of a damaged file before it was set aside as `name`."""

    name: str
    meta: dict[str, str] = field(default_factory=dict)
    """Whose device it is, and settings, as they lie in the table."""
    commands: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Number -> the row, for each that is what it was."""


def fresh_name(file: Path) -> Path:
    """Where the new file is made."""
    return file.with_name(f"{file.stem}.new{file.suffix}")


def finish(file: Path) -> None:
    """Whoever was interrupted while a damaged file was replaced: it is replaced now, or not begun."""
    fresh = fresh_name(file)
    if fresh.exists() and not file.exists():
        for end in ENDS[1:]:
            Path(f"{file}{end}").unlink(missing_ok=True)
        fresh.replace(file)
    for end in ENDS:
        Path(f"{fresh}{end}").unlink(missing_ok=True)


def set_aside(file: Path, saved: Saved) -> None:
    """The damaged file and its log go out of the way, the new one takes its place."""
    for end in ENDS[:2]:
        with suppress(FileNotFoundError):
            Path(f"{file}{end}").replace(file.with_name(f"{saved.name}{end}"))
    Path(f"{file}-shm").unlink(missing_ok=True)
    fresh_name(file).replace(file)


def read(file: Path, at: datetime) -> Saved:
    """Whatever can be read of a damaged file, which is not touched by that."""
    names = (f"{file.stem}.damaged-{at:%Y%m%d-%H%M%S}-{number}{file.suffix}" for number in count(1))
    saved = Saved(next(name for name in names if not file.with_name(name).exists()))
    with tempfile.TemporaryDirectory(dir=file.parent, prefix="reading-") as folder:
        copy = Path(folder) / file.name  # to read is to change: SQLite empties the log when it is done
        for end in ENDS[:2]:
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{file}{end}", f"{copy}{end}")
        with suppress(*ERRORS), closing(sqlite3.connect(copy)) as connection:
            _read(connection, saved)
    return saved


def _read(connection: sqlite3.Connection, saved: Saved) -> None:
    with suppress(*ERRORS):
        wanted = "key IN ('device', 'node') OR key = 'settings' OR key LIKE 'settings/%'"
        for key, value in connection.execute(f"SELECT key, value FROM meta WHERE {wanted}"):  # noqa: S608
            with suppress(ValueError, TypeError):
                json.loads(value)
                saved.meta[key] = value
    names = f"{MADE}, {LATER}".split(", ")
    made = len(MADE.split(", "))
    for order in ("", "DESC"):  # past a broken page from the other side
        with suppress(*ERRORS):
            for *row, kept in connection.execute(f"SELECT {MADE}, {LATER}, mark FROM command ORDER BY n {order}"):  # noqa: S608
                if kept is not None and mark(row[:made]) == kept:
                    saved.commands[int(row[0])] = dict(zip(names, row, strict=True))


def put_back(tx: sqlite3.Connection, saved: Saved, at: datetime) -> None:
    """Into the new file: whose device it is, what waits for the server's word, and what is to be told."""
    told = {"at": at.isoformat(), "file": saved.name, "rescued": None, "left": 0}
    values = {**saved.meta, "mended": json.dumps(told)}
    tx.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
    rows = [(n, json.dumps(row)) for n, row in saved.commands.items()]
    tx.executemany("INSERT OR REPLACE INTO rescued VALUES (?, ?)", rows)


def insert(tx: sqlite3.Connection, row: dict[str, Any], *, settled: bool) -> None:
    """A rescued command. What the server has told about one that it has is kept where it is still to be read; without
    that it is asked again."""
    made = [row[name] for name in MADE.split(", ")]
    outcome = _outcome(row) if settled else None
    later = ("settled", outcome, row["settled_at"], row["seen"] != 0) if outcome else ("waiting", None, None, True)
    tx.execute(
        f"INSERT INTO command ({MADE}, {LATER}, mark) VALUES ({', '.join('?' * 13)})",  # noqa: S608 (own names)
        (*made, *later, mark(made)),
    )


def _outcome(row: dict[str, Any]) -> str | None:
    """What became of it, if that is settled and readable."""
    try:
        outcome = CommandOutcome.model_validate_json(row["outcome"] or "")
        datetime.fromisoformat(row["settled_at"])
    except (ValueError, TypeError):
        return None
    ours = row["state"] == "settled" and (outcome.n, str(outcome.id)) == (row["n"], row["id"])
    return outcome.model_dump_json() if ours else None


def safe(numbers: Iterable[int], last_n: int) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Numbers of commands by what they are to a server that has `last_n`: those it has (back to the first gap), those
    that follow on without a gap, and those that do not, which nobody can send any more."""
    known = frozenset(numbers)
    first, end = last_n, last_n + 1
    while first in known:
        first -= 1
    while end in known:
        end += 1
    return range(first + 1, last_n + 1), range(last_n + 1, end), sorted(n for n in known if n > end)


def forget_files(file: Path, before: datetime | None = None) -> None:
    """Damaged files leave the device: those from before then, or all."""
    for aside in file.parent.glob(f"{file.stem}.damaged-*"):
        if before is None or aside.stat().st_mtime < before.timestamp():
            aside.unlink(missing_ok=True)
