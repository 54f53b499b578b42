"""Commands up, exactly once; documents down, without gaps.

The outcome of a command is written in the transaction that carried it out, as a row of the feed of the device's own
node. The device settles its queue by that row alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError

from server.events import (
    CommandSettled,
    DeliveryChanged,
    ExceptionChanged,
    ExceptionOpened,
    ExceptionSettled,
    ItemsChanged,
    JobChanged,
    NodesChanged,
    PersonChanged,
    StockChanged,
)
from server.fulfilment import attachments, exceptions
from server.fulfilment import queries as jobs
from server.fulfilment import service as fulfilment
from server.inventory import receiving
from server.kit import audit, bulk, commands
from server.kit.auth import Actor
from server.kit.database import Database, to_json, unavailable
from server.kit.transaction import Tx
from server.people import devices
from server.people import queries as people
from server.sync import documents, stock_facts
from server.sync.documents import Document, document, node_stream
from server.sync.rules import Moment, moment
from server.sync.tables import DeviceCommandRow, FeedRow
from server.sync.turns import Turns
from shared.errors import BatonError, QueueGap, ReusedKey
from shared.fulfilment import CLAIMS, SYSTEM_ONLY, Notice, Outcome
from shared.sync import (
    SCHEMA,
    AdjustStock,
    CommandOutcome,
    CountStock,
    DeviceCommand,
    PersonSignedIn,
    QueuedCommand,
    ReceiveStock,
    SettleException,
    photos_of,
)

log = structlog.get_logger(__name__)
BATCH = 25
"""Commands of one transaction."""
_EXCEPTIONS = (ExceptionOpened, ExceptionChanged, ExceptionSettled)
_COMMAND: TypeAdapter[DeviceCommand] = TypeAdapter(DeviceCommand)


# ---------------------------------------------------------------- up


async def push(
    db: Database, device: Actor, queue: Sequence[QueuedCommand], turns: Turns, *, waiting: int = 0
) -> tuple[list[CommandOutcome], int]:
    """Carry out a device's commands in order. Returns their outcomes and the last number the server has. `waiting`: how
    many more are on the device, for head office to see.

    Several commands share a transaction, which is a turn; who has had one while others wait sends the rest later. A
    command that makes the server fail is tried alone, and recorded as `held`: it never blocks the commands behind it
    and is never dropped. A database that is away is no fault of a command: the device is told to come again.
    """
    outcomes: list[CommandOutcome] = []
    for start in range(0, len(queue), BATCH):
        if start and turns.waiting:
            break
        batch = queue[start : start + BATCH]
        behind = waiting + len(queue) - start - len(batch)
        async with turns.one():
            outcomes += await _together(db, device, batch, behind=behind)
    return outcomes, await db.read(lambda tx: _last_n(tx, device.id))


async def _together(
    db: Database, device: Actor, batch: Sequence[QueuedCommand], *, behind: int
) -> list[CommandOutcome]:
    try:
        return await db.write(lambda tx: _carry_out(tx, device, batch, behind=behind))
    except BatonError:
        raise
    except Exception as error:
        if unavailable(error):
            raise
        log.exception("a batch of device commands failed; trying them one by one", device=device.id)
        return [await _one(db, device, command) for command in batch]


async def _one(db: Database, device: Actor, command: QueuedCommand) -> CommandOutcome:
    try:
        return (await db.write(lambda tx: _carry_out(tx, device, [command])))[0]
    except BatonError:
        raise
    except Exception as error:
        if unavailable(error):
            raise
        log.exception("a device command failed; held", device=device.id, n=command.n)
        notice = Notice(code="held", values={"error": type(error).__name__})
        return (await db.write(lambda tx: _carry_out(tx, device, [command], hold=notice)))[0]


async def _last_n(tx: Tx, device: str) -> int:
    return int(await tx.value("SELECT last_n FROM device WHERE id = :id", id=device) or 0)


async def _carry_out(
    tx: Tx, device: Actor, queue: Sequence[QueuedCommand], *, hold: Notice | None = None, behind: int | None = None
) -> list[CommandOutcome]:
    last_n, done_at = await _reached(tx, device.id)
    seen = await _stored(tx, device.id, [c for c in queue if c.n <= last_n])
    outcomes, rows = [], []
    actors = await people.actors(tx, {c.actor for c in queue}, device=device.id)
    for command in queue:
        mark = commands.fingerprint(command.model_dump_json(include={"id", "actor", "body"}))
        if command.n <= last_n:
            outcomes.append(_known(command, seen.get(command.n), mark))
            continue
        if command.n != last_n + 1:
            raise QueueGap(f"Command {command.n} came after {last_n}.", wanted=last_n + 1)
        when = moment(command.happened_at, done_at, tx.now)
        status, notice = ("held", hold) if hold else await _do(tx, device, actors.get(command.actor), command, when)
        if status == "held":
            await attachments.expect(tx, photos_of([command]), node=_home(device), device=device.id)
        outcome = CommandOutcome(id=command.id, n=command.n, status=status, notice=notice)
        last_n, done_at = command.n, when.at
        outcomes.append(outcome)
        tx.emit(CommandSettled(device=device.id, node=_home(device), outcome=outcome))
        rows.append(_command_row(tx, device.id, command, mark, outcome))
    await bulk.insert(tx, DeviceCommandRow, rows)
    await devices.heard(tx, device.id, last_n=last_n, done_at=done_at, behind=behind, since=queue[-1].happened_at)
    return outcomes


async def _reached(tx: Tx, device: str) -> tuple[int, datetime | None]:
    """The device's last command and when it was done; nobody else carries out commands of this device meanwhile."""
    row = await tx.one("SELECT last_n, done_at FROM device WHERE id = :id FOR UPDATE", id=device)
    return (row["last_n"], row["done_at"]) if row else (0, None)


