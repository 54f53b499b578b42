"""Who wants to know what changed. Listeners are called on the thread that made the change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

log = logging.getLogger(__name__)
Listener = Callable[[], None]
Dispose = Callable[[], None]


class Topic(StrEnum):
    """What may change under a screen."""

    JOBS = "jobs"
    STOCK = "stock"
    SYNC = "sync"
    SESSION = "session"
    NEEDS_YOU = "needs_you"
    SETTINGS = "settings"


class Bus:
    """Topics and their listeners."""

    def __init__(self) -> None:
        self._listeners: list[tuple[frozenset[Topic], Listener]] = []

    def subscribe(self, listener: Listener, *topics: Topic) -> Dispose:
        """Call `listener` after a change of any of `topics` (none given: any change), until disposed of."""
        entry = (frozenset(topics or Topic), listener)
        self._listeners.append(entry)

        def dispose() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return dispose

    def tell(self, *topics: Topic) -> None:
        """Each listener hears of several topics once; one that fails does not keep the others from hearing."""
        if not topics:
            return
        changed = frozenset(topics)
        for wanted, listener in list(self._listeners):
            if wanted & changed:
                try:
                    listener()
                except Exception:
                    log.exception("a listener failed")
