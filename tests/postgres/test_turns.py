"""Devices that come back all at once take turns: nothing is lost, and shoppers are served beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.types import Message

from server.check import check
from server.sync import documents, service, snapshot
from server.sync.turns import PATIENCE_S, Asked, turns
from shared.fulfilment import CLAIMS
from store_app.engine import Engine
from tests import build
from tests.shop import OTHER, STORE, Shop, Tablet, open_shop

pytestmark = pytest.mark.postgres
TABLETS, JOBS = 3, 4
"""Tablets of a store, and jobs that each of them does offline, with five commands each."""


@pytest.fixture
async def narrow(database_url: str) -> AsyncIterator[build.World]:
    """A server with so few connections that one device is served at a time."""
    async with build.world(database_url, config=build.settings(pool_size=4)) as world:
        yield world


@dataclass
class Back:
    """A tablet that worked without a network, and the ids of its commands."""

    tablet: Tablet
    engine: Engine
    line: build.InProcess
    made: list[str]


async def a_tablet(shop: Shop, node: str, folder: Path) -> Back:
    tablet = await shop.tablet(node)
    line = build.InProcess(await shop.world.asking(tablet.device.token))
    engine = Engine.open(folder / tablet.device.id, "http://unused", transport=line)
    engine.client.token = tablet.device.token
    assert await engine.syncer.run_once(), engine.syncer.status
    person = engine.lookup.person(tablet.person.id)
    assert person is not None
    engine.session._enter(person, "badge", {})
    return Back(tablet, engine, line, [])


def work_a_shift(back: Back, place: int) -> None:
    """Every third job of the store, from the list into the customer's hands; and the next tablet's first one too."""
    back.line.cut = True
    jobs = sorted(back.engine.work.jobs(), key=lambda job: job.id)
    for job in [*jobs[place::TABLETS], jobs[(place + 1) % TABLETS]]:
        assert back.engine.work.accept(job.id).ok
        assert back.engine.work.scan(job.id, back.tablet.shop.codes[job.lines[0].sku]).ok
        assert back.engine.work.pack(job.id).ok
        assert back.engine.work.stage(job.id, "A1").ok
        assert back.engine.work.hand_off(job.id, proof="id_seen").ok
    back.made = [str(queued.id) for queued in back.engine.outbox.unsettled()]


async def come_back(back: Back) -> None:
    back.line.cut = False
    while not await back.engine.syncer.run_once():
        assert back.engine.syncer.status.trouble == "busy"


async def shop_meanwhile(shop: Shop, work: asyncio.Future[object]) -> tuple[list[int], bool]:
    """Statuses of the orders placed until `work` is done, and whether a device waited for its turn meanwhile."""
    statuses, waited = [], False
    while not work.done():
        waited |= turns(shop.world.parts, "push").waiting > 0
        answer = await shop.world.client.post("/v1/orders", json=shop.order(("BREAD", 1)))
        statuses.append(answer.status_code)
    return statuses, waited


async def recorded(shop: Shop, back: Back) -> list[str]:
    """Ids of the device's commands as the server has them. No fact is refused or held."""
    rows = await shop.world.rows(
        "SELECT id::text, body->>'kind' AS kind, outcome->>'status' AS status FROM device_command"
        " WHERE device = :id ORDER BY n",
        id=back.tablet.device.id,
    )
    facts = {row["status"] for row in rows if row["kind"] not in CLAIMS}
    assert facts <= {"applied", "already_done", "adjusted", "exception"}
    return [row["id"] for row in rows]


