"""What lies on the shelf beside what the record has: the difference is in somebody's hands.

A count says what lies on a shelf at its own time. To be compared with the record it needs the units that were in totes
and bags then (`shelf_move`), and what happened since. What is told of only now although it happened before the newest
count of a position has been seen by that count: the record is corrected by its opposite, so that books and shelf stay
in step in whatever order news arrives (docs/adr/0014).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from server.events import CountContains, CountDoubted, ShelfChanged
from server.inventory.rules import (
    COUNTED_ALREADY,
    PositionKey,
    Posting,
    contained,
    contradicts,
    is_near,
    with_contained,
)
from server.inventory.tables import ShelfRow
from server.kit import bulk
from server.kit.transaction import Row, Tx
from shared.reasons import Bucket
from shared.stock import MovementReason

_KEYS = "unnest(CAST(:skus AS text[]), CAST(:nodes AS text[])) AS k(sku, node)"


async def hold(tx: Tx, keys: Collection[PositionKey], *, alone: bool) -> None:
    """Until the commit, nobody counts these positions while somebody takes units off their shelves (`alone`: the count
    itself). Taking units does not wait for others who take units, nor for orders."""
    which = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await tx.rows(
        f"SELECT {which}(hashtextextended(k, 13)) FROM unnest(CAST(:keys AS text[])) AS k",  # noqa: S608
        keys=[f"shelf {node} {sku}" for sku, node in sorted(keys)],
    )


async def contain(
    tx: Tx, positions: Mapping[PositionKey, Mapping[str, Any]], postings: Sequence[Posting], device: str | None
) -> list[Posting]:
    """The postings, with corrections where what their position is built on has seen them already."""
    found: list[Posting] = []
    for posting in postings:
        position = positions[posting.key]
        if posting.bucket is not Bucket.SELLABLE or posting.reason in COUNTED_ALREADY:
            found.append(posting)
            continue
        found += with_contained(posting, position, device)
        if posting.changes_shelf and is_near(position, device, posting.happened_at or tx.now):
            tx.emit(CountDoubted(*posting.key, "close", None, device))
    await note_late(tx, positions, [p for p in found if p.reason is MovementReason.COUNT])
    return found


async def note_late(tx: Tx, positions: Mapping[PositionKey, Mapping[str, Any]], corrections: Sequence[Posting]) -> None:
    """Counts know what the record was corrected by because of them."""
    if late := [p for p in corrections if p.late]:
        await tx.run(
            "UPDATE stock_count c SET delta = c.delta + u.units FROM (SELECT id, sum(units)::bigint AS units FROM"
            " unnest(CAST(:ids AS uuid[]), CAST(:units AS bigint[])) AS n(id, units) GROUP BY id) u WHERE c.id = u.id",
            ids=[positions[p.key]["count_id"] for p in late],
            units=[p.quantity for p in late],
        )


def doubt_contradicted(tx: Tx, positions: Mapping[PositionKey, Mapping[str, Any]], proofs: Sequence[Posting]) -> None:
    """More left a position since it was counted than the count says there was."""
    for proof in proofs:
        if contradicts(proof, positions[proof.key]):
            tx.emit(CountDoubted(*proof.key, "contradicted", None, None))


# ---------------------------------------------------------------- units of jobs


async def on_shelf_changed(tx: Tx, events: Sequence[ShelfChanged]) -> None:
    """Units went from a shelf into somebody's hands or back: remembered, and told to counts that saw it."""
    changes = _merged(events)
    if not changes:
        return
    keys = {(each.sku, each.node) for each in changes}
    await hold(tx, keys, alone=False)
    await bulk.append(tx, ShelfRow, [_row(tx, each) for each in changes])
    counted = await _counted(tx, keys)
    seen = [each for each in changes if each.shelf and (each.sku, each.node) in counted]
    # First what locks positions, then what locks tasks: the order in which everybody else does it.
    for each in seen:
        if contained(counted[(each.sku, each.node)], each.happened_at):
            tx.emit(CountContains(each.sku, each.node, -each.shelf, "system", each.device))
    for each in seen:
        if is_near(counted[(each.sku, each.node)], each.device, each.happened_at):
            tx.emit(CountDoubted(each.sku, each.node, "close", None, each.device))