def _home(device: Actor) -> str:
    return min(device.nodes)


def _command_row(tx: Tx, device: str, c: QueuedCommand, mark: str, outcome: CommandOutcome) -> dict[str, Any]:
    return {
        "device": device,
        "n": c.n,
        "id": c.id,
        "fingerprint": mark,
        "actor": c.actor,
        "body": c.body,
        "made_at": c.made_at,
        "received_at": tx.now,
        "outcome": outcome.model_dump_json(),
    }


async def _stored(tx: Tx, device: str, queue: Sequence[QueuedCommand]) -> dict[int, Any]:
    if not queue:
        return {}
    rows = await tx.rows(
        "SELECT n, id, fingerprint, outcome FROM device_command WHERE device = :device"
        " AND n = ANY(CAST(:ns AS bigint[]))",
        device=device,
        ns=[c.n for c in queue],
    )
    return {r["n"]: r for r in rows}


def _known(command: QueuedCommand, row: Any, mark: str) -> CommandOutcome:
    """What was answered before. The same number with another content is a broken device, and is refused."""
    if row is None or row["fingerprint"] != mark:
        raise ReusedKey(
            f"Command {command.n} was sent before with other content.",
            field=f"commands.{command.n}",
            remedy="Never rewrite a queued command; enrol the device anew if its queue was restored from a copy.",
        )
    return CommandOutcome.model_validate(row["outcome"])


