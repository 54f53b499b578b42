"""The customer's page: nothing without the secret, pass and code while the bag waits, and a word from the curb."""

from __future__ import annotations

from uuid import UUID

import pytest

from server.fulfilment.passes import credentials
from server.kit import outbox
from server.messages.links import link_token, order_of
from shared.fulfilment import Fulfilment
from tests import build
from tests.shop import open_shop

pytestmark = pytest.mark.postgres


async def ready_order(world: build.World, method: str) -> tuple[str, str]:
    """An order whose bag waits; its page's address and the job's id."""
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2), method=method)
    job = order["jobs"][0]["id"]
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("pick", fulfilment=job, line=1, total=2),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
    )
    await outbox.drain(world.parts)
    return f"/c/{link_token(world.parts.keys, UUID(order['id']))}", job


async def state_of(world: build.World, job: str) -> Fulfilment:
    rows = await world.rows("SELECT doc FROM fulfilment WHERE id = CAST(:id AS uuid)", id=job)
    return Fulfilment.model_validate(rows[0]["doc"])


async def test_a_guessed_or_changed_link_opens_nothing(world: build.World) -> None:
    address, _ = await ready_order(world, "pickup")
    asking = await world.asking(None)
    for wrong in ("/c/x", "/c/" + "A" * 43, address[:-6] + "AAAAAA"):
        answer = await asking.get(wrong)
        assert answer.status_code == 404
        assert "Red apples" not in answer.text


async def test_a_token_opens_one_order_only(world: build.World) -> None:
    keys = world.parts.keys
    assert order_of(keys, link_token(keys, UUID(int=5))) == UUID(int=5)
    assert link_token(keys, UUID(int=5))[-21:] != link_token(keys, UUID(int=6))[-21:]


async def test_a_waiting_bag_shows_its_pass_code_and_store(world: build.World) -> None:
    address, job = await ready_order(world, "pickup")
    answer = await (await world.asking(None)).get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "Your order is ready." in answer.text
    assert credentials(world.parts.keys, await state_of(world, job)).code in answer.text
    assert "<svg" in answer.text
    assert "Red apples 1 kg" in answer.text
    assert "I&#39;ve arrived" not in answer.text
    assert "arrived</button>" not in answer.text


async def test_the_customer_says_that_they_come_and_are_here(world: build.World) -> None:
    address, job = await ready_order(world, "curbside")
    asking = await world.asking(None)
    assert "arrived</button>" in (await asking.get(address)).text
    form = {"vehicle": "Blue <hatchback>", "bay": "2"}
    assert (await asking.post(f"{address}/{job}/on-the-way", data=form)).status_code == 303
    assert (await state_of(world, job)).state == "customer_on_the_way"
    assert (await asking.post(f"{address}/{job}/arrived", data=form)).status_code == 303
    here = await state_of(world, job)
    assert (here.state, here.arrival.bay, here.arrival.vehicle) == ("customer_arrived", "2", "Blue <hatchback>")
    page = (await asking.get(address)).text
    assert "bay 2" in page
    assert "<hatchback>" not in page
    assert (await asking.post(f"{address}/{job}/arrived", data=form)).status_code == 303, "twice is harmless"


async def test_nobody_speaks_for_another_order(world: build.World) -> None:
    _, job = await ready_order(world, "curbside")
    stranger = link_token(world.parts.keys, UUID(int=9))
    answer = await (await world.asking(None)).post(f"/c/{stranger}/{job}/arrived", data={})
    assert answer.status_code == 404
    assert (await state_of(world, job)).state == "ready"


async def test_the_messages_of_an_order_name_its_page_and_code(world: build.World) -> None:
    address, job = await ready_order(world, "pickup")
    rows = await world.rows("SELECT kind, values FROM message ORDER BY queued_at, kind")
    assert {row["kind"] for row in rows} == {"order_confirmed", "ready_for_pickup"}
    assert all(row["values"]["link"].endswith(address) for row in rows)
    ready = next(row for row in rows if row["kind"] == "ready_for_pickup")
    assert ready["values"]["code"] == credentials(world.parts.keys, await state_of(world, job)).code
