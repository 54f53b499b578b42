"""What shops are told: never older than they asked for, said with its time, and never what is promised from."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from server.inventory import window
from server.inventory.availability_api import AvailabilityAnswer, window_of
from tests import build
from tests.benchmarks.site import Site, serve
from tests.shop import OTHER, STORE, WAREHOUSE, open_shop

PATH = "/v1/availability"


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def ask(client: httpx.AsyncClient, *skus: str, **more: Any) -> dict[str, Any]:
    answer = await client.get(PATH, params={"channel": "web", "sku": ",".join(skus), **more})
    assert answer.status_code == 200, answer.text
    AvailabilityAnswer.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


async def units(client: httpx.AsyncClient, sku: str = "APPLE", **more: Any) -> int:
    return int((await ask(client, sku, **more))["items"][0]["available"])


def browser(site: Site, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://{site.host}:{site.port}", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


async def test_the_network_figure_is_the_sum_of_the_channels_nodes_less_what_waits_for_a_node(
    world: build.World,
) -> None:
    shop = await open_shop(world)
    await shop.buy(("APPLE", 2))
    await shop.buy(("APPLE", 1), payment={"kind": "token", "reference": "tok_visa"})
    nodes = [{"node": STORE, "threshold": 3}, {"node": WAREHOUSE}]
    await world.client.post("/v1/channels", json={"channels": [{"code": "shop", "name": "Shop", "nodes": nodes}]})
    found = (await ask(world.client, "APPLE", max_age=0))["items"][0]
    assert (found["in_nodes"], found["promised_not_routed"], found["available"]) == (28, 1, 27)
    found = (await ask(world.client, "APPLE", channel="shop", node=f"{WAREHOUSE},{OTHER},{STORE}"))["items"][0]
    assert (found["in_nodes"], found["available"]) == (15, 14)
    assert [(n["node"], n["available"], n["atp"]["channel_threshold"]) for n in found["nodes"]] == [
        (WAREHOUSE, 10, 0),
        (STORE, 5, 3),
    ]


async def test_figures_are_kept_for_a_second_and_say_how_old_they_are(database_url: str) -> None:
    clock = Hands()
    async with build.world(database_url, clock=clock) as world:
        shop = await open_shop(world)
        first = await ask(world.client, "APPLE")
        await shop.buy(("APPLE", 1))
        clock.go(0.9)
        assert await ask(world.client, "APPLE") == first
        assert datetime.fromisoformat(first["as_of"]) == clock.now - timedelta(seconds=0.9)
        assert await units(world.client, max_age=0.5) == 29
        assert await units(world.client) == 29, "what one asker had read is there for all"
        await shop.buy(("APPLE", 1))
        clock.go(1.1)
        assert await units(world.client) == 28


async def test_a_clock_that_is_set_back_keeps_nothing_alive(database_url: str) -> None:
    clock = Hands()
    async with build.world(database_url, clock=clock) as world:
        await open_shop(world)
        assert await units(world.client) == 30
        clock.go(-3600)
        damaged = {"sku": "APPLE", "node": STORE, "delta": -1, "reason": "damage"}
        await world.client.post("/v1/adjustments", json={"adjustments": [damaged]})
        assert await units(world.client) == 29


async def test_a_cart_whose_time_is_over_frees_its_units_before_anybody_releases_them(database_url: str) -> None:
    clock = Hands()
    async with build.world(database_url, clock=clock) as world:
        await open_shop(world)
        for node, minutes in ((STORE, 5), (STORE, 60), (OTHER, 5)):
            cart = {"cart": "a", "sku": "APPLE", "node": node, "quantity": 2, "minutes": minutes}
            assert (await world.client.post("/v1/reservations", json=cart)).status_code == 201
        assert await units(world.client) == 24
        clock.go(301)
        found = (await ask(world.client, "APPLE"))["items"][0]
        assert [(n["node"], n["atp"]["reserved"]) for n in found["nodes"]] == [(STORE, 2), (OTHER, 0), (WAREHOUSE, 0)]
        here = (await world.client.get("/v1/stock/APPLE", params={"near": STORE})).json()["levels"][0]
        assert here["atp"]["reserved"] == 2
        assert await world.rows("SELECT sum(reserved)::int AS units FROM stock_position") == [{"units": 6}]


async def test_a_channel_that_changed_is_drawn_anew(world: build.World) -> None:
    await open_shop(world)
    assert await units(world.client) == 30
    nodes = [{"node": STORE, "threshold": 4}]
    await world.client.post("/v1/channels", json={"channels": [{"code": "web", "name": "Web", "nodes": nodes}]})
    found = (await ask(world.client, "APPLE", max_age=0))["items"][0]
    assert [(n["node"], n["available"]) for n in found["nodes"]] == [(STORE, 6)]


async def test_many_who_ask_at_once_are_answered_by_one_reading_or_two(
    world: build.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_shop(world)
    await units(world.client)
    readings = []
    read = window.Window._read_from

    async def counted(self: window.Window, tx: Any, skus: Any) -> Any:
        readings.append(skus)
        return await read(self, tx, skus)

    monkeypatch.setattr(window.Window, "_read_from", counted)
    assert await asyncio.gather(*(units(world.client, max_age=0) for _ in range(40))) == [30] * 40
    assert len(readings) < 20
    readings.clear()
    await asyncio.gather(*(units(world.client, sku) for sku in ("APPLE", "BREAD", "WINE", "APPLE") * 10))
    assert sorted(sku for skus in readings for sku in skus) == ["BREAD", "WINE"]


async def test_what_is_kept_is_bounded(world: build.World, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_shop(world)
    monkeypatch.setattr(window, "MOST_CELLS", 10)
    kept = window_of(world.parts)
    for sku in ("APPLE", "BREAD", "WINE", "APPLE", "NONE-1", "NONE-2", "NONE-3"):
        await units(world.client, sku)
        assert sum(shown.cells for shown in kept._kept.values()) == kept._cells <= 10
    assert list(kept._kept) == ["WINE", "APPLE", "NONE-1", "NONE-2", "NONE-3"][1:]
    everything = await ask(world.client, "APPLE", "BREAD", "WINE", detail="network")
    assert [item["available"] for item in everything["items"]] == [30, 30, 30]


async def test_another_process_is_never_more_than_a_second_behind(database_url: str) -> None:
    async with build.world(database_url) as world:
        shop = await open_shop(world)
        with serve(database_url) as site:
            async with browser(site, world.admin.token) as shopper:
                assert await units(shopper) == 30
                await shop.buy(("APPLE", 1))
                bought = datetime.now(UTC)
                assert await units(shopper, max_age=0) == 29
                await shop.buy(("APPLE", 1))
                bought, figures = datetime.now(UTC), []
                until = time.monotonic() + 1.5
                while time.monotonic() < until:
                    asked = datetime.now(UTC)
                    answer = await ask(shopper, "APPLE")
                    as_of = datetime.fromisoformat(answer["as_of"])
                    assert as_of >= asked - timedelta(seconds=1)
                    figures.append(answer["items"][0]["available"])
                    assert as_of < bought or figures[-1] == 28, "it says that it is newer than the order"
    assert figures == sorted(figures, reverse=True)
    assert figures[-1] == 28


async def test_whoever_read_an_old_figure_still_cannot_have_what_is_gone(database_url: str) -> None:
    """Three processes, sixty carts for twenty units: every cart has read that there are some."""
    async with build.world(database_url) as world:
        await open_shop(world, stock=20)
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(serve(database_url)) for _ in range(3)]
            async with contextlib.AsyncExitStack() as clients:
                shoppers = [await clients.enter_async_context(browser(s, world.admin.token)) for s in sites]

                async def shopping(shopper: httpx.AsyncClient) -> int:
                    seen = (await ask(shopper, "APPLE", node=STORE))["items"][0]["nodes"][0]["available"]
                    assert 0 <= seen <= 20
                    cart = {"cart": str(uuid4()), "sku": "APPLE", "node": STORE, "quantity": 1}
                    return (await shopper.post("/v1/reservations", json=cart)).status_code

                answers = await asyncio.gather(*(shopping(shoppers[n % 3]) for n in range(60)))
        assert Counter(answers) == {201: 20, 409: 40}


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("channel=none&sku=APPLE", 404, "No channel none."),
        ("channel=web&sku=A B", 422, "query.sku.0"),
        ("channel=web&sku=APPLE,,BREAD", 422, "query.sku.1"),
        ("channel=web&sku=APPLE&max_age=1.5", 422, "query.max_age"),
        ("channel=web", 422, "query.sku"),
        ("channel=web&sku=" + ",".join(f"A{n}" for n in range(201)), 422, "query.sku"),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(
    world: build.World, query: str, status: int, says: str
) -> None:
    await open_shop(world)
    answer = await world.client.get(f"{PATH}?{query}")
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert answer.json()["remedy"]


async def test_items_may_be_repeated_or_stand_with_commas(world: build.World) -> None:
    await open_shop(world)
    for query in ("sku=BREAD,APPLE,BREAD", "sku=BREAD&sku=APPLE", "sku=BREAD&sku=APPLE,BREAD"):
        answer = await world.client.get(f"{PATH}?channel=web&{query}")
        assert [item["sku"] for item in answer.json()["items"]] == ["BREAD", "APPLE"]


# ---------------------------------------------------------------- many at once


async def test_many_items_are_asked_for_by_channel_and_for_the_whole_network(world: build.World) -> None:
    shop = await open_shop(world)
    await shop.buy(("APPLE", 1))
    nodes = [{"node": OTHER, "threshold": 3}]
    await world.client.post("/v1/channels", json={"channels": [{"code": "shop", "name": "Shop", "nodes": nodes}]})
    skus = ["APPLE", "NEW", *(f"NONE-{n}" for n in range(500))]
    answer = await world.client.post(PATH, json={"skus": skus, "channels": ["shop", None], "nodes": [OTHER, STORE]})
    assert answer.status_code == 200, answer.text
    AvailabilityAnswer.model_validate(answer.json())
    items = answer.json()["items"]
    assert [(item["channel"], item["sku"]) for item in items] == [(c, sku) for c in ("shop", None) for sku in skus]
    in_shop, everywhere = items[0], items[len(skus)]
    assert in_shop["nodes"] == [{"node": OTHER, "name": f"Store {OTHER}", "available": 7}]
    assert (everywhere["available"], [n["available"] for n in everywhere["nodes"]]) == (29, [10, 9])
    assert (items[1]["available"], items[1]["nodes"]) == (0, [])
    whole = await world.client.get(PATH, params={"sku": "APPLE"})
    assert (whole.json()["items"][0]["channel"], whole.json()["items"][0]["available"]) == (None, 29)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"channels": ["web", "none"]}, "channels.1"),
        ({"channels": []}, "channels"),
        ({"skus": []}, "skus"),
        ({"skus": ["APPLE", "B C"]}, "skus.1"),
        ({"nodes": ["S 1"]}, "nodes.0"),
        ({"detail": "all"}, "detail"),
        ({"skus": [f"A{n}" for n in range(1000)], "channels": ["web"] * 50}, "skus"),
    ],
)
async def test_a_question_for_many_says_which_part_of_it_cannot_be_answered(
    world: build.World, more: dict[str, Any], field: str
) -> None:
    await open_shop(world)
    answer = await world.client.post(PATH, json={"skus": ["APPLE"], **more})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert answer.json()["errors"][0]["remedy"]


async def test_totals_alone_may_be_asked_for_without_a_bound_of_nodes(world: build.World) -> None:
    await open_shop(world)
    skus = [f"A{n}" for n in range(1000)]
    answer = await world.client.post(PATH, json={"skus": skus, "channels": ["web"] * 50, "detail": "network"})
    assert (answer.status_code, len(answer.json()["items"])) == (200, 50_000)