async def _do(
    tx: Tx, device: Actor, actor: Actor | None, command: QueuedCommand, when: Moment
) -> tuple[str, Notice | None]:
    """Carry out one command; returns its status and what to tell."""
    if actor is None:
        return "held", Notice(code="unknown_person")
    if command.version > SCHEMA:
        return "held", Notice(code="unknown_schema", values={"schema": command.version})
    try:
        body = _COMMAND.validate_python(command.body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return "held", Notice(code="unreadable", values={"field": field, "problem": first["msg"]})
    if body.kind in SYSTEM_ONLY:
        return "refused", Notice(code="not_from_devices")
    try:
        return await _dispatch(tx, device, actor, body, when)
    except BatonError as error:
        status = "refused" if body.kind in CLAIMS else "held"
        return status, Notice(code=error.code, values={"detail": error.detail})


async def _dispatch(
    tx: Tx, device: Actor, actor: Actor, body: DeviceCommand, when: Moment
) -> tuple[str, Notice | None]:
    match body:
        case AdjustStock():
            return await stock_facts.adjust(tx, device, actor, body, when)
        case CountStock():
            return await stock_facts.count(tx, device, actor, body, when)
        case ReceiveStock():
            return await stock_facts.receive(tx, device, actor, body, when)
        case PersonSignedIn():
            await audit.record(tx, f"person:{actor.id}", actor.id, "signed_in", device.id, by=body.by)
            return "applied", None
        case SettleException():
            settled = await exceptions.settle(
                tx,
                actor,
                body.exception,
                resolution=body.resolution,
                note=body.note,
                found=body.lines,
                device=device.id,
                at=when.at,
            )
            return "applied" if settled else "already_done", None
        case _:
            result = (await fulfilment.carry_out(tx, actor, [body], at=when.at, device=device.id))[0]
            if isinstance(result, BatonError):
                raise result
            return result.status, _notice_of(result)


def _notice_of(outcome: Outcome) -> Notice | None:
    return outcome.refusal or outcome.exception or outcome.adjustment


# ---------------------------------------------------------------- down


async def publish(tx: Tx, events: Sequence[Any]) -> None:
    """Write what changed into the feeds, last thing before the commit. Only the newest state of a document counts."""
    docs: dict[tuple[str, str, str], Document] = {}

    def put(new: Sequence[Document]) -> None:
        docs.update({(d["stream"], d["kind"], d["doc_id"]): d for d in new})

    of = _by_kind(events)
    put(
        [
            document(node_stream(e.job.node), "fulfilment", str(e.job.id), e.job.version, e.job.model_dump_json())
            for e in of.get(JobChanged, [])
        ]
    )
    if stock := sorted({(e.sku, e.node) for e in of.get(StockChanged, [])}):
        put(await documents.stock_documents(tx, stock))
    if skus := {sku for e in of.get(ItemsChanged, []) for sku in e.skus}:
        put(await documents.item_documents(tx, skus))
    if people_ids := sorted({e.person_id for e in of.get(PersonChanged, [])}):
        put(await documents.person_documents(tx, people_ids))
    if codes := sorted({code for e in of.get(NodesChanged, []) for code in e.codes}):
        put(await documents.node_documents(tx, codes))
    if scanned := of.get(DeliveryChanged):
        put(documents.received_documents(await receiving.changed(tx, scanned)))
    if changed := {e.exception_id for kind in _EXCEPTIONS for e in of.get(kind, [])}:
        put([documents.exception_document(doc) for doc in await jobs.exceptions(tx, ids=sorted(changed))])
    outcomes = [
        document(node_stream(e.node), "outcome", str(e.outcome.id), 1, None)
        | {"origin": {"device": e.device, "outcome": e.outcome.model_dump(mode="json")}}
        for e in of.get(CommandSettled, [])
    ]
    await _write_feed(tx, [*docs.values(), *outcomes])


def _by_kind(events: Sequence[Any]) -> dict[type, list[Any]]:
    kinds: dict[type, list[Any]] = {}
    for event in events:
        kinds.setdefault(type(event), []).append(event)
    return kinds


async def _write_feed(tx: Tx, docs: Sequence[Document]) -> None:
    if not docs:
        return
    counts: dict[str, int] = {}
    for doc in docs:
        counts[doc["stream"]] = counts.get(doc["stream"], 0) + 1
    streams = sorted(counts)
    heads = await tx.rows(
        "INSERT INTO feed_head AS h (stream, last_seq) SELECT stream, n FROM"
        " unnest(CAST(:streams AS text[]), CAST(:counts AS bigint[])) AS u(stream, n) ORDER BY stream"
        " ON CONFLICT (stream) DO UPDATE SET last_seq = h.last_seq + excluded.last_seq RETURNING stream, last_seq",
        streams=streams,
        counts=[counts[s] for s in streams],
    )
    last = {h["stream"]: h["last_seq"] for h in heads}
    seq = {stream: last[stream] - counts[stream] for stream in streams}
    rows = []
    for doc in docs:
        seq[doc["stream"]] += 1
        rows.append(
            {
                "stream": doc["stream"],
                "seq": seq[doc["stream"]],
                "kind": doc["kind"],
                "doc_id": doc["doc_id"],
                "version": doc["version"],
                "body": doc["body"],
                "origin": to_json(doc["origin"]) if doc.get("origin") else None,
                "ends": seq[doc["stream"]] == last[doc["stream"]],
                "at": tx.now,
            }
        )
    await bulk.append(tx, FeedRow, rows)
