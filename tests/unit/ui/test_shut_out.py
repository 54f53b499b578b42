"""What people see of a device that was revoked, and of one that has lost contact for a week."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from store_app.ui.components.sync_pill import sync_face
from store_app.ui.screens.desk import _device
from store_app.ui.screens.queue import queue_screen
from store_app.ui.screens.sign_in import enrol, sign_in
from store_app.ui.state import SyncState
from store_app.ui.theme import Tone
from tests.unit.engine.fakes import GTIN, Store, a_store
from tests.unit.ui.render import below, shown, spoken

Story = Callable[[Store], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def whole() -> None:
            store = await a_store(tmp_path)
            try:
                await story(store)
            finally:
                store.engine.close()

        asyncio.run(whole())

    return run


def test_a_device_that_erased_itself_says_so_and_can_be_enrolled_again(play: Callable[[Story], None]) -> None:
    async def story(store: Store) -> None:
        store.engine.work.scan(UUID(int=1), GTIN[1])
        async with shown(store.engine, enrol) as screen:
            assert "shut out" not in screen.words
        store.server.revoked["D1"] = []
        await store.sync()
        async with shown(store.engine, enrol) as screen:
            assert "This device was shut out by a manager" in screen.words
            assert "1 thing was given back" in screen.words
            await screen.scan("BTN:E:123456")
            await screen.draw()
            assert "shut out" not in screen.words
        assert store.engine.enrolled

    play(story)


def test_a_device_that_cannot_give_its_queue_back_yet_says_that_it_is_shut_out(play: Callable[[Story], None]) -> None:
    async def story(store: Store) -> None:
        store.engine.work.scan(UUID(int=1), GTIN[1])
        store.server.commands.clear()
        await store.sync()
        assert sync_face(store.engine.app_state().sync, "UTC")[::2] == (Tone.BAD, "Shut out")
        async with shown(store.engine, queue_screen) as screen:
            assert "no longer lets this device in" in screen.words
            assert "Go on working" not in screen.words
        async with shown(store.engine, sign_in) as screen:
            assert "The server no longer lets this device in" in screen.words
            assert "kept on the device" in screen.words

    play(story)


def test_a_device_without_contact_for_a_week_says_how_it_is_unlocked(play: Callable[[Story], None]) -> None:
    async def story(store: Store) -> None:
        store.network.cut = True
        store.clock.pass_(days=8)
        async with shown(store.engine, sign_in) as screen:
            assert "Locked: no contact with the server for a week" in screen.words
            assert "Connect this device to the network" in screen.words
            assert "Try again now" in screen.buttons
            assert "Scan your badge" not in screen.words
            store.network.heal()
            await store.sync()
            await screen.draw()
            assert "Scan your badge" in screen.words

    play(story)


@pytest.mark.parametrize(
    ("returned", "words"), [(None, "Queue not returned"), ("2026-03-01T11:00:00+00:00", "Queue returned 11:00 AM")]
)
def test_the_desk_says_whether_a_revoked_device_gave_its_queue_back(
    play: Callable[[Story], None], returned: str | None, words: str
) -> None:
    device = {
        "id": "D-9",
        "node": "S001",
        "name": "Lost tablet",
        "last_seen_at": None,
        "queue_length": 0,
        "revoked_at": datetime(2026, 3, 1, 10, tzinfo=UTC).isoformat(),
        "returned_at": returned,
    }

    async def story(store: Store) -> None:
        async with shown(store.engine, lambda: _device(device, lambda _: None)) as screen:
            said = "\n".join(word for control in below(screen.root) for word in spoken(control))
            assert words in said.replace("\u202f", " ")
            assert "Shut out" in said

    play(story)


def test_being_shut_out_comes_before_everything_else_the_pill_could_say() -> None:
    assert sync_face(SyncState(False, None, 7, needs_you=1, shut_out=True), "UTC")[2] == "Shut out"
