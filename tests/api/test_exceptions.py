"""What people must settle: opened by facts, owned, overdue, and answers that do something to the stock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.check import check
from tests import build
from tests.shop import STORE, Shop, Tablet, open_shop


@pytest.fixture
async def shop(world: build.World) -> Shop:
    return await open_shop(world)


async def a_bag(shop: Shop, tablet: Tablet, *lines: tuple[str, int], place: str = "A2") -> tuple[str, str]:
    """An order picked, packed and staged: (order id, job id)."""
    order = await shop.buy(*lines)
    job = order["jobs"][0]["id"]
    picks = [tablet.command("pick", fulfilment=job, line=n, total=units) for n, (_, units) in enumerate(lines, start=1)]
    then = [tablet.command("pack", fulfilment=job), tablet.command("stage", fulfilment=job, place=place)]
    answers = await tablet.push(*picks, *then)
    assert {each["status"] for each in answers["outcomes"]} == {"applied"}
    return order["id"], job


async def cancel(shop: Shop, order: str, **more: Any) -> None:
    answer = await shop.world.client.post(f"/v1/orders/{order}/cancel", json={"reason": "changed their mind", **more})
    assert answer.status_code == 200, answer.text


async def listed(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    answer = await shop.world.client.get("/v1/exceptions", params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def carried(exception: dict[str, Any]) -> dict[str, int]:
    """SKU -> units to put back."""
    return {line["sku"]: line["quantity"] for line in exception["lines"]}


async def nothing_is_wrong(shop: Shop) -> None:
    assert [found for found in await check(shop.world.db) if found.violations] == []


# ---------------------------------------------------------------- units to put back


async def test_a_bag_that_was_cancelled_is_put_back_once_by_whoever_comes_first(shop: Shop) -> None:
    first, second = await shop.tablet(), await shop.tablet()
    order, _ = await a_bag(shop, first, ("APPLE", 2), ("BREAD", 1))
    await cancel(shop, order)
    (task,) = await listed(shop)
    assert (task["kind"], task["owner_role"], task["node"]) == ("put_back", "associate", STORE)
    assert (task["values"]["cause"], task["values"]["place"]) == ("cancelled", "A2")
    assert carried(task) == {"APPLE": 2, "BREAD": 1}
    await second.pull()
    assert second.documents[("exception", task["id"])] is not None

    before = await shop.stock("APPLE")
    assert await second.do("settle_exception", exception=task["id"], resolution="put_back") == "applied"
    assert await first.do("settle_exception", exception=task["id"], resolution="put_back") == "already_done"
    await first.pull()
    assert first.documents[("exception", task["id"])] is None
    assert await listed(shop) == []
    (settled,) = await listed(shop, state="settled")
    assert (settled["settled_by"], settled["resolution"]) == (second.person.id, "put_back")
    assert await shop.stock("APPLE") == before  # the units never left the building
    await nothing_is_wrong(shop)


async def test_part_of_a_bag_cancelled_twice_is_one_task(shop: Shop) -> None:
    order, _ = await a_bag(shop, await shop.tablet(), ("APPLE", 3), ("BREAD", 1))
    await cancel(shop, order, lines=[{"line": 1, "quantity": 1}])
    await cancel(shop, order, lines=[{"line": 1, "quantity": 1}, {"line": 2, "quantity": 1}])
    (task,) = await listed(shop)
    assert carried(task) == {"APPLE": 2, "BREAD": 1}
    assert task["version"] == 2


async def test_picks_that_were_made_offline_for_a_cancelled_order_are_one_task_with_their_place(shop: Shop) -> None:
    tablet, order = await shop.tablet(), await shop.buy(("APPLE", 2))
    job = order["jobs"][0]["id"]
    await cancel(shop, order["id"])
    picks = [tablet.command("pick", fulfilment=job, line=1, total=n) for n in (1, 2)]
    then = [tablet.command("pack", fulfilment=job), tablet.command("stage", fulfilment=job, place="A1")]
    answers = await tablet.push(*picks, *then)
    assert {each["status"] for each in answers["outcomes"]} == {"exception"}
    (task,) = await listed(shop)
    assert (task["kind"], carried(task), task["values"]["place"]) == ("put_back", {"APPLE": 2}, "A1")
    await nothing_is_wrong(shop)


async def test_what_two_people_picked_too_many_is_told_by_totals(shop: Shop) -> None:
    anna, ben = await shop.tablet(), await shop.tablet()
    job = (await shop.buy(("APPLE", 2)))["jobs"][0]["id"]
    await anna.do("pick", fulfilment=job, line=1, total=1)
    for total in (1, 2, 3):
        await ben.do("pick", fulfilment=job, line=1, total=total)
    (task,) = await listed(shop)
    assert (task["values"]["cause"], carried(task)) == ("extra", {"APPLE": 2})
    await ben.do("pick", fulfilment=job, line=1, total=2)
    assert carried((await listed(shop))[0]) == {"APPLE": 1}
    await ben.do("pick", fulfilment=job, line=1, total=1)
    assert await listed(shop) == []
    assert [each["resolution"] for each in await listed(shop, state="settled")] == ["gone"]


async def test_a_customer_who_refuses_a_damaged_unit_leaves_it_for_the_damaged_goods(shop: Shop) -> None:
    tablet = await shop.tablet()
    _, job = await a_bag(shop, tablet, ("WINE", 2))
    refused = [{"line": 1, "quantity": 1, "reason": "damaged"}]
    assert await tablet.do("hand_off", fulfilment=job, proof="pass", refused=refused) == "applied"
    (task,) = await listed(shop)
    assert task["values"]["cause"] == "refused"
    assert [(line["quantity"], line["damaged"]) for line in task["lines"]] == [(1, 1)]


async def test_a_unit_that_is_nowhere_is_taken_off_the_books_and_not_twice_when_it_had_left(shop: Shop) -> None:
    here, away = await shop.tablet(), await shop.tablet()
    order, job = await a_bag(shop, here, ("APPLE", 2))
    await cancel(shop, order)
    (task,) = await listed(shop)
    found = [{"line": 1, "quantity": 1}]
    assert await here.do("settle_exception", exception=task["id"], resolution="put_back", lines=found) == "applied"
    assert (await shop.stock("APPLE"))["on_hand"] == 9
    lines = [{"line": 1, "quantity": 1}]
    assert await away.do("hand_off", fulfilment=job, proof="pass", lines=lines) == "exception"
    assert (await shop.stock("APPLE"))["on_hand"] == 9  # the unit nobody found is the one that had left
    await nothing_is_wrong(shop)


async def test_units_that_leave_after_all_need_not_be_put_back(shop: Shop) -> None:
    here, away = await shop.tablet(), await shop.tablet()
    order, job = await a_bag(shop, here, ("APPLE", 2))
    await cancel(shop, order)
    assert await away.do("hand_off", fulfilment=job, proof="pass") == "exception"
    (gone,) = await listed(shop)
    assert (gone["kind"], carried(gone)) == ("handed_off_after_close", {"APPLE": 2})
    await nothing_is_wrong(shop)


# ---------------------------------------------------------------- answers that do something


async def handed_over_after_cancellation(shop: Shop) -> dict[str, Any]:
    tablet = await shop.tablet()
    order, job = await a_bag(shop, tablet, ("APPLE", 2))
    await cancel(shop, order)
    assert await tablet.do("hand_off", fulfilment=job, proof="pass") == "exception"
    (found,) = await listed(shop, owner="agent")
    return found


async def settle(shop: Shop, exception: str, status: int = 200, role: str = "agent", **body: Any) -> dict[str, Any]:
    who = await build.person(shop.world.db, role, nodes=[STORE] if role != "agent" else [])
    asking = await shop.world.asking(who.token)
    answer = await asking.post(f"/v1/exceptions/{exception}/settle", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_the_customer_brings_back_is_stock_again(shop: Shop) -> None:
    gone = await handed_over_after_cancellation(shop)
    assert (await shop.stock("APPLE"))["on_hand"] == 8
    settled = await settle(shop, gone["id"], role="associate", resolution="came_back", note="on Friday")
    assert (settled["resolution"], settled["note"]) == ("came_back", "on Friday")
    assert (await shop.stock("APPLE"))["on_hand"] == 10
    again = await settle(shop, gone["id"], resolution="write_off", note="too late")
    assert again["resolution"] == "came_back"
    assert (await shop.stock("APPLE"))["on_hand"] == 10
    await nothing_is_wrong(shop)


async def test_care_writes_off_what_is_gone_and_says_why(shop: Shop) -> None:
    gone = await handed_over_after_cancellation(shop)
    refused = await settle(shop, gone["id"], 422, resolution="write_off")
    assert refused["errors"][0]["field"] == "note"
    refused = await settle(shop, gone["id"], 422, resolution="forget_it")
    assert "came_back" in refused["remedy"]
    await settle(shop, gone["id"], 403, role="lead", resolution="write_off", note="a lead may not")
    settled = await settle(shop, gone["id"], resolution="write_off", note="cheaper than to ask")
    assert settled["settled_at"] is not None
    assert (await shop.stock("APPLE"))["on_hand"] == 8
    (order,) = await shop.world.rows("SELECT id FROM customer_order")
    assert (await shop.timeline(str(order["id"])))[-1] == "job.exception_settled"


async def test_a_store_passes_on_what_it_cannot_settle(shop: Shop) -> None:
    tablet = await shop.tablet()
    order = await shop.buy(("WINE", 1), method="curbside")
    job = order["jobs"][0]["id"]
    await cancel(shop, order["id"])
    assert await tablet.do("arrive", fulfilment=job, bay="2") == "exception"
    (outside,) = await listed(shop, owner="associate")
    due = datetime.fromisoformat(outside["due_at"]) - datetime.fromisoformat(outside["opened_at"])
    assert due == timedelta(minutes=5)
    passing = {"exception": outside["id"], "resolution": "to_care", "note": "wants the wine"}
    assert await tablet.do("settle_exception", **passing) == "applied"
    assert await tablet.do("settle_exception", **passing) == "already_done"
    (now,) = await listed(shop, owner="agent")
    assert (now["id"], now["settled_at"], now["note"]) == (outside["id"], None, "wants the wine")


async def test_an_answer_that_cannot_be_read_is_held_and_the_exception_stays(shop: Shop) -> None:
    gone = await handed_over_after_cancellation(shop)
    tablet = await shop.tablet()
    assert await tablet.do("settle_exception", exception=gone["id"], resolution="forget_it") == "held"
    assert len(await listed(shop)) == 1


# ---------------------------------------------------------------- lists


async def test_what_is_overdue_is_found_and_stands_on_the_board(shop: Shop) -> None:
    gone = await handed_over_after_cancellation(shop)
    assert await listed(shop, overdue=True) == []
    past = datetime.now(UTC) - timedelta(minutes=1)
    await shop.world.write(
        lambda tx: tx.run(
            "UPDATE fulfilment_exception SET due_at = :past WHERE id = :id", past=past, id=UUID(gone["id"])
        )
    )
    assert [each["id"] for each in await listed(shop, overdue=True, node=STORE)] == [gone["id"]]
    assert await listed(shop, overdue=False) == []
    board = (await shop.world.client.get("/v1/board")).json()
    assert board["to_settle"] == [{"owner": "agent", "open": 1, "overdue": 1, "next_due": None}]


async def test_a_list_comes_in_pages_and_knows_its_filters(shop: Shop) -> None:
    tablet = await shop.tablet()
    numbers = []
    for _ in range(3):
        order, _ = await a_bag(shop, tablet, ("APPLE", 1))
        numbers.append((await shop.page(order))["number"])
        await cancel(shop, order)
    first = (await shop.world.client.get("/v1/exceptions", params={"limit": 2})).json()
    rest = (await shop.world.client.get("/v1/exceptions", params={"limit": 2, "after": first["next"]})).json()
    assert [each["order_number"] for each in first["items"] + rest["items"]] == numbers
    assert [each["order_number"] for each in await listed(shop, order=numbers[1])] == [numbers[1]]
    assert await listed(shop, owner="lead") == []
    one = await shop.world.client.get(f"/v1/exceptions/{first['items'][0]['id']}")
    assert one.json() == first["items"][0]


async def test_every_kind_is_explained(shop: Shop) -> None:
    kinds = {each["kind"]: each for each in (await shop.world.client.get("/v1/exceptions/kinds")).json()}
    assert kinds["put_back"]["due_minutes"] == 120
    answers = {each["code"]: each for each in kinds["handed_off_after_close"]["resolutions"]}
    assert answers["came_back"]["stock"] == "return"
    assert answers["write_off"]["note"]
