"""Who talks to the server over HTTP: web shops that place orders, and a back office that corrects stock.

Each asks with an idempotency key until it is answered, by the good line or the bad one, and only then writes into its
journal. Now and then it did not hear, or does not believe, the answer, and asks the same again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import httpx

from tests.faults.journal import Journal
from tests.shop import ITEMS, STORE, Shop

PATIENCE_S = 30.0
AGAIN = 0.2
"""How often something is asked once more after it was answered."""


class Refused(AssertionError):
    """The server said no to something that was right."""


class Shopper:
    """One client. `addresses` are ways to the same server."""

    def __init__(self, name: str, shop: Shop, token: str, addresses: list[str], journal: Journal) -> None:
        self.name, self.shop, self.addresses, self.journal = name, shop, addresses, journal
        self.chance = Random()
        self.busy = False
        self.asked = 0
        self.unheard: Counter[str] = Counter()
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {token}"}, timeout=httpx.Timeout(5.0, connect=1.0)
        )

    async def work(self) -> None:
        """Until it is told to stop; what it has begun it brings to its end."""
        self.busy = True
        while self.busy:
            await (self._correct() if self.chance.random() < 0.3 else self._buy())
            await asyncio.sleep(self.chance.random() * 0.03)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _buy(self) -> None:
        skus = self.chance.sample(sorted(ITEMS), self.chance.randint(1, 2))
        method = "ship" if self.chance.random() < 0.1 else "pickup"
        body = self.shop.order(*((sku, self.chance.randint(1, 2)) for sku in skus), method=method)
        self.asked += 1
        body["external_id"] = f"{self.name}-{self.asked}"
        answer = await self._until_answered("/v1/orders", body, body["external_id"])
        self.journal.note(order=body["external_id"], id=answer["id"])

    async def _correct(self) -> None:
        self.asked += 1
        key = f"{self.name}-{self.asked}"
        row = {"sku": self.chance.choice(sorted(ITEMS)), "node": STORE, "delta": self.chance.randint(1, 5)}
        body = {"adjustments": [{**row, "bucket": "sellable", "reason": "found", "note": key}]}
        answer = await self._until_answered("/v1/adjustments", body, key)
        if answer["results"][0]["status"] == "refused":
            raise Refused(f"{self.name}: {answer}")
        self.journal.note(correction=key, delta=row["delta"])

    async def _until_answered(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        until = asyncio.get_running_loop().time() + PATIENCE_S
        found: dict[str, Any] | None = None
        while found is None or self.chance.random() < AGAIN:
            answer = await self._ask(path, body, key)
            if answer is not None:
                if found is not None and answer.get("id") != found.get("id"):
                    raise Refused(f"{self.name}: asked twice with one key, answered {found} and {answer}")
                found = answer
            elif asyncio.get_running_loop().time() > until:
                raise Refused(f"{self.name}: no answer to {key} in {PATIENCE_S} s ({dict(self.unheard)})")
            else:
                await asyncio.sleep(0.02 + self.chance.random() * 0.1)
        return found

    async def _ask(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any] | None:
        """The answer, or None where none came that settles anything."""
        try:
            answer = await self._client.post(
                self.chance.choice(self.addresses) + path, json=body, headers={"idempotency-key": key}
            )
        except httpx.HTTPError as error:
            self.unheard[type(error).__name__] += 1
            return None
        if answer.status_code >= 500:
            self.unheard[str(answer.status_code)] += 1
            return None
        if answer.status_code not in (200, 201):
            raise Refused(f"{self.name}: {answer.status_code} {answer.text}")
        found: dict[str, Any] = answer.json()
        return found
