"""Says at once what somebody must know: red and a long buzz when their order was cancelled under their hands.

The list of what needs a person fills quietly; what concerns the person who is signed in here is said aloud as well,
once, with the way to it.
"""

from typing import cast

from store_app.engine.needs import Need, concerns
from store_app.engine.station import Station
from store_app.ui.context import App
from store_app.ui.feedback import Way
from store_app.ui.screens._parts.need_words import what_happened, what_to_do
from store_app.ui.texts import t


class Alarm:
    """Looks again after every change of the local store; call `look` on the page's own thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: set[str] | None = None

    def look(self) -> None:
        """Tell the most urgent of what is new and concerns the person here."""
        engine = cast(Station, self._app.engine)
        person = engine.session.actor
        if person is None or not engine.enrolled:
            self._known = None
            return
        found = engine.work.needs()
        known, self._known = self._known, {need.key for need in found}
        if known is None:
            return
        for need in found:
            job = engine.lookup.job(need.job) if need.job else None
            if need.key not in known and concerns(need, person, job):
                self._say(need)
                return

    def _say(self, need: Need) -> None:
        feedback, page = self._app.feedback, self._app.page
        route = f"/needs-you/{need.exception.id}" if need.exception else "/needs-you"
        if need.urgent:
            way = Way(t("needs.put_back" if need.put_back else "needs.resolve"), lambda: page.navigate(route))
            feedback.wrong(what_happened(need), what_to_do(need), way)
        else:
            feedback.note(what_happened(need), what_to_do(need))
