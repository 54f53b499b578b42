"""Personal data leaves the device a week after its job was finished.

What arrives later than that is stripped on its way in (`vault`); this takes it away from what lies here already: the
jobs of the replica, and the bodies of settled commands, which stay in the journal for another week without it. (Photos
go after the same time: `photos`.)
"""

from __future__ import annotations

from uuid import UUID

from store_app.engine.db import Database
from store_app.engine.effective import View

_JOBS = (
    "SELECT id FROM document WHERE kind = 'fulfilment' AND json_extract(body, '$.sealed') IS NOT NULL"
    " AND julianday(json_extract(body, '$.finished_at')) < julianday(?)"
)
_COMMANDS = (
    "SELECT n FROM command WHERE state = 'settled' AND outcome IS NOT NULL"
    " AND json_extract(body, '$.sealed') IS NOT NULL AND julianday(made_at) + offset_ms / 86400000.0 < julianday(?)"
)
"""A command whose outcome is not known yet will be asked about again, with its whole body; it keeps it until then."""


def wipe(db: Database, view: View) -> int:
    """Take the personal data of what is a week old off the disk, and out of memory. Returns how many rows had some."""
    before = db.vault.wiped_before.isoformat()
    with db.lock:
        jobs = [row[0] for row in db.all(_JOBS, before)]
        commands = [row[0] for row in db.all(_COMMANDS, before)]
        if not jobs and not commands:
            return 0
        with db.write() as tx:
            tx.executemany(
                "UPDATE document SET body = json_remove(body, '$.sealed'), mark = NULL"
                " WHERE kind = 'fulfilment' AND id = ?",
                [(id_,) for id_ in jobs],
            )
            tx.executemany(
                "UPDATE command SET body = json_remove(body, '$.sealed'), mark = NULL WHERE n = ?",
                [(n,) for n in commands],
            )
        db.shrink_log()
        view.reread(UUID(id_) for id_ in jobs)
    return len(jobs) + len(commands)
