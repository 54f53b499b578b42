"""Live frames: how to look at the next one, and which reads are new.

Most frames are looked at in the centre, where the associate aims; every fifth whole, for a code held off-centre; and
after every ten frames without a read, one hard. A code that stays in view is one scan, however long it stays: it counts
again only after it was out of view for the window of the context (700 ms for a camera, none for a scanner that types,
which sends each scan once).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from store_app.scanning.decoder import Read

CAMERA_WINDOW_MS = 700
WEDGE_WINDOW_MS = 0
_WHOLE_EVERY = 5
_HARD_EVERY = 10


def fresh(
    reads: Iterable[Read], *, window_ms: int, now_ms: int, seen: Mapping[str, int]
) -> tuple[list[Read], dict[str, int]]:
    """The reads that are new scans, and when each code was last seen, to be given back next time."""
    last = {text: at for text, at in seen.items() if now_ms - at < window_ms}
    new: list[Read] = []
    for one in reads:
        if one.text not in last:
            new.append(one)
        if window_ms > 0:
            last[one.text] = now_ms
    return new, last


@dataclass(frozen=True)
class FrameLook:
    """How `decoder.decode` should look at a frame."""

    centre: bool
    hard: bool


@dataclass
class CameraLoop:
    """The little that a running camera remembers. Time is given, in milliseconds of any steady clock."""

    window_ms: int = CAMERA_WINDOW_MS
    _frame: int = 0
    _misses: int = 0
    _seen: dict[str, int] = field(default_factory=dict)

    def next_look(self) -> FrameLook:
        """How to look at the next frame."""
        self._frame += 1
        hard = self._misses > 0 and self._misses % _HARD_EVERY == 0
        return FrameLook(centre=not hard and self._frame % _WHOLE_EVERY != 0, hard=hard)

    def taken(self, reads: Iterable[Read], now_ms: int) -> list[Read]:
        """What a frame showed; gives back the reads that are scans."""
        found = list(reads)
        self._misses = 0 if found else self._misses + 1
        new, self._seen = fresh(found, window_ms=self.window_ms, now_ms=now_ms, seen=self._seen)
        return new
