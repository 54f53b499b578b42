"""The local store: one SQLite file, one writer at a time, readers that do not wait for it.

WAL with `synchronous=FULL`: what `write` has committed survives a flat battery. Every write goes through one connection
under one lock; slow reads (a search, a list of finished jobs) use another connection and never hold up a scan.

The log is carried over into the file as a whole and emptied in the same breath, never in parts: then the file with any
beginning of its log is the store after some commit. A log that loses its end, or breaks in the middle (each piece of it
has a checksum), costs the newest commits and mixes nothing.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.fulfilment import Fulfilment
from store_app.engine import damage, schema
from store_app.engine.vault import Vault

Row = tuple[Any, ...]
SETTINGS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "cache_size=-16000",
    "secure_delete=ON",
    "wal_autocheckpoint=0",  # it would leave in the log what is in the file already
)
LOG_BYTES = 4 * 1024 * 1024
"""A log longer than this is carried over into the file."""
log = logging.getLogger(__name__)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except damage.ERRORS:
        connection.close()
        raise
    return connection


class Database:
    """`write()` is a transaction; `one`, `all` read what is committed; `meta` are small values by name."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self.vault = vault
        """Seals and opens what is personal in the bodies of documents and commands."""
        self.lock = threading.RLock()
        """Held while the store and what is kept in memory from it change together."""
        self._read_lock = threading.Lock()
        self._path, self._log = path, Path(f"{path}-wal")
        self._depth = 0
        self._later: list[tuple[str, Row]] = []
        self.damaged = False
        """Set when SQLite has said so: what is read or written from now on cannot be relied on."""
        self.on_damage: Callable[[], None] = lambda: None
        self._open()

    def _open(self) -> None:
        """Both connections, and the tables. Raises sqlite3.Error, with nothing left open."""
        with ExitStack() as opened:
            self._writer = opened.enter_context(closing(_connect(self._path)))
            options = {row[0] for row in self._writer.execute("PRAGMA compile_options")}
            self.full_text = "ENABLE_FTS5" in options
            self._writer.executescript(schema.OWN + schema.replica("", self.full_text))
            for table in schema.MARKED:
                if all(column[1] != "mark" for column in self._writer.execute(f"PRAGMA table_info({table})")):
                    self._writer.execute(f"ALTER TABLE {table} ADD COLUMN mark INTEGER")
            damage.verify(self._writer, full_text=self.full_text)
            self._reader = opened.enter_context(closing(_connect(self._path)))
            self._reader.execute("PRAGMA query_only=1")
            opened.pop_all()

    @classmethod
    def replace(cls, path: Path, vault: Vault, at: datetime) -> None:
        """Put an empty file in the place of a damaged one, with what could be saved of that."""
        damage.finish(path)
        saved = damage.read(path, at)
        fresh = cls(damage.fresh_name(path), vault)
        with fresh.write() as tx:
            damage.put_back(tx, saved, at)
        fresh.close()
        damage.set_aside(path, saved)

    def begin_anew(self, at: datetime) -> None:
        """The file turned out to be damaged while it was used: go on with another one."""
        with self.lock, self._read_lock:
            for connection in (self._writer, self._reader):
                with suppress(*damage.ERRORS):
                    connection.close()
            self._later.clear()
            self.replace(self._path, self.vault, at)
            self._open()
            self.damaged = False

    def _notice(self, error: Exception) -> None:
        if damage.is_damage(error) and not self.damaged:
            self.damaged = True
            log.error("the store is damaged: %s", error)
            self.on_damage()

    def close(self) -> None:
        """Everything committed is in the file; writes that only log are flushed."""
        with self.lock:
            if self._later:
                with self.write():
                    pass
            self._writer.close()
        with self._read_lock:
            self._reader.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed to disk when the block ends, rolled back when it raises. Nesting joins."""
        with self.lock:
            if self._depth:
                yield self._writer
                return
            self._depth = 1
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                for sql, values in self._later:
                    self._writer.execute(sql, values)
                self._writer.execute("COMMIT")
                self._later.clear()
            except BaseException as error:
                if isinstance(error, damage.ERRORS):
                    self._notice(error)
                if self._writer.in_transaction:  # SQLite may have rolled back by itself
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0
            self._carry_over()

    def _carry_over(self) -> None:
        """The log into the file, once it is long; later, when somebody is reading a long list just now."""
        if self._log.stat().st_size > LOG_BYTES and self._read_lock.acquire(blocking=False):
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except damage.ERRORS as error:  # the commit stands; the log is only longer than it should be
                self._notice(error)
            finally:
                self._read_lock.release()

    def shrink_log(self) -> None:
        """Everything committed goes into the file, and the write-ahead log, which still has what was overwritten, is
        emptied."""
        with self.lock, self._read_lock:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def compact(self) -> None:
        """Write the file anew without what was deleted, and empty the write-ahead log."""
        with self.lock, self._read_lock:
            self._writer.execute("VACUUM")
        self.shrink_log()

    def later(self, sql: str, values: Row) -> None:
        """Write this along with the next transaction: for logs, which need no commit of their own."""
        with self.lock:
            self._later.append((sql, values))

    def one(self, sql: str, *values: object) -> Row | None:
        """The first row, read on the writing connection: sees the transaction that is going on."""
        with self.lock:
            try:
                row: Row | None = self._writer.execute(sql, values).fetchone()
            except damage.ERRORS as error:
                self._notice(error)
                raise
            return row

    def all(self, sql: str, *values: object) -> list[Row]:
        """Every row, read on the writing connection: only for short lists."""
        with self.lock:
            return self._fetch(self._writer, sql, values)

    def browse(self, sql: str, *values: object) -> list[Row]:
        """Every row, read beside the writer: for searches and long lists."""
        with self._read_lock:
            return self._fetch(self._reader, sql, values)

    def _fetch(self, connection: sqlite3.Connection, sql: str, values: Row) -> list[Row]:
        try:
            return connection.execute(sql, values).fetchall()
        except damage.ERRORS as error:
            self._notice(error)
            raise

    # ------------------------------------------------------------ small values

    def meta(self, key: str) -> Any:
        """A small value by name, or None."""
        row = self.one("SELECT value FROM meta WHERE key = ?", key)
        return json.loads(row[0]) if row else None

    def set_meta(self, **values: Any) -> None:
        """Keep small values; None forgets one."""
        with self.write() as tx:
            for key, value in values.items():
                if value is None:
                    tx.execute("DELETE FROM meta WHERE key = ?", (key,))
                else:
                    tx.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def document(self, kind: str, id_: str) -> str | None:
        """The JSON of a document of the replica."""
        row = self.one("SELECT body FROM document WHERE kind = ? AND id = ?", kind, id_)
        return row[0] if row else None

    def job(self, id_: str) -> Fulfilment | None:
        """A job of the replica, its personal data opened."""
        body = self.document("fulfilment", id_)
        return self.vault.job(id_, body) if body else None

    def jobs(self, where: str, *values: object) -> list[Fulfilment]:
        """Jobs of the replica that an SQL condition names, read beside the writer, opened."""
        sql = f"SELECT id, body FROM document WHERE kind = 'fulfilment' AND {where}"  # noqa: S608  (own conditions)
        return [self.vault.job(id_, body) for id_, body in self.browse(sql, *values)]

    def documents(self, kind: str) -> list[str]:
        """The JSON of every document of a kind: for kinds with few."""
        return [row[0] for row in self.browse("SELECT body FROM document WHERE kind = ?", kind)]
