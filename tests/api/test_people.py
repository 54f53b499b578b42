"""The manager's desk, devices, keys and sign-in."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from server.kit import audit
from server.people import queries
from shared.passes import badge_hash, check_pin
from tests import build
from tests.build import World
from tests.shop import OTHER, STORE, open_shop


@pytest.fixture
async def desk(world: World) -> httpx.AsyncClient:
    """A manager's client in a retailer with two stores."""
    await open_shop(world)
    manager = await build.person(world.db, "manager", nodes=[STORE])
    return await world.asking(manager.token)


async def add(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    person = {"name": "Robin Reed", "roles": ["associate"], "nodes": [STORE], **more}
    return await client.post("/v1/people", json={"people": [person]})


async def added(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await add(client, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["people"][0]["id"])


async def tablet(world: World, desk: httpx.AsyncClient) -> tuple[str, httpx.AsyncClient]:
    """A device enrolled with a code of the manager: its id, and its client."""
    code = (await desk.post("/v1/devices/enrolment-codes", json={"node": STORE})).json()["code"]
    nobody = await world.asking(None)
    joined = await nobody.post("/v1/sync/devices/enrol", json={"code": code, "name": "Tablet 1"})
    assert joined.status_code == 200, joined.text
    return joined.json()["device"], await world.asking(joined.json()["token"])


async def test_a_manager_adds_somebody_who_signs_in_by_pin_and_by_badge(world: World, desk: httpx.AsyncClient) -> None:
    robin = await added(desk)
    pin = (await desk.post(f"/v1/people/{robin}/pin", json={})).json()["pin"]
    badge = (await desk.post(f"/v1/people/{robin}/badge")).json()["label"]
    _, device = await tablet(world, desk)

    by_pin = await device.post("/v1/people/sign-in", json={"person": robin, "pin": pin})
    by_badge = await device.post("/v1/people/sign-in", json={"badge": badge})

    for answer in (by_pin, by_badge):
        assert answer.status_code == 200, answer.text
        me = (await (await world.asking(answer.json()["token"])).get("/v1/me")).json()
        assert (me["id"], me["roles"], me["nodes"]) == (robin, ["associate"], [STORE])
    assert by_pin.json()["person"]["badge_hash"] == badge_hash(badge)
    assert await world.read(audit.broken) == []
    chain = await world.rows("SELECT action FROM audit WHERE stream = :s ORDER BY n", s=f"person:{robin}")
    assert [row["action"] for row in chain] == [
        "person.add", "person.pin", "person.badge", "person.sign_in", "person.sign_in"
    ]  # fmt: skip


async def test_five_wrong_pins_lock_a_person_on_that_device_even_if_sent_at_once(
    world: World, desk: httpx.AsyncClient
) -> None:
    robin = await added(desk)
    pin = (await desk.post(f"/v1/people/{robin}/pin", json={"pin": "260917"})).json()["pin"]
    device_id, device = await tablet(world, desk)
    _, other = await tablet(world, desk)

    async def guess(number: int) -> str:
        body = {"person": robin, "pin": f"{number:06d}"}
        return str((await device.post("/v1/people/sign-in", json=body)).json()["detail"])

    answers = await asyncio.gather(*(guess(number) for number in range(9)))
    assert sum("Too many wrong PINs" in answer for answer in answers) == 4
    right = {"person": robin, "pin": pin}
    assert (await device.post("/v1/people/sign-in", json=right)).status_code == 403
    assert (await other.post("/v1/people/sign-in", json=right)).status_code == 200
    listed = (await desk.get("/v1/people")).json()["items"]
    assert [p["locked_on"] for p in listed if p["id"] == robin] == [[device_id]]

    assert (await desk.post(f"/v1/people/{robin}/unlock")).json()["locked_on"] == []
    assert (await device.post("/v1/people/sign-in", json=right)).status_code == 200


async def test_a_person_of_another_store_cannot_sign_in_here(world: World, desk: httpx.AsyncClient) -> None:
    stranger = await added(world.client, nodes=[OTHER])
    badge = (await world.client.post(f"/v1/people/{stranger}/badge")).json()["label"]
    _, device = await tablet(world, desk)
    assert (await device.post("/v1/people/sign-in", json={"badge": badge})).status_code == 403


async def test_a_new_badge_ends_the_old_one(world: World, desk: httpx.AsyncClient) -> None:
    robin = await added(desk)
    old, new = [(await desk.post(f"/v1/people/{robin}/badge")).json()["label"] for _ in range(2)]
    _, device = await tablet(world, desk)
    assert (await device.post("/v1/people/sign-in", json={"badge": old})).status_code == 403
    assert (await device.post("/v1/people/sign-in", json={"badge": new})).status_code == 200


@pytest.mark.parametrize("pin", ["111111", "123456", "987654", "12345", "abcdef", "1234567"])
async def test_easy_or_misshapen_pins_are_refused(desk: httpx.AsyncClient, pin: str) -> None:
    robin = await added(desk)
    answer = await desk.post(f"/v1/people/{robin}/pin", json={"pin": pin})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "pin"


async def test_somebody_who_left_is_signed_out_at_once(world: World, desk: httpx.AsyncClient) -> None:
    robin = await build.person(world.db, "associate", nodes=[STORE])
    asking = await world.asking(robin.token)
    assert (await asking.get("/v1/me")).status_code == 200
    assert (await desk.patch(f"/v1/people/{robin.id}", json={"active": False})).json()["active"] is False
    assert (await asking.get("/v1/me")).status_code == 401


async def test_a_revoked_device_is_out_at_once_and_so_is_who_is_on_it(world: World, desk: httpx.AsyncClient) -> None:
    device_id, device = await tablet(world, desk)
    robin = await build.person(world.db, "associate", nodes=[STORE], on=device_id)
    asking = await world.asking(robin.token)
    assert (await device.get("/v1/me")).status_code == 200
    assert (await asking.get("/v1/me")).status_code == 200
    for _ in range(2):
        assert (await desk.post(f"/v1/devices/{device_id}/revoke")).json()["revoked_at"] is not None
    assert (await device.get("/v1/me")).status_code == 401
    assert (await asking.get("/v1/me")).status_code == 401
    assert len(await world.rows("SELECT 1 FROM event WHERE kind = 'DeviceRevoked'")) == 1


async def test_an_enrolment_label_says_where_the_server_is_when_the_server_knows(
    world: World, desk: httpx.AsyncClient
) -> None:
    async def offer() -> dict[str, str]:
        found: dict[str, str] = (await desk.post("/v1/devices/enrolment-codes", json={"node": STORE})).json()
        return found

    plain = await offer()
    assert plain["label"] == f"BTN:E:{plain['code']}"
    world.parts.settings = world.parts.settings.model_copy(update={"public_url": "https://oms.example.com"})
    told = await offer()
    assert told["label"] == f"BTN:E:{told['code']} HTTPS://OMS.EXAMPLE.COM"
    body = {"code": told["label"], "name": "Phone"}
    joined = await (await world.asking(None)).post("/v1/sync/devices/enrol", json=body)
    assert joined.status_code == 200, joined.text


async def test_an_enrolment_code_is_good_once_and_for_ten_minutes(world: World, desk: httpx.AsyncClient) -> None:
    nobody = await world.asking(None)

    async def join(code: str) -> int:
        body = {"code": code, "name": "Tablet"}
        return (await nobody.post("/v1/sync/devices/enrol", json=body)).status_code

    offer = (await desk.post("/v1/devices/enrolment-codes", json={"node": STORE})).json()
    statuses = await asyncio.gather(*(join(offer[way]) for way in ("code", "label") * 3))
    assert sorted(statuses) == [200, 403, 403, 403, 403, 403]
    late = (await desk.post("/v1/devices/enrolment-codes", json={"node": STORE})).json()
    real = world.db.clock
    world.db.clock = lambda: real() + timedelta(minutes=11)
    assert await join(late["code"].lower()) == 403


async def test_a_manager_has_no_say_over_other_stores_higher_roles_or_keys(
    world: World, desk: httpx.AsyncClient
) -> None:
    elsewhere = await added(world.client, nodes=[OTHER])
    both = await added(world.client, nodes=[STORE, OTHER])
    boss = await added(world.client, roles=["manager"])
    statuses = {
        "adds an associate elsewhere": (await add(desk, nodes=[OTHER])).status_code,
        "adds an admin": (await add(desk, roles=["admin"])).status_code,
        "sees somebody elsewhere": (await desk.post(f"/v1/people/{elsewhere}/badge")).status_code,
        "badge of somebody who works elsewhere too": (await desk.post(f"/v1/people/{both}/badge")).status_code,
        "PIN of another manager": (await desk.post(f"/v1/people/{boss}/pin", json={})).status_code,
        "promotes": (await desk.patch(f"/v1/people/{await added(desk)}", json={"roles": ["admin"]})).status_code,
        "code for elsewhere": (await desk.post("/v1/devices/enrolment-codes", json={"node": OTHER})).status_code,
        "makes a key": (await desk.post("/v1/keys", json={"name": "mine"})).status_code,
    }
    assert set(statuses.values()) == {403, 404}, statuses
    assert statuses["sees somebody elsewhere"] == 404
    names = {p["id"] for p in (await desk.get("/v1/people")).json()["items"]}
    assert elsewhere not in names
    assert both in names


async def test_a_node_that_does_not_exist_is_named(world: World, desk: httpx.AsyncClient) -> None:
    answer = await add(world.client, nodes=["NOWHERE"])
    assert answer.status_code == 422
    assert "NOWHERE" in answer.json()["detail"]


async def test_lists_come_in_pages_that_miss_nobody(world: World, desk: httpx.AsyncClient) -> None:
    for name in ("Ann", "Ben", "Ben", "Cleo", "Dan"):
        await added(desk, name=name)
    names, after = [], None
    while True:
        page = (await desk.get("/v1/people", params={"limit": 2, **({"after": after} if after else {})})).json()
        names += [person["name"] for person in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert names == ["Ann", "Ben", "Ben", "Cleo", "Dan", "Robin Reed"]
    for wrong in ("x", "WzFd", "bnVsbA", "%00"):
        assert (await desk.get(f"/v1/people?after={wrong}")).status_code == 422


async def test_adding_people_twice_with_one_key_adds_them_once(world: World, desk: httpx.AsyncClient) -> None:
    body = {"people": [{"name": "Ann", "roles": ["lead"], "nodes": [STORE]}]}
    headers = {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(*(desk.post("/v1/people", json=body, headers=headers) for _ in range(5)))
    assert len({answer.text for answer in answers}) == 1
    assert len(await world.rows("SELECT 1 FROM person WHERE name = 'Ann'")) == 1
    body["people"][0]["name"] = "Bea"
    assert (await desk.post("/v1/people", json=body, headers=headers)).status_code == 422


async def test_a_key_is_shown_once_limited_to_its_scopes_and_gone_when_revoked(world: World) -> None:
    made = (await world.client.post("/v1/keys", json={"name": "Shop", "scopes": ["stock.read"]})).json()
    asking = await world.asking(made["key"])
    assert (await asking.get("/v1/me")).json()["permissions"] == ["stock.read"]
    listed = (await world.client.get("/v1/keys")).json()["items"]
    assert made["key"].startswith(next(k["prefix"] for k in listed if k["id"] == made["id"]))
    assert made["key"] not in str(listed)
    assert (await world.client.post(f"/v1/keys/{made['id']}/revoke")).status_code == 204
    assert (await asking.get("/v1/me")).status_code == 401
    unknown = await world.client.post("/v1/keys", json={"name": "Shop", "scopes": ["everything"]})
    assert "'everything'" in unknown.json()["errors"][0]["message"]


async def test_devices_of_a_node_know_its_people_and_who_left(world: World, desk: httpx.AsyncClient) -> None:
    robin = await added(world.client, nodes=[STORE, OTHER])
    await world.client.post(f"/v1/people/{robin}/pin", json={"pin": "260917"})
    await world.client.patch(f"/v1/people/{robin}", json={"nodes": [STORE]})
    docs = dict(await world.read(lambda tx: queries.person_docs(tx, ids=[robin])))
    assert (docs[STORE].active, docs[OTHER].active) == (True, False)
    assert docs[OTHER].pin_verifier is None
    assert check_pin("260917", world.parts.keys.pin_key, docs[STORE].pin_verifier or "")


async def test_a_badge_prints_as_one_card(desk: httpx.AsyncClient) -> None:
    robin = await added(desk, name="Łukasz Świątek-Ærøskøbing")
    card = await desk.post(f"/v1/people/{robin}/badge.pdf")
    assert card.status_code == 200, card.text
    assert card.headers["content-type"] == "application/pdf"
    assert card.content.startswith(b"%PDF")


async def test_a_changed_audit_row_shows(world: World, desk: httpx.AsyncClient) -> None:
    robin = await added(desk)
    await desk.post(f"/v1/people/{robin}/badge")
    await world.write(
        lambda tx: tx.run("UPDATE audit SET actor = 'somebody else' WHERE stream = :s AND n = 1", s=f"person:{robin}")
    )
    assert await world.read(audit.broken) == [(f"person:{robin}", 1)]
