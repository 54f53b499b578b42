"""HTTP for availability: what a channel may promise."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field, StringConstraints

from server.inventory.drawing import Detail, Seller
from server.inventory.window import MAX_AGE_S, Shown, Window
from server.kit.auth import Actor
from server.kit.web import Parts, PartsDep, allowed, problems
from shared.errors import InvalidInput, NotFound
from shared.kernel import Input, Instant, NodeCode, Sku, Wire
from shared.stock import Availability

router = APIRouter(prefix="/v1", tags=["availability"])
MOST_ITEMS = 5000
MOST_FIGURES = 100_000
"""Figures of nodes in one answer: some 20 MB with their arithmetic."""
ChannelCode = Annotated[str, StringConstraints(min_length=1, max_length=24)]


def _split(values: object) -> object:
    """`?sku=A,B` is `?sku=A&sku=B`; no code has a comma in it."""
    return ",".join(values).split(",") if isinstance(values, list) else values


Skus = Annotated[list[Sku], BeforeValidator(_split)]
NodeCodes = Annotated[list[str], BeforeValidator(_split)]


class AvailabilityAnswer(Wire):
    as_of: Instant
    """The time of the oldest figure."""
    items: list[Availability]


def window_of(parts: Parts) -> Window:
    """This process's."""
    found: Window | None = parts.caches.get("window")
    if found is None:
        found = parts.caches["window"] = Window(parts.db)
    return found


@router.get("/availability", response_model=AvailabilityAnswer, responses=problems(404))
async def get_availability(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.read")],
    sku: Annotated[Skus, Query(min_length=1, max_length=200, description="Items, with commas between them.")],
    channel: Annotated[
        str | None,
        Query(max_length=24, description="Sells from its own nodes, with its own thresholds. None: all nodes, whole."),
    ] = None,
    node: Annotated[
        NodeCodes | None, Query(max_length=500, description="Only these nodes in `nodes`, in this order; with commas.")
    ] = None,
    detail: Annotated[Detail, Query(description="How much to say of each node.")] = "arithmetic",
    max_age: Annotated[
        float, Query(ge=0, le=MAX_AGE_S, description="How many seconds old the figures may be; 0: read them now.")
    ] = MAX_AGE_S,
) -> Response:
    """What a channel may promise: the network figure per item, and each node with its arithmetic.

    available = on_hand - not_sellable - reserved - safety_stock - channel_threshold - doubt + inbound, at least 0.
    Figures are up to a second old, `as_of` says how old, and a promise is made by reserving, never by reading.
    """
    window = window_of(parts)
    items = await window.look(list(dict.fromkeys(sku)), timedelta(seconds=max_age))
    seller = window.sellers.get(channel)
    if seller is None:
        raise NotFound(f"No channel {channel}.", remedy="GET /v1/channels lists them.")
    return _answer(items, list(_texts(items, seller, node, detail)))


class AvailabilityQuestion(Input):
    """Many items at once."""

    skus: list[Sku] = Field(min_length=1, max_length=MOST_ITEMS)
    channels: list[ChannelCode | None] = Field(
        default=[None], min_length=1, max_length=100, description="Each is answered by itself; null: all nodes, whole."
    )
    nodes: list[NodeCode] | None = Field(
        default=None, max_length=5000, description="Only these in `nodes`, in this order; null: all of the channel's."
    )
    detail: Detail = Field(default="nodes", description="How much to say of each node.")
    max_age: float = Field(default=MAX_AGE_S, ge=0, le=MAX_AGE_S, description="Seconds; 0: read the figures now.")


@router.post("/availability", response_model=AvailabilityAnswer, responses=problems(400, 413))
async def ask_availability(
    body: AvailabilityQuestion, parts: PartsDep, actor: Annotated[Actor, allowed("stock.read")]
) -> Response:
    """The same for many items, nodes and channels at once: every item of the first channel, then of the next.

    At most 100,000 figures of nodes in one answer. Asking changes nothing, so no Idempotency-Key is needed.
    """
    window = window_of(parts)
    items = await window.look(list(dict.fromkeys(body.skus)), timedelta(seconds=body.max_age))
    sellers = [_seller(window, channel, place) for place, channel in enumerate(body.channels)]
    _bounded(items, sellers, body)
    texts: list[str] = []
    for seller in sellers:
        for text in _texts(items, seller, body.nodes, body.detail):
            texts.append(text)
            await asyncio.sleep(0)
    return _answer(items, texts)


def _seller(window: Window, channel: str | None, place: int) -> Seller:
    found = window.sellers.get(channel)
    if found is None:
        raise InvalidInput(
            f"No channel {channel}.", field=f"channels.{place}", remedy="GET /v1/channels lists them; null means all."
        )
    return found


def _bounded(items: Sequence[Shown], sellers: Sequence[Seller], asked: AvailabilityQuestion) -> None:
    """Raises `InvalidInput` where the answer would hold more than anybody can read."""
    if asked.detail == "network":
        return
    nodes = max(len(seller.thresholds) for seller in sellers)
    if asked.nodes is not None:
        nodes = min(nodes, len(asked.nodes))
    figures = len(items) * len(sellers) * nodes
    if figures > MOST_FIGURES:
        raise InvalidInput(
            f"{figures} figures of nodes are more than {MOST_FIGURES}.",
            field="skus",
            remedy="Ask for fewer items, channels or nodes at once, or for detail=network.",
        )


def _answer(items: Sequence[Shown], texts: Sequence[str]) -> Response:
    as_of = min(item.read_at for item in items).isoformat()
    body = f'{{"as_of":"{as_of}","items":[{",".join(texts)}]}}'
    return Response(body, media_type="application/json")


def _texts(items: Sequence[Shown], seller: Seller, nodes: Sequence[str] | None, detail: Detail) -> Iterator[str]:
    """Each item. Most stand in the same nodes as the one before."""
    lineup, places = None, []
    for item in items:
        if item.columns.nodes is not lineup:
            lineup = item.columns.nodes
            places = seller.places(lineup, nodes)
        yield item.drawing(seller).text(places, detail)
