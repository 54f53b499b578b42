"""Reading holds: what waits for whom, as a list for those who deal with it, and one with its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import Field

from server.kit.transaction import Tx
from shared.holds import HoldKind
from shared.kernel import Currency, Instant, Wire
from shared.orders import HoldView, OrderStatus

NOBODY = "nobody"


class HoldTask(HoldView):
    """A hold, and the order that it holds."""

    order_id: UUID
    number: str = Field(description="Of the order.", examples=["B-1042-7K"])
    channel: str
    placed_at: Instant
    status: OrderStatus
    customer: str
    units: int = Field(description="Units that wait.")
    total: int = Field(description="Of the whole order, in minor units.")
    currency: Currency
    overdue: bool


class HoldStep(Wire):
    """One thing that happened to a hold."""

    at: Instant
    what: str = Field(description="opened, taken, left, noted, overdue or resolved.")
    by: str = Field(description="Their name.")
    words: str = Field(default="", description="The reason, the note, or how it ended.")


class HoldStory(HoldTask):
    """One hold with all that happened to it, oldest first."""

    history: list[HoldStep]


_TASK = (
    "SELECT h.*, o.number, o.channel, o.placed_at, o.status, o.customer->>'name' AS customer, o.total, o.currency,"
    " coalesce(p.name, k.name, h.resolved_by) AS resolver, (SELECT sum(l.held)::bigint FROM order_line l"
    "  WHERE l.order_id = h.order_id) AS units, h.resolved_at IS NULL AND h.due_at <= :now AS overdue"
    " FROM order_hold h JOIN customer_order o ON o.id = h.order_id"
    " LEFT JOIN person p ON CAST(p.id AS text) = h.resolved_by"
    " LEFT JOIN api_key k ON CAST(k.id AS text) = h.resolved_by"
)


async def holds(
    tx: Tx,
    *,
    kind: HoldKind | None = None,
    assignee: str | None = None,
    overdue: bool | None = None,
    after: tuple[Any, UUID] | None = None,
    limit: int = 50,
) -> list[HoldTask]:
    """Open holds, those due first. `assignee`: an id, or `nobody` for those that nobody has taken."""
    rows = await tx.rows(
        f"{_TASK} WHERE h.resolved_at IS NULL AND (CAST(:kind AS text) IS NULL OR h.kind = :kind)"
        " AND (CAST(:assignee AS text) IS NULL OR coalesce(h.assignee, :nobody) = :assignee)"
        " AND (CAST(:overdue AS boolean) IS NULL OR (h.due_at <= :now) = :overdue)"
        " AND (CAST(:after_at AS timestamptz) IS NULL OR (h.due_at, h.id) > (:after_at, CAST(:after_id AS uuid)))"
        " ORDER BY h.due_at, h.id LIMIT :limit",
        now=tx.now,
        kind=kind,
        assignee=assignee,
        nobody=NOBODY,
        overdue=overdue,
        after_at=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit,
    )
    return [_task(row) for row in rows]


def _task(row: Any) -> HoldTask:
    return HoldTask.model_validate({**row, "resolved_by": row["resolver"], "units": row["units"] or 0})


_STEPS = {
    "OrderHeld": ("opened", "reason"),
    "HoldTaken": ("taken", ""),
    "HoldNoted": ("noted", "note"),
    "HoldOverdue": ("overdue", ""),
    "HoldResolved": ("resolved", "resolution"),
}


async def hold(tx: Tx, hold_id: UUID) -> HoldStory | None:
    """One hold with its history, open or over."""
    row = await tx.one(f"{_TASK} WHERE h.id = :id", id=hold_id, now=tx.now)
    if row is None:
        return None
    steps = await tx.rows(
        "SELECT e.at, e.kind, e.body, coalesce(p.name, k.name, e.actor, '') AS name FROM event e"
        " LEFT JOIN person p ON CAST(p.id AS text) = e.actor LEFT JOIN api_key k ON CAST(k.id AS text) = e.actor"
        " WHERE e.order_id = :order AND e.body->>'hold_id' = :hold AND e.kind = ANY(CAST(:kinds AS text[]))"
        " ORDER BY e.seq",
        order=row["order_id"],
        hold=str(hold_id),
        kinds=list(_STEPS),
    )
    return HoldStory(**_task(row).model_dump(), history=_history(steps))


def _history(rows: Sequence[Any]) -> list[HoldStep]:
    found = []
    for row in rows:
        what, field = _STEPS[row["kind"]]
        body = row["body"]
        if row["kind"] == "HoldTaken" and not body["assignee"]:
            what = "left"
        words = body.get(field, "") if field else ""
        if row["kind"] == "HoldResolved" and body.get("note"):
            words = f"{words}: {body['note']}"
        found.append(HoldStep(at=row["at"], what=what, by=row["name"], words=words))
    return found


async def count_by_kind(tx: Tx) -> dict[str, tuple[int, int]]:
    """Kind -> (open, overdue)."""
    rows = await tx.rows(
        "SELECT kind, count(*) AS open, count(*) FILTER (WHERE due_at <= :now AND kind <> :remorse) AS overdue"
        " FROM order_hold WHERE resolved_at IS NULL GROUP BY kind ORDER BY kind",
        now=tx.now,
        remorse=HoldKind.REMORSE,
    )
    return {row["kind"]: (row["open"], row["overdue"]) for row in rows}
