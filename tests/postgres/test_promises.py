"""Promises on PostgreSQL: made at placing, changed for the worse with a message, watched before they are late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.fulfilment import schedule
from server.kit import outbox
from server.messages.rules import render
from tests import build
from tests.build import World
from tests.postgres.test_capacity import DAY, limited
from tests.shop import OTHER, STORE, Shop, open_shop

pytestmark = pytest.mark.postgres
MORNING = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
"""A Monday, ten in the morning in Chicago."""


@dataclass
class Day:
    """A shop whose clock is set by the test."""

    world: World
    shop: Shop
    now: datetime

    async def buy(self, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        return await self.shop.buy(*lines, placed_at=self.now.isoformat(), **more)

    async def letters(self, kind: str = "promise_changed") -> list[str]:
        """What customers were written, in words."""
        await outbox.drain(self.world.parts)
        rows = await self.world.rows("SELECT values FROM message WHERE kind = :kind ORDER BY queued_at, id", kind=kind)
        return [render(kind, "en", row["values"]).text for row in rows]

    async def promised(self, order: dict[str, Any]) -> list[datetime | None]:
        lines = (await self.shop.page(order["id"]))["lines"]
        return [at and datetime.fromisoformat(at) for at in (line["promised_at"] for line in lines)]


@asynccontextmanager
async def a_day(url: str, **more: Any) -> AsyncIterator[Day]:
    days: list[Day] = []
    async with build.world(url, clock=lambda: days[0].now if days else MORNING) as world:
        days.append(Day(world, await open_shop(world, **more), MORNING))
        for code in (STORE, OTHER):
            await limited(world, code, hours=[DAY] * 7)
        yield days[0]


async def test_an_order_is_promised_when_it_is_placed_with_milestones_before(database_url: str) -> None:
    async with a_day(database_url) as day:
        order = await day.buy(("APPLE", 1), ("BREAD", 1))
        assert await day.promised(order) == [MORNING + timedelta(hours=2)] * 2
        job = order["jobs"][0]
        by = [datetime.fromisoformat(job[name]) - MORNING for name in ("accept_by", "pick_by", "pack_by", "due_at")]
        assert by == [timedelta(minutes=m) for m in (60, 90, 105, 120)]
        assert await day.letters() == []


async def test_a_job_at_risk_is_told_once_before_it_is_late(database_url: str) -> None:
    async with a_day(database_url) as day:
        order, tablet = await day.buy(("APPLE", 1)), await day.shop.tablet()

        async def risk() -> tuple[int, int, int]:
            nodes = (await day.world.client.get("/v1/board")).json()["nodes"]
            here = next(node for node in nodes if node["code"] == STORE)
            return await day.world.write(schedule.warn_at_risk), here["at_risk"], here["late"]

        day.now += timedelta(minutes=59)
        assert await risk() == (0, 0, 0)
        day.now += timedelta(minutes=1)
        assert await risk() == (1, 1, 0)
        assert await risk() == (0, 1, 0), "said once"
        await tablet.do("accept", fulfilment=order["jobs"][0]["id"])
        assert await risk() == (0, 0, 0)
        day.now += timedelta(minutes=31)
        assert await risk() == (0, 1, 0), "accepted, and not picked in time"
        day.now += timedelta(minutes=30)
        assert await risk() == (0, 0, 1)
        told = [e for e in await day.shop.timeline(order["id"]) if e == "job.at_risk"]
        assert len(told) == 1


async def test_sent_back_and_later_elsewhere_the_customer_is_told_the_new_time(database_url: str) -> None:
    async with a_day(database_url) as day:
        order = await day.buy(("APPLE", 1), method="ship")
        job, was = order["jobs"][0], (await day.promised(order))[0]
        day.now = MORNING + timedelta(hours=6, minutes=30)  # half past four: too late for today's driver
        tablet = await day.shop.tablet(job["node"])
        await tablet.do("reject", fulfilment=job["id"], reason="no_capacity")
        after = (await day.promised(order))[0]
        assert was is not None
        assert after is not None
        assert after > was
        letters = await day.letters()
        assert len(letters) == 1
        assert "comes later than we said" in letters[0]
        assert "1 x Red apples 1 kg" in letters[0]
        assert "order.promise" in await day.shop.timeline(order["id"])


async def test_sent_back_and_in_time_elsewhere_the_promise_stands_and_nobody_is_written_to(database_url: str) -> None:
    async with a_day(database_url) as day:
        order = await day.buy(("APPLE", 1), method="ship")
        job, was = order["jobs"][0], await day.promised(order)
        tablet = await day.shop.tablet(job["node"])
        await tablet.do("reject", fulfilment=job["id"], reason="no_capacity")
        assert (await day.promised(order), await day.letters()) == (was, [])


async def test_what_was_not_ready_in_time_is_promised_anew_each_time(database_url: str) -> None:
    async with a_day(database_url) as day:
        order = await day.buy(("APPLE", 1))
        day.now = MORNING + timedelta(hours=2)
        assert await day.world.write(schedule.promise_anew) == 1
        assert await day.promised(order) == [MORNING + timedelta(hours=4)]
        assert await day.world.write(schedule.promise_anew) == 0
        assert len(await day.letters()) == 1
        day.now = MORNING + timedelta(hours=4)
        assert await day.world.write(schedule.promise_anew) == 1
        assert await day.promised(order) == [MORNING + timedelta(hours=6)]
        letters = await day.letters()
        assert len(letters) == 2
        assert "It will be ready by Monday 23 November, 16:00." in letters[1]


async def test_a_bag_that_is_ready_keeps_its_promise(database_url: str) -> None:
    async with a_day(database_url) as day:
        order, tablet = await day.buy(("APPLE", 1)), await day.shop.tablet()
        job = order["jobs"][0]["id"]
        await tablet.do("pick", fulfilment=job, line=1, total=1)
        await tablet.do("pack", fulfilment=job, packages=[{"id": "1", "lines": [{"line": 1, "quantity": 1}]}])
        await tablet.do("stage", fulfilment=job, place="A1")
        day.now += timedelta(hours=3)
        assert await day.world.write(schedule.promise_anew) == 0
        assert await day.letters() == []


async def test_a_backorder_has_no_time_until_somebody_says_when_the_item_is_expected(database_url: str) -> None:
    async with a_day(database_url, stock=0) as day:
        order = await day.buy(("APPLE", 2))
        assert (order["status"], await day.promised(order), await day.letters()) == ("backordered", [None], [])
        friday = MORNING + timedelta(days=4)

        async def expect(at: datetime | None) -> dict[str, Any]:
            body = {"items": [{"sku": "APPLE", "expected_at": at and at.isoformat(), "note": "on its way"}]}
            answer = await day.world.client.post("/v1/expected-items", json=body)
            await outbox.drain(day.world.parts)
            found: dict[str, Any] = answer.json()["results"][0]
            return found

        assert (await expect(friday))["status"] == "updated"
        assert await day.promised(order) == [friday]
        later = await day.buy(("APPLE", 1))
        assert await day.promised(later) == [friday], "a pre-order is promised at once"
        await expect(friday - timedelta(days=1))
        assert await day.promised(order) == [friday], "good news leaves it as it is"
        await expect(friday + timedelta(days=3))
        assert await day.promised(order) == [friday + timedelta(days=3)]
        await expect(None)
        assert await day.promised(order) == [None]
        letters = [letter for letter in await day.letters() if order["number"] in letter]
        assert len(letters) == 3
        for said in (
            ("news", "Friday 27 November"),
            ("later than we said", "Monday 30 November"),
            ("do not know yet",),
        ):
            assert any(all(words in letter for words in said) for letter in letters), said
        wrong = await expect(MORNING - timedelta(days=1))
        assert [e["field"] for e in wrong["errors"]] == ["expected_at"]


async def test_what_cannot_be_found_and_nobody_else_has_loses_its_promise_aloud(database_url: str) -> None:
    async with a_day(database_url, stock=1) as day:
        order, tablet = await day.buy(("APPLE", 1)), await day.shop.tablet()
        await tablet.do("short", fulfilment=order["jobs"][0]["id"], line=1, total=1, reason="not_found")
        assert await day.promised(order) == [None]
        assert "do not know yet when" in (await day.letters())[0]


async def test_of_two_changes_in_a_row_only_the_last_is_written(database_url: str) -> None:
    async with a_day(database_url) as day:
        await day.buy(("APPLE", 1))
        for hours in (2, 4):
            day.now = MORNING + timedelta(hours=hours)
            assert await day.world.write(schedule.promise_anew) == 1
        letters = await day.letters()
        assert len(letters) == 1
        assert "It will be ready by Monday 23 November, 16:00." in letters[0]
