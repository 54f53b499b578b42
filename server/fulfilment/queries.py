"""Reading jobs and exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from server.kit.transaction import Tx
from shared.fulfilment import Fulfilment
from shared.sync import ExceptionDoc


async def job(tx: Tx, job_id: UUID) -> Fulfilment | None:
    row = await tx.one("SELECT doc FROM fulfilment WHERE id = :id", id=job_id)
    return Fulfilment.model_validate(row["doc"]) if row else None


async def jobs_for_devices(tx: Tx, node: str, *, since: datetime) -> Sequence[Any]:
    """Open jobs of a node, and those that ended since `since`: id, version, doc."""
    return await tx.rows(
        "SELECT id, version, doc FROM fulfilment"
        " WHERE node = :node AND (NOT final OR offered_at >= :since) ORDER BY id",
        node=node,
        since=since,
    )


async def jobs(
    tx: Tx,
    *,
    node: str | None = None,
    nodes: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    order_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Fulfilment]:
    """Jobs in order of id (which is order of time), limited to `nodes` where the reader is."""
    rows = await tx.rows(
        "SELECT doc FROM fulfilment WHERE (CAST(:node AS text) IS NULL OR node = :node)"
        " AND (CAST(:nodes AS text[]) IS NULL OR node = ANY(CAST(:nodes AS text[])))"
        " AND (CAST(:states AS text[]) IS NULL OR state = ANY(CAST(:states AS text[])))"
        " AND (CAST(:order_id AS uuid) IS NULL OR order_id = :order_id)"
        " AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT :limit",
        node=node,
        nodes=None if nodes is None else list(nodes),
        states=None if states is None else list(states),
        order_id=order_id,
        after=after,
        limit=limit,
    )
    return [Fulfilment.model_validate(r["doc"]) for r in rows]


async def exceptions(
    tx: Tx,
    *,
    node: str | None = None,
    nodes: Sequence[str] | None = None,
    ids: Sequence[UUID] | None = None,
    owner: str | None = None,
    settled: bool | None = None,
    overdue: bool | None = None,
    order_number: str | None = None,
    after: UUID | None = None,
    limit: int = 1000,
) -> list[ExceptionDoc]:
    """In order of id (which is order of time). None leaves a filter out; what is settled is never overdue."""
    rows = await tx.rows(
        "SELECT * FROM fulfilment_exception WHERE (CAST(:node AS text) IS NULL OR node = :node)"
        " AND (CAST(:nodes AS text[]) IS NULL OR node = ANY(CAST(:nodes AS text[])))"
        " AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY(CAST(:ids AS uuid[])))"
        " AND (CAST(:owner AS text) IS NULL OR owner_role = :owner)"
        " AND (CAST(:settled AS boolean) IS NULL OR (settled_at IS NOT NULL) = :settled)"
        " AND (CAST(:overdue AS boolean) IS NULL OR coalesce(settled_at IS NULL AND due_at < :now, false) = :overdue)"
        " AND (CAST(:order_number AS text) IS NULL OR order_number = :order_number)"
        " AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT :limit",
        node=node,
        nodes=None if nodes is None else list(nodes),
        ids=None if ids is None else list(ids),
        owner=owner,
        settled=settled,
        overdue=overdue,
        now=tx.now,
        order_number=order_number,
        after=after,
        limit=limit,
    )
    return [exception_doc(row) for row in rows]


def exception_doc(row: Any) -> ExceptionDoc:
    """A row of `fulfilment_exception` as it travels."""
    same = set(ExceptionDoc.model_fields) - {"fulfilment"}
    return ExceptionDoc(fulfilment=row["fulfilment_id"], **{name: row[name] for name in same})
