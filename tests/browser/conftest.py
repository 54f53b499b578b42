"""One store and one browser per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.harness import browser
from tests.browser.shop_floor import Floor, floor


@pytest.fixture(scope="module")
def shop_floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """A store with stock and a server behind it."""
    with floor(tmp_path_factory.mktemp("floor")) as up:
        yield up


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as running:
        yield running
