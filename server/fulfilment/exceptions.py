"""What people must settle: opened where a fact contradicts the books, and closed by an answer that does something.

One open exception per job and kind: what is told later is added to it. The put-back task is one of them; it grows and
shrinks with every command that frees units or brings more of them than the job wants. Carrying units back moves no
stock, since they never left the building; what is missing then, or comes back from outside, does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from server.events import ExceptionChanged, ExceptionOpened, ExceptionSettled
from server.fulfilment import in_hand, queries
from server.fulfilment.tables import ExceptionRow
from server.inventory import doubt
from server.inventory import service as inventory
from server.kit import bulk
from server.kit.auth import SYSTEM, Actor, authorize
from server.kit.database import to_json
from server.kit.transaction import Tx
from shared import put_back
from shared.errors import NotFound
from shared.exceptions import CARE_DUE, PUT_BACK, RECORD_STANDS, UNWANTED, Resolution, chosen, kind_of, opened_by
from shared.fulfilment import Command, Context, Fulfilment, HandOff, Outcome, Stage
from shared.methods import METHODS
from shared.put_back import Found, TaskLine, Told
from shared.reasons import Bucket
from shared.stock import MovementReason
from shared.sync import ExceptionDoc

_STORES = frozenset(code for code, method in METHODS.items() if "store" in method.node_types)
"""Methods of nodes whose people carry units about; the others' systems know where theirs go."""
GONE = "gone"
"""Resolution of a task that came to nothing: its units left the building, or were not extra after all."""


# ---------------------------------------------------------------- opened and added to


async def follow(tx: Tx, before: Fulfilment, command: Command, outcome: Outcome, ctx: Context) -> None:
    """What the outcome of a command means for those who must settle something."""
    gone = put_back.left(outcome.moves)
    if gone:
        await _missing_had_left(tx, before, gone, ctx)
    carries = before.method in _STORES
    if notice := outcome.exception:
        kind = opened_by(notice.code, before.state) if carries else notice.code
        if kind:
            await _add(tx, before, kind, dict(notice.values), gone, ctx)
    if carries:
        await _put_back(tx, before, command, outcome, ctx)


async def _put_back(tx: Tx, before: Fulfilment, command: Command, outcome: Outcome, ctx: Context) -> None:
    """Keep the job's put-back task true. Without a task, nothing to carry makes none."""
    told = put_back.told_by(before, command, outcome, ctx.device)
    has_task = before.id in tx.notes.get(TASKS, ())
    grows = any(news.freed > 0 or any(news.extra.values()) for news in told.values())
    moved = isinstance(command, Stage) and outcome.exception is not None
    if grows or (has_task and (told or moved)):
        place = command.place if isinstance(command, Stage) else before.staging
        values = {"cause": _cause(command, outcome.fulfilment, told), "place": place}
        await _add(tx, before, PUT_BACK, values, told, ctx)


TASKS = "jobs with a put-back task"
"""Key of `Tx.notes`: ids of the loaded jobs that have one open."""


def _cause(command: Command, after: Fulfilment, told: Mapping[int, Told]) -> str:
    """Why units are to be put back: a key of the catalogues' `put_back.<cause>`."""
    if not any(news.freed > 0 for news in told.values()):
        return "extra"
    if isinstance(command, HandOff):
        return "refused"
    return after.state.value if after.state in UNWANTED else "cancelled"


async def _add(
    tx: Tx, job: Fulfilment, kind: str, values: dict[str, Any], told: Mapping[int, Told], ctx: Context
) -> None:
    """Add to the open exception of this kind, or open one."""
    row = await tx.one(
        "SELECT * FROM fulfilment_exception WHERE fulfilment_id = :job AND kind = :kind AND settled_at IS NULL"
        " FOR UPDATE",
        job=job.id,
        kind=kind,
    )
    known = queries.exception_doc(row).lines if row else ()
    lines = put_back.after(known, told)
    if kind == PUT_BACK:
        in_hand.of_task(tx, job.node, job.number, (known, lines), ctx.at, ctx.device)
    if row is None:
        await _open(tx, job, kind, values, lines, ctx)
    elif kind == PUT_BACK and not lines:
        await close(tx, row, SYSTEM.id, GONE)
    else:
        await _change(tx, row, _merged(row["values"], values), lines)


