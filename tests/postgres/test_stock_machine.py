"""One shelf against a small model of it: carts, tills, deliveries, counts and feeds in any order Hypothesis thinks of.

The model says what is on record and who has claimed what; after every step the position must say the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from server.check import check
from server.inventory import counts, figures, service
from server.inventory.figures import Figure
from server.inventory.rules import Want
from server.inventory.service import Fact
from server.kit import outbox
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.settings import Settings
from server.wiring import ANSWERS
from shared.stock import MovementReason, ShelfCount

T = TypeVar("T")
MINUTE = timedelta(minutes=1)
UNITS = st.integers(1, 6)
NODE = "S-1"


@dataclass
class Claim:
    id: UUID
    units: int
    until: datetime


class Shelf(RuleBasedStateMachine):
    """A position of an item of its own in a database that all examples share."""

    url = ""
    numbers = 0

    @initialize(units=st.integers(0, 12))
    def open(self, units: int) -> None:
        Shelf.numbers += 1
        self.sku, self.now = (
            f"I{Shelf.numbers}",
            datetime(2026, 3, 2, 8, tzinfo=UTC) + Shelf.numbers * timedelta(days=1),
        )
        self.runner = asyncio.Runner()
        self.db = Database(self.url, answers=ANSWERS, pool_size=2, clock=lambda: self.now)
        self.units, self.claims = units, list[Claim]()
        row = {"sku": self.sku, "node": NODE, "quantity": units, "bin": None, "walk": 0, "safety_stock": 0}
        self.write(lambda tx: service.open_positions(tx, [row], actor="test"))
        self.later(5)

    def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return self.runner.run(self.db.write(work))

    def later(self, minutes: float) -> None:
        self.now += minutes * MINUTE

    @property
    def reserved(self) -> int:
        return sum(claim.units for claim in self.claims)

    def expire(self) -> None:
        self.claims = [claim for claim in self.claims if claim.until > self.now]

    def follow(self, units: int) -> None:
        """The record says so many now; where that is less than carts have, all carts give way."""
        self.units = max(0, units)
        if self.units < self.reserved:
            self.claims = []

    # ------------------------------------------------------------ carts

    @rule(units=UNITS, minutes=st.integers(1, 30))
    def reserve(self, units: int, minutes: int) -> None:
        want = Want(self.sku, NODE, units, owner="cart/1")
        found = self.write(lambda tx: service.reserve(tx, [want], kind="soft", ttl=minutes * MINUTE))[0]
        if self.units - self.reserved < units:
            self.expire()
        assert (found is not None) == (self.units - self.reserved >= units)
        if found is not None:
            self.claims.append(Claim(found, units, self.now + minutes * MINUTE))

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        assert self.write(lambda tx: service.release_cart(tx, claim.id)) == claim.units
        assert self.write(lambda tx: service.release_cart(tx, claim.id)) == 0
        self.claims.remove(claim)

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.later(minutes)

    @rule()
    def sweep(self) -> None:
        over = sum(claim.units for claim in self.claims if claim.until <= self.now)
        assert self.write(service.release_expired) == over
        self.expire()

    # ------------------------------------------------------------ facts

    @rule(units=UNITS)
    def receive(self, units: int) -> None:
        self.write(lambda tx: service.post(tx, [Fact(self.sku, NODE, units, MovementReason.RECEIPT)], actor="test"))
        self.follow(self.units + units)
        self.later(3)

    @rule(units=UNITS)
    def sell(self, units: int) -> None:
        self.write(lambda tx: service.post(tx, [Fact(self.sku, NODE, -units, MovementReason.SALE)], actor="test"))
        self.follow(self.units - units)
        self.later(3)

    @rule(units=st.integers(0, 12))
    def count(self, units: int) -> None:
        self.later(3)
        seen = counts.Seen(ShelfCount(sku=self.sku, node=NODE, units=units), self.now, "test", "tablet")
        self.write(lambda tx: counts.count(tx, seen))
        self.follow(units)
        self.later(3)

    @rule(units=st.integers(0, 12))
    def feed(self, units: int) -> None:
        figure = Figure((self.sku, NODE), units, self.now)
        for _ in range(2):  # the second time it is known
            self.write(lambda tx: figures.build(tx, [figure], source="erp", actor="test"))
        self.follow(units)
        self.later(1)

    # ------------------------------------------------------------ always

    @invariant()
    def the_position_is_what_the_model_says(self) -> None:
        sql = "SELECT sellable, reserved FROM stock_position WHERE sku = :sku"
        row = self.runner.run(self.db.read(lambda tx: tx.one(sql, sku=self.sku)))
        assert row is not None
        assert (row["sellable"], row["reserved"]) == (self.units, self.reserved)

    def teardown(self) -> None:
        self.later(60)
        self.sweep()
        self.runner.run(outbox.drain(Parts(Settings(), self.db)))
        broken = [found for found in self.runner.run(check(self.db)) if found.violations]
        self.runner.run(self.db.close())
        self.runner.close()
        assert broken == []


def test_a_shelf_does_what_its_model_does(database_url: str) -> None:
    Shelf.url = database_url
    run_state_machine_as_test(
        Shelf,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
