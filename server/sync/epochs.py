"""Epochs: which history the feeds tell.

A server that was restored from a backup goes on from an earlier moment, and numbers its feeds anew from there. So that
no device mixes the two histories, a restore begins a new epoch: devices fetch a snapshot and push again what the backup
had not seen, from their journals of a fortnight. The fleet is a replica of recent custody.

`baton db restore` begins one. Where somebody restored by other means, the first device that has seen more settled than
the server knows of gives it away, and the epoch begins then.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from server.kit import audit
from server.kit.transaction import Row, Tx

log = structlog.get_logger(__name__)
FIRST = 1
"""The epoch of an installation that was never restored."""
_CURRENT = "SELECT coalesce(max(epoch), 1) FROM sync_epoch"


async def current(tx: Tx) -> int:
    """The epoch devices must be in."""
    return int(await tx.value(_CURRENT))


async def begin(tx: Tx, actor: str, reason: str) -> int:
    """A new epoch, greater than any that this or a later backup can hold: it carries the time."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('sync epoch', 3))")
    epoch = max(await current(tx) + 1, int(tx.now.timestamp() * 1000))
    await tx.run(
        "INSERT INTO sync_epoch (epoch, begun_at, reason) VALUES (:epoch, :now, :reason)",
        epoch=epoch,
        now=tx.now,
        reason=reason,
    )
    await audit.record(tx, "head-office", actor, "sync.epoch", str(epoch), reason=reason)
    log.error("a new epoch: devices fetch everything anew and push their journals again", epoch=epoch, reason=reason)
    return epoch


async def met(tx: Tx, device: str, *, epoch: int, settled_n: int) -> int:
    """A device says what it has seen settled in the epoch it is in. If this server never knew of it, it was restored
    without saying so, and a new epoch begins. Returns the current one."""
    now = await current(tx)
    if epoch != now:
        return now
    last_n = int(await tx.value("SELECT last_n FROM device WHERE id = :id FOR UPDATE", id=device) or 0)
    if settled_n <= last_n or await current(tx) != now:
        return await current(tx)
    return await begin(tx, device, f"device {device} has seen command {settled_n} settled, this server only {last_n}")


async def history(tx: Tx) -> Sequence[Row]:
    """Every epoch that was begun, newest first: epoch, begun_at, reason."""
    return await tx.rows("SELECT epoch, begun_at, reason FROM sync_epoch ORDER BY epoch DESC")
