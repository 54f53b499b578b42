"""The local store: one SQLite file, one writer at a time, readers that do not wait for it.

WAL with `synchronous=FULL`: what `write` has committed survives a flat battery. Every write goes through one connection
under one lock; slow reads (a search, a list of finished jobs) use another connection and never hold up a scan.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.fulfilment import Fulfilment
from store_app.engine import schema
from store_app.engine.vault import Vault

Row = tuple[Any, ...]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA cache_size=-16000")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


class Database:
    """`write()` is a transaction; `one`, `all` read what is committed; `meta` are small values by name."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self.vault = vault
        """Seals and opens what is personal in the bodies of documents and commands."""
        self.lock = threading.RLock()
        """Held while the store and what is kept in memory from it change together."""
        self._read_lock = threading.Lock()
        self._writer = _connect(path)
        self._depth = 0
        self._later: list[tuple[str, Row]] = []
        options = {row[0] for row in self._writer.execute("PRAGMA compile_options")}
        self.full_text = "ENABLE_FTS5" in options
        self._writer.executescript(schema.OWN + schema.replica("", self.full_text))
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only=1")

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
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

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
            row: Row | None = self._writer.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, *values: object) -> list[Row]:
        """Every row, read on the writing connection: only for short lists."""
        with self.lock:
            return self._writer.execute(sql, values).fetchall()

    def browse(self, sql: str, *values: object) -> list[Row]:
        """Every row, read beside the writer: for searches and long lists."""
        with self._read_lock:
            return self._reader.execute(sql, values).fetchall()

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
