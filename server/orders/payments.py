"""Asking the payment gateway, after the commit that wanted money moved."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from server.events import MoneyWanted
from server.kit.transaction import Row, Tx
from server.kit.web import Parts
from server.orders import money

PATIENCE = timedelta(minutes=5)
"""How long the usual way may take before an entry is asked for again."""
GATEWAY_S = 20.0
"""How long a gateway may think. What it did all the same is found out by asking again with the same key."""
log = structlog.get_logger(__name__)


async def ask_gateway(parts: Parts, event: MoneyWanted) -> None:
    """Ask the gateway with the entry's id as key and record its answer. Asking again moves nothing twice."""
    entry = await parts.db.read(lambda tx: money.open_entry(tx, event.entry_id))
    if entry is None:
        return
    async with asyncio.timeout(GATEWAY_S):
        answer = await _ask(parts.ports["payments"], entry)

    async def write(tx: Tx) -> None:
        await money.record(tx, event.entry_id, answer)

    await parts.db.write(write)


async def _ask(gateway: money.PaymentGateway, entry: Row) -> money.GatewayAnswer:
    key, reference, amount, currency = entry["id"], entry["payment_reference"], entry["amount"], entry["currency"]
    if entry["kind"] == "authorise":
        return await gateway.authorise(key, token=entry["payment_token"], amount=amount, currency=currency)
    ask = {"capture": gateway.capture, "release": gateway.release, "refund": gateway.refund}[entry["kind"]]
    return await ask(key, authorisation=reference, amount=amount, currency=currency)


async def ask_again(parts: Parts) -> int:
    """Reconciliation: entries that have been wanted for a while, whatever became of their answer, are asked for anew.

    The key is the same, so what the gateway did already is not done twice. An entry that fails holds up the later ones
    of its own order, never those of others. Returns how many were answered.
    """
    answered, stuck = 0, set[UUID]()
    last: UUID | None = None
    while entries := await parts.db.read(lambda tx, last=last: money.long_wanted(tx, PATIENCE, after=last)):  # type: ignore[misc]
        last = entries[-1]["id"]
        for entry in entries:
            if entry["order_id"] in stuck:
                continue
            try:
                await ask_gateway(parts, MoneyWanted(entry["order_id"], entry["id"], entry["kind"], entry["amount"]))
                answered += 1
            except Exception as error:
                stuck.add(entry["order_id"])
                log.warning("the gateway did not answer", entry=str(entry["id"]), error=repr(error))
    return answered
