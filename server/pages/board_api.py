"""HTTP for the board: the network at a glance, for head-office systems. `live.py` shows the same to people."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from server.kit.auth import Actor
from server.kit.pages import After, Limit, Page, decode, page
from server.kit.web import PartsDep, allowed, problems
from server.pages import board
from server.pages.board import Board, BoardOrder
from shared.errors import InvalidInput
from shared.kernel import NodeCode

router = APIRouter(prefix="/v1/board", tags=["board"])


@router.get("")
async def get_board(parts: PartsDep, actor: Annotated[Actor, allowed("board.read")]) -> Board:
    """Open orders by status, what waits and why, orders per minute, and every node's load. Made to be asked every few
    seconds."""
    return await parts.db.read(board.board)


@router.get("/orders", responses=problems(422))
async def get_board_orders(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("board.read")],
    node: Annotated[NodeCode | None, Query(description="Only orders of which this node has a job.")] = None,
    after: After = None,
    limit: Limit = 40,
) -> Page[BoardOrder]:
    """Orders as they came in, newest first: where each was routed, why, and how far it is."""
    async with parts.db.reading() as tx:
        rows = await board.newest(tx, node=node, before=_order_id(after), limit=limit + 1)
    return page(rows, limit, lambda row: (str(row.id),))


def _order_id(cursor: str | None) -> UUID | None:
    key = decode(cursor, (str,))
    if key is None:
        return None
    try:
        return UUID(str(key[0]))
    except ValueError as error:
        raise InvalidInput("This cursor is not one of ours.", field="query.after") from error
