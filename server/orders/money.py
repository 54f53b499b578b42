"""Money on every way in and out: wanted in the transaction, asked of the gateway after the commit, recorded here.

An entry is `wanted` until the gateway answers; its id is the gateway's idempotency key, so asking twice moves money
once. Authorise when the order comes in; capture what ships or is handed over, per job; release or refund what is
cancelled, with its share of tax and discount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from server.events import MoneyMoved, MoneyRefused, MoneyWanted
from server.kit import bulk
from server.kit.transaction import Row, Tx
from server.orders.tables import MoneyRow
from server.orders.units import lock_orders, refresh_status


@dataclass(frozen=True, slots=True)
class Entry:
    """Money to move: `lines` says for what, as (line, units, amount); line 0 is shipping."""

    order_id: UUID
    kind: str
    lines: tuple[tuple[int, int, int], ...]
    fulfilment_id: UUID | None = None
    reason: str | None = None
    done: bool = False
    reference: str | None = None

    @property
    def amount(self) -> int:
        return sum(part[2] for part in self.lines)


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """What a payment gateway said. `reference` is its own id of what it did."""

    ok: bool
    reference: str
    reason: str = ""
    expires_at: datetime | None = None
    """When an authorisation runs out, where the provider says so."""


class PaymentGateway(Protocol):
    """A payment provider. Every call carries a key: the same key moves money once. Raises when it cannot be reached."""

    async def authorise(self, key: UUID, *, token: str, amount: int, currency: str) -> GatewayAnswer: ...

    async def capture(self, key: UUID, *, authorisation: str, amount: int, currency: str) -> GatewayAnswer: ...

    async def release(self, key: UUID, *, authorisation: str, amount: int, currency: str) -> GatewayAnswer: ...

    async def refund(self, key: UUID, *, authorisation: str, amount: int, currency: str) -> GatewayAnswer: ...


RENEWED = "renewed"
"""Reason of the release and the authorisation that take the place of one that runs out."""
COLUMN = {"authorise": "authorised", "capture": "captured", "release": "released", "refund": "refunded"}


async def want(tx: Tx, entries: Sequence[Entry]) -> None:
    """Write entries; the gateway is asked for those not done after the commit. Entries of nothing are left out."""
    rows = []
    for entry in entries:
        if entry.amount == 0:
            continue
        row = {
            "id": tx.new_id(),
            "order_id": entry.order_id,
            "kind": entry.kind,
            "amount": entry.amount,
            "state": "done" if entry.done else "wanted",
            "fulfilment_id": entry.fulfilment_id,
            "lines": [list(part) for part in entry.lines],
            "reason": entry.reason,
            "reference": entry.reference,
            "made_at": tx.now,
            "settled_at": tx.now if entry.done else None,
            "expires_at": None,
        }
        rows.append(row)
        if not entry.done:
            tx.emit(
                MoneyWanted(order_id=entry.order_id, entry_id=row["id"], kind=entry.kind, amount=entry.amount)  # type: ignore[arg-type]
            )
    await bulk.append(tx, MoneyRow, rows)


async def record(tx: Tx, entry_id: UUID, answer: GatewayAnswer) -> dict[str, Any] | None:
    """Write what the gateway said. Returns the entry's order columns, or None when it was settled before."""
    row = await tx.one("SELECT order_id FROM money_entry WHERE id = :id", id=entry_id)
    if row is None:
        return None
    await lock_orders(tx, [row["order_id"]])
    entry = await tx.one(
        "UPDATE money_entry SET state = :state, reference = :reference, settled_at = :now, expires_at = :expires_at,"
        " reason = coalesce(nullif(:reason, ''), reason)"
        " WHERE id = :id AND state = 'wanted' RETURNING order_id, kind, amount",
        id=entry_id,
        state="done" if answer.ok else "refused",
        reference=answer.reference,
        reason=answer.reason,
        now=tx.now,
        expires_at=answer.expires_at,
    )
    if entry is None:
        return None
    if answer.ok:
        column = COLUMN[entry["kind"]]
        await tx.run(
            f"UPDATE customer_order SET {column} = {column} + :amount"  # noqa: S608 (from the table above)
            + (", payment_reference = :reference" if entry["kind"] == "authorise" else "")
            + " WHERE id = :id",
            amount=entry["amount"],
            id=entry["order_id"],
            **({"reference": answer.reference} if entry["kind"] == "authorise" else {}),
        )
        tx.emit(MoneyMoved(entry["order_id"], entry_id, entry["kind"], entry["amount"], answer.reference))
    else:
        tx.emit(MoneyRefused(entry["order_id"], entry_id, entry["kind"], entry["amount"], answer.reason))
    await refresh_status(tx, [entry["order_id"]])
    return dict(entry)


async def open_entry(tx: Tx, entry_id: UUID) -> Row | None:
    """A wanted entry with what the gateway must be told; None when it was settled before."""
    return await tx.one(
        "SELECT m.id, m.order_id, m.kind, m.amount, o.payment_reference, o.payment_token, o.currency FROM money_entry m"
        " JOIN customer_order o ON o.id = m.order_id WHERE m.id = :id AND m.state = 'wanted'",
        id=entry_id,
    )


async def long_wanted(tx: Tx, patience: timedelta, *, after: UUID | None = None, limit: int = 50) -> Sequence[Row]:
    """Entries that nobody has answered for a while and that no answer is waiting for, oldest first, after `after`."""
    return await tx.rows(
        "SELECT m.id, m.order_id, m.kind, m.amount FROM money_entry m WHERE m.state = 'wanted' AND m.made_at <= :before"
        " AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.order_id = m.order_id AND NOT b.dead)"
        " AND (CAST(:after AS uuid) IS NULL OR m.id > :after) ORDER BY m.id LIMIT :limit",
        after=after,
        before=tx.now - patience,
        limit=limit,
    )
