"""The device's queue: what people did, numbered 1, 2, 3 without gaps, until the feed has settled it.

`append` returns when the command is on the disk. `sent` is only a hint that the server has answered; a command leaves
the queue when the replica's cursor passes its outcome (`settle`, called by `replica` inside its transaction). Settled
commands stay for a fortnight as a journal, which a server restored from a backup asks for again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from shared.exceptions import stands_in_list
from shared.kernel import Input, uuid7
from shared.sync import SCHEMA, CommandOutcome
from store_app.engine import damage
from store_app.engine.clock import Chance, Clock
from store_app.engine.commands import Queued, parse
from store_app.engine.db import Database, Row
from store_app.engine.vault import Vault

JOURNAL_DAYS = 14
NEEDS_SOMEBODY = frozenset({"refused", "adjusted", "exception", "held"})
"""Outcomes a person must see."""
TOLD_ONCE = frozenset({"taken_meanwhile"})
"""Notices that say the same of every later command of the job."""
_COLUMNS = "n, id, kind, body, actor, made_at, offset_ms, schema, state, outcome"


class Outbox:
    """`on_append` and `on_reload` keep what is in memory in step, inside the same lock. `schema` is the version of
    commands that this app writes."""

    schema = SCHEMA

    def __init__(self, db: Database, clock: Clock, chance: Chance) -> None:
        self._db, self._clock, self._chance = db, clock, chance
        self.on_write: Callable[[sqlite3.Connection, Queued], None] = lambda tx, queued: None
        """Called in the transaction that writes a command."""
        self.on_append: Callable[[Queued], None] = lambda queued: None
        self.on_reload: Callable[[], None] = lambda: None

    @property
    def offset_ms(self) -> int:
        """Measured: server clock minus this device's."""
        return int(self._db.meta("offset_ms") or 0)

    def append(self, command: Input, actor: str) -> Queued:
        """Queue a command: numbered, on the disk and in effect on this device when this returns."""
        now = self._clock.now()
        with self._db.lock:
            with self._db.write() as tx:
                queued = Queued(
                    n=self.last_n + 1,
                    id=uuid7(now, self._chance.randbytes(10)),
                    command=command,
                    body=command.model_dump(mode="json"),
                    actor=actor,
                    made_at=now,
                    offset_ms=self.offset_ms,
                    version=self.schema,
                )
                body = self._db.vault.seal(queued.kind, str(queued.id), queued.body)
                made = (queued.version, body, actor, now.isoformat(), queued.offset_ms)
                row = (queued.n, str(queued.id), queued.kind, *made)
                tx.execute(
                    f"INSERT INTO command ({damage.MADE}, mark) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (*row, damage.mark(row)),
                )
                self.on_write(tx, queued)
            self.on_append(queued)
        return queued

    # ------------------------------------------------------------ reading

    @property
    def last_n(self) -> int:
        """The number of the newest command; a server that knows more than we do raises it (`skip_to`)."""
        row = self._db.one("SELECT coalesce(max(n), 0) FROM command")
        return max(row[0] if row else 0, int(self._db.meta("n_floor") or 0))

    @property
    def settled_n(self) -> int:
        """The newest command that a feed or a snapshot has settled."""
        row = self._db.one("SELECT coalesce(max(n), 0) FROM command WHERE state = 'settled'")
        return int(row[0]) if row else 0

    @property
    def waiting(self) -> int:
        """Commands that are not settled."""
        row = self._db.one("SELECT count(*) FROM command WHERE state IN ('waiting', 'sent')")
        return int(row[0]) if row else 0

    @property
    def waiting_to_go(self) -> int:
        """Commands that the server has not answered."""
        row = self._db.one("SELECT count(*) FROM command WHERE state = 'waiting'")
        return int(row[0]) if row else 0

    @property
    def needs_you(self) -> int:
        """Outcomes nobody has looked at yet."""
        row = self._db.one("SELECT count(*) FROM command WHERE seen = 0")
        return int(row[0]) if row else 0

    def unsettled(self) -> list[Queued]:
        """The whole queue, in order."""
        return self._read("state IN ('waiting', 'sent')", 1_000_000)

    def to_push(self, limit: int) -> list[Queued]:
        """The next commands the server has not answered yet, without a gap."""
        found = self._read("state = 'waiting'", limit)
        return [queued for place, queued in enumerate(found) if queued.n == found[0].n + place]

    def unseen(self, limit: int = 100) -> list[Queued]:
        """Outcomes that need somebody, newest first."""
        return self._read("seen = 0", limit, "DESC")

    def journal(self, limit: int = 200) -> list[Queued]:
        """The queue and what became of earlier commands, newest first: for the sync screen."""
        return self._read("true", limit, "DESC")

    def _read(self, where: str, limit: int, order: str = "") -> list[Queued]:
        sql = f"SELECT {_COLUMNS} FROM command WHERE {where} ORDER BY n {order} LIMIT ?"  # noqa: S608  (own constants)
        return [_queued(row, self._db.vault) for row in self._db.all(sql, limit)]

    # ------------------------------------------------------------ what the server said

    def mark_sent(self, outcomes: Iterable[CommandOutcome]) -> list[CommandOutcome]:
        """The server has these. The outcome is kept as a hint; only the feed settles. Returns those of other ids."""
        strangers = []
        with self._db.write() as tx:
            for outcome in outcomes:
                row = tx.execute("SELECT id FROM command WHERE n = ?", (outcome.n,)).fetchone()
                if row is None or row[0] != str(outcome.id):
                    strangers.append(outcome)
                    continue
                tx.execute(
                    "UPDATE command SET state = 'sent', outcome = ? WHERE n = ? AND state = 'waiting'",
                    (outcome.model_dump_json(), outcome.n),
                )
        return strangers

    def settle(self, tx: sqlite3.Connection, outcome: CommandOutcome) -> bool:
        """The feed contains this outcome: off the queue. False when it is not (or no longer) ours to settle."""
        changed = tx.execute(
            "UPDATE command SET state = 'settled', outcome = ?, settled_at = ?, seen = ?"
            " WHERE n = ? AND id = ? AND state != 'settled'",
            (
                outcome.model_dump_json(),
                self._clock.now().isoformat(),
                int(not _is_news(tx, outcome)),
                outcome.n,
                str(outcome.id),
            ),
        )
        return changed.rowcount > 0

    def settle_contained(self, tx: sqlite3.Connection, last_n: int) -> None:
        """A snapshot contains the effect of every command up to `last_n`; what became of them is asked for later."""
        rows = tx.execute("SELECT n, outcome FROM command WHERE n <= ? AND state != 'settled'", (last_n,)).fetchall()
        for n, hint in rows:
            if hint:
                self.settle(tx, CommandOutcome.model_validate_json(hint))
            else:
                tx.execute(
                    "UPDATE command SET state = 'settled', settled_at = ? WHERE n = ?",
                    (self._clock.now().isoformat(), n),
                )

    def unexplained(self, limit: int) -> list[Queued]:
        """Settled by a snapshot, and nobody knows how: sent again, the server says what it did."""
        return self._read("state = 'settled' AND outcome IS NULL", limit)

    def put_back(self, n: int) -> None:
        """A snapshot settled it by its number, which means another command to the server."""
        with self._db.lock:
            with self._db.write() as tx:
                tx.execute("UPDATE command SET state = 'waiting', settled_at = NULL WHERE n = ?", (n,))
            self.on_reload()

    def explain(self, outcomes: Iterable[CommandOutcome]) -> None:
        """What became of commands that a snapshot settled."""
        with self._db.write() as tx:
            for outcome in outcomes:
                tx.execute(
                    "UPDATE command SET outcome = ?, seen = ? WHERE n = ? AND id = ? AND outcome IS NULL",
                    (
                        outcome.model_dump_json(),
                        int(not _is_news(tx, outcome)),
                        outcome.n,
                        str(outcome.id),
                    ),
                )

    def send_again_after(self, last_n: int) -> None:
        """The server has nothing after `last_n`: whatever we believed about later commands, they go again."""
        with self._db.lock:
            with self._db.write() as tx:
                changed = self.unsettle_after(tx, last_n)
            if changed:
                self.on_reload()

    def unsettle_after(self, tx: sqlite3.Connection, last_n: int) -> int:
        """Back into the queue with whatever the server does not know; how many commands that are."""
        changed = tx.execute(
            "UPDATE command SET state = 'waiting', outcome = NULL, settled_at = NULL, seen = 1"
            " WHERE n > ? AND state != 'waiting'",
            (last_n,),
        )
        return changed.rowcount

    def renumber_after(self, first: int, last_n: int) -> None:
        """Numbers from `first` on mean other commands to the server (this store is an old copy): ours follow its own.

        Ids stay, so a command the server did take under another number is still applied once.
        """
        with self._db.lock:
            with self._db.write() as tx:
                rows = tx.execute(
                    f"SELECT {damage.MADE} FROM command WHERE n >= ? AND state != 'settled' ORDER BY n DESC",  # noqa: S608
                    (first,),
                ).fetchall()
                top = max(last_n, first - 1)
                for place, (n, *made) in enumerate(rows):
                    number = top + len(rows) - place
                    tx.execute(
                        "UPDATE command SET n = ?, mark = ?, state = 'waiting', outcome = NULL WHERE n = ?",
                        (number, damage.mark((number, *made)), n),
                    )
                tx.execute("INSERT OR REPLACE INTO meta VALUES ('n_floor', ?)", (json.dumps(top),))
            self.on_reload()

    def take_back(self, last_n: int) -> None:
        """What was read of a damaged queue, now that the server has said what it knows: the commands that follow on
        without a gap are sent, those it has explain themselves, the others stay in the damaged file."""
        rows = {n: json.loads(row) for n, row in self._db.all("SELECT n, row FROM rescued")}
        told = self._db.meta("mended")
        if not rows and (told is None or told["rescued"] is not None):
            return
        known, fresh, left = damage.safe(rows, last_n)
        with self._db.lock:
            with self._db.write() as tx:
                for n in (*known, *fresh):
                    damage.insert(tx, rows[n], settled=n <= last_n)
                tx.execute("DELETE FROM rescued")
                told = {**(told or {}), "rescued": len(fresh), "left": len(left)}
                tx.execute("INSERT OR REPLACE INTO meta VALUES ('mended', ?)", (json.dumps(told),))
            self.on_reload()

    def skip_to(self, last_n: int) -> None:
        """The server knows more commands of this device than we do: go on after them."""
        if last_n > self.last_n:
            self._db.set_meta(n_floor=last_n)

    # ------------------------------------------------------------ the journal

    def seen(self, n: int) -> None:
        """Somebody has looked at this outcome."""
        with self._db.write() as tx:
            tx.execute("UPDATE command SET seen = 1 WHERE n = ?", (n,))

    def prune(self, now: datetime) -> None:
        """Forget settled commands after a fortnight (the last one stays: it carries the number)."""
        before = (now - timedelta(days=JOURNAL_DAYS)).isoformat()
        with self._db.write() as tx:
            tx.execute(
                "DELETE FROM command WHERE state = 'settled' AND seen = 1 AND settled_at < ?"
                " AND n < (SELECT max(n) FROM command)",
                (before,),
            )
            tx.execute("DELETE FROM scan_log WHERE at < ?", ((now - timedelta(days=7)).isoformat(),))


