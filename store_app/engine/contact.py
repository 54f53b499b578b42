"""How long ago the device has heard from its server. After a week without a word it locks: nobody can sign in, the
queue stays as it is, and the next contact unlocks it. What it was told (who still works here, whether it is revoked) is
too old by then.

By the device's own clock, which also dates the last contact: who can set that clock back can put the lock off, and a
clock that jumps ahead locks the device until it has a network again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from store_app.engine.clock import Clock
from store_app.engine.db import Database

LOCKS_AFTER = timedelta(days=7)
_KEPT_EVERY = timedelta(minutes=10)
"""How exactly it is remembered over a restart: a write per long poll would be too many."""


class Contact:
    """`heard()` after each good answer; `lost` when the last one is a week old."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        kept = db.meta("last_contact")
        self._kept = datetime.fromisoformat(kept) if kept else None
        self.last = self._kept
        """None: never, as far as this device knows; that does not lock it."""

    def heard(self) -> None:
        """The server has answered just now."""
        now = self.last = self._clock.now()
        if self._kept is None or abs(now - self._kept) >= _KEPT_EVERY:
            self._kept = now
            self._db.set_meta(last_contact=now.isoformat())

    def forget(self) -> None:
        """Another enrolment begins."""
        self.last = self._kept = None

    @property
    def lost(self) -> bool:
        """Whether the device must hear from its server before anybody works on it again."""
        return self.last is not None and self._clock.now() - self.last > LOCKS_AFTER
