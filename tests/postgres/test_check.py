"""`baton check` finds a whole database whole, and each broken invariant broken."""

from __future__ import annotations

import pytest

from server.check import check
from server.kit import outbox
from tests import build
from tests.shop import open_shop

BREAKS = {
    "every position is the fold of its ledger": "UPDATE stock_position SET damaged = damaged + 1 WHERE sku = 'WINE'",
    "reserved is the sum of live reservations": "UPDATE stock_position SET reserved = reserved + 1 WHERE sku = 'WINE'",
    "nothing is promised that is not there": "UPDATE stock_position SET sellable = -1 WHERE sku = 'WINE'",
    "allocated units are with a node, fulfilled ones left one": (
        "UPDATE order_line SET allocated = allocated - 1, fulfilled = fulfilled + 1 WHERE allocated > 0"
    ),
    "money adds up": "UPDATE customer_order SET captured = captured + 1 WHERE authorised > captured",
    "device commands are applied once and without gaps": "UPDATE device SET last_n = last_n + 1",
    "feeds have no gaps": "DELETE FROM feed WHERE seq = 2",
    "no answer was given up": (
        "INSERT INTO outbox (answer, kind, body, made_at, next_try_at, dead)"
        " VALUES ('x', 'X', '{}', now(), now(), true)"
    ),
}


async def a_day(world: build.World) -> None:
    """Orders of each kind: handed over in part, short, cancelled, still open; a till."""
    shop = await open_shop(world)
    tablet = await shop.tablet()
    for lines in ((("APPLE", 2), ("BREAD", 1)), (("BREAD", 2),), (("WINE", 1),)):
        order = await shop.buy(*lines, payment={"kind": "token", "reference": "tok_visa"})
        await outbox.drain(world.parts)
        order = await shop.page(order["id"])
        job = order["jobs"][0]["id"]
        if lines[0][0] == "WINE":
            continue
        await tablet.push(
            tablet.command("pick", fulfilment=job, line=1, total=1),
            tablet.command("short", fulfilment=job, line=1, total=1, reason="not_found"),
        )
        if len(lines) == 2:
            await tablet.push(
                tablet.command("pick", fulfilment=job, line=2, total=1),
                tablet.command("pack", fulfilment=job),
                tablet.command("stage", fulfilment=job, place="A1"),
                tablet.command("hand_off", fulfilment=job, proof="pass"),
            )
        await outbox.drain(world.parts)
    await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "changed mind"})
    await shop.buy(("BREAD", 1), method="ship")
    await outbox.drain(world.parts)


async def test_a_day_of_work_leaves_everything_whole(world: build.World) -> None:
    await a_day(world)
    assert [f for f in await check(world.db) if f.violations] == []


@pytest.mark.parametrize("name", BREAKS)
async def test_each_broken_invariant_is_found(world: build.World, name: str) -> None:
    await a_day(world)
    await world.write(lambda tx: tx.run(BREAKS[name]))
    assert name in [f.name for f in await check(world.db) if f.violations]
