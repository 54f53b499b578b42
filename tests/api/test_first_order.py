"""One order of each method, from placement to the customer's hands, over the API and the device protocol."""

from __future__ import annotations

from server.fulfilment import passes
from server.kit import outbox
from shared.barcodes import split_short_code
from shared.fulfilment import Fulfilment
from shared.passes import check_short_code, verify
from tests import build
from tests.shop import OTHER, STORE, open_shop


async def test_a_pickup_order_goes_from_the_shop_to_the_customer(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2), ("BREAD", 1))
    assert order["status"] == "allocated"
    job = order["jobs"][0]
    assert (job["node"], job["method"], job["state"], job["units"]) == (STORE, "pickup", "offered", 3)
    assert (await shop.stock("APPLE"))["reserved"] == 2

    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("accept", fulfilment=job["id"]),
        tablet.command("pick", fulfilment=job["id"], line=1, total=1),
        tablet.command("pick", fulfilment=job["id"], line=1, total=2),
        tablet.command("pick", fulfilment=job["id"], line=2, total=1),
        tablet.command("pack", fulfilment=job["id"]),
        tablet.command("stage", fulfilment=job["id"], place="A1"),
    )
    assert (await shop.page(order["id"]))["status"] == "in_fulfilment"
    assert await tablet.do("hand_off", fulfilment=job["id"], proof="pass") == "applied"

    done = await shop.page(order["id"])
    assert done["status"] == "fulfilled"
    assert [line["units"] for line in done["lines"]] == [{"fulfilled": 2}, {"fulfilled": 1}]
    apples = await shop.stock("APPLE")
    assert (apples["on_hand"], apples["reserved"], apples["available"]) == (8, 0, 8)
    assert await shop.timeline(order["id"]) == [
        "order.placed",
        "routing.routed",
        "job.offered",
        "order.status",
        "job.accept",
        "job.pick",
        "job.pick",
        "job.pick",
        "job.pack",
        "job.stage",
        "job.ready",
        "order.status",
        "job.hand_off",
        "order.status",
    ]


async def test_the_feed_carries_the_job_the_stock_and_every_outcome(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2))
    job = order["jobs"][0]["id"]
    tablet = await shop.tablet()
    await tablet.pull(limit=2)
    offered = tablet.documents[("fulfilment", job)]
    assert offered is not None
    assert offered["why"]["summary"].startswith("The customer chose")
    assert tablet.documents[("stock", "APPLE")]["atp"]["reserved"] == 2  # type: ignore[index]
    await tablet.push(tablet.command("accept", fulfilment=job), tablet.command("pick", fulfilment=job, line=1, total=2))
    await tablet.pull(limit=1)
    assert [tablet.outcomes[n]["status"] for n in (1, 2)] == ["applied", "applied"]
    assert tablet.documents[("fulfilment", job)]["state"] == "picked"  # type: ignore[index]


async def test_a_shipped_order_goes_to_the_nearest_store_and_is_captured_when_it_leaves(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), method="ship")
    job = order["jobs"][0]
    assert (job["node"], job["method"]) == (STORE, "ship_from_store")
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("accept", fulfilment=job["id"]),
        tablet.command("pick", fulfilment=job["id"], line=1, total=1),
        tablet.command("pack", fulfilment=job["id"]),
        tablet.command("label", fulfilment=job["id"], carrier="UPS", tracking="1Z999"),
        tablet.command("ship", fulfilment=job["id"]),
    )
    rows = await world.rows("SELECT kind, amount, state FROM money_entry ORDER BY seq")
    assert rows[-1] == {"kind": "capture", "amount": 349 + 7, "state": "wanted"}


async def test_a_short_pick_is_routed_to_another_store_and_the_record_is_put_right(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2), method="ship")
    job = order["jobs"][0]["id"]
    tablet = await shop.tablet()
    assert await tablet.do("short", fulfilment=job, line=1, total=2, reason="not_found") == "applied"
    after = await shop.page(order["id"])
    assert [(j["node"], j["state"]) for j in after["jobs"]] == [(STORE, "short"), (OTHER, "offered")]
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["reserved"]) == (8, 0)


async def test_what_no_store_has_is_backordered_and_told(world: build.World) -> None:
    shop = await open_shop(world, stock=1)
    order = await shop.buy(("APPLE", 3))
    assert order["status"] == "backordered"
    assert order["lines"][0]["units"] == {"allocated": 1, "backordered": 2}


async def test_a_command_sent_again_is_answered_as_before_and_changes_nothing(world: build.World) -> None:
    shop = await open_shop(world)
    job = (await shop.buy(("APPLE", 2)))["jobs"][0]["id"]
    tablet = await shop.tablet()
    pick = tablet.command("pick", fulfilment=job, line=1, total=1)
    first = await tablet.push(pick)
    again = await tablet.push(pick)
    assert first == again
    changed = {**pick, "body": {**pick["body"], "total": 2}}
    assert (await tablet.push(changed, status=422))["code"] == "reused_key"
    gap = await tablet.push({**pick, "n": 9}, status=409)
    assert (gap["code"], gap["wanted"]) == ("queue_gap", 2)


