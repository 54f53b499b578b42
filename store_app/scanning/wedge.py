"""A scanner that types: key events in, whole scans out.

Flet reports a key by Flutter's label: printable keys as one upper-case character (a space as a space), the others by
name (`Enter`, `Tab`, `Numpad 1`), with flags for shift and control. A browser reports the character that was typed, so
shift matters for letters only; elsewhere the key's own character is reported, and shift is applied as on a US keyboard,
which is what scanners are delivered for.

A scan ends at Enter or Tab and nowhere else. Never by a pause: a slow tablet would cut codes in two, and two quick
scans would become one. The group separator of GS1 arrives as Ctrl+] (or Alt and 0029), Enter and Tab perhaps as Ctrl+M,
Ctrl+J and Ctrl+I. Control and Alt together are AltGr, which types a character.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_KEYS = 4_296
_END = frozenset({"Enter", "Numpad Enter", "Tab", "\r", "\n", "\t"})
_FORGET = frozenset({"Escape", "\x1b"})
_ERASE = frozenset({"Backspace", "\b"})
_CTRL_END = frozenset("MJI")
_CTRL = {"[": "\x1b", "\\": "\x1c", "]": "\x1d", "^": "\x1e", "6": "\x1e", "_": "\x1f", "-": "\x1f"}
_SHIFTED = dict(zip("`1234567890-=[]\\;',./", '~!@#$%^&*()_+{}|:"<>?', strict=True))
_NAMED = {
    "Space": " ",
    "Numpad Add": "+",
    "Numpad Subtract": "-",
    "Numpad Multiply": "*",
    "Numpad Divide": "/",
    "Numpad Decimal": ".",
    "Numpad Comma": ",",
    "Numpad Equal": "=",
    "Numpad Paren Left": "(",
    "Numpad Paren Right": ")",
    **{f"Numpad {digit}": digit for digit in "0123456789"},
}
_ALT_DIGITS = 4


def character(key: str, shift: bool, *, browser: bool = False) -> str:
    """What a key types; nothing for a key that types nothing (arrows, function keys, modifiers)."""
    if key in _NAMED:
        return _NAMED[key]
    if len(key) != 1 or not key.isprintable():
        return ""
    if key.isalpha():
        return key.upper() if shift else key.lower()
    return key if browser or not shift else _SHIFTED.get(key, key)


@dataclass
class Wedge:
    """Keys gathered until the scan ends. `browser`: the page runs in a browser (Flet's `page.web`)."""

    browser: bool = False
    _typed: list[str] = field(default_factory=list)
    _alt: str = ""

    def feed(self, key: str, shift: bool = False, ctrl: bool = False, alt: bool = False) -> str | None:
        """One key; gives the scan it completes, or None."""
        if key in _END or (ctrl and not alt and key.upper() in _CTRL_END):
            text = self.pending
            self.forget()
            return text or None
        if key in _FORGET or len(self._typed) >= MOST_KEYS:
            self.forget()
        elif key in _ERASE:
            del self._typed[-1:]
        elif typed := self._typed_by(key, shift, ctrl, alt):
            self._typed.append(typed)
        return None

    def forget(self) -> None:
        """Drop what was typed so far (a field took the focus, a dialog opened)."""
        self._typed.clear()
        self._alt = ""

    @property
    def pending(self) -> str:
        """What was typed since the last scan ended."""
        return "".join(self._typed)

    def _typed_by(self, key: str, shift: bool, ctrl: bool, alt: bool) -> str:
        if alt and not ctrl:
            return self._alt_digit(_NAMED.get(key, key))
        if ctrl and not alt:
            return _CTRL.get(key, "")
        return character(key, shift, browser=self.browser)

    def _alt_digit(self, digit: str) -> str:
        """Alt and four digits are one character by its number (Alt 0029 is the group separator)."""
        if len(digit) == 1 and digit in "0123456789":
            self._alt += digit
        if len(self._alt) < _ALT_DIGITS:
            return ""
        number, self._alt = int(self._alt), ""
        return chr(number)
