"""Head office's page of queues: what waits for a node, since when and why; look again at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from server.kit.auth import Actor, authorize, may
from server.kit.web import PartsDep
from server.pages.office import SignedIn, form, office_page, span, words
from server.routing import queues
from server.routing.queues import QueueFigures, Waiting
from server.routing.reasons import EXCLUDED
from shared.errors import BatonError, InvalidInput
from shared.queues import Queue

router = APIRouter(prefix="/live/queues", include_in_schema=False)
HERE = "/live/queues"
MOST = 100
NAMES = {
    Queue.ROUTING: "Next run",
    Queue.BACKORDER: "Backorder",
    Queue.REJECTED: "Rejected",
    Queue.UNFILLABLE: "Unfillable",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line that waits, in words."""

    line: Waiting
    since: str
    until: str
    excluded: tuple[tuple[int, str], ...]


@router.get("")
async def show(
    parts: PartsDep,
    actor: SignedIn,
    queue: Annotated[Queue | None, Query()] = None,
    reason: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """One queue; the fullest unless one is asked for."""
    return await _shown(parts, actor, queue, reason or None)


@router.post("/{order_id}/retry")
async def retry(order_id: UUID, request: Request, parts: PartsDep, actor: SignedIn) -> Response:
    """Look again for this order."""
    fields = await form(request)
    queue = Queue(fields["queue"]) if fields.get("queue") in set(Queue) else None
    try:
        done = await parts.db.write(lambda tx: queues.retry(tx, actor, [order_id]))
        if not done:
            raise InvalidInput(f"No order {order_id}.")
    except BatonError as error:
        return await _shown(parts, actor, queue, None, wrong=words(error))
    return await _shown(parts, actor, queue, None, said=_said(done[0].still_waiting, on_hold=done[0].on_hold))


def _said(units: int, *, on_hold: bool) -> str:
    if on_hold:
        return "The order is on hold: resolve the hold first."
    if not units:
        return "Everything of it has a node now."
    return f"Looked again: {units} unit{'s' if units > 1 else ''} still without a node."


async def _shown(
    parts: PartsDep, actor: Actor, queue: Queue | None, reason: str | None, *, wrong: str = "", said: str = ""
) -> Response:
    authorize(actor, "queue.read")
    async with parts.db.reading() as tx:
        figures = await queues.figures(tx)
        chosen = queue or max(figures, key=lambda each: each.lines).queue
        lines = await queues.waiting(tx, chosen, reason=reason, limit=MOST + 1)
        rows = [_row(line, tx.now) for line in lines[:MOST]]
    here = next(each for each in figures if each.queue == chosen)
    return office_page(
        "queues.html",
        HERE,
        actor,
        figures=[(each, NAMES[each.queue]) for each in figures],
        here_queue=here,
        reasons=_reasons(here),
        reason=reason or "",
        rows=rows,
        more=len(lines) > MOST,
        wrong=wrong,
        said=said,
        may_retry=may(actor, "routing.retry"),
        oldest=span(tx.now - here.oldest) if here.oldest else "",
    )


def _reasons(figures: QueueFigures) -> list[tuple[str, str, int]]:
    return [(code, EXCLUDED.get(code, code.replace("_", " ")), lines) for code, lines in figures.reasons.items()]


def _row(line: Waiting, now: datetime) -> Row:
    until = f"cancelled in {span(line.cancel_at - now)}" if line.cancel_at and line.cancel_at > now else ""
    excluded = tuple((count, EXCLUDED.get(code, code)) for code, count in line.excluded.items() if count)
    return Row(line, span(now - line.since), until, excluded)