async def test_cancelling_takes_units_back_to_the_shelf_and_releases_their_money(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 3))
    answer = await world.client.post(
        f"/v1/orders/{order['id']}/cancel", json={"reason": "changed mind", "lines": [{"line": 1, "quantity": 1}]}
    )
    assert answer.json() == {"cancelled": 1}
    assert (await shop.stock("APPLE"))["reserved"] == 2
    total, share = 3 * 349 + 7, 351  # 1054 / 3: the last unit costs 351, the first two 351 and 352
    rows = await world.rows("SELECT kind, amount FROM money_entry WHERE kind = 'release'")
    assert rows == [{"kind": "release", "amount": share}]
    await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "all of it"})
    assert (await shop.page(order["id"]))["status"] == "cancelled"
    released = await world.rows("SELECT sum(amount)::bigint AS total FROM money_entry WHERE kind = 'release'")
    assert released == [{"total": total}]


async def test_a_till_that_sells_the_last_units_breaks_the_newest_promise(world: build.World) -> None:
    shop = await open_shop(world, stock=4)
    first = await shop.buy(("APPLE", 2), method="ship")
    second = await shop.buy(("APPLE", 2), method="ship")
    assert {first["jobs"][0]["node"], second["jobs"][0]["node"]} == {STORE}
    sale = {
        "node": STORE,
        "till": "1",
        "receipt": "r-1",
        "sold_at": "2026-11-01T10:00:00Z",
        "lines": [{"sku": "APPLE", "quantity": 1}],
    }
    for _ in range(2):
        answer = await world.client.post("/v1/counter-sales", json={"sales": [sale]})
        assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["status"] == "unchanged"
    assert [(j["node"], j["units"]) for j in (await shop.page(first["id"]))["jobs"]] == [(STORE, 2)]
    after = await shop.page(second["id"])
    assert [(j["node"], j["state"]) for j in after["jobs"]] == [(STORE, "offered"), (OTHER, "offered")]
    here = await shop.stock("APPLE")
    assert (here["on_hand"], here["reserved"]) == (3, 3)


async def test_a_card_that_is_good_lets_the_order_go_and_is_charged_at_the_counter(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2), payment={"kind": "token", "reference": "tok_flaky_visa"})
    assert (order["status"], order["jobs"]) == ("held", [])
    await outbox.drain(world.parts)
    assert (await shop.page(order["id"]))["status"] == "held", "the gateway timed out: nobody knows yet"
    await build_later(world)
    await outbox.drain(world.parts)
    order = await shop.page(order["id"])
    assert (order["status"], order["money"]["authorised"]) == ("allocated", 2 * 349 + 7)
    job = order["jobs"][0]["id"]
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("pick", fulfilment=job, line=1, total=2),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
        tablet.command(
            "hand_off",
            fulfilment=job,
            proof="code",
            lines=[{"line": 1, "quantity": 1}],
            refused=[{"line": 1, "quantity": 1, "reason": "changed_mind"}],
        ),
    )
    for _ in range(3):
        await build_later(world)
        await outbox.drain(world.parts)
    done = await shop.page(order["id"])
    assert done["status"] == "completed"
    money = done["money"]
    assert (money["captured"], money["released"], money["authorised"]) == (353, 352, 705)
    assert (await shop.stock("APPLE"))["on_hand"] == 9


async def test_a_refused_card_keeps_the_order_held_and_says_why(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), payment={"kind": "token", "reference": "tok_refuse"})
    await outbox.drain(world.parts)
    order = await shop.page(order["id"])
    assert (order["status"], order["holds"][0]["reason"]) == ("held", "payment refused: card refused")
    await world.client.post(f"/v1/holds/{order['holds'][0]['id']}/resolve", json={"resolution": "cancel"})
    assert (await shop.page(order["id"]))["status"] == "cancelled"


async def test_a_ready_bag_gets_a_code_that_devices_can_check(world: build.World) -> None:
    shop = await open_shop(world)
    job = (await shop.buy(("APPLE", 1)))["jobs"][0]["id"]
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("pick", fulfilment=job, line=1, total=1),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
    )
    await outbox.drain(world.parts)
    await tablet.pull()
    document = Fulfilment.model_validate(tablet.documents[("fulfilment", job)])
    given = passes.credentials(world.parts.keys, document)
    locator, secret = split_short_code(given.code) or ("", "")
    assert document.locator == locator
    assert check_short_code(secret, document.code_hash or "")
    claims = verify([world.parts.keys.pass_public], given.pass_text, now=document.offered_at, node=STORE)
    assert claims.fulfilment == document.id


async def build_later(world: build.World) -> None:
    """Let the pause of failed answers be over."""
    await world.write(lambda tx: tx.run("UPDATE outbox SET next_try_at = :now", now=tx.now))


async def test_nobodys_word_replaces_the_gateways(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 1), payment={"kind": "token", "reference": "tok_visa"})
    hold = f"/v1/holds/{order['holds'][0]['id']}/resolve"
    early = await world.client.post(hold, json={"resolution": "release"})
    assert (early.status_code, early.json()["detail"]) == (409, "The payment of this order is not authorised.")
    assert early.json()["remedy"]
    await outbox.drain(world.parts)
    assert (await shop.page(order["id"]))["status"] == "allocated"