def _is_news(tx: sqlite3.Connection, outcome: CommandOutcome) -> bool:
    """Whether somebody must see this outcome: not when the store's list says it,
    nor when they still have to see the same of an earlier command."""
    if outcome.status not in NEEDS_SOMEBODY:
        return False
    if outcome.notice is None:
        return True
    if stands_in_list(outcome.status, outcome.notice.code):
        return False
    if outcome.notice.code not in TOLD_ONCE:
        return True
    told = tx.execute(
        "SELECT 1 FROM command a JOIN command b ON json_extract(a.body, '$.fulfilment') ="
        " json_extract(b.body, '$.fulfilment') WHERE a.n = ? AND b.n < a.n AND b.seen = 0"
        " AND json_extract(b.outcome, '$.notice.code') = ?",
        (outcome.n, outcome.notice.code),
    ).fetchone()
    return told is None


def _queued(row: Row, vault: Vault) -> Queued:
    n, id_, kind, body, actor, made_at, offset_ms, version, state, outcome = row
    plain = vault.open(kind, id_, body)
    return Queued(
        n=n,
        id=UUID(id_),
        command=parse(plain),
        body=plain,
        actor=actor,
        made_at=datetime.fromisoformat(made_at),
        offset_ms=offset_ms,
        version=version,
        state=state,
        outcome=CommandOutcome.model_validate_json(outcome) if outcome else None,
    )
