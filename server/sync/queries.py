"""Reading the feed: pages that never split a transaction, heads, and what a device should know first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from server.kit.transaction import Tx
from server.sync import epochs
from server.sync.documents import node_stream
from shared.errors import Resync
from shared.sync import CATALOGUE, FeedRow, Origin, Page

_ROWS = (
    "SELECT stream, seq, kind, doc_id, version, body, origin, ends FROM feed"
    " WHERE stream = :stream AND seq > :after ORDER BY seq LIMIT :limit"
)


def streams_of(node: str) -> tuple[str, str]:
    """What a device of this node reads."""
    return (CATALOGUE, node_stream(node))


async def heads(tx: Tx, streams: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Stream -> (first, last) number; a stream without rows starts at 1 and ends at 0."""
    rows = await tx.rows(
        "SELECT stream, first_seq, last_seq FROM feed_head WHERE stream = ANY(CAST(:streams AS text[]))",
        streams=list(streams),
    )
    known = {r["stream"]: (r["first_seq"], r["last_seq"]) for r in rows}
    return {stream: known.get(stream, (1, 0)) for stream in streams}


async def page(tx: Tx, streams: tuple[str, ...], cursor: Mapping[str, int], *, limit: int) -> Page:
    """Rows after the cursor. Raises `Resync` when the feed no longer holds what the cursor needs."""
    at = await heads(tx, streams)
    found: list[FeedRow] = []
    reached: dict[str, int] = {}
    more = False
    for stream in streams:
        first, last = at[stream]
        after = cursor.get(stream, -1)
        if after < first - 1 or after > last:
            raise Resync(f"The feed {stream} holds {first} to {last}, not what follows {after}.")
        rows = [_row(r) for r in await _until_transaction_ends(tx, stream, after, limit - len(found))]
        found += rows
        reached[stream] = rows[-1].seq if rows else after
        more = more or reached[stream] < last
    epoch = await epochs.current(tx)
    return Page(rows=found, cursor=reached, more=more, server_time=tx.now, epoch=epoch)


async def _until_transaction_ends(tx: Tx, stream: str, after: int, limit: int) -> list[Any]:
    if limit <= 0:
        return []
    rows = list(await tx.rows(_ROWS, stream=stream, after=after, limit=limit))
    while rows and not rows[-1]["ends"]:
        rows += await tx.rows(_ROWS, stream=stream, after=rows[-1]["seq"], limit=limit)
    cut = max((i for i, r in enumerate(rows[: max(limit, 1)]) if r["ends"]), default=None)
    if cut is not None:
        return rows[: cut + 1]
    end = next((i for i, r in enumerate(rows) if r["ends"]), len(rows) - 1)
    return rows[: end + 1]


def _row(r: Any) -> FeedRow:
    return FeedRow(
        stream=r["stream"],
        seq=r["seq"],
        kind=r["kind"],
        id=r["doc_id"],
        version=r["version"],
        body=None if r["body"] is None else json.loads(r["body"]),
        origin=Origin.model_validate(r["origin"]) if r["origin"] else None,
    )
