"""The built-in test gateway: no money, but the manners of a real one.

It keeps books of its own, answers the same key with the same answer, refuses cards and impossible amounts, and can
time out after it did the work, which is the failure that loses money in careless systems. Tokens:

- `tok_refuse...`: the card is refused.
- `tok_flaky...`: the first request with a key does its work and then times out; the second gets the stored answer.
- anything else is good.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.integrations.tables import GatewayRow
from server.kit import bulk
from server.kit.database import Database
from server.kit.transaction import Tx
from server.orders.money import GatewayAnswer


class BuiltInGateway:
    """Implements `server.orders.money.PaymentGateway` on tables of its own."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def authorise(self, key: UUID, *, token: str, amount: int, currency: str) -> GatewayAnswer:
        """A new authorisation over `amount`, or the reason why not."""
        return await self._once(key, "authorise", f"auth_{token}_{key.hex[-12:]}", amount, currency)

    async def capture(self, key: UUID, *, authorisation: str, amount: int, currency: str) -> GatewayAnswer:
        """Take money, as often as the authorisation has some left."""
        return await self._once(key, "capture", authorisation, amount, currency)

    async def release(self, key: UUID, *, authorisation: str, amount: int, currency: str) -> GatewayAnswer:
        """Give back part of an authorisation that will not be captured."""
        return await self._once(key, "release", authorisation, amount, currency)

    async def refund(self, key: UUID, *, authorisation: str, amount: int, currency: str) -> GatewayAnswer:
        """Give back captured money."""
        return await self._once(key, "refund", authorisation, amount, currency)

    async def _once(self, key: UUID, kind: str, authorisation: str, amount: int, currency: str) -> GatewayAnswer:
        answer, new = await self._db.write(lambda tx: _answer(tx, key, kind, authorisation, amount, currency))
        if new and authorisation.startswith("auth_tok_flaky"):
            raise ConnectionError("the gateway did its work and did not answer")
        return answer


async def _answer(
    tx: Tx, key: UUID, kind: str, authorisation: str, amount: int, currency: str
) -> tuple[GatewayAnswer, bool]:
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(:a, 1))", a=authorisation)
    known = await tx.one("SELECT * FROM test_gateway_entry WHERE key = :key", key=key)
    if known is not None:
        same = (known["kind"], known["amount"], known["currency"]) == (kind, amount, currency)
        if not same:
            return GatewayAnswer(False, "", "this key was used for another request"), False
        return GatewayAnswer(known["ok"], known["authorisation"], known["reason"]), False
    reason = await _objection(tx, kind, authorisation, amount)
    row: dict[str, Any] = {
        "key": key,
        "kind": kind,
        "authorisation": authorisation,
        "amount": amount,
        "currency": currency,
        "ok": not reason,
        "reason": reason,
        "at": tx.now,
    }
    await bulk.insert(tx, GatewayRow, [row])
    return GatewayAnswer(not reason, authorisation, reason), True


async def _objection(tx: Tx, kind: str, authorisation: str, amount: int) -> str:
    """Why a provider would say no; empty when it would not.

    An authorisation made elsewhere (by the shop itself) is unknown here: only what we did with it can be checked.
    """
    if kind == "authorise":
        return "card refused" if authorisation.startswith("auth_tok_refuse") else ""
    sums = await tx.one(
        "SELECT coalesce(sum(amount) FILTER (WHERE kind = 'authorise'), 0)::bigint AS authorised,"
        " coalesce(sum(amount) FILTER (WHERE kind IN ('capture', 'release')), 0)::bigint AS used,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0)::bigint AS captured,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded"
        " FROM test_gateway_entry WHERE authorisation = :a AND ok",
        a=authorisation,
    )
    if sums is None or not authorisation.startswith("auth_tok_"):
        return ""
    if kind == "refund":
        return "" if sums["refunded"] + amount <= sums["captured"] else "more than was captured"
    return "" if sums["used"] + amount <= sums["authorised"] else "more than was authorised"
