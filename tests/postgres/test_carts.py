"""Carts whose time is over, under real concurrency: their units are somebody else's at once, and only once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.check import check
from server.inventory import service
from tests import build
from tests.shop import STORE, open_shop


@pytest.mark.parametrize("swept", [False, True], ids=["before the schedule", "while the schedule releases them"])
async def test_units_of_carts_whose_time_is_over_are_promised_once(database_url: str, swept: bool) -> None:
    clock = [datetime.now(UTC)]
    async with build.world(database_url, clock=lambda: clock[0]) as world:
        await open_shop(world, stock=4)

        async def cart(name: str, units: int) -> dict[str, Any]:
            body = {"sku": "APPLE", "node": STORE, "quantity": units, "cart": name, "minutes": 15}
            answer = await world.client.post("/v1/reservations", json=body)
            return {"status": answer.status_code, **answer.json()}

        full = [await cart(f"old-{n}", 2) for n in range(2)]
        assert [each["status"] for each in full] == [201, 201]
        assert (await cart("early", 1))["status"] == 409, "their time is not over"
        clock[0] += timedelta(minutes=15)
        sweeps = [world.write(service.release_expired) for _ in range(3)] if swept else []
        found = await asyncio.gather(*(cart(f"new-{n}", 1) for n in range(9)), *sweeps)
        granted = [each for each in found[:9] if isinstance(each, dict) and each["status"] == 201]
        assert len(granted) == 4
        freed = [await world.client.delete(f"/v1/reservations/{each['id']}") for each in full]
        assert [answer.json() for answer in freed] == [{"units": 0}, {"units": 0}]
        assert [each for each in await check(world.db) if each.violations] == []


async def test_a_cart_that_is_given_up_twice_at_once_frees_its_units_once(world: build.World) -> None:
    shop = await open_shop(world, stock=4)
    body = {"sku": "APPLE", "node": STORE, "quantity": 3, "cart": "c"}
    cart = (await world.client.post("/v1/reservations", json=body)).json()["id"]
    answers = await asyncio.gather(*(world.client.delete(f"/v1/reservations/{cart}") for _ in range(5)))
    assert sorted(answer.json()["units"] for answer in answers) == [0, 0, 0, 0, 3]
    assert (await shop.stock("APPLE"))["reserved"] == 0
