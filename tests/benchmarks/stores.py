"""Stores to measure: people with badges, enrolled devices, and jobs to pick up, made by the services that make them in
life."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.orders import placing
from server.people import service as people
from server.people.rules import NewPerson
from shared.errors import BatonError
from shared.orders import NewOrder
from shared.passes import badge_hash
from tests.benchmarks.site import batched

TOGETHER = 64
"""Orders of one transaction, as the combiner gathers them."""


async def hire(db: Database, node: str, count: int) -> list[str]:
    """Leads of a store, and what stands on their badges."""
    badges = [f"{node}-{n}" for n in range(count)]
    staff = [NewPerson(name=f"Lead {badge}", roles=["lead"], nodes=[node]) for badge in badges]
    secrets = [people.Secrets(badge_hash=badge_hash(badge)) for badge in badges]
    await db.write(lambda tx: people.add_people(tx, SYSTEM, staff, secrets=secrets))
    return [f"BTN:B:{badge}" for badge in badges]


def pickup(name: str, node: str, skus: Sequence[str]) -> dict[str, Any]:
    """The body of an authorised order, one unit of each item, to pick up at the node."""
    return {
        "channel": "web",
        "external_id": name,
        "placed_at": "2025-11-01T12:00:00Z",
        "currency": "USD",
        "customer": {"name": "Bench Buyer", "email": "bench@example.com"},
        "method": "pickup",
        "node": node,
        "lines": [{"sku": sku, "quantity": 1, "unit_price": 499, "tax": 20} for sku in skus],
        "payment": {"kind": "authorised", "reference": f"auth-{name}"},
    }


async def offer_jobs(db: Database, node: str, skus: Sequence[str], count: int, rng: random.Random, lines: int) -> None:
    """So many orders to pick up at the node, each a job there."""
    orders = (NewOrder.model_validate(pickup(f"{node}-{n}", node, rng.sample(skus, lines))) for n in range(count))
    for piece in batched(orders, TOGETHER):
        placed = await db.write(lambda tx, piece=piece: placing.place(tx, SYSTEM, piece))  # type: ignore[misc]
        if refused := [answer for answer in placed if isinstance(answer, BatonError)]:
            raise refused[0]
