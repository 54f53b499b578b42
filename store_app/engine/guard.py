"""Counts wrong tries on the disk, so that closing the app does not give five more."""

from __future__ import annotations

import hashlib

from store_app.engine.db import Database

LIMIT = 5


class Guard:
    """`mark` is what is being guessed at (a verifier, a hash): when it changes, counting begins anew. Only a digest of
    it is kept, so that a code's hash lies sealed in its job and nowhere else."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def left(self, key: str, mark: str) -> int:
        """Tries left."""
        row = self._db.one("SELECT count, mark FROM failure WHERE key = ?", key)
        return LIMIT if row is None or row[1] != _digest(mark) else max(0, LIMIT - row[0])

    def spend(self, key: str, mark: str) -> bool:
        """Count a try before it is made, on the disk when this returns. False: none was left, however many try at
        once."""
        with self._db.write() as tx:
            left = self.left(key, mark)
            if left:
                row = (key, LIMIT - left + 1, _digest(mark))
                tx.execute("INSERT OR REPLACE INTO failure VALUES (?, ?, ?)", row)
        return left > 0

    def forgive(self, key: str) -> None:
        """It was right, or a lead said so."""
        with self._db.write() as tx:
            tx.execute("DELETE FROM failure WHERE key = ?", (key,))


def _digest(mark: str) -> str:
    return hashlib.sha256(mark.encode()).hexdigest()
