"""Asking the payment gateway, after the commit that wanted money moved."""

from __future__ import annotations

from datetime import timedelta

from server.events import MoneyWanted
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.orders import money

PATIENCE = timedelta(minutes=5)
"""How long the usual way may take before an entry is asked for again."""


async def ask_gateway(parts: Parts, event: MoneyWanted) -> None:
    """Ask the gateway with the entry's id as key and record its answer. Asking again moves nothing twice."""
    gateway: money.PaymentGateway = parts.ports["payments"]
    entry = await parts.db.read(lambda tx: money.open_entry(tx, event.entry_id))
    if entry is None:
        return
    if entry["kind"] == "authorise":
        answer = await gateway.authorise(
            event.entry_id, token=entry["payment_reference"], amount=entry["amount"], currency=entry["currency"]
        )
    else:
        ask = {"capture": gateway.capture, "release": gateway.release, "refund": gateway.refund}[entry["kind"]]
        answer = await ask(
            event.entry_id,
            authorisation=entry["payment_reference"],
            amount=entry["amount"],
            currency=entry["currency"],
        )

    async def write(tx: Tx) -> None:
        await money.record(tx, event.entry_id, answer)

    await parts.db.write(write)


async def ask_again(parts: Parts) -> int:
    """Reconciliation: entries that have been wanted for a while, whatever became of their answer, are asked for anew.

    The key is the same, so what the gateway did already is not done twice.
    """
    entries = await parts.db.read(lambda tx: money.long_wanted(tx, PATIENCE))
    for entry in entries:
        await ask_gateway(parts, MoneyWanted(entry["order_id"], entry["id"], entry["kind"], entry["amount"]))
    return len(entries)
