"""HTTP for nodes and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import Field

from server.kit.auth import Actor
from server.kit.once import once
from server.kit.pages import After, Limit, decode, encode
from server.kit.rows import BadRow, RowResults, keep_bad
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from server.network import queries, service
from server.network.rules import NewChannel, NewNode, NodeView, Switch
from shared.errors import NotFound
from shared.kernel import Input, Wire

router = APIRouter(prefix="/v1", tags=["network"])

if TYPE_CHECKING:
    NodeOrBad = NewNode | BadRow
    ChannelOrBad = NewChannel | BadRow
else:
    NodeOrBad = Annotated[NewNode, keep_bad("code")]
    ChannelOrBad = Annotated[NewChannel, keep_bad("code")]


class NodeList(Input):
    nodes: list[NodeOrBad] = Field(min_length=1, max_length=5000)


class NewChannels(Input):
    channels: list[ChannelOrBad] = Field(min_length=1, max_length=500)


@router.post("/nodes", responses=problems(400, 413))
async def load_nodes(
    body: NodeList,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("network.write")],
    idempotency_key: IdempotencyKey = None,
) -> RowResults:
    """Create or change nodes. Each row is the whole node; bad rows are reported beside the good ones, which are in."""

    async def work(tx: Tx) -> RowResults:
        async def do() -> RowResults:
            return RowResults(results=await service.load_nodes(tx, actor, body.nodes))

        return await once(tx, actor, idempotency_key, f"nodes {body!r}", RowResults, do)

    return await parts.db.write(work)


class NodePage(Wire):
    nodes: list[NodeView]
    next: str | None = None


@router.get("/nodes", responses=problems())
async def find_nodes(
    parts: PartsDep, actor: Annotated[Actor, allowed("network.read")], after: After = None, limit: Limit = 50
) -> NodePage:
    """All nodes, by code."""
    key = decode(after, (str,))
    async with parts.db.reading() as tx:
        rows = await queries.nodes(tx, after=str(key[0]) if key else "", limit=limit)
    return NodePage(nodes=rows, next=encode(rows[-1].code) if len(rows) == limit else None)


@router.get("/nodes/{code}", responses=problems(404))
async def get_node(code: str, parts: PartsDep, actor: Annotated[Actor, allowed("network.read")]) -> NodeView:
    """One node as it is now."""
    async with parts.db.reading() as tx:
        found = await queries.node(tx, code)
    if found is None:
        raise NotFound(f"No node {code}.")
    return found


@router.post("/nodes/{code}/switch", responses=problems(404))
async def switch_node(
    code: str,
    body: Switch,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("network.switch")],
    idempotency_key: IdempotencyKey = None,
) -> NodeView:
    """Stop or start giving web orders to a node, from the store itself: all or some ways of delivery, until a time or
    until told, with a reason that head office sees. What it has already stays."""

    async def work(tx: Tx) -> NodeView:
        async def do() -> NodeView:
            await service.switch(tx, actor, code, body)
            found = await queries.node(tx, code)
            if found is None:
                raise NotFound(f"No node {code}.")
            return found

        return await once(tx, actor, idempotency_key, f"switch {code} {body.model_dump_json()}", NodeView, do)

    return await parts.db.write(work)


@router.post("/channels", responses=problems(400, 413))
async def load_channels(
    body: NewChannels,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("network.write")],
    idempotency_key: IdempotencyKey = None,
) -> RowResults:
    """Create or change channels and the nodes they sell from."""

    async def work(tx: Tx) -> RowResults:
        async def do() -> RowResults:
            return RowResults(results=await service.load_channels(tx, actor, body.channels))

        return await once(tx, actor, idempotency_key, f"channels {body!r}", RowResults, do)

    return await parts.db.write(work)


class ChannelList(Wire):
    channels: list[NewChannel]


@router.get("/channels", responses=problems())
async def find_channels(parts: PartsDep, actor: Annotated[Actor, allowed("network.read")]) -> ChannelList:
    """All channels with their nodes."""
    async with parts.db.reading() as tx:
        return ChannelList(channels=await queries.channels(tx))
