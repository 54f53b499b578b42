"""The store app's engine against the real server, in one process: what a device does offline arrives, once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.sync import snapshot
from shared.fulfilment import State
from shared.reasons import Bucket
from store_app.engine import Engine
from tests import build
from tests.shop import STORE, Shop, Tablet, open_shop

pytestmark = pytest.mark.postgres


class Device:
    """A shop, one of its tablets, and the engine on it."""

    def __init__(self, shop: Shop, tablet: Tablet, engine: Engine, line: build.InProcess) -> None:
        self.shop, self.tablet, self.engine, self.line = shop, tablet, engine, line

    def job(self, id_: str) -> Any:
        return self.engine.work.job(UUID(id_))


@pytest.fixture
async def device(world: build.World, tmp_path: Path) -> AsyncIterator[Device]:
    shop = await open_shop(world)
    tablet = await shop.tablet()
    line = build.InProcess(await world.asking(tablet.device.token))
    engine = Engine.open(tmp_path, "http://unused", transport=line)
    engine.client.token = tablet.device.token
    engine.db.set_meta(device=tablet.device.id, node=STORE)
    engine.view.load(tablet.device.id, ())
    assert await engine.syncer.run_once(), engine.syncer.status
    person = engine.lookup.person(tablet.person.id)
    assert person is not None
    engine.session._enter(person, "badge", {})
    yield Device(shop, tablet, engine, line)
    engine.close()


async def test_a_shift_without_a_network_arrives_and_settles(device: Device) -> None:
    sku = next(iter(device.shop.codes))
    page = await device.shop.buy((sku, 2))
    work, sync = device.engine.work, device.engine.syncer
    assert await sync.run_once(), sync.status
    job = page["jobs"][0]["id"]
    device.line.cut = True
    assert work.accept(job).ok
    for _ in range(2):
        assert work.scan(job, device.shop.codes[sku]).ok
    assert work.pack(job).ok
    assert work.stage(job, "A1").ok
    assert work.hand_off(job, proof="id_seen").ok
    assert device.engine.stock_work.adjust(sku, Bucket.SELLABLE, -1, "theft").ok
    assert not await sync.run_once()
    device.line.cut = False
    assert await sync.run_once(), sync.status
    assert device.engine.outbox.waiting == 0
    assert [q.outcome and q.outcome.status for q in device.engine.outbox.journal()] == ["applied"] * 8
    assert device.job(job).state is State.HANDED_OFF
    stock = device.engine.lookup.stock(sku)
    assert stock is not None
    assert stock.buckets.sellable == 7
    assert (await device.shop.stock(sku))["on_hand"] == 7
    assert (await device.shop.page(page["id"]))["lines"][0]["units"]["fulfilled"] == 2


async def test_a_count_and_a_delivery_without_a_network_arrive_as_they_were_shown(device: Device) -> None:
    sku = next(iter(device.shop.codes))
    page = await device.shop.buy((sku, 2))
    engine = device.engine
    assert await engine.syncer.run_once()
    device.line.cut = True
    job = page["jobs"][0]["id"]
    for _ in range(2):
        assert engine.work.scan(job, device.shop.codes[sku]).ok
    for _ in range(3):
        said = engine.stock_work.receive_scan("LS-4711", device.shop.codes[sku])
        assert said is not None
        assert said.ok
    assert engine.stock_work.receive_scan("LS-4711", device.shop.codes[sku], part="damaged")
    assert engine.stock_work.count(sku, 10).ok
    shown = engine.lookup.stock(sku)
    assert shown is not None
    assert (shown.buckets.sellable, shown.buckets.damaged) == (12, 1)  # 10 on the shelf, 2 in the tote
    device.line.cut = False
    assert await engine.syncer.run_once(), engine.syncer.status
    assert engine.outbox.waiting == 0
    settled = engine.lookup.stock(sku)
    assert settled is not None
    assert settled.buckets == shown.buckets
    assert (await device.shop.stock(sku))["on_hand"] == 13
    (line,) = engine.stock_work.delivery("LS-4711")
    assert (line.good, line.damaged) == (3, 1)
    assert engine.lookup.exceptions() == []


async def test_a_snapshot_of_the_real_server_settles_what_it_contains(device: Device) -> None:
    sku = next(iter(device.shop.codes))
    page = await device.shop.buy((sku, 1))
    assert await device.engine.syncer.run_once()
    job = page["jobs"][0]["id"]
    assert device.engine.work.scan(job, device.shop.codes[sku]).ok
    device.engine.db.set_meta(epoch=None)
    assert await device.engine.syncer.run_once(), device.engine.syncer.status
    assert device.engine.outbox.waiting == 0
    assert device.job(job).state is State.PICKED
    assert [item.sku for item in device.engine.lookup.items_by_code(device.shop.codes[sku])] == [sku]


async def test_people_ask_the_server_for_what_the_device_does_not_hold(device: Device) -> None:
    sku = next(iter(device.shop.codes))
    page = await device.shop.buy((sku, 1))
    device.engine.client.person_token = device.tablet.person.token
    client = device.engine.client
    assert page["number"] in [row.number for row in await client.orders(page["number"])]
    assert (await client.order(UUID(page["id"]))).number == page["number"]
    assert await client.timeline(UUID(page["id"]))
    assert {level.node for level in await client.stock_near(sku, STORE)} >= {STORE}


async def test_a_revoked_device_leaves_its_queue_with_its_manager_and_erases_itself(device: Device) -> None:
    sku = next(iter(device.shop.codes))
    page = await device.shop.buy((sku, 2))
    engine, admin = device.engine, device.shop.world.client
    assert await engine.syncer.run_once()
    job = page["jobs"][0]["id"]
    assert device.job(job).customer
    device.line.cut = True
    assert engine.work.scan(job, device.shop.codes[sku]).ok
    assert engine.work.arrive(job, vehicle="Blue Fiat").ok
    id_ = engine.view.device
    assert (await admin.post(f"/v1/devices/{id_}/revoke")).status_code == 200
    unreturned = (await admin.get("/v1/devices?unreturned=true")).json()["items"]
    assert [row["id"] for row in unreturned] == [id_]
    device.line.cut = False
    assert not await engine.syncer.run_once()
    assert engine.shut_out is not None
    assert (engine.enrolled, engine.outbox.waiting, engine.shut_out.given) == (False, 0, 2)
    left = (await admin.get(f"/v1/devices/{id_}/quarantine")).json()["items"]
    assert [row["body"]["kind"] for row in left] == ["pick", "arrive"]
    assert left[1]["body"]["vehicle"] == "Blue Fiat"
    assert (await admin.get("/v1/devices?unreturned=true")).json()["items"] == []
    after = (await device.shop.page(page["id"]))["jobs"][0]["state"]
    assert after == page["jobs"][0]["state"] == "offered"  # held and shown, not carried out


async def test_head_office_sees_what_still_waits_on_a_device(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line breaks after the first two of five commands."""
    monkeypatch.setattr("store_app.engine.syncer.MAX_PUSH", 2)
    for _ in range(4):
        assert device.engine.stock_work.adjust("APPLE", Bucket.SELLABLE, 1, "found").ok
    before = device.engine.outbox.waiting
    client = device.engine.store.client
    push = client.push

    async def once(*given: Any) -> Any:
        answer = await push(*given)
        device.line.cut = True
        return answer

    monkeypatch.setattr(client, "push", once)
    assert not await device.engine.syncer.run_once()
    assert await reported(device) == before - 2
    device.line.cut = False
    monkeypatch.setattr(client, "push", push)
    assert await device.engine.syncer.run_once()
    assert await reported(device) == 0


async def reported(device: Device) -> int:
    """The length of its queue, as head office reads it."""
    answer = await device.shop.world.client.get("/v1/devices")
    (length,) = [each["queue_length"] for each in answer.json()["items"] if each["id"] == device.tablet.device.id]
    return int(length)


async def test_a_snapshot_is_the_same_in_pieces_of_any_size(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = await device.shop.world.asking(device.tablet.device.token)

    async def rows() -> list[Any]:
        answer = await asking.get("/v1/sync/snapshot")
        return [json.loads(line) for line in answer.text.splitlines()][1:]

    whole = await rows()
    assert whole[-1] == {"end": True, "rows": len(whole) - 1}
    for size in (1, 300, 1_000_000):
        monkeypatch.setattr(snapshot, "PIECE", size)
        assert await rows() == whole
