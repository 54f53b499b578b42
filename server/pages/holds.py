"""Head office's page of holds: orders that wait for somebody, those due first; take, note, release or cancel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from server.kit.auth import Actor, authorize, may
from server.kit.transaction import Tx
from server.kit.web import PartsDep
from server.orders import hold_queries, holds, resolving
from server.orders.hold_queries import HoldTask
from server.pages.office import SignedIn, back, form, money, office_page, span, words
from shared.errors import BatonError, InvalidInput
from shared.holds import HoldKind, HoldResolution

router = APIRouter(prefix="/live/holds", include_in_schema=False)
HERE = "/live/holds"
MOST = 100
NAMES = {
    HoldKind.PAYMENT: "Payment",
    HoldKind.FRAUD: "Suspected fraud",
    HoldKind.ADDRESS: "Address",
    HoldKind.REMORSE: "Change of mind",
    HoldKind.SWAP: "Another item",
    HoldKind.MANUAL: "By hand",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One hold, in words."""

    task: HoldTask
    kind: str
    since: str
    due: str
    amount: str


@router.get("")
async def show(
    parts: PartsDep,
    actor: SignedIn,
    kind: Annotated[HoldKind | None, Query()] = None,
    whose: Annotated[str, Query(pattern="^(me|nobody)?$")] = "",
) -> Response:
    """Open holds, of one kind or of one person where asked."""
    return await _shown(parts, actor, kind=kind, whose=whose)


@router.post("/{hold_id}")
async def act(hold_id: UUID, request: Request, parts: PartsDep, actor: SignedIn) -> Response:
    """Whatever the button says."""
    fields = await form(request)
    try:
        await parts.db.write(lambda tx: _do(tx, actor, hold_id, fields.get("do", ""), fields.get("note", "")[:500]))
    except BatonError as error:
        return await _shown(parts, actor, wrong=words(error))
    return back(HERE)


async def _do(tx: Tx, actor: Actor, hold_id: UUID, what: str, note: str) -> None:
    if what in ("take", "take_over"):
        await holds.take(tx, actor, hold_id, over=what == "take_over")
    elif what == "leave":
        await holds.leave(tx, actor, hold_id)
    elif what == "note" and note:
        await holds.note(tx, actor, hold_id, note)
    elif what in set(HoldResolution):
        await resolving.resolve(tx, actor, hold_id, HoldResolution(what), note=note)
    else:
        raise InvalidInput("Nothing was said.", field="note", remedy="Write a note first.")


async def _shown(
    parts: PartsDep, actor: Actor, *, kind: HoldKind | None = None, whose: str = "", wrong: str = ""
) -> Response:
    authorize(actor, "hold.read")
    assignee = actor.id if whose == "me" else whose or None
    async with parts.db.reading() as tx:
        found = await hold_queries.holds(tx, kind=kind, assignee=assignee, limit=MOST + 1)
        counts = await hold_queries.count_by_kind(tx)
        rows = [_row(task, tx.now) for task in found[:MOST]]
    return office_page(
        "holds.html",
        HERE,
        actor,
        rows=rows,
        more=len(found) > MOST,
        counts=[(each, NAMES[each], *counts[each]) for each in HoldKind if each in counts],
        total=sum(count for count, _ in counts.values()),
        kind=kind or "",
        whose=whose,
        wrong=wrong,
        may_act=may(actor, "order.hold"),
        me=actor.id,
    )


def _row(task: HoldTask, now: datetime) -> Row:
    left = (task.due_at or now) - now
    ends = "ends by itself in" if task.kind == HoldKind.REMORSE else "due in"
    due = f"overdue for {span(-left)}" if task.overdue else f"{ends} {span(max(left, timedelta()))}"
    return Row(task, NAMES[HoldKind(task.kind)], span(now - task.since), due, money(task.total, task.currency))
