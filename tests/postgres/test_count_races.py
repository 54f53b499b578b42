"""Real concurrency at one shelf: whoever counts, picks, receives and sells at once, the record follows the count."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.check import check
from server.inventory import shelf
from tests import build
from tests.shop import STORE, Shop, Tablet, open_shop

ROUNDS = 12
UNITS = 3 * ROUNDS


async def _at_once(shop: Shop) -> None:
    """In each round two pick, two count, one receives and a till sells, all in the same moment but told of as if some
    of it was done an hour ago."""
    tablets = [await shop.tablet() for _ in range(5)]
    job = (await shop.buy(("APPLE", UNITS)))["jobs"][0]["id"]
    picked = {0: 0, 1: 0}
    for n in range(1, ROUNDS + 1):
        ago = datetime.now(UTC) - timedelta(minutes=60 - n)
        for picker in picked:
            picked[picker] += 1
        picks = [
            _done(tablets[each], ago, "pick", fulfilment=job, line=1, total=total) for each, total in picked.items()
        ]
        shelf_now = 10 * UNITS - 3 * n + 2 * n
        counts = [_done(tablets[each], ago, "count", sku="APPLE", node=STORE, units=shelf_now) for each in (2, 3)]
        got = _done(tablets[4], ago, "receive", document="LS-1", node=STORE, sku="APPLE", good=2 * n)
        lines = [{"sku": "APPLE", "quantity": 1}]
        sale = {"node": STORE, "till": "1", "receipt": str(n), "sold_at": ago.isoformat(), "lines": lines}
        pushes = zip(tablets, [*picks, *counts, got], strict=True)
        await asyncio.gather(
            *(tablet.push(command) for tablet, command in pushes),
            shop.world.client.post("/v1/counter-sales", json={"sales": [sale]}),
        )


def _done(tablet: Tablet, at: datetime, kind: str, **body: Any) -> dict[str, Any]:
    return tablet.command(kind, **body) | {"made_at": at.isoformat()}


async def test_the_record_follows_the_newest_count_whatever_happens_at_once(world: build.World) -> None:
    shop = await open_shop(world, stock=10 * UNITS)
    await _at_once(shop)
    assert [found for found in await check(world.db) if found.violations] == []
    tablet = await shop.tablet()
    assert await tablet.do("count", sku="APPLE", node=STORE, units=100) == "applied"
    assert (await shop.stock("APPLE"))["on_hand"] == 100 + 2 * ROUNDS
    assert [found for found in await check(world.db) if found.violations] == []


@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without it"])
async def test_a_count_waits_for_a_pick_that_is_not_committed(
    world: build.World, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """Without the lock of the shelf the count misses the pick, and the pick the count."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    counted = shelf._counted

    async def held_up(*given: Any) -> Any:
        found = await counted(*given)
        asked.set()
        await go_on.wait()
        return found

    async def nothing(*_: Any, **__: Any) -> None:
        """No lock at all."""

    shop = await open_shop(world)
    anna, ben = await shop.tablet(), await shop.tablet()
    job = (await shop.buy(("APPLE", 2)))["jobs"][0]["id"]
    monkeypatch.setattr(shelf, "_counted", held_up)
    if not locked:
        monkeypatch.setattr(shelf, "hold", nothing)
    ago = datetime.now(UTC) - timedelta(minutes=30)
    pick = asyncio.create_task(anna.push(_done(anna, ago, "pick", fulfilment=job, line=1, total=2)))
    await asked.wait()
    count = asyncio.create_task(ben.push(ben.command("count", sku="APPLE", node=STORE, units=8)))
    done, _ = await asyncio.wait({count}, timeout=0.5 if locked else 10)
    assert bool(done) is not locked
    go_on.set()
    await asyncio.gather(pick, count)
    assert (await shop.stock("APPLE"))["on_hand"] == (10 if locked else 8)
    found = {each.name for each in await check(world.db) if each.violations}
    assert found == (set() if locked else {"1. the record follows the newest count, and what happened since"})
