"""What people see of a device whose data was damaged."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from store_app.engine.local_store import FILE
from store_app.ui.screens.needs_you import needs_you_screen
from store_app.ui.screens.sign_in import sign_in
from tests.unit.engine.fakes import a_store
from tests.unit.ui.render import shown


def test_a_damaged_device_says_so_until_somebody_has_seen_it(tmp_path: Path) -> None:
    async def story() -> None:
        store = await a_store(tmp_path)
        store.network.cut = True
        store.sign_in("lea")
        with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as file:
            file.execute("UPDATE document SET body = replace(body, 'Anna', 'Bnna')")
            file.commit()
        store.restart()
        async with shown(store.engine, sign_in) as screen:
            assert "This device's data was damaged" in screen.words
            assert "as soon as there is a connection" in screen.words
        store.network.heal()
        assert await store.sync()
        store.sign_in("lea")
        async with shown(store.engine, needs_you_screen) as screen:
            assert "set aside as store.damaged-" in screen.words
            assert "1 step that the server did not have yet was rescued" in screen.words
            assert "can no longer be sent" not in screen.words
            await screen.press("Seen")
            await screen.draw()
            assert "damaged" not in screen.words
        store.engine.close()

    asyncio.run(story())
