"""HTTP of the device protocol. Business outcomes are answered with 200; see the protocol page in the docs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from server.kit.auth import Actor
from server.kit.web import Parts, PartsDep, SyncResponse, allowed, problems
from server.sync import epochs, queries, service
from server.sync.snapshot import Snapshot, lines
from server.sync.turns import turns
from server.sync.watch import FeedWatch
from shared.api import MEDIA_TYPE
from shared.errors import InvalidInput
from shared.sync import SPOKEN_SCHEMAS, Hello, Page, Push, Pushed

router = APIRouter(prefix="/v1/sync", tags=["device sync"])
Device = Annotated[Actor, allowed("sync")]


def _home(device: Actor) -> str:
    return min(device.nodes)


def watch(parts: Parts) -> FeedWatch:
    """The one watcher of this process."""
    found: FeedWatch | None = parts.caches.get("feed_watch")
    if found is None:
        found = parts.caches["feed_watch"] = FeedWatch(parts.db, parts.draining)
    return found


def _answer(model: Any) -> Response:
    return Response(model.model_dump_json(), media_type=MEDIA_TYPE)


@router.get("/hello", response_class=SyncResponse, response_model=Hello, responses=problems(426))
async def hello(
    parts: PartsDep,
    device: Device,
    epoch: Annotated[int, Query(ge=0, le=2**53, description="The epoch of the device's replica; 0: it has none.")] = 0,
    settled_n: Annotated[int, Query(ge=0, le=2**53, description="Its newest command that a feed has settled.")] = 0,
) -> Response:
    """Server time, accepted versions, and the last command of this device the server has. A device that has seen more
    settled than this server knows of gives away that the server was restored from a backup: a new epoch begins."""
    async with turns(parts, "read").one(), parts.db.reading() as tx:
        last_n = int(await tx.value("SELECT last_n FROM device WHERE id = :id", id=device.id) or 0)
        now, current = tx.now, await epochs.current(tx)
    if epoch == current and settled_n > last_n:
        current = await parts.db.write(lambda tx: epochs.met(tx, str(device.id), epoch=epoch, settled_n=settled_n))
    return _answer(
        Hello(
            server_time=now,
            schemas=[SPOKEN_SCHEMAS[0], SPOKEN_SCHEMAS[-1]],
            epoch=current,
            node=_home(device),
            device=device.id,
            last_n=last_n,
            streams=list(queries.streams_of(_home(device))),
        )
    )


@router.post("/push", response_class=SyncResponse, response_model=Pushed, responses=problems(400, 409, 413, 426))
async def push(body: Push, parts: PartsDep, device: Device) -> Response:
    """Up to 200 commands, numbered without gaps. Sending them again is harmless. 409 `queue_gap` names the number that
    is wanted; 422 `reused_key` means that a number came before with other content. The answer is only a hint: a
    command is settled by its row in the feed. While other devices wait, fewer are carried out than were sent: the
    answer says how far it went, and the device sends the rest."""
    outcomes, last_n = await service.push(parts.db, device, body.commands, turns(parts, "push"), waiting=body.waiting)
    return _answer(Pushed(outcomes=outcomes, last_n=last_n))


def _cursor(text: str, streams: tuple[str, ...]) -> dict[str, int]:
    """`catalogue:12,node/S001:345` as a mapping; a stream left out starts at its beginning."""
    found = dict.fromkeys(streams, 0)
    for part in text.split(",") if text else []:
        stream, _, seq = part.rpartition(":")
        if stream not in found or not seq.isdecimal() or len(seq) > 18:
            raise InvalidInput(
                f"The cursor part {part!r} is not for this device.",
                field="cursor",
                remedy=f"Send stream:number for {' and '.join(streams)}, separated by a comma.",
            )
        found[stream] = int(seq)
    return found


@router.get("/pull", response_class=SyncResponse, response_model=Page, responses=problems(409, 426))
async def pull(
    parts: PartsDep,
    device: Device,
    cursor: Annotated[str, Query(max_length=300, examples=["catalogue:12,node/S001:345"])] = "",
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for something new.")] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> Response:
    """What changed after the cursor: whole documents and command outcomes, never half of a transaction. 409 `resync`:
    fetch a snapshot, keep the queue."""
    streams = queries.streams_of(_home(device))
    at = _cursor(cursor, streams)

    async def read() -> Page:
        async with turns(parts, "read").one():
            return await parts.db.read(lambda tx: queries.page(tx, streams, at, limit=limit))

    page = await read()
    if not page.rows and wait and await watch(parts).wait(at, wait):
        page = await read()
    return _answer(page)


async def _turn_for_a_snapshot(parts: PartsDep) -> AsyncIterator[None]:
    """Held until the last line is sent."""
    async with turns(parts, "snapshot").one():
        yield


@router.get(
    "/snapshot",
    response_class=Snapshot,
    status_code=200,
    responses={
        **problems(426),
        200: {
            "description": "NDJSON: a line with the cursor, one line per document, a last line with the row count.",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
    },
)
async def snapshot(parts: PartsDep, device: Device, _turn: Annotated[None, Depends(_turn_for_a_snapshot)]) -> Snapshot:
    """Everything the device should hold, in one consistent read."""
    return Snapshot(lines(parts.db, device.id, _home(device)))
