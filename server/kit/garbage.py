"""Garbage collection for a server: what was built at the start is never looked at again.

A full collection walks every object of every imported library; measured as a pause of most of a second in the middle
of requests. Frozen objects are skipped, and full collections become rare.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Allocations before a young collection, young ones before a middle one, middle ones before a full one."""


def tame() -> None:
    """Call once, when the process is ready to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
