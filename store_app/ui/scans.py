"""One stream of scans, whatever made them, and the question who answers.

A wedge scanner types into the page, the camera reads pictures, a person types a code by hand: all become a `Scan`.
Screens put a handler on the stack; the one put there last is asked first and may decline (return False), then the
next. Whatever nobody wants goes to the app's own answer, which knows the obvious thing to do with any code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from store_app.scanning.wedge import MOST_KEYS, Wedge

Source = Literal["wedge", "camera", "typed"]


@dataclass(frozen=True)
class Scan:
    """What was read, before anybody has said what it means. The last two are known to the camera only."""

    text: str
    source: Source
    symbology: str = ""
    identifier: str = ""


class ScanHandler(Protocol):
    """Answers a scan. False means: not mine, ask the next."""

    def __call__(self, scan: Scan, /) -> bool | None:
        """Do what this screen does with a scan."""
        ...


class Scans:
    """The stack of handlers, and the wedge's key strokes. `browser`: keys are reported as a browser does."""

    def __init__(self, browser: bool = False) -> None:
        self._wedge = Wedge(browser)
        self._handlers: list[ScanHandler] = []
        self._typing = 0
        self.otherwise: ScanHandler | None = None

    def push(self, handler: ScanHandler) -> Callable[[], None]:
        """Put a handler on top; call the result to take it away again."""
        self._handlers.append(handler)

        def pop() -> None:
            if handler in self._handlers:
                self._handlers.remove(handler)

        return pop

    def typing(self, on: bool) -> None:
        """A text field has the keys (or gave them back): until then, typing is not scanning."""
        self._typing = max(0, self._typing + (1 if on else -1))
        self._wedge.forget()

    def key(self, key: str, shift: bool = False, ctrl: bool = False, alt: bool = False) -> None:
        """A key was pressed anywhere on the page."""
        if self._typing:
            return
        text = self._wedge.feed(key, shift, ctrl, alt)
        if text:
            self.offer(Scan(text, "wedge"))

    def paste(self, text: str) -> None:
        """A code from the clipboard, unless a text field has the keys: the field takes it itself."""
        code = text.strip()
        if code and len(code) <= MOST_KEYS and not self._typing:
            self.offer(Scan(code, "typed"))

    def offer(self, scan: Scan) -> None:
        """Ask the handlers from the top; what all decline goes to `otherwise`."""
        for handler in reversed(self._handlers):
            if handler(scan) is not False:
                return
        if self.otherwise is not None:
            self.otherwise(scan)
