"""`@component`: Flet's, with a net under it.

Flet's scheduler stops for good when a component raises while it is drawn, and the screen freezes. A part of ours that
raises is drawn as an error card instead, the error is logged, and the rest of the app goes on.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast

import flet as ft

P = ParamSpec("P")
log = logging.getLogger("store_app.ui")


def component(draw: Callable[P, ft.Control]) -> Callable[P, ft.Control]:
    """Mark a function as a component that keeps state with hooks and may be drawn again on its own."""

    @wraps(draw)
    def safely(*args: P.args, **kwargs: P.kwargs) -> ft.Control:
        try:
            return draw(*args, **kwargs)
        except Exception:
            log.exception("%s could not be drawn", draw.__name__)
            from store_app.ui.components.error_state import error_state

            return error_state()

    return cast(Callable[P, ft.Control], ft.component(safely))


def keyed(key: str, control: ft.Control) -> ft.Control:
    """Give a child of a list its identity, so that its state stays with it when the list changes."""
    frozen = hasattr(control, "_frozen")  # Flet freezes what a component returned; the key is not drawn yet
    if frozen:
        delattr(control, "_frozen")
    control.key = key
    if frozen:
        control._frozen = True
    return control