def _merged(events: Sequence[ShelfChanged]) -> list[ShelfChanged]:
    """One row per item, moment and job; units that only changed hands leave none."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for e in events:
        both = sums.setdefault((e.sku, e.node, e.happened_at, e.device, e.reference), [0, 0])
        both[0] += e.in_hand
        both[1] += e.shelf
    return [
        ShelfChanged(sku, node, in_hand, shelf, at, device, reference)
        for (sku, node, at, device, reference), (in_hand, shelf) in sums.items()
        if in_hand or shelf
    ]


def _row(tx: Tx, e: ShelfChanged) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "sku": e.sku,
        "node": e.node,
        "in_hand": e.in_hand,
        "shelf": e.shelf,
        "happened_at": e.happened_at,
        "device": e.device,
        "reference": e.reference,
    }


async def _counted(tx: Tx, keys: Collection[PositionKey]) -> dict[PositionKey, Row]:
    """Positions that were ever counted."""
    rows = await tx.rows(
        "SELECT p.sku, p.node, p.counted_at, p.counted_on, p.fed_at"  # noqa: S608
        f" FROM stock_position p JOIN {_KEYS} USING (sku, node)"
        " WHERE p.counted_at IS NOT NULL",
        skus=[k[0] for k in sorted(keys)],
        nodes=[k[1] for k in sorted(keys)],
    )
    return {(r["sku"], r["node"]): r for r in rows}


# ---------------------------------------------------------------- what a count asks


async def in_hand(tx: Tx, key: PositionKey, at: datetime) -> int:
    """Units in totes, bags and hands at that moment, as far as it is known."""
    units = await tx.value(
        "SELECT coalesce(sum(in_hand), 0)::bigint FROM shelf_move WHERE sku = :sku AND node = :node"
        " AND happened_at <= :at",
        sku=key[0],
        node=key[1],
        at=at,
    )
    return int(units)


async def moved_since(tx: Tx, key: PositionKey, at: datetime) -> int:
    """What the ledger says happened to sellable units after that moment."""
    units = await tx.value(
        "SELECT coalesce(sum(quantity), 0)::bigint FROM stock_movement WHERE sku = :sku AND node = :node"
        " AND bucket = 'sellable' AND NOT reason = ANY(CAST(:derived AS text[]))"
        " AND coalesce(happened_at, at) > :at",
        sku=key[0],
        node=key[1],
        at=at,
        derived=sorted(COUNTED_ALREADY),
    )
    return int(units)


async def happened_near(tx: Tx, key: PositionKey, device: str | None, first: datetime, last: datetime) -> bool:
    """Whether anything else changed this shelf between the two moments, as far as another device or till tells."""
    return bool(
        await tx.value(
            "SELECT EXISTS (SELECT 1 FROM shelf_move WHERE sku = :sku AND node = :node AND shelf <> 0"
            " AND happened_at BETWEEN :first AND :last AND device IS DISTINCT FROM :device)"
            " OR EXISTS (SELECT 1 FROM stock_movement WHERE sku = :sku AND node = :node AND bucket = 'sellable'"
            " AND NOT reason = ANY(CAST(:others AS text[])) AND coalesce(happened_at, at) BETWEEN :first AND :last"
            " AND device IS DISTINCT FROM :device)",
            sku=key[0],
            node=key[1],
            device=device,
            first=first,
            last=last,
            others=sorted({*COUNTED_ALREADY, *OF_JOBS, MovementReason.OPENING}),
        )
    )


OF_JOBS = ("ship", "hand_off", "left_unrecorded", "pick_variance")
"""Reasons of movements that `shelf_move` tells better."""
