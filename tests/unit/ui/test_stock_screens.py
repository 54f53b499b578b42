"""Counting and receiving on the screen: what a scan does, what is not shown, and where a recount leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from shared.sync import ExceptionDoc
from store_app.ui.screens.count import count_screen, count_start_screen
from store_app.ui.screens.needs_you import needs_you_screen
from store_app.ui.screens.receive import receive_screen
from tests.unit.engine.fakes import GTIN, NODE, NOON, FakeServer, Store, a_person, a_position, a_store
from tests.unit.ui.render import shown

Story = Callable[[Store], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story on a device without a network; 37 of the first item are on record."""

    def run(story: Story, *docs: ExceptionDoc, signed_in: str = "anna") -> None:
        server = FakeServer()
        server.put("person", "lea", a_person("lea", "Lea", "lead"))
        server.put("stock", "SKU-1", a_position("SKU-1", sellable=37, bin="B-2"))
        for doc in docs:
            server.put("exception", str(doc.id), doc)

        async def whole() -> None:
            store = await a_store(tmp_path, server, signed_in=signed_in)
            store.network.cut = True
            try:
                await story(store)
            finally:
                store.engine.close()

        asyncio.run(whole())

    return run


def queued(store: Store) -> list[tuple[str, object]]:
    queue = store.engine.outbox.unsettled()
    return [(q.kind, q.body.get("units", q.body.get("good"))) for q in queue if q.kind in ("count", "receive")]


def test_a_count_is_blind_and_each_scan_is_one_more(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, count_screen, sku="SKU-1") as screen:
            assert "37" not in screen.words
            assert "B-2" in screen.words
            await screen.scan(GTIN[1])
            await screen.scan(GTIN[1])
            assert store.engine.stock_work.begun("SKU-1") == 2
            await screen.scan(GTIN[2])
            assert screen.message is not None
            assert screen.message.title == "That is Shirt 2"
            assert screen.message.action is not None
            await screen.scan("4012345678901")
            assert "Nobody knows the code" in screen.message.title
            await screen.press("Save count")
        assert queued(store) == [("count", 2)]

    play(story)


def test_nothing_is_saved_before_somebody_has_said_that_nothing_is_there(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, count_screen, sku="SKU-1") as screen:
            await screen.press("Save: none are there")
            assert "Is none of Shirt 1 there?" in screen.words
            assert queued(store) == []
        async with shown(store.engine, count_screen, sku="SKU-1") as screen:
            await screen.type("Or type the number", "12")
            await screen.press("Save count")
        assert queued(store) == [("count", 12)]

    play(story)


def test_a_scan_says_what_is_counted(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, count_start_screen) as screen:
            await screen.scan(GTIN[2])
            assert screen.page.route == "/stock/SKU-2/count"

    play(story)


def test_a_delivery_is_scanned_in_unit_by_unit(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, receive_screen) as screen:
            await screen.scan(GTIN[1])
            assert screen.message is not None
            assert screen.message.title == "That is Shirt 1, not a delivery note"
            await screen.scan("LS-4711")
            assert "Scan each unit" in screen.words
            await screen.scan(GTIN[1])
            await screen.press("Damaged")
            await screen.scan(GTIN[1])
            assert "1 good, 1 damaged" in screen.words
            await screen.scan("4012345678901")
            assert "Nobody knows the code" in screen.message.title
        assert queued(store) == [("receive", 1), ("receive", 1)]

    play(story)


def test_a_recount_leads_to_the_count_of_its_item(play: Callable[..., None]) -> None:
    doc = ExceptionDoc(
        id=UUID(int=60),
        kind="recount",
        node=NODE,
        owner_role="associate",
        opened_at=NOON,
        due_at=NOON + timedelta(hours=2),
        values={"sku": "SKU-1", "units": 8, "why": "close", "counted_at": NOON.isoformat()},
    )

    async def story(store: Store) -> None:
        async with shown(store.engine, needs_you_screen) as screen:
            assert "Shirt 1 M blue must be counted once more" in screen.words
            await screen.press("Count it once more")
            assert screen.page.route == "/stock/SKU-1/count"

    play(story, doc)