def _merged(known: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """What is known with what is new; units that are only extra do not hide why the others are freed."""
    told = {name: value for name, value in news.items() if value is not None}
    if news.get("cause") == "extra":
        told.pop("cause")
    return {**known, **told}


async def _open(
    tx: Tx, job: Fulfilment, kind: str, values: dict[str, Any], lines: Sequence[TaskLine], ctx: Context
) -> None:
    if kind == PUT_BACK and not lines:
        return
    entry = kind_of(kind)
    row = {
        "id": tx.new_id(),
        "kind": kind,
        "node": job.node,
        "order_id": job.order_id,
        "fulfilment_id": job.id,
        "order_number": job.order_number,
        "values": values,
        "lines": _json(lines),
        "owner_role": entry.owner,
        "opened_at": tx.now,
        "opened_by": ctx.actor,
        "device": ctx.device,
        "due_at": tx.now + entry.due,
    }
    await bulk.insert(tx, ExceptionRow, [row])
    if kind == PUT_BACK:
        tx.notes.setdefault(TASKS, set()).add(job.id)
    tx.emit(ExceptionOpened(job.order_id, row["id"], job.id, job.node, kind, ctx.actor))  # type: ignore[arg-type]


async def _change(tx: Tx, row: Mapping[str, Any], values: Mapping[str, Any], lines: Sequence[TaskLine]) -> None:
    if dict(row["values"]) == values and _json(lines) == row["lines"]:
        return
    await tx.run(
        "UPDATE fulfilment_exception SET values = CAST(:values AS jsonb), lines = CAST(:lines AS jsonb),"
        " version = version + 1 WHERE id = :id",
        id=row["id"],
        values=to_json(values),
        lines=to_json(_json(lines)),
    )
    tx.emit(ExceptionChanged(row["id"]))


def _json(lines: Sequence[TaskLine]) -> list[Any]:
    return [line.model_dump(mode="json") for line in lines]


async def _missing_had_left(tx: Tx, job: Fulfilment, gone: Mapping[int, Told], ctx: Context) -> None:
    """Units that nobody found at put-back have left with a customer: the record has lost them once already."""
    rows = await tx.rows(
        "SELECT * FROM fulfilment_exception WHERE fulfilment_id = :job AND kind = :kind AND settled_at IS NOT NULL"
        " ORDER BY id FOR UPDATE",
        job=job.id,
        kind=PUT_BACK,
    )
    left = {number: news.freed for number, news in gone.items()}
    for row in rows:
        lines, facts = [], []
        for line in queries.exception_doc(row).lines:
            units = min(line.missing, left.get(line.line, 0))
            left[line.line] = left.get(line.line, 0) - units
            lines.append(line.model_copy(update={"missing": line.missing - units}))
            if units:
                facts.append(replace(_fact(row, line, units, MovementReason.FOUND), happened_at=ctx.at))
        await inventory.post(tx, facts, actor=SYSTEM.id)
        await _change(tx, row, row["values"], lines)


# ---------------------------------------------------------------- settled


async def settle(
    tx: Tx,
    actor: Actor,
    exception_id: UUID,
    *,
    resolution: str,
    note: str | None = None,
    found: Sequence[Found] = (),
    device: str | None = None,
    at: datetime | None = None,
) -> ExceptionDoc | None:
    """Somebody did what the exception asked for, now or `at`. None: somebody else had done it already.

    Raises `NotFound`, `NotAllowed`, and `InvalidInput` for an answer this kind does not have.
    """
    row = await tx.one("SELECT * FROM fulfilment_exception WHERE id = :id FOR UPDATE", id=exception_id)
    if row is None:
        raise NotFound(f"No exception {exception_id}.")
    authorize(actor, "exception.settle", node=row["node"])
    if row["settled_at"] is not None:
        return None
    answer = chosen(row["kind"], resolution, actor.roles, note)
    if answer.to_care:
        return await _to_care(tx, row, note)
    known = queries.exception_doc(row).lines
    lines = put_back.done(known, found)
    facts = _facts(row, answer, lines, at)
    if row["kind"] == PUT_BACK:
        in_hand.of_task(tx, row["node"], row["order_number"], (known, ()), at or tx.now, device, facts)
    await inventory.post(tx, facts, actor=actor.id, device=device)
    if answer is RECORD_STANDS:
        await doubt.trust(tx, (row["values"]["sku"], row["node"]))
    return await close(tx, row, actor.id, answer.code, note, lines)


def _facts(
    row: Mapping[str, Any], answer: Resolution, lines: Sequence[TaskLine], at: datetime | None
) -> list[inventory.Fact]:
    """What the answer says about stock: units that came back, units that are nowhere."""
    if answer.restock is not None:
        return [replace(_fact(row, line, line.quantity, answer.restock), happened_at=at) for line in lines]
    facts = []
    for line in lines:
        whole = min(line.missing, line.freed - line.damaged)
        parts = ((whole, Bucket.SELLABLE), (line.missing - whole, Bucket.DAMAGED))
        facts += [_fact(row, line, -units, MovementReason.PICK_VARIANCE, bucket) for units, bucket in parts if units]
    return [replace(fact, happened_at=at, of_job=row["kind"] == PUT_BACK) for fact in facts]


def _fact(
    row: Mapping[str, Any], line: TaskLine, units: int, why: MovementReason, bucket: Bucket = Bucket.SELLABLE
) -> inventory.Fact:
    return inventory.Fact(line.sku, row["node"], units, why, bucket, reference=row["order_number"])


async def close(
    tx: Tx,
    row: Mapping[str, Any],
    actor: str,
    resolution: str,
    note: str | None = None,
    lines: Sequence[TaskLine] = (),
) -> ExceptionDoc:
    """Write down that an exception is settled, by whom and how."""
    closed = await tx.one(
        "UPDATE fulfilment_exception SET settled_at = :now, settled_by = :by, resolution = :resolution, note = :note,"
        " lines = CAST(:lines AS jsonb), version = version + 1 WHERE id = :id RETURNING *",
        id=row["id"],
        now=tx.now,
        by=actor,
        resolution=resolution,
        note=note,
        lines=to_json(_json(lines)),
    )
    tx.notes.get(TASKS, set()).discard(row["fulfilment_id"])
    about = (row["order_id"], row["id"], row["fulfilment_id"], row["node"], row["kind"])
    tx.emit(ExceptionSettled(*about, resolution, actor))
    return queries.exception_doc(closed or row)


async def _to_care(tx: Tx, row: Mapping[str, Any], note: str | None) -> ExceptionDoc | None:
    """The store has done what it could. None: care has it already."""
    if row["owner_role"] == "agent":
        return None
    passed_on = await tx.one(
        "UPDATE fulfilment_exception SET owner_role = 'agent', due_at = :due, note = :note, version = version + 1"
        " WHERE id = :id RETURNING *",
        id=row["id"],
        due=tx.now + CARE_DUE,
        note=note,
    )
    tx.emit(ExceptionChanged(row["id"]))
    return queries.exception_doc(passed_on or row)
