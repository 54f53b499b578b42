"""What needs you, on the screen: one sentence and one way on for each, and the way through it step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared import fulfilment as f
from shared.put_back import TaskLine
from shared.sync import ExceptionDoc
from store_app.ui.alarm import Alarm
from store_app.ui.screens.needs_you import needs_you_screen
from store_app.ui.screens.settle import settle_screen
from store_app.ui.screens.today import today
from store_app.ui.theme import Tone
from tests.unit.engine.fakes import GTIN, NODE, NOON, FakeServer, Store, a_person, a_position, a_store
from tests.unit.ui.render import shown

Story = Callable[[Store], Awaitable[None]]
JOB, TASK = UUID(int=1), UUID(int=50)


def an_exception(kind: str = "put_back", number: int = 50, **more: Any) -> ExceptionDoc:
    given: dict[str, Any] = {
        "order_number": "B-1-AA",
        "owner_role": "associate",
        "opened_at": NOON,
        "due_at": NOON + timedelta(hours=2),
        **more,
    }
    return ExceptionDoc(id=UUID(int=number), kind=kind, node=NODE, **given)


def a_task(**more: Any) -> ExceptionDoc:
    lines = (TaskLine(line=1, sku="SKU-1", freed=2), TaskLine(line=2, sku="SKU-2", freed=1))
    return an_exception(fulfilment=JOB, lines=lines, values={"cause": "cancelled", "place": "P3"}, **more)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story on a device that has synced these exceptions and lost its network since."""

    def run(story: Story, *docs: ExceptionDoc, signed_in: str = "anna") -> None:
        server = FakeServer()
        server.put("person", "lea", a_person("lea", "Lea", "lead"))
        server.put("stock", "SKU-1", a_position("SKU-1", sellable=3, bin="B-2", walk=9))
        server.put("stock", "SKU-2", a_position("SKU-2", sellable=3, bin="A-1", walk=2))
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


def test_a_cancelled_order_is_put_back_scan_by_scan_in_walking_order(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, needs_you_screen) as screen:
            assert "Order B-1-AA was cancelled. Put back: 3" in screen.words
            await screen.press("Put back")
            assert screen.page.route == f"/needs-you/{TASK}"
        async with shown(store.engine, settle_screen, exception=str(TASK)) as screen:
            assert "They stand at P3." in screen.words
            assert screen.words.index("A-1") < screen.words.index("B-2")
            for number in (2, 1):
                await screen.scan(GTIN[number])
            assert "Not all are here" in screen.words
            await screen.scan(GTIN[2])
            assert screen.message.title == "All of Shirt 2 M blue is back already"
            await screen.scan(GTIN[1])
            await screen.press("Everything is back")
            assert screen.page.route == "/needs-you"
        assert store.engine.work.needs() == []

    play(story, a_task())


def test_a_tap_stands_for_a_scan_and_what_is_missing_is_asked_twice(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, settle_screen, exception=str(TASK)) as screen:
            await screen.press("Shirt 2")
            await screen.scan(GTIN[1])
            await screen.press("Not all are here")
            assert "Not here: 1 × Shirt 1 M blue" in screen.words
            await screen.press("They are missing")
        (queued,) = store.engine.outbox.unsettled()
        assert queued.body["lines"] == [{"line": 2, "quantity": 1}, {"line": 1, "quantity": 1}]

    play(story, a_task())


def test_what_somebody_else_has_settled_meanwhile_is_said(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, settle_screen, exception=str(TASK)) as screen:
            store.engine.work.settle_exception(TASK, "put_back")
            await screen.draw()
            assert "This is settled" in screen.words

    play(story, a_task())


def test_an_associate_is_told_whose_it_is_and_a_lead_may_answer(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, settle_screen, exception=str(TASK)) as screen:
            assert "Open the bag and compare it with the order." in screen.words
            await screen.press("Pass on to customer care")
            assert "In a few words" in screen.words
        store.sign_in("lea")
        async with shown(store.engine, settle_screen, exception=str(TASK)) as screen:
            await screen.press("Put right")
            await screen.type("In a few words", "one loaf too many")
            await screen.press("Settle it")
        (queued,) = store.engine.outbox.unsettled()[-1:]
        assert (queued.body["resolution"], queued.body["note"]) == ("corrected", "one loaf too many")

    play(story, an_exception("packed_differs", owner_role="lead"))


def test_what_care_settles_stands_apart_and_is_not_counted(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, needs_you_screen) as screen:
            assert "Nothing needs you" in screen.words
            assert "With customer care" in screen.words
        assert store.engine.app_state().sync.needs_you == 0

    play(story, an_exception("handed_off_after_close", owner_role="agent"))


def test_today_shows_the_most_urgent_of_them(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, today) as screen:
            assert "One thing needs you" in screen.words
            assert "Order B-1-AA was cancelled. Put back: 3" in screen.words

    play(story, a_task())


def test_who_has_it_in_hand_hears_of_a_cancellation_at_once_and_others_do_not(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        store.engine.work.accept(JOB)
        store.network.heal()
        assert await store.sync()
        async with shown(store.engine, today) as screen:
            app = screen.app
            alarm = Alarm(app)
            alarm.look()
            store.server.order(f.Cancel(fulfilment=JOB))
            store.server.put("exception", str(TASK), a_task())
            assert await store.sync()
            alarm.look()
            told = app.feedback.message
            assert told is not None
            assert (told.tone, told.title) == (Tone.BAD, "Order B-1-AA was cancelled. Put back: 3")
            assert told.action is not None
            assert told.action.label == "Put back"
            app.feedback.clear()
            alarm.look()
            assert app.feedback.message is None
            other = an_exception(number=51, values={"cause": "expired"})
            store.server.put("exception", str(other.id), other)
            assert await store.sync()
            alarm.look()
            assert app.feedback.message is None

    play(story)
