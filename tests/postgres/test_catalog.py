"""Loading and finding items, on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import World

pytestmark = pytest.mark.postgres
COLA = "036000291452"


async def load(world: World, *rows: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    answer = await world.client.post("/v1/items", json={"items": rows}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def row(sku: str, name: str = "Something", *codes: str, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "name": name, "barcodes": codes, **more}


async def test_bad_rows_say_why_and_good_rows_go_in(world: World) -> None:
    results = await load(
        world, row("A", "Cola", COLA), row("B", "Wrong", "036000291459"), {"sku": "C", "colour": 1}, row("A")
    )
    assert [r["status"] for r in results] == ["created", "refused", "refused", "refused"]
    assert [e["field"] for e in results[1]["errors"]] == ["barcodes.0"]
    assert {e["field"] for e in results[2]["errors"]} == {"name", "colour"}
    assert (results[2]["key"], results[3]["errors"][0]["field"]) == ("C", "sku")
    assert (await world.client.get("/v1/items/A")).json()["barcodes"] == ["00" + COLA]
    assert (await world.client.get("/v1/items/B")).status_code == 404


async def test_an_unchanged_item_keeps_its_version_and_a_changed_one_counts_on(world: World) -> None:
    await load(world, row("A", "Cola", COLA))
    assert [r["status"] for r in await load(world, row("A", "Cola", COLA))] == ["unchanged"]
    assert (await world.client.get("/v1/items/A")).json()["version"] == 1
    assert [r["status"] for r in await load(world, row("A", "Cola"))] == ["updated"]
    found = (await world.client.get("/v1/items/A")).json()
    assert (found["version"], found["barcodes"]) == (2, [])


async def test_a_code_has_one_owner(world: World) -> None:
    await load(world, row("A", "Cola", COLA))
    refused = (await load(world, row("B", "Other", COLA)))[0]
    assert refused["status"] == "refused"
    assert "means A" in refused["errors"][0]["message"]
    moved = await load(world, row("B", "Other", COLA), row("A", "Cola"))
    assert [r["status"] for r in moved] == ["created", "updated"]
    found = (await world.client.get(f"/v1/items/by-code/{COLA}")).json()
    assert [i["sku"] for i in found["items"]] == ["B"]


async def test_a_digital_link_finds_its_item(world: World) -> None:
    await load(world, row("A", "Cola", COLA))
    answer = await world.client.get(f"/v1/items/by-code/https://id.gs1.org/01/00{COLA}/10/LOT7")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["items"][0]["sku"], answer.json()["lot"]) == ("A", "LOT7")


async def test_search_takes_beginnings_of_any_word_and_pages_by_name(world: World) -> None:
    await load(world, *(row(f"M{n}", f"Milk {n:02}", brand="Käserei") for n in range(5)), row("T", "Tea"))
    seen: list[str] = []
    after = None
    while True:
        query = {"search": "kase mil", "limit": 2, **({"after": after} if after else {})}
        page = (await world.client.get("/v1/items", params=query)).json()
        seen += [i["sku"] for i in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ["M0", "M1", "M2", "M3", "M4"]
    assert (await world.client.get("/v1/items", params={"search": "' | & :* \\"})).json()["items"] == []


async def test_the_same_key_loads_once(world: World) -> None:
    await load(world, row("A"), **{"Idempotency-Key": "k1"})
    assert [r["status"] for r in await load(world, row("A"), **{"Idempotency-Key": "k1"})] == ["created"]
    other = await world.client.post("/v1/items", json={"items": [row("B")]}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 422
