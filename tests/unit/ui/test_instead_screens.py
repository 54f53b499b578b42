"""Substitutes on the pick screen: offered when something is not there, asked about when scanned, taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.fulfilment import State
from store_app.ui.screens.job import job_screen
from store_app.ui.screens.pick import pick_screen
from tests.unit.engine.fakes import GTIN, Store
from tests.unit.engine.test_instead import LAST, OTHER, a_server, opened
from tests.unit.ui.render import shown
from tests.unit.ui.test_floor_screens import JOB

Story = Callable[[Store], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story on a device that has lost its network."""

    def run(story: Story, signed_in: str = "anna") -> None:
        store = opened(tmp_path, a_server(price=1999))
        store.sign_in(signed_in)
        try:
            asyncio.run(story(store))  # type: ignore[arg-type]
        finally:
            store.engine.close()

    return run


def test_who_says_that_it_is_not_there_is_offered_what_the_customer_takes(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            assert "The customer would also take: Shirt 3 M blue, Shirt 4 M blue" in screen.words
            await screen.press("Not there")
            assert "The customer takes instead" not in screen.words
            await screen.press("Not found")
            await screen.press("Not found")
            assert "The customer takes instead" not in screen.words
            await screen.press("Damaged")
            assert "Not found" not in screen.words
            assert "The customer takes instead" in screen.words
            assert "$19.99" in screen.words
            assert "5 here" in screen.words
            assert "Scan it to take it." in screen.words
            await screen.scan(OTHER)
            assert screen.message.title == "Taken instead: Shirt 3"
            assert "2 of 3" in screen.words
        taken = store.job().line(1002)
        assert taken is not None
        assert (taken.held, taken.missing) == (1, {"damaged": 1})

    play(story)


def test_who_may_do_without_a_scan_takes_all_that_is_missing_with_one_press(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.press("Not there")
            await screen.press("Not found")
            await screen.press("Shirt 3, M blue, $19.99, bin A-3, 5 here")
            await screen.scan(GTIN[2])
            assert screen.page.route == f"/pack/{JOB}"
        assert store.job().state is State.PICKED
        assert store.job().line(1002).held == 3  # type: ignore[union-attr]

    play(story, "lea")


def test_a_scan_of_it_is_a_question_once_and_then_no_more(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.scan(OTHER)
            assert screen.message.title == "Shirt 3 may stand in"
            assert store.job().line(1002) is None
            await screen.press("Take it, Shirt 1 M blue is not there")
            await screen.scan(OTHER)
            assert store.job().line(1002).held == 2  # type: ignore[union-attr]
            await screen.scan(LAST)
            assert store.job().line(1001) is None

    play(story)


def test_a_substitute_is_put_back_with_one_press(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        store.engine.work.substitute(JOB, 1, "SKU-3", 3)
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            assert "Instead of Shirt 1" in screen.words
            assert "3 replaced" in screen.words
            await screen.press("Put one back: Shirt 3")
            assert "1 of 3" in screen.words
        assert store.job().line(1002).held == 2  # type: ignore[union-attr]

    play(story)


def test_a_job_shows_what_stands_for_what(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        store.engine.work.substitute(JOB, 1, "SKU-3", 3)
        async with shown(store.engine, job_screen, job=JOB) as screen:
            assert "Instead of Shirt 1" in screen.words
            assert "3 replaced" in screen.words

    play(story)
