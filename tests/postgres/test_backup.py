"""A backup, what happens after it, and the way back: no number is given out twice, and devices hear of a new epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from server import backup
from server.kit import postgres
from server.kit.postgres import PostgresError
from tests import build
from tests.conftest import TEMPLATE
from tests.shop import STORE, Tablet, open_shop

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


async def _hello(tablet: Tablet, **what: Any) -> dict[str, Any]:
    asking = await tablet.shop.world.asking(tablet.device.token)
    answer = await asking.get("/v1/sync/hello", params=what)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_restored_server_begins_a_new_epoch_and_gives_no_number_twice(
    pg: postgres.Running, tmp_path: Path
) -> None:
    url = pg.url(None, pg.create_database("kept_safe", TEMPLATE))
    file = tmp_path / "baton.dump"
    async with build.world(url) as world:
        shop = await open_shop(world)
        tablet = await shop.tablet()
        await shop.buy(("APPLE", 1))
        assert backup.backup(url, file) > 10_000
        assert file.stat().st_mode & 0o777 == 0o600
        lost = (await shop.buy(("APPLE", 1)))["number"]
        assert await tablet.do("adjust_stock", sku="BREAD", node=STORE, delta=-1, reason="theft") == "applied"
        assert (await _hello(tablet))["last_n"] == 1
    done = await backup.restore(url, file, NOW)
    assert not done.broken
    try:
        async with build.world(url) as world:
            tablet.shop = shop = type(shop)(world, shop.codes, _bought=10)
            hello = await _hello(tablet, epoch=1, settled_n=1)
            assert hello["epoch"] == done.epoch > 1
            assert hello["last_n"] == 0, "so the device sends its journal again"
            number = (await shop.buy(("APPLE", 1)))["number"]
            assert int(number.split("-")[1]) - int(lost.split("-")[1]) >= backup.NUMBERS_AHEAD - 1
        old = await asyncpg.connect(pg.url(None, done.kept_as))
        assert await old.fetchval("SELECT count(*) FROM device_command") == 1, "the old database is still there"
        await old.close()
    finally:
        pg.drop_database("kept_safe")
        pg.drop_database(done.kept_as)


async def test_a_restore_that_cannot_be_done_leaves_everything_as_it_was(world: build.World, tmp_path: Path) -> None:
    url = world.db.url
    file = tmp_path / "baton.dump"
    file.write_text("not a backup")
    with pytest.raises(PostgresError, match=r"valid archive|did not find magic"):
        await backup.restore(url, file, NOW)
    backup.backup(url, file)
    with pytest.raises(PostgresError, match="Stop every Baton process first"):
        await backup.restore(url, file, NOW)
    assert (await world.client.get("/v1/nodes")).status_code == 200


async def test_a_device_that_knows_more_than_its_server_gives_a_restore_away(world: build.World) -> None:
    tablet = await (await open_shop(world)).tablet()
    first = (await _hello(tablet))["epoch"]
    assert (await _hello(tablet, epoch=first, settled_n=0))["epoch"] == first
    later = (await _hello(tablet, epoch=first, settled_n=7))["epoch"]
    assert later > first
    assert (await _hello(tablet, epoch=first, settled_n=7))["epoch"] == later, "once is enough"
