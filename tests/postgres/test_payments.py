"""Money through the built-in gateway: refused, timed out, asked twice, crashed in between; it moves once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server import worker
from server.check import check
from server.integrations.payments.built_in import LASTS, BuiltInGateway
from server.kit import outbox
from server.kit.transaction import Tx
from server.orders import money, payments
from server.orders.money import GatewayAnswer
from server.orders.renewals import AHEAD
from tests import build
from tests.shop import Shop, open_shop
from tests.simulation.history import Clock

ALL = 10_00


async def authorised(gateway: BuiltInGateway, token: str = "tok_visa", amount: int = ALL) -> str:
    answer = await gateway.authorise(uuid4(), token=token, amount=amount, currency="USD")
    assert answer.ok, answer.reason
    return answer.reference


# ---------------------------------------------------------------- the gateway


async def test_the_same_key_moves_money_once_even_when_asked_at_the_same_time(world: build.World) -> None:
    gateway, key = BuiltInGateway(world.db), uuid4()
    reference = await authorised(gateway)
    asks = [gateway.capture(key, authorisation=reference, amount=400, currency="USD") for _ in range(8)]
    answers = await asyncio.gather(*asks)
    assert set(answers) == {GatewayAnswer(True, reference)}
    captured = await world.rows("SELECT sum(amount)::bigint AS total FROM test_gateway_entry WHERE kind = 'capture'")
    assert captured == [{"total": 400}]


async def test_a_key_used_for_something_else_is_refused(world: build.World) -> None:
    gateway, key = BuiltInGateway(world.db), uuid4()
    reference, other = await authorised(gateway), await authorised(gateway)
    assert (await gateway.capture(key, authorisation=reference, amount=400, currency="USD")).ok
    for kind, where, amount in (
        (gateway.capture, reference, 401),
        (gateway.release, reference, 400),
        (gateway.capture, other, 400),
    ):
        answer = await kind(key, authorisation=where, amount=amount, currency="USD")
        assert (answer.ok, answer.reason) == (False, "this key was used for another request")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_refuse_1", "card refused"),
        ("tok_insufficient", "insufficient funds"),
        ("tok_limit_999", "insufficient funds"),
    ],
)
async def test_a_card_is_refused_and_stays_refused(world: build.World, token: str, reason: str) -> None:
    gateway, key = BuiltInGateway(world.db), uuid4()
    for _ in range(2):
        answer = await gateway.authorise(key, token=token, amount=ALL, currency="USD")
        assert (answer.ok, answer.reason) == (False, reason)
    assert await authorised(gateway, "tok_limit_1000")


async def test_parts_are_captured_released_and_refunded_up_to_what_there_is(world: build.World) -> None:
    gateway = BuiltInGateway(world.db)
    reference = await authorised(gateway)

    async def ask(kind: str, amount: int, currency: str = "USD") -> str:
        answer = await getattr(gateway, kind)(uuid4(), authorisation=reference, amount=amount, currency=currency)
        assert answer.ok == (not answer.reason)
        return str(answer.reason)

    assert await ask("capture", 400) == ""
    assert await ask("capture", 500) == ""
    assert await ask("capture", 101) == "more than was authorised"
    assert await ask("release", 101) == "more than was authorised"
    assert await ask("capture", 100, "EUR") == "the authorisation is in USD"
    assert await ask("release", 100) == ""
    assert await ask("refund", 901) == "more than was captured"
    assert await ask("refund", 600) == ""
    assert await ask("refund", 301) == "more than was captured"
    assert await ask("refund", 300) == ""
    assert await ask("refund", 0) == "an amount of nothing"


async def test_an_unknown_authorisation_is_refused_where_it_would_be_ours(world: build.World) -> None:
    gateway = BuiltInGateway(world.db)
    answer = await gateway.capture(uuid4(), authorisation="auth_tok_visa_0", amount=1, currency="USD")
    assert (answer.ok, answer.reason) == (False, "no such authorisation")
    elsewhere = await gateway.capture(uuid4(), authorisation="the shop's own", amount=1, currency="USD")
    assert elsewhere.ok


# ---------------------------------------------------------------- the order and the gateway


@dataclass
class Counting:
    """A gateway in front of the built-in one: counts, and fails as told after (or before) the work was done."""

    behind: BuiltInGateway
    asked: int = 0
    fail_before: int = 0
    fail_after: int = 0

    async def _pass_on(self, kind: str, key: UUID, **what: Any) -> GatewayAnswer:
        self.asked += 1
        if self.fail_before:
            self.fail_before -= 1
            raise ConnectionError("not reached")
        answer: GatewayAnswer = await getattr(self.behind, kind)(key, **what)
        if self.fail_after:
            self.fail_after -= 1
            raise TimeoutError("done, but who knows")
        return answer

    async def authorise(self, key: UUID, **what: Any) -> GatewayAnswer:
        return await self._pass_on("authorise", key, **what)

    async def capture(self, key: UUID, **what: Any) -> GatewayAnswer:
        return await self._pass_on("capture", key, **what)

    async def release(self, key: UUID, **what: Any) -> GatewayAnswer:
        return await self._pass_on("release", key, **what)

    async def refund(self, key: UUID, **what: Any) -> GatewayAnswer:
        return await self._pass_on("refund", key, **what)


def counting(world: build.World) -> Counting:
    gateway = Counting(BuiltInGateway(world.db))
    world.parts.ports["payments"] = gateway
    return gateway


def card(token: str) -> dict[str, str]:
    return {"kind": "token", "reference": token}


async def hand_over(shop: Shop, order: dict[str, Any]) -> None:
    tablet = await shop.tablet()
    job = order["jobs"][0]["id"]
    await tablet.push(
        tablet.command("pick", fulfilment=job, line=1, total=order["lines"][0]["quantity"]),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
        tablet.command("hand_off", fulfilment=job, proof="pass"),
    )


async def until_quiet(world: build.World) -> None:
    """Give every answer; pauses of failed ones are over at once."""
    for _ in range(20):
        await outbox.drain(world.parts)
        if not await world.write(lambda tx: tx.run("UPDATE outbox SET next_try_at = :now WHERE NOT dead", now=tx.now)):
            return
    raise AssertionError("never quiet")


@pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 0), (0, 3)])
async def test_money_moves_once_however_often_the_gateway_fails(world: build.World, before: int, after: int) -> None:
    gateway = counting(world)
    gateway.fail_before, gateway.fail_after = before, after
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2), payment=card("tok_visa"))
    await until_quiet(world)
    gateway.fail_before, gateway.fail_after = before, after
    await hand_over(shop, await shop.page(order["id"]))
    await until_quiet(world)
    done = await shop.page(order["id"])
    assert (done["status"], done["money"]["authorised"], done["money"]["captured"]) == ("completed", 705, 705)
    books = await world.rows("SELECT kind, amount FROM test_gateway_entry ORDER BY at")
    assert books == [{"kind": "authorise", "amount": 705}, {"kind": "capture", "amount": 705}]
    assert gateway.asked == 2 + 2 * (before + after)
    assert [f for f in await check(world.db) if f.violations] == []


async def test_a_crash_between_gateway_and_record_is_made_good(
    world: build.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting(world)
    shop = await open_shop(world)
    record, crashes = money.record, iter([True])

    async def crashes_once(tx: Tx, entry_id: UUID, answer: GatewayAnswer) -> Any:
        if next(crashes, False):
            raise RuntimeError("the process died here")
        return await record(tx, entry_id, answer)

    monkeypatch.setattr(money, "record", crashes_once)
    order = await shop.buy(("APPLE", 1), payment=card("tok_visa"))
    await outbox.drain(world.parts)
    assert (await shop.page(order["id"]))["status"] == "held"
    await until_quiet(world)
    page = await shop.page(order["id"])
    assert (page["status"], page["money"]["authorised"]) == ("allocated", 356)
    assert len(await world.rows("SELECT key FROM test_gateway_entry")) == 1


async def test_the_same_answer_recorded_twice_counts_once(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), payment=card("tok_visa"))
    (entry,) = await world.rows("SELECT id FROM money_entry WHERE state = 'wanted'")
    answer = GatewayAnswer(True, "auth_tok_visa_x")
    both = [world.write(lambda tx: money.record(tx, entry["id"], answer)) for _ in range(2)]
    assert [r is None for r in sorted(await asyncio.gather(*both), key=lambda r: r is None)] == [False, True]
    assert (await shop.page(order["id"]))["money"]["authorised"] == 356


async def test_money_wanted_but_forgotten_is_asked_for_again_and_one_bad_order_holds_up_no_other(
    world: build.World,
) -> None:
    shop = await open_shop(world)
    down = await shop.buy(("APPLE", 1), payment=card("tok_down"))
    good = await shop.buy(("BREAD", 1), payment=card("tok_visa"))
    await world.write(lambda tx: tx.run("DELETE FROM outbox"))
    assert await payments.ask_again(world.parts) == 0, "it is too early"
    await world.write(lambda tx: tx.run("UPDATE money_entry SET made_at = made_at - interval '1 hour'"))
    broken = {f.name for f in await check(world.db) if f.violations}
    assert broken == {"5. somebody asks for all money that is wanted"}
    assert await payments.ask_again(world.parts) == 1
    assert (await shop.page(down["id"]))["status"] == "held"
    assert (await shop.page(good["id"]))["status"] == "allocated"


async def test_reconciliation_reaches_what_stands_behind_many_that_fail(
    world: build.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_wanted = money.long_wanted

    async def two_at_a_time(tx: Tx, patience: Any, *, after: UUID | None = None) -> Any:
        return await long_wanted(tx, patience, after=after, limit=2)

    monkeypatch.setattr(money, "long_wanted", two_at_a_time)
    shop = await open_shop(world)
    for _ in range(5):
        await shop.buy(("APPLE", 1), payment=card("tok_down"))
    good = await shop.buy(("BREAD", 1), payment=card("tok_visa"))
    await world.write(lambda tx: tx.run("DELETE FROM outbox"))
    await world.write(lambda tx: tx.run("UPDATE money_entry SET made_at = made_at - interval '1 hour'"))
    assert await payments.ask_again(world.parts) == 1
    assert (await shop.page(good["id"]))["status"] == "allocated"


# ---------------------------------------------------------------- authorisations that run out


async def backordered(world: build.World, clock: Clock, token: str = "tok_visa") -> tuple[Shop, str]:
    """An authorised order of which one unit is there and two are still to come."""
    shop = await open_shop(world, stock=1)
    order = await shop.buy(
        ("APPLE", 3), method="ship", placed_at=clock.now.isoformat(), payment={"kind": "token", "reference": token}
    )
    await outbox.drain(world.parts)
    return shop, order["id"]


async def entries(world: build.World, order_id: str) -> list[tuple[str, str, int]]:
    rows = await world.rows(
        "SELECT kind, state, amount FROM money_entry WHERE order_id = CAST(:id AS uuid) ORDER BY seq", id=order_id
    )
    return [(row["kind"], row["state"], row["amount"]) for row in rows]


async def test_an_authorisation_is_renewed_before_it_runs_out(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        shop, order_id = await backordered(world, clock)
        total = (await shop.page(order_id))["money"]["total"]
        assert await worker.renew_authorisations(world.parts) == 0
        clock.now += LASTS - AHEAD + timedelta(minutes=1)
        assert await worker.renew_authorisations(world.parts) == 1
        assert await worker.renew_authorisations(world.parts) == 0, "one at a time"
        await outbox.drain(world.parts)
        assert await entries(world, order_id) == [
            ("authorise", "done", total),
            ("release", "done", total),
            ("authorise", "done", total),
        ]
        clock.now += timedelta(days=2)
        money = (await shop.page(order_id))["money"]
        assert (money["authorised"], money["released"], money["captured"]) == (2 * total, total, 0)
        assert [f for f in await check(world.db) if f.violations] == []


async def test_a_renewal_that_is_refused_holds_what_waits(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        shop, order_id = await backordered(world, clock)
        token = "UPDATE customer_order SET payment_token = 'tok_refuse' WHERE id = CAST(:id AS uuid)"
        await world.write(lambda tx: tx.run(token, id=order_id))
        clock.now += LASTS
        await worker.renew_authorisations(world.parts)
        await outbox.drain(world.parts)
        order = await shop.page(order_id)
        hold = next(h for h in order["holds"] if not h["resolved_at"])
        assert (hold["kind"], hold["reason"]) == ("payment", "payment refused: card refused")
        assert "backordered" not in order["lines"][0]["units"]
        early = await world.client.post(f"/v1/holds/{hold['id']}/resolve", json={"resolution": "release"})
        assert early.status_code == 409
        assert [f for f in await check(world.db) if f.violations] == []


async def test_nothing_is_captured_on_an_authorisation_that_has_run_out(database_url: str) -> None:
    clock = Clock()
    async with build.world(database_url, clock=clock) as world:
        gateway = BuiltInGateway(world.db)
        reference = await authorised(gateway)
        clock.now += LASTS
        answer = await gateway.capture(uuid4(), authorisation=reference, amount=1, currency="USD")
        assert (answer.ok, answer.reason) == (False, "the authorisation has run out")
        assert (await gateway.release(uuid4(), authorisation=reference, amount=ALL, currency="USD")).ok