async def test_a_region_that_comes_back_at_once_loses_nothing_and_shoppers_are_served(
    narrow: build.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH", 5)
    shop, fleet = await open_shop(narrow, stock=100), list[Back]()
    for node in (STORE, OTHER):
        for _ in range(TABLETS * JOBS):
            await shop.buy(("APPLE", 1), node=node)
        fleet += [await a_tablet(shop, node, tmp_path) for _ in range(TABLETS)]
    for n, back in enumerate(fleet):
        work_a_shift(back, n % TABLETS)
    coming = asyncio.gather(*(come_back(back) for back in fleet))
    statuses, waited = await shop_meanwhile(shop, coming)
    await coming
    assert set(statuses) == {201}
    assert waited, "nobody had to wait for a turn: nothing was tested"
    for back in fleet:
        assert len(back.made) == 1 + 5 * (JOBS + 1), "the sign-in and five of each job"
        assert await recorded(shop, back) == back.made, "each once, and in order"
        assert await back.engine.syncer.run_once()
        assert back.engine.outbox.waiting == 0
        back.engine.close()
    assert [found for found in await check(narrow.db) if found.violations] == []


async def waiting_for_a_turn(world: build.World, pushes: int) -> None:
    for _ in range(1000):
        if turns(world.parts, "push").waiting == pushes:
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


async def test_while_another_device_waits_one_is_served_a_part_and_sends_the_rest(narrow: build.World) -> None:
    shop = await open_shop(narrow)
    first, second = await shop.tablet(), await shop.tablet()
    job = (await shop.buy(("APPLE", 1)))["jobs"][0]["id"]
    commands = [first.command("accept", fulfilment=job) for _ in range(2 * service.BATCH + 1)]
    alone = await second.push(*(second.command("accept", fulfilment=job) for _ in range(service.BATCH + 1)))
    assert alone["last_n"] == service.BATCH + 1
    async with turns(narrow.parts, "push").one():
        pushes = list[asyncio.Task[dict[str, Any]]]()
        for push in (first.push(*commands), second.push(second.command("accept", fulfilment=job))):
            pushes.append(asyncio.create_task(push))
            await waiting_for_a_turn(narrow, len(pushes))
    part, other = await asyncio.gather(*pushes)
    assert (part["last_n"], len(part["outcomes"])) == (service.BATCH, service.BATCH)
    assert other["last_n"] == service.BATCH + 2
    rest = await first.push(*commands[service.BATCH :])
    assert rest["last_n"] == len(commands)


@pytest.mark.parametrize("what", ["push", "read", "snapshot"])
async def test_who_finds_no_turn_is_told_when_to_come_again(
    narrow: build.World, monkeypatch: pytest.MonkeyPatch, what: Asked
) -> None:
    monkeypatch.setitem(PATIENCE_S, what, 0.05)
    shop = await open_shop(narrow)
    tablet = await shop.tablet()
    asking, command = await narrow.asking(tablet.device.token), tablet.command("accept", fulfilment=uuid4())

    async def ask() -> httpx.Response:
        if what == "push":
            return await asking.post("/v1/sync/push", json={"commands": [command]})
        return await asking.get("/v1/sync/hello" if what == "read" else "/v1/sync/snapshot")

    async with turns(narrow.parts, what).one():
        answer = await ask()
        assert (answer.status_code, answer.json()["code"]) == (429, "busy")
        assert int(answer.headers["retry-after"]) > 0
    assert (await ask()).status_code == 200


async def test_who_waits_for_news_keeps_nobody_from_reading(narrow: build.World) -> None:
    shop = await open_shop(narrow)
    tablet = await shop.tablet()
    await tablet.pull()
    cursor = ",".join(f"{stream}:{seq}" for stream, seq in tablet.cursor.items())
    asking = await narrow.asking(tablet.device.token)
    waiting = asyncio.create_task(asking.get("/v1/sync/pull", params={"cursor": cursor, "wait": 20}))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    assert not turns(narrow.parts, "read")._seats.locked()
    await shop.buy(("APPLE", 1))
    assert (await waiting).json()["rows"]


async def test_a_snapshot_keeps_its_turn_until_its_last_line(narrow: build.World) -> None:
    """Not only until its first: the connection is taken for as long as it streams."""
    shop = await open_shop(narrow)
    tablet = await shop.tablet()
    held = list[bool]()
    everything = documents.everything

    async def watched(*given: Any) -> AsyncIterator[Any]:
        async for doc in everything(*given):
            held.append(turns(narrow.parts, "snapshot")._seats.locked())
            yield doc

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "everything", watched)
        asking = await narrow.asking(tablet.device.token)
        assert (await asking.get("/v1/sync/snapshot")).status_code == 200
    assert held
    assert all(held)
    assert not turns(narrow.parts, "snapshot")._seats.locked()


async def test_a_device_that_stops_reading_its_snapshot_is_broken_off_and_others_get_theirs(
    narrow: build.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It left the network without a word: its socket takes nothing more, and does not end."""
    monkeypatch.setattr(snapshot, "PIECE", 100)
    monkeypatch.setattr(snapshot, "STALLED_S", 0.2)
    shop = await open_shop(narrow)
    tablet = await shop.tablet()
    sent = list[Message]()

    async def silence() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def full(message: Message) -> None:
        if len(sent) == 2:
            await asyncio.Event().wait()
        sent.append(message)

    headers = [(b"authorization", f"Bearer {tablet.device.token}".encode())]
    async with asyncio.timeout(10):
        await narrow.app(scope("/v1/sync/snapshot", headers), silence, full)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"]
    assert not turns(narrow.parts, "snapshot")._seats.locked()
    assert narrow.db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    asking = await narrow.asking(tablet.device.token)
    assert (await asking.get("/v1/sync/snapshot")).status_code == 200


def scope(path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """A GET, as a web server hands it to the application."""
    http = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "asgi": {"spec_version": "2.3"}}
    where = {"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"", "server": ("test", 80)}
    return {**http, **where, "headers": headers, "client": ("127.0.0.1", 1)}
