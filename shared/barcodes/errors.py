"""The one error of this package. `code` may be branched on, `reason` is a sentence for a person."""

from __future__ import annotations


class BadCode(ValueError):
    """A code that cannot be what it was given as."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
