"""A snapshot on its way to a device: everything it should hold as of one moment, as lines of JSON.

While it is sent it takes a turn and a connection of the database, and a device that is carried out of the network in
the middle says nothing: its socket stays open for a quarter of an hour. So who stops reading is broken off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from server.kit.database import Database, to_json
from server.sync import documents, epochs, queries

PIECE = 1 << 16
"""Characters that are sent together: a piece passes every layer, the compression and the socket once."""
STALLED_S = 30.0
"""Who takes nothing for so long has stopped reading."""
log = structlog.get_logger(__name__)


class Snapshot(StreamingResponse):
    """Sends the lines in pieces, to who goes on reading."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncGenerator[str]) -> None:
        self._pieces = _in_pieces(lines)
        super().__init__(self._pieces)

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(STALLED_S):
                    await send(message)
            except TimeoutError:
                raise ClientDisconnect from None

        async with aclosing(self._pieces):
            try:
                await super().stream_response(in_time)
            except ClientDisconnect:
                log.warning("a device stopped reading its snapshot and was broken off")


async def _in_pieces(lines: AsyncGenerator[str]) -> AsyncGenerator[str]:
    held, size = list[str](), 0
    async with aclosing(lines):
        async for line in lines:
            held.append(line)
            size += len(line)
            if size >= PIECE:
                yield "".join(held)
                held, size = [], 0
    yield "".join(held)


async def lines(db: Database, device: str, node: str) -> AsyncGenerator[str]:
    """`last_n` is the last command of this device whose effect is contained: the device settles up to it."""
    rows = 0
    async with db.reading() as tx:
        heads = await queries.heads(tx, queries.streams_of(node))
        cursor = {stream: last for stream, (_, last) in heads.items()}
        last_n = int(await tx.value("SELECT last_n FROM device WHERE id = :id", id=device) or 0)
        header = {
            "cursor": cursor,
            "epoch": await epochs.current(tx),
            "server_time": tx.now.isoformat(),
            "last_n": last_n,
        }
        yield to_json(header) + "\n"
        async for doc in documents.everything(tx, node):
            rows += 1
            yield _line(doc, cursor[doc["stream"]])
    yield to_json({"end": True, "rows": rows}) + "\n"


def _line(doc: documents.Document, seq: int) -> str:
    """A feed row; bodies that are JSON text already are not parsed again."""
    body = doc["body"] if isinstance(doc["body"], str) else to_json(doc["body"])
    head = to_json({k: doc[k] for k in ("stream", "kind", "version")} | {"id": doc["doc_id"], "seq": seq})
    return f'{head[:-1]},"body":{body},"origin":null}}\n'
