"""HTTP for routing: why each unit is where it is, and how full each node's day is."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from server.kit.auth import Actor
from server.kit.pages import After, Limit, Page, decode, encode
from server.kit.web import PartsDep, allowed, problems
from server.network import queries as network
from server.orders import queries as orders
from server.routing import queries
from server.routing.queries import LineWhy, NodeDay
from shared.errors import NotFound
from shared.kernel import Wire

router = APIRouter(prefix="/v1", tags=["routing"])


class Explained(Wire):
    lines: list[LineWhy]


@router.get("/orders/{order_id}/why", responses=problems(404))
async def explain_order(order_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("routing.read")]) -> Explained:
    """Why each line went where it did: the winner, the best five rivals with the number by which they lost, and how
    many nodes fell out for which reason. Also for units nobody could take."""
    async with parts.db.reading() as tx:
        nodes = await orders.nodes_of(tx, order_id)
        lines = await queries.explained(tx, order_id) if actor.everywhere or nodes & actor.nodes else []
    if not lines:
        raise NotFound(f"No routed order {order_id}.")
    return Explained(lines=lines)


@router.get("/node-days", responses=problems(), tags=["network"])
async def find_node_days(
    parts: PartsDep, actor: Annotated[Actor, allowed("network.read")], after: After = None, limit: Limit = 50
) -> Page[NodeDay]:
    """How full each node's day is, by node: jobs given, against its capacity. A node's day is that of its own calendar;
    after closing time it is the next open one. Nodes that do not open within a year are left out."""
    key = decode(after, (str,))
    async with parts.db.reading() as tx:
        codes = sorted(code for code in await network.known_codes(tx) if code > (str(key[0]) if key else ""))
        found = await queries.node_days(tx, codes[:limit])
    return Page(items=found, next=encode(codes[limit - 1]) if len(codes) > limit else None)
