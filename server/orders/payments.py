"""Asking the payment gateway, after the commit that wanted money moved."""

from __future__ import annotations

from server.events import MoneyWanted
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.orders import money


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
