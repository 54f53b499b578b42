"""The demo is a test of everything at once: real baskets, real server, simulated people, and sums that must add up."""

from __future__ import annotations

from server.demo import headless, retailer
from server.demo.summary import Summary


async def _played(database_url: str, orders: int) -> Summary:
    choices = headless.Choices(orders=orders, stores=6, items=1200)
    small = retailer.build(stores=choices.stores, items=choices.items, weeks=choices.weeks)
    return await headless.play(database_url, small, choices, lambda *_: None)


async def test_sixty_orders_of_six_stores_come_to_an_end_and_everything_adds_up(database_url: str) -> None:
    summary = await _played(database_url, 60)
    assert summary.problems == []
    assert summary.orders["placed"] == 60
    assert sum(summary.orders["by method"].values()) == 60
    assert summary.jobs["handed off"] > 0
    assert summary.jobs["delivered"] == summary.jobs["shipped"] > 0
    assert summary.units["short"] > 0, "records are wrong, so somebody must have looked in vain"
    assert summary.money["captured"] + summary.money["released"] == summary.money["authorised"]


def test_a_run_with_too_many_open_orders_is_not_a_good_one() -> None:
    units = {"ordered": 4, "fulfilled": 2, "cancelled": 1, "left": 1, "cancelled by reason": {"uncollected": 1}}
    devices = {"commands sent": 3, "commands settled by the feed": 3, "outcomes": {"applied": 3}}
    waits = {"number": "B-1001-7K", "status": "backordered", "why": "waits for stock"}
    summary = Summary(orders={"placed": 50}, units=units, devices=devices, open_orders=[waits])
    assert summary.problems == []
    summary.open_orders = [waits, {**waits, "why": "unexplained"}]
    assert summary.problems == [
        "2 orders have not come to an end",
        "nobody knows why these are open: B-1001-7K",
    ]
    summary.units = {**units, "left": 0}
    summary.invariants = {"money adds up": 2}
    assert summary.problems[0] == "broken: money adds up (2)"
    assert summary.problems[-1] == "units were lost or invented"
