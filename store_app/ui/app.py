"""The whole app as one component: the router, and what is shown where no screen answers."""

from collections.abc import Sequence

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.hooks import opener, use_app, use_query, use_state_of
from store_app.ui.screens import Screen
from store_app.ui.screens.sign_in import enrol, sign_in
from store_app.ui.texts import t


@component
def store_app(screens: Sequence[Screen]) -> ft.Control:
    """Draws the screen of the present route; again as a whole when the language changes."""
    use_state_of(lambda state: state.locale)
    app = use_app()
    person = use_state_of(lambda state: state.person)
    known = use_query(lambda: app.engine.enrolled)
    if not known:
        return enrol()
    if person is None:
        return sign_in()
    routes = [_route(screen) for screen in screens]
    return ft.Router(routes, not_found=nothing_here)


def _route(screen: Screen) -> ft.Route:
    if not screen.path:
        return ft.Route(index=True, component=screen.draw)
    return ft.Route(path=screen.path, component=screen.draw)


@component
def nothing_here() -> ft.Control:
    """A route nobody answers: say so, and show the way home."""
    home = button(t("nowhere.home"), opener("/"), rank="secondary")
    words = empty_state(t("nowhere.title"), t("nowhere.detail"), ft.Icons.EXPLORE_OFF_ROUNDED, home)
    return frame(t("nowhere.heading"), [words])
