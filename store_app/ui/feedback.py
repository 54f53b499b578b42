"""Feedback on three channels at once: a banner with an icon and a sentence, a tone, and a touch.

Call it after the thing is stored, not before. The banner is drawn by the frame; tone and haptic go to the device and
may be missing there (a browser before the first tap, a tablet without a motor), which never stops the work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from store_app.ui.state import Dispose, Listener
from store_app.ui.theme import Tone

Signal = Literal["right", "wrong", "note"]
LASTS = {Tone.OK: 2.5, Tone.WARN: 6.0, Tone.BAD: 12.0}


@dataclass(frozen=True)
class Way:
    """A way on that the banner offers: a label and what a press does."""

    label: str
    go: Callable[[], None]


@dataclass(frozen=True)
class Message:
    """What the banner says. `id` grows, so that the same sentence twice is two messages."""

    id: int
    tone: Tone
    title: str
    detail: str = ""
    action: Way | None = None


class Feedback:
    """Holds the message now shown and sends tone and touch through `signal` (given by the app)."""

    def __init__(self, signal: Callable[[Signal], Awaitable[None] | None] | None = None) -> None:
        self.message: Message | None = None
        self._signal = signal
        self._count = 0
        self._listeners: list[Listener] = []

    def right(self, title: str, detail: str = "") -> None:
        """The scan was wanted, and it is stored."""
        self._show(Tone.OK, title, detail, "right")

    def wrong(self, title: str, detail: str = "", action: Way | None = None) -> None:
        """The scan was not wanted: say what it was, what was wanted, what to do, and perhaps offer a way on."""
        self._show(Tone.BAD, title, detail, "wrong", action)

    def note(self, title: str, detail: str = "") -> None:
        """Accepted, but the associate should know something."""
        self._show(Tone.WARN, title, detail, "note")

    def clear(self, message_id: int | None = None) -> None:
        """Take the banner away; with an id, only if that message is still the one shown."""
        if self.message is None or (message_id is not None and self.message.id != message_id):
            return
        self.message = None
        self._tell()

    def subscribe(self, listener: Listener) -> Dispose:
        """Be told when the message changes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _show(self, tone: Tone, title: str, detail: str, signal: Signal, action: Way | None = None) -> None:
        self._count += 1
        self.message = Message(self._count, tone, title, detail, action)
        self._tell()
        if self._signal is not None:
            self._signal(signal)

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()
