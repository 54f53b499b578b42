"""A page that goes away while it is asked something, as a browser on a bad network does."""

from __future__ import annotations

import asyncio

import pytest

from store_app import main
from store_app.main import answered


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "ASKED_EVERY", 0.01)


async def test_a_page_that_was_reloaded_while_it_was_asked_is_asked_again() -> None:
    asked: list[int] = []

    async def ask() -> str:
        asked.append(1)
        if len(asked) < 3:
            await asyncio.Event().wait()
        return "slot"

    assert await asyncio.wait_for(answered(ask), 5) == "slot"
    assert len(asked) == 3


async def test_a_page_that_never_comes_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "ASKED_TIMES", 4)
    asked: list[int] = []

    async def ask() -> str:
        asked.append(1)
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answered(ask), 5)
    assert len(asked) == 4
