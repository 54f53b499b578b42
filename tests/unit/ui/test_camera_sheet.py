"""Where nothing can be read from pictures, the camera's sheet says which part is missing, before it asks for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import flet as ft
import pytest

from store_app.scanning.decoder import Look, Read
from store_app.ui.components import camera_sheet
from store_app.ui.components.camera_sheet import why_not
from store_app.ui.texts import t


def page(platform: ft.PagePlatform, *, web: bool = False) -> Any:
    return SimpleNamespace(platform=platform, web=web)


def reader(_look: Look, _formats: frozenset[str]) -> list[Read]:
    """A reader that is there and sees nothing."""
    return []


@pytest.mark.parametrize("platform", [ft.PagePlatform.WINDOWS, ft.PagePlatform.MACOS, ft.PagePlatform.LINUX])
def test_a_desktop_has_no_camera_unless_its_browser_has(
    platform: ft.PagePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_sheet, "installed", lambda: (reader,))
    assert why_not(page(platform)) == "camera.none"
    assert why_not(page(platform, web=True)) == ""


@pytest.mark.parametrize("platform", [ft.PagePlatform.ANDROID, ft.PagePlatform.IOS])
def test_a_phone_without_a_reader_is_told_to_use_a_scanner(
    platform: ft.PagePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_sheet, "installed", lambda: (reader,))
    assert why_not(page(platform)) == ""
    monkeypatch.setattr(camera_sheet, "installed", lambda: ())
    assert why_not(page(platform)) == "camera.no_reader"
    assert "Use a scanner" in t(why_not(page(platform)))
