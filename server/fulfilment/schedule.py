"""What happens to jobs by the clock: bags that nobody collected."""

from __future__ import annotations

from server.fulfilment import service
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from shared.fulfilment import FULFILMENT, Expire

_CAN_EXPIRE = sorted({row.source for row in FULFILMENT.rows if row.event == "expire"})


async def expire_due(tx: Tx, *, limit: int = 100) -> int:
    """Take back bags whose time is over. Returns how many."""
    rows = await tx.rows(
        "SELECT id FROM fulfilment WHERE NOT final AND expires_at <= :now AND state = ANY(CAST(:states AS text[]))"
        " ORDER BY expires_at, id LIMIT :limit",
        now=tx.now,
        states=_CAN_EXPIRE,
        limit=limit,
    )
    await service.carry_out(tx, SYSTEM, [Expire(fulfilment=r["id"]) for r in rows])
    return len(rows)
