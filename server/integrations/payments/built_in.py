"""The built-in test gateway: no money, but the manners of a real one.

It keeps books of its own, answers the same key with the same answer, refuses cards and impossible amounts, and can
time out after it did the work, which is the failure that loses money in careless systems. Tokens:

- `tok_refuse...`: the card is refused.
- `tok_insufficient...`: there is not enough on it.
- `tok_limit_<minor units>...`: good up to that amount in one authorisation.
- `tok_down...`: the gateway cannot be reached and does nothing.
- `tok_flaky...`: the first request with a key does its work and then times out; the second gets the stored answer.
- anything else is good.

An authorisation lasts seven days, as with most cards; after that nothing can be captured on it any more.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.integrations.tables import GatewayRow
from server.kit import bulk
from server.kit.database import Database
from server.kit.transaction import Tx
from server.orders.money import GatewayAnswer

LASTS = timedelta(days=7)
_LIMIT = re.compile(r"tok_limit_(\d{1,12})")


class BuiltInGateway:
    """Implements `server.orders.money.PaymentGateway` on tables of its own."""

    def __init__(self, db: Database, *, lasts: timedelta = LASTS) -> None:
        self._db = db
        self._lasts = lasts

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
        if authorisation.startswith("auth_tok_down"):
            raise ConnectionError("the gateway cannot be reached")
        answer, new = await self._db.write(
            lambda tx: _answer(tx, key, kind, authorisation, amount, currency, self._lasts)
        )
        if new and authorisation.startswith("auth_tok_flaky"):
            raise ConnectionError("the gateway did its work and did not answer")
        return answer


async def _answer(
    tx: Tx, key: UUID, kind: str, authorisation: str, amount: int, currency: str, lasts: timedelta
) -> tuple[GatewayAnswer, bool]:
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(:a, 1))", a=authorisation)
    known = await tx.one("SELECT * FROM test_gateway_entry WHERE key = :key", key=key)
    if known is not None:
        before = (known["kind"], known["authorisation"], known["amount"], known["currency"])
        if before != (kind, authorisation, amount, currency):
            return GatewayAnswer(False, "", "this key was used for another request"), False
        return GatewayAnswer(known["ok"], known["authorisation"], known["reason"], known["expires_at"]), False
    reason = await _objection(tx, kind, authorisation, amount, currency)
    row: dict[str, Any] = {
        "key": key,
        "kind": kind,
        "authorisation": authorisation,
        "amount": amount,
        "currency": currency,
        "ok": not reason,
        "reason": reason,
        "at": tx.now,
        "expires_at": tx.now + lasts if kind == "authorise" and not reason else None,
    }
    await bulk.insert(tx, GatewayRow, [row])
    return GatewayAnswer(not reason, authorisation, reason, row["expires_at"]), True


async def _objection(tx: Tx, kind: str, authorisation: str, amount: int, currency: str) -> str:
    """Why a provider would say no; empty when it would not.

    An authorisation made elsewhere (by the shop itself) is unknown here: it cannot be checked, so it is taken as good.
    """
    if amount <= 0:
        return "an amount of nothing"
    if kind == "authorise":
        return _card_objection(authorisation.removeprefix("auth_"), amount)
    if not authorisation.startswith("auth_tok_"):
        return ""
    sums = await tx.one(
        "SELECT max(currency) FILTER (WHERE kind = 'authorise') AS currency,"
        " max(expires_at) FILTER (WHERE kind = 'authorise') AS expires_at,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'authorise'), 0)::bigint AS authorised,"
        " coalesce(sum(amount) FILTER (WHERE kind IN ('capture', 'release')), 0)::bigint AS used,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0)::bigint AS captured,"
        " coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded"
        " FROM test_gateway_entry WHERE authorisation = :a AND ok",
        a=authorisation,
    )
    if sums is None or sums["currency"] is None:
        return "no such authorisation"
    if sums["currency"] != currency:
        return f"the authorisation is in {sums['currency']}"
    if kind == "capture" and sums["expires_at"] is not None and sums["expires_at"] <= tx.now:
        return "the authorisation has run out"
    if kind == "refund":
        return "" if sums["refunded"] + amount <= sums["captured"] else "more than was captured"
    return "" if sums["used"] + amount <= sums["authorised"] else "more than was authorised"


def _card_objection(token: str, amount: int) -> str:
    if token.startswith("tok_refuse"):
        return "card refused"
    limit = _LIMIT.match(token)
    if token.startswith("tok_insufficient") or (limit and amount > int(limit[1])):
        return "insufficient funds"
    return ""
