"""The copy of the store's documents, exactly as of `cursor`.

A page of the feed is one local transaction: documents, cursor, and the commands its outcomes settle. A snapshot is
loaded into new tables beside the old ones in small pieces (scans go on meanwhile) and swapped in one transaction; the
queue is not touched by it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from shared.sync import FeedRow, Page
from store_app.engine import schema
from store_app.engine.damage import mark
from store_app.engine.db import Database
from store_app.engine.effective import View
from store_app.engine.notify import Bus, Topic
from store_app.engine.outbox import Outbox
from store_app.engine.photos import send_again
from store_app.engine.vault import Vault

_TOPICS = {
    "fulfilment": Topic.JOBS,
    "stock": Topic.STOCK,
    "item": Topic.STOCK,
    "person": Topic.SESSION,
    "node": Topic.SETTINGS,
    "exception": Topic.NEEDS_YOU,
    "received": Topic.STOCK,
}


class BrokenSnapshot(Exception):
    """A snapshot that ended early or does not count up; the old replica stays."""


class Replica:
    """Documents and cursor. `apply` and `Snapshot.swap` are the only ways they change."""

    def __init__(self, db: Database, outbox: Outbox, view: View, bus: Bus) -> None:
        self.db, self.outbox, self.view, self.bus = db, outbox, view, bus

    @property
    def cursor(self) -> dict[str, int]:
        """Stream -> last sequence number contained. Empty: nothing was ever loaded."""
        return dict(self.db.all("SELECT stream, seq FROM cursor"))

    def apply(self, page: Page) -> int:
        """Take in a page; rows that were contained already change nothing. Returns how many were new."""
        fresh: list[FeedRow] = []
        settled: list[int] = []
        with self.db.lock:
            with self.db.write() as tx:
                cursor = self.cursor
                for row in page.rows:
                    if row.seq > cursor.get(row.stream, 0):
                        fresh.append(row)
                        _put(tx, self.db.vault, row, "")
                        settled += self._settle(tx, row)
                for stream, seq in page.cursor.items():
                    if seq > cursor.get(stream, 0):
                        tx.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (stream, seq))
            self.view.refresh((UUID(row.id) for row in fresh if row.kind == "fulfilment"), settled)
        self._tell(fresh, settled)
        return len(fresh)

    def snapshot(self) -> Snapshot:
        """Begin to load a snapshot; nothing shows before its `swap`."""
        return Snapshot(self)

    def _settle(self, tx: sqlite3.Connection, row: FeedRow) -> list[int]:
        origin = row.origin
        if origin is None or origin.device != self.view.device:
            return []
        return [origin.outcome.n] if self.outbox.settle(tx, origin.outcome) else []

    def _tell(self, fresh: Iterable[FeedRow], settled: list[int]) -> None:
        topics = {_TOPICS[row.kind] for row in fresh if row.kind in _TOPICS}
        if settled:
            topics |= {Topic.SYNC, Topic.JOBS, Topic.NEEDS_YOU, Topic.STOCK}
        self.bus.tell(*topics)


class Snapshot:
    """A new replica beside the old one. `add` as often as lines come, then `swap`."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._db = replica.db
        self._rows = 0
        self._outcomes: list[FeedRow] = []
        self._drop("new_")
        with self._db.lock:
            for statement in schema.replica("new_", self._db.full_text).split(";"):
                self._db.one(statement)

    def add(self, rows: Iterable[FeedRow]) -> None:
        """One piece, in its own short transaction."""
        with self._db.write() as tx:
            for row in rows:
                self._rows += 1
                _put(tx, self._db.vault, row, "new_")
                if row.origin is not None:
                    self._outcomes.append(row)

    def swap(self, cursor: dict[str, int], epoch: int, rows: int, last_n: int | None) -> None:
        """Show the new replica. `last_n`: the last command of this device whose effect it contains."""
        if rows != self._rows:
            raise BrokenSnapshot(f"{self._rows} rows came, {rows} were sent")
        replica = self._replica
        with self._db.lock:
            with self._db.write() as tx:
                before = self._db.meta("epoch")
                for table in schema.REPLICA_TABLES:
                    tx.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
                    tx.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
                tx.execute("DELETE FROM cursor")
                tx.executemany("INSERT INTO cursor VALUES (?, ?)", cursor.items())
                tx.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (json.dumps(epoch),))
                for row in self._outcomes:
                    replica._settle(tx, row)
                if last_n is not None:
                    replica.outbox.settle_contained(tx, last_n)
                    if epoch != before:  # another history: what it does not contain never happened in it
                        replica.outbox.unsettle_after(tx, last_n)
                        send_again(tx)
            replica.view.load(replica.view.device, replica.outbox.unsettled())
        self._drop("old_")
        replica.bus.tell(*Topic)

    def _drop(self, prefix: str) -> None:
        with self._db.lock:
            for table in schema.REPLICA_TABLES:
                self._db.one(f"DROP TABLE IF EXISTS {prefix}{table}")


# ---------------------------------------------------------------- one document


def _put(tx: sqlite3.Connection, vault: Vault, row: FeedRow, prefix: str) -> None:
    """Write one document, or take it out, with what makes it findable."""
    if row.kind == "outcome":
        return
    known = tx.execute(
        f"SELECT key, body FROM {prefix}document WHERE kind = ? AND id = ?",  # noqa: S608
        (row.kind, row.id),
    ).fetchone()
    if row.kind == "item":
        _forget_item(tx, known, prefix)
    if row.body is None:
        if known:
            tx.execute(f"DELETE FROM {prefix}document WHERE key = ?", (known[0],))  # noqa: S608
        return
    body = vault.seal(row.kind, row.id, row.body)
    if known:
        key = known[0]
        tx.execute(
            f"UPDATE {prefix}document SET stream = ?, version = ?, body = ?, mark = ? WHERE key = ?",  # noqa: S608
            (row.stream, row.version, body, mark((row.kind, row.id, body)), key),
        )
    else:
        key = tx.execute(
            f"INSERT INTO {prefix}document (kind, id, stream, version, body, mark) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (row.kind, row.id, row.stream, row.version, body, mark((row.kind, row.id, body))),
        ).lastrowid
    if row.kind == "item":
        _index_item(tx, key, row.body, prefix)


def _forget_item(tx: sqlite3.Connection, known: tuple[int, str] | None, prefix: str) -> None:
    if known is None:
        return
    body = json.loads(known[1])
    for code in body.get("barcodes", ()):
        tx.execute(f"DELETE FROM {prefix}barcode WHERE code = ? AND sku = ?", (code.upper(), body["sku"]))  # noqa: S608
    tx.execute(f"DELETE FROM {prefix}item_search WHERE rowid = ?", (known[0],))  # noqa: S608


def _index_item(tx: sqlite3.Connection, key: int | None, body: dict[str, Any], prefix: str) -> None:
    sku = body["sku"]
    codes = {(code.upper(), sku) for code in body.get("barcodes", ())}
    tx.executemany(f"INSERT OR IGNORE INTO {prefix}barcode VALUES (?, ?)", codes)  # noqa: S608
    words = " ".join([sku, body.get("name", ""), body.get("variant", ""), body.get("category", ""), *dict(codes)])
    tx.execute(f"INSERT INTO {prefix}item_search (rowid, words) VALUES (?, ?)", (key, words))  # noqa: S608
