"""The tables of the local store.

The replica (`document`, `barcode`, `item_search`) can be rebuilt beside itself under `new_` names and swapped in one
transaction; what the device itself has to say (`command`, `attachment`, `meta` and so on) is never touched by that.
`rescued` holds what could be read of the queue of a damaged file, until the server has said what it knows (`damage`).
"""

from __future__ import annotations

REPLICA_TABLES = ("document", "barcode", "item_search")
OWN_TABLES = ("meta", "cursor", "command", "attachment", "rescued", "scan_log", "failure")
MARKED = ("command", "document")
"""Tables whose rows say with `mark` what they should add up to."""

OWN = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursor (stream TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    made_at TEXT NOT NULL,
    offset_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    outcome TEXT,
    settled_at TEXT,
    seen INTEGER NOT NULL DEFAULT 1,
    mark INTEGER
);
CREATE TABLE IF NOT EXISTS attachment (
    sha256 TEXT PRIMARY KEY, path TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL, asked_at TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rescued (n INTEGER PRIMARY KEY, row TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS command_unsettled ON command (n) WHERE state IN ('waiting', 'sent');
CREATE INDEX IF NOT EXISTS command_waiting ON command (n) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS command_unseen ON command (n) WHERE seen = 0;
CREATE TABLE IF NOT EXISTS scan_log (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, code TEXT NOT NULL, act TEXT NOT NULL, job TEXT
);
CREATE TABLE IF NOT EXISTS failure (key TEXT PRIMARY KEY, count INTEGER NOT NULL, mark TEXT NOT NULL) WITHOUT ROWID;
"""


def replica(prefix: str, full_text: bool) -> str:
    """The replica's tables, under `prefix` (`new_` while a snapshot is loaded)."""
    search = (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {prefix}item_search USING fts5"
        "(words, prefix='2 3', tokenize='unicode61 remove_diacritics 2');"
        if full_text
        else f"CREATE TABLE IF NOT EXISTS {prefix}item_search (words TEXT NOT NULL);"
    )
    return f"""
CREATE TABLE IF NOT EXISTS {prefix}document (
    key INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    mark INTEGER,
    UNIQUE (kind, id)
);
CREATE TABLE IF NOT EXISTS {prefix}barcode (code TEXT, sku TEXT, PRIMARY KEY (code, sku)) WITHOUT ROWID;
{search}
"""


def is_ours(table: str) -> bool:
    """Whether a table of this name may be in the file; a search index keeps its parts in tables of its own."""
    plain = table.removeprefix("new_").removeprefix("old_")
    return table in OWN_TABLES or plain in REPLICA_TABLES or plain.startswith("item_search_") or table == "sqlite_stat1"
