"""What a screen is to the router."""

from collections.abc import Callable
from dataclasses import dataclass

import flet as ft


@dataclass(frozen=True)
class Screen:
    """A route such as `work/:job` (no leading slash; empty for the first one) and the component that draws it."""

    path: str
    draw: Callable[[], ft.Control]
