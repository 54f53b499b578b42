"""The feed forgets its beginning: a device that was away for longer fetches a snapshot instead.

What is dropped is a prefix of whole transactions, so a feed stays without gaps: `feed_head.first_seq` says where it
begins. A device whose cursor lies before it is told to resync, keeps its queue, and its snapshot settles what the
outcomes that are gone would have settled.
"""

from __future__ import annotations

from datetime import timedelta

from server.kit.transaction import Tx

KEPT = timedelta(days=30)
"""How long a row can be pulled."""
BATCH = 5_000
"""Rows looked at per stream and turn."""

_STREAMS = "SELECT stream, first_seq FROM feed_head ORDER BY stream"
_CUT = (
    "SELECT max(seq) FROM (SELECT seq, at, ends FROM feed WHERE stream = :stream AND seq >= :first"
    " ORDER BY seq LIMIT :batch) AS oldest WHERE at < :before AND ends"
)
_DROP = "DELETE FROM feed WHERE stream = :stream AND seq BETWEEN :first AND :cut"
_BEGIN = "UPDATE feed_head SET first_seq = :next WHERE stream = :stream AND first_seq < :next"


async def compact(tx: Tx, *, kept: timedelta = KEPT, batch: int = BATCH) -> int:
    """Drop what is older than `kept`; returns how many rows went. Called again while it finds something.

    The feed's heads are touched last and in order, as by everybody else.
    """
    cuts: dict[str, int] = {}
    dropped = 0
    for row in await tx.rows(_STREAMS):
        stream, first = row["stream"], row["first_seq"]
        cut = await tx.value(_CUT, stream=stream, first=first, batch=batch, before=tx.now - kept)
        if cut is not None:
            dropped += await tx.run(_DROP, stream=stream, first=first, cut=cut)
            cuts[stream] = cut
    for stream, cut in sorted(cuts.items()):
        await tx.run(_BEGIN, stream=stream, next=cut + 1)
    return dropped
