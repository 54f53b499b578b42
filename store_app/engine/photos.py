"""Photos of hand-offs on the device: sealed files beside the store, each until the server has had it for a week.

A power cut loses none: the sealed bytes are on the disk before the command that names them, and the row that says
"still to be sent" is written in that command's transaction. Where row and file disagree, the file is believed: one
without a row (its command was never made, or the store was damaged and begun anew) is offered to the server, which
knows whether a command has named it.

What was sent is kept for a week, as long as personal data of a finished job: a server that was restored from a backup
is sent it again. Every file is sealed with the device's data key, and unreadable once that is gone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from shared.proofs import MAX_PHOTO_BYTES, Photo, type_of
from store_app.engine.clock import Clock
from store_app.engine.db import Database
from store_app.engine.sealing import Unreadable
from store_app.engine.vault import PERSONAL_FOR

log = logging.getLogger(__name__)
FOLDER = "photos"
ASKED_AGAIN = timedelta(days=1)
"""How often a photo that the server did not want is offered again while it is kept."""
_HALF = ".part"


class NoPhoto(ValueError):
    """What was given is no picture that can be kept: another type, or too large."""


class Photos:
    """`keep` before the command, `name` within its transaction; then `to_send`, `content`, `sent`."""

    def __init__(self, db: Database, folder: Path, clock: Clock) -> None:
        self._db, self._folder, self._clock = db, folder, clock
        self.adopt()

    # ------------------------------------------------------------ taken

    def keep(self, picture: bytes) -> Photo:
        """On the disk, sealed, when this returns. Raises `NoPhoto`."""
        kind = type_of(picture)
        if kind is None or len(picture) > MAX_PHOTO_BYTES:
            raise NoPhoto(f"{len(picture)} bytes of {kind}")
        photo = Photo(sha256=hashlib.sha256(picture).hexdigest(), type=kind, size=len(picture))
        self._folder.mkdir(exist_ok=True)
        half = self._file(photo.sha256).with_suffix(_HALF)
        with half.open("wb") as file:
            file.write(self._db.vault.seal_bytes(photo.sha256, picture))
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._file(photo.sha256))
        _settle(self._folder)
        return photo

    def name(self, tx: sqlite3.Connection, photo: Photo) -> None:
        """A command that names it is being written: it is to be sent."""
        self._add(tx, photo.sha256)

    def let_go(self, photo: Photo) -> None:
        """The command was not made after all."""
        if self._db.one("SELECT 1 FROM attachment WHERE sha256 = ?", photo.sha256) is None:
            self._file(photo.sha256).unlink(missing_ok=True)

    def adopt(self) -> None:
        """Files without a row get one. When the store is opened, and when it was begun anew."""
        for half in self._folder.glob(f"*{_HALF}"):
            half.unlink(missing_ok=True)
        known = {row[0] for row in self._db.all("SELECT sha256 FROM attachment")}
        if strangers := [file.name for file in self._folder.glob("*") if file.name not in known]:
            with self._db.write() as tx:
                for sha256 in strangers:
                    self._add(tx, sha256)

    def _add(self, tx: sqlite3.Connection, sha256: str) -> None:
        tx.execute(
            "INSERT INTO attachment (sha256, path, state, at) VALUES (?, ?, 'waiting', ?)"
            " ON CONFLICT (sha256) DO UPDATE SET state = 'waiting', at = excluded.at",
            (sha256, self._file(sha256).name, self._clock.now().isoformat()),
        )

    def _file(self, sha256: str) -> Path:
        return self._folder / sha256

    # ------------------------------------------------------------ sent

    @property
    def waiting(self) -> int:
        """Photos that exist only here."""
        row = self._db.one("SELECT count(*) FROM attachment WHERE state = 'waiting'")
        return int(row[0]) if row else 0

    def to_send(self) -> list[str]:
        """Hashes of what waits, what came first first; and of what the server did not want a day ago."""
        a_day_ago = (self._clock.now() - ASKED_AGAIN).isoformat()
        rows = self._db.all(
            "SELECT sha256 FROM attachment WHERE state = 'waiting' OR (state = 'unwanted' AND asked_at < ?)"
            " ORDER BY at, sha256",
            a_day_ago,
        )
        return [row[0] for row in rows]

    def content(self, sha256: str) -> bytes | None:
        """What was taken. None: the file is gone, or cannot be opened (and is tried again tomorrow)."""
        try:
            return self._db.vault.open_bytes(sha256, self._file(sha256).read_bytes())
        except FileNotFoundError:
            log.exception("a photo is lost")
            self._forget([sha256])
        except Unreadable:
            log.exception("a photo cannot be opened")
            self.unwanted(sha256)
        return None

    def sent(self, sha256: str) -> None:
        """The server has all of it."""
        self._mark(sha256, "sent")

    def unwanted(self, sha256: str) -> None:
        """The server does not take it: no command has named it, or not like this."""
        self._mark(sha256, "unwanted")

    def _mark(self, sha256: str, state: str) -> None:
        now = self._clock.now().isoformat()
        with self._db.write() as tx:
            tx.execute(
                "UPDATE attachment SET at = CASE WHEN state = ?1 THEN at ELSE ?2 END, state = ?1, asked_at = ?2"
                " WHERE sha256 = ?3",
                (state, now, sha256),
            )

    # ------------------------------------------------------------ gone

    def wipe(self) -> int:
        """Take off the device what has been sent, or not wanted, for a week; how many that were. What waits stays."""
        before = (self._clock.now() - PERSONAL_FOR).isoformat()
        old = [
            row[0] for row in self._db.all("SELECT sha256 FROM attachment WHERE state != 'waiting' AND at < ?", before)
        ]
        self._forget(old)
        return len(old)

    def _forget(self, hashes: list[str]) -> None:
        """The file first: a row without one does no harm."""
        for sha256 in hashes:
            self._file(sha256).unlink(missing_ok=True)
        with self._db.write() as tx:
            tx.executemany("DELETE FROM attachment WHERE sha256 = ?", [(sha256,) for sha256 in hashes])

    def clear(self) -> None:
        """The device leaves its store: every file goes; the rows go with the rest of the store."""
        for file in self._files():
            file.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        return self._folder.glob("*")


def send_again(tx: sqlite3.Connection) -> None:
    """The server was restored from a backup: whatever was sent may not be there any more, and is offered again."""
    tx.execute("UPDATE attachment SET state = 'waiting' WHERE state != 'waiting'")


def _settle(folder: Path) -> None:
    """The folder itself on the disk: the name of a file that was just made. Not everywhere can a folder be opened."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
