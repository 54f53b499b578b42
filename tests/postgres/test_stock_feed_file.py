"""`baton stock feed FILE`: a long file with bad rows in it, fed, fed again, and fed from the middle."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from server.check import check
from tests import build
from tests.command import baton
from tests.shop import OTHER, STORE, open_shop

ROWS = 5_000
AS_OF = "2026-01-01T08:00:00Z"


@pytest.fixture
def file(database_url: str, tmp_path: Path) -> Path:
    """A snapshot of two stores with three bad rows, and a database that knows its items."""

    async def prepare() -> None:
        async with build.world(database_url) as world:
            await open_shop(world)
            items = [{"sku": f"I{n}", "name": f"Item {n}", "price": 100} for n in range(ROWS // 2)]
            answer = await world.client.post("/v1/items", json={"items": items})
            assert answer.status_code == 200

    asyncio.run(prepare())
    rows: list[Any] = [
        {"sku": f"I{n}", "node": node, "units": n % 7} for node in (STORE, OTHER) for n in range(ROWS // 2)
    ]
    rows[9]["sku"], rows[2_500]["node"], rows[4_999]["units"] = "NOBODY", "S-99", -4
    path = tmp_path / "stock.ndjson"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def feed(database: str, file: Path, *more: str) -> tuple[int, dict[str, Any]]:
    words = ["stock", "feed", str(file), "--source", "erp", "--as-of", AS_OF, "--json", *more]
    done = baton(*words, database=database)
    return done.returncode, json.loads(done.stdout)


def test_a_file_is_fed_row_by_row_and_again_and_from_the_middle(file: Path, database_url: str) -> None:
    code, first = feed(database_url, file)
    zeros = 2 * len(range(0, ROWS // 2, 7)) - 2  # two of them are bad rows
    assert (code, first["lines"], first["next_line"]) == (1, ROWS, ROWS + 1)
    assert (first["changed"], first["unchanged"], first["refused"]) == (ROWS - 3 - zeros, zeros, 3)
    assert [(p["line"], p["errors"][0]["field"]) for p in first["problems"]] == [
        (10, "sku"),
        (2_501, "node"),
        (5_000, "units"),
    ]
    code, again = feed(database_url, file)
    assert (code, again["changed"], again["unchanged"]) == (1, 0, ROWS - 3)
    code, rest = feed(database_url, file, "--from-line", "4991")
    assert (rest["lines"], rest["problems"][0]["line"]) == (10, 5_000)

    async def whole() -> list[Any]:
        async with build.world(database_url) as world:
            return [found for found in await check(world.db) if found.violations]

    assert asyncio.run(whole()) == []


def test_bad_rows_are_sentences_on_a_screen(file: Path, database_url: str) -> None:
    said = baton("stock", "feed", str(file), "--source", "erp", "--as-of", AS_OF, database=database_url).stdout
    assert "line 10 NOBODY sku: No item has the SKU NOBODY. Load the item first, or correct the SKU." in said
    assert "5,000 lines:" in said
    assert "3 refused." in said
