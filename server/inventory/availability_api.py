"""HTTP for availability: what a channel may promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from server.inventory.drawing import Detail, Seller
from server.inventory.window import MAX_AGE_S, Shown, Window
from server.kit.auth import Actor
from server.kit.web import Parts, PartsDep, allowed, problems
from shared.errors import NotFound
from shared.kernel import Instant, Sku, Wire
from shared.stock import Availability

router = APIRouter(prefix="/v1", tags=["availability"])


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
    channel: Annotated[str, Query(max_length=24, description="Sells from its own nodes, with its own thresholds.")],
    sku: Annotated[Skus, Query(min_length=1, max_length=200, description="Items, with commas between them.")],
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
    seller = _seller(window, channel)
    return _answer(items, seller, node, detail)


def _seller(window: Window, channel: str) -> Seller:
    found = window.sellers.get(channel)
    if found is None:
        raise NotFound(f"No channel {channel}.", remedy="GET /v1/channels lists them.")
    return found


def _answer(items: Sequence[Shown], seller: Seller, nodes: Sequence[str] | None, detail: Detail) -> Response:
    as_of = min(item.read_at for item in items).isoformat()
    body = f'{{"as_of":"{as_of}","items":[{",".join(_texts(items, seller, nodes, detail))}]}}'
    return Response(body, media_type="application/json")


def _texts(items: Sequence[Shown], seller: Seller, nodes: Sequence[str] | None, detail: Detail) -> Iterator[str]:
    """Each item. Most stand in the same nodes as the one before."""
    lineup, places = None, []
    for item in items:
        if item.columns.nodes is not lineup:
            lineup = item.columns.nodes
            places = seller.places(lineup, nodes)
        yield item.drawing(seller).text(places, detail)
