"""The only writer of stock, and the only place where stock rows are locked: always in (sku, node) order.

Every change is a list of ledger postings and claim changes; a position is never touched in any other way, so it always
equals the fold of its ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.events import StockChanged, StockShort, UnitsLeft
from server.inventory import shelf
from server.inventory.known import free, known
from server.inventory.rules import (
    Change,
    PositionKey,
    Posting,
    Want,
    exit_postings,
    fold,
    found_by_fact,
    free_units,
    grant,
)
from server.inventory.tables import MovementRow, PositionRow, ReservationRow
from server.kit import bulk
from server.kit.transaction import Tx
from shared.errors import NotFound
from shared.fulfilment import Exit, UnitMove
from shared.reasons import Bucket
from shared.stock import MovementReason

_KEYS = "unnest(CAST(:skus AS text[]), CAST(:nodes AS text[])) AS k(sku, node)"


def binds(keys: Sequence[PositionKey]) -> dict[str, list[str]]:
    """The two arrays that statements over positions unnest."""
    return {"skus": [k[0] for k in keys], "nodes": [k[1] for k in keys]}


async def lock(tx: Tx, keys: set[PositionKey]) -> dict[PositionKey, dict[str, Any]]:
    """The positions, locked in key order. Missing ones are not in the answer."""
    rows = await tx.rows(
        f"SELECT p.* FROM stock_position p JOIN {_KEYS} USING (sku, node) ORDER BY p.sku, p.node FOR UPDATE OF p",  # noqa: S608
        **binds(sorted(keys)),
    )
    return {(r["sku"], r["node"]): dict(r) for r in rows}


async def ensure(tx: Tx, keys: set[PositionKey]) -> None:
    """Make sure that each position has a row (a node may receive or sell what it never had)."""
    await bulk.insert(
        tx, PositionRow, [{"sku": sku, "node": node} for sku, node in sorted(keys)], conflict="ON CONFLICT DO NOTHING"
    )


async def lock_or_create(tx: Tx, keys: set[PositionKey]) -> dict[PositionKey, dict[str, Any]]:
    """The positions, locked in key order; missing ones are made first."""
    positions = await lock(tx, keys)
    if missing := keys - positions.keys():
        await ensure(tx, missing)
        positions = await lock(tx, keys)
    return positions


async def _apply(tx: Tx, changes: dict[PositionKey, Change]) -> None:
    keys = sorted(changes)
    bucket = {b: [changes[k].buckets.get(b, 0) for k in keys] for b in Bucket}
    rows = await tx.rows(
        "UPDATE stock_position p SET sellable = p.sellable + k.sellable, damaged = p.damaged + k.damaged,"
        " quality_hold = p.quality_hold + k.quality_hold, display = p.display + k.display,"
        " reserved = p.reserved + k.reserved, version = p.version + 1,"
        " doubt = least(p.doubt, greatest(0, p.sellable + k.sellable)),"
        " moved_at = CASE WHEN k.moved THEN greatest(p.moved_at, :now) ELSE p.moved_at END"
        " FROM unnest(CAST(:skus AS text[]), CAST(:nodes AS text[]), CAST(:sellable AS bigint[]),"
        " CAST(:damaged AS bigint[]), CAST(:quality_hold AS bigint[]), CAST(:display AS bigint[]),"
        " CAST(:reserved AS bigint[]), CAST(:moved AS bool[]))"
        " AS k(sku, node, sellable, damaged, quality_hold, display, reserved, moved)"
        " WHERE p.sku = k.sku AND p.node = k.node RETURNING p.*",
        **binds(keys),
        sellable=bucket[Bucket.SELLABLE],
        damaged=bucket[Bucket.DAMAGED],
        quality_hold=bucket[Bucket.QUALITY_HOLD],
        display=bucket[Bucket.DISPLAY],
        reserved=[changes[k].reserved for k in keys],
        moved=[Bucket.SELLABLE in changes[k].buckets for k in keys],
        now=tx.now,
    )
    known(tx).changed(rows)
    tx.emit(*(StockChanged(sku=sku, node=node) for sku, node in keys))


async def _write_ledger(tx: Tx, postings: Sequence[Posting], *, actor: str, device: str | None) -> None:
    await bulk.append(
        tx,
        MovementRow,
        [
            {
                "id": tx.new_id(),
                "sku": p.sku,
                "node": p.node,
                "bucket": p.bucket.value,
                "quantity": p.quantity,
                "reason": p.reason.value,
                "reference": p.reference,
                "actor": actor,
                "device": device,
                "at": tx.now,
                "happened_at": p.happened_at,
            }
            for p in postings
        ],
    )


# ---------------------------------------------------------------- reservations


async def reserve(
    tx: Tx, wants: Sequence[Want], *, kind: str = "hard", ttl: timedelta | None = None
) -> list[UUID | None]:
    """Reserve each want wholly or not at all, earlier ones first. Returns the reservation's id, or None if refused.

    Nobody is refused for the sake of a cart whose time is over, even before the schedule has released it.
    """
    if not wants:
        return []
    positions = await lock(tx, {w.key for w in wants})
    granted = grant({key: free_units(row) for key, row in positions.items()}, wants)
    refused = {want.key for want, ok in zip(wants, granted, strict=True) if not ok}
    if refused and await _release_expired_of(tx, refused):
        positions = await lock(tx, {w.key for w in wants})
        granted = grant({key: free_units(row) for key, row in positions.items()}, wants)
    changes: dict[PositionKey, Change] = {}
    ids: list[UUID | None] = []
    rows = []
    for want, ok in zip(wants, granted, strict=True):
        ids.append(tx.new_id() if ok else None)
        if not ok:
            continue
        changes.setdefault(want.key, Change()).reserved += want.quantity
        rows.append(_reservation(tx, ids[-1], want, kind, ttl))
    if rows:
        await bulk.append(tx, ReservationRow, rows)
        await _apply(tx, changes)
    return ids


def _reservation(tx: Tx, row_id: UUID | None, want: Want, kind: str, ttl: timedelta | None) -> dict[str, Any]:
    return {
        "id": row_id,
        "sku": want.sku,
        "node": want.node,
        "quantity": want.quantity,
        "asked": want.quantity,
        "kind": kind,
        "owner": want.owner,
        "order_id": want.order_id,
        "fulfilment_id": want.fulfilment_id,
        "line": want.line,
        "made_at": tx.now,
        "expires_at": tx.now + ttl if ttl else None,
    }


async def release(tx: Tx, ids: Sequence[UUID], *, why: str) -> int:
    """Give up whole reservations (a cart that was emptied or expired). Returns the units freed."""
    found = await tx.rows(
        "SELECT sku, node FROM reservation WHERE id = ANY(CAST(:ids AS uuid[])) AND quantity > 0", ids=list(ids)
    )
    await lock(tx, {(r["sku"], r["node"]) for r in found})
    rows = await tx.rows(
        "WITH gone AS (SELECT id, sku, node, quantity FROM reservation WHERE id = ANY(CAST(:ids AS uuid[]))"
        " AND quantity > 0 FOR UPDATE)"
        " UPDATE reservation r SET quantity = 0, ended = :why FROM gone WHERE r.id = gone.id"
        " RETURNING r.sku, r.node, gone.quantity AS quantity",
        ids=list(ids),
        why=why,
    )
    changes: dict[PositionKey, Change] = {}
    for row in rows:
        changes.setdefault((row["sku"], row["node"]), Change()).reserved -= row["quantity"]
    if changes:
        await _apply(tx, changes)
    return sum(int(r["quantity"]) for r in rows)


async def release_cart(tx: Tx, reservation_id: UUID) -> int:
    """Give up one soft reservation. Raises `NotFound` when there is none; releasing twice frees nothing more."""
    row = await tx.one("SELECT kind FROM reservation WHERE id = :id", id=reservation_id)
    if row is None or row["kind"] != "soft":
        raise NotFound(f"No cart reservation {reservation_id}.")
    return await release(tx, [reservation_id], why="given up")


async def release_expired(tx: Tx, limit: int = 1000) -> int:
    """Release soft reservations whose time is over. Returns the units freed."""
    rows = await tx.rows(
        "SELECT id FROM reservation WHERE quantity > 0 AND expires_at IS NOT NULL AND expires_at <= :now"
        " ORDER BY expires_at LIMIT :limit",
        now=tx.now,
        limit=limit,
    )
    return await release(tx, [r["id"] for r in rows], why="expired") if rows else 0


async def _release_expired_of(tx: Tx, keys: set[PositionKey]) -> int:
    """Release soft reservations of these positions whose time is over. Returns the units freed."""
    rows = await tx.rows(
        f"SELECT r.id FROM reservation r JOIN {_KEYS} USING (sku, node)"  # noqa: S608
        " WHERE r.quantity > 0 AND r.expires_at <= :now",
        now=tx.now,
        **binds(sorted(keys)),
    )
    return await release(tx, [r["id"] for r in rows], why="expired") if rows else 0


# ---------------------------------------------------------------- units that leave a job


async def on_units_left(tx: Tx, events: Sequence[UnitsLeft]) -> None:
    """Claims end; stock leaves where the units did, and the record follows what the picker saw."""
    for actor, device in dict.fromkeys((e.actor, e.device) for e in events):
        mine = [e for e in events if (e.actor, e.device) == (actor, device)]
        postings = [
            posting
            for e in mine
            for m in e.moves
            for posting in exit_postings(
                m.sku,
                e.node,
                m.quantity,
                m.exit,
                m.reason,
                shipped=ships(e.method),
                reference=e.number,
                at=e.happened_at,
            )
        ]
        swaps = [claim for e in mine for m in e.moves for claim in _swapped(e, m)]
        positions = await lock_or_create(tx, {(sku, e.node) for e in mine for m in e.moves for sku in m.skus})
        changes: dict[PositionKey, Change] = {}
        await _claim(tx, swaps, changes)
        for key, units in (await _end_claims(tx, mine)).items():
            changes.setdefault(key, Change()).reserved -= units
        await record(tx, positions, postings, changes, actor=actor, device=device)


def ships(method: str) -> bool:
    return method in ("ship_from_store", "warehouse", "drop_ship")


def _swapped(event: UnitsLeft, move: UnitMove) -> tuple[Want, ...]:
    """The claim that begins where another ends: on a substitute, or again on what it stood in for."""
    if move.stand_in is None:
        return ()
    sku, line = (move.stand_in.sku, move.stand_in.line) if move.exit is Exit.REPLACED else (move.sku, move.line)
    owner = f"order/{event.order_id}"
    return (Want(sku, event.node, move.quantity, owner, event.order_id, event.fulfilment_id, line),)


def _ended(move: UnitMove) -> int:
    """The line whose claim ends."""
    return move.stand_in.line if move.stand_in and move.exit is Exit.RESTORED else move.line


async def _claim(tx: Tx, wants: Sequence[Want], changes: dict[PositionKey, Change]) -> None:
    """Claim what is in somebody's hands, whether the record has it or not: what is missing is found out afterwards.

    A line of a job has one claim, which grows.
    """
    for want in wants:
        changes.setdefault(want.key, Change()).reserved += want.quantity
        found = await tx.value(
            "UPDATE reservation SET quantity = quantity + :units, asked = greatest(asked, quantity + :units),"
            " ended = NULL WHERE fulfilment_id = :job AND line = :line RETURNING id",
            units=want.quantity,
            job=want.fulfilment_id,
            line=want.line,
        )
        if found is None:
            await bulk.append(tx, ReservationRow, [_reservation(tx, tx.new_id(), want, "hard", None)])


async def _end_claims(tx: Tx, events: Sequence[UnitsLeft]) -> dict[PositionKey, int]:
    """Take the moved units off their reservations; returns the units freed per position."""
    wanted = [(e.fulfilment_id, _ended(m), m.quantity) for e in events for m in e.moves]
    rows = await tx.rows(
        "WITH moved AS (SELECT fulfilment_id, line, sum(quantity)::bigint AS quantity FROM unnest("
        " CAST(:jobs AS uuid[]), CAST(:lines AS bigint[]), CAST(:quantities AS bigint[]))"
        " AS u(fulfilment_id, line, quantity) GROUP BY 1, 2),"
        " cut AS (SELECT r.id, least(r.quantity, m.quantity) AS units FROM reservation r"
        " JOIN moved m USING (fulfilment_id, line) WHERE r.quantity > 0)"
        " UPDATE reservation r SET quantity = r.quantity - cut.units,"
        " ended = CASE WHEN r.quantity = cut.units THEN 'left' END"
        " FROM cut WHERE r.id = cut.id RETURNING r.sku, r.node, cut.units AS units",
        jobs=[w[0] for w in wanted],
        lines=[w[1] for w in wanted],
        quantities=[w[2] for w in wanted],
    )
    freed: dict[PositionKey, int] = {}
    for row in rows:
        key = (row["sku"], row["node"])
        freed[key] = freed.get(key, 0) + row["units"]
    return freed


# ---------------------------------------------------------------- facts about the shelf


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to stock: `delta` units of a bucket, and the document that says so."""

    sku: str
    node: str
    delta: int
    reason: MovementReason
    bucket: Bucket = Bucket.SELLABLE
    reference: str | None = None
    happened_at: datetime | None = None
    of_job: bool = False
    """See `Posting.of_job`."""


async def post(tx: Tx, facts: Sequence[Fact], *, actor: str, device: str | None = None) -> None:
    """Write facts into the ledger. A fact is never refused: it may prove the record wrong, and break promises.

    Nothing happens later than now, whatever a clock says.
    """
    if not facts:
        return
    postings = [
        Posting(
            f.sku,
            f.node,
            f.bucket,
            f.delta,
            f.reason,
            f.reference,
            f.happened_at and min(f.happened_at, tx.now),
            f.of_job,
        )
        for f in facts
    ]
    positions = await lock_or_create(tx, {p.key for p in postings})
    await record(tx, positions, postings, actor=actor, device=device)


async def record(
    tx: Tx,
    positions: dict[PositionKey, dict[str, Any]],
    postings: Sequence[Posting],
    changes: dict[PositionKey, Change] | None = None,
    *,
    actor: str,
    device: str | None,
) -> None:
    """Ledger, positions, and the promises that no longer hold."""
    postings = await shelf.contain(tx, positions, postings, device)
    by_key: dict[PositionKey, list[Posting]] = {}
    for p in postings:
        by_key.setdefault(p.key, []).append(p)
    found = [c for key, mine in by_key.items() for c in found_by_fact(positions[key], mine)]
    shelf.doubt_contradicted(tx, positions, found)
    changes = {} if changes is None else changes
    for key, change in fold([*found, *postings]).items():
        changes.setdefault(key, Change()).buckets = change.buckets
    await _write_ledger(tx, [*found, *postings], actor=actor, device=device)
    await follow_facts(tx, positions, changes)


async def follow_facts(
    tx: Tx, positions: dict[PositionKey, dict[str, Any]], changes: dict[PositionKey, Change]
) -> None:
    """Change locked positions to what ledger and claims say already; promises that no longer hold give way."""
    if changes:
        await _apply(tx, changes)
    await _give_way(tx, positions, changes)


async def _give_way(tx: Tx, positions: dict[PositionKey, dict[str, Any]], changes: dict[PositionKey, Change]) -> None:
    """Where less is left than reserved, carts give way at once; what is missing for orders is told as `StockShort`."""
    short: dict[PositionKey, int] = {}
    for key, change in changes.items():
        sellable = positions[key]["sellable"] + change.buckets.get(Bucket.SELLABLE, 0)
        reserved = positions[key]["reserved"] + change.reserved
        if sellable < reserved:
            short[key] = reserved - sellable
    if not short:
        return
    carts = await tx.rows(
        f"SELECT r.id, r.sku, r.node, r.quantity FROM reservation r JOIN {_KEYS} USING (sku, node)"  # noqa: S608
        " WHERE r.quantity > 0 AND r.kind = 'soft' ORDER BY r.made_at DESC, r.id DESC",
        **binds(sorted(short)),
    )
    for cart in carts:
        short[(cart["sku"], cart["node"])] -= cart["quantity"]
    await release(tx, [c["id"] for c in carts], why="stock fell short")
    tx.emit(*(StockShort(sku=k[0], node=k[1], units=units) for k, units in sorted(short.items()) if units > 0))


async def open_positions(tx: Tx, rows: Sequence[dict[str, Any]], *, actor: str) -> None:
    """Give nodes their first stock, as `opening` facts. Rows: sku, node, quantity, bin, walk, safety_stock."""
    known(tx).forget()
    await bulk.insert(
        tx,
        PositionRow,
        [{k: r[k] for k in ("sku", "node", "bin", "walk", "safety_stock")} for r in rows],
        conflict="ON CONFLICT (sku, node) DO UPDATE SET bin = excluded.bin, walk = excluded.walk,"
        " safety_stock = excluded.safety_stock",
    )
    facts = [Fact(r["sku"], r["node"], r["quantity"], MovementReason.OPENING) for r in rows if r["quantity"]]
    if facts:
        await post(tx, facts, actor=actor)


async def show(tx: Tx, keys: Sequence[PositionKey]) -> None:
    """Let devices have these positions as they are now."""
    positions = await lock(tx, set(keys))
    known(tx).changed(list(positions.values()))
    await free(tx, {sku for sku, _ in positions})
    tx.emit(*(StockChanged(sku=sku, node=node) for sku, node in positions))


async def place_in_bins(tx: Tx, places: Sequence[tuple[str, str, str]]) -> None:
    """Remember where items stand: (sku, node, bin)."""
    if places:
        known(tx).forget()
        await tx.run(
            "UPDATE stock_position p SET bin = k.bin FROM unnest(CAST(:skus AS text[]), CAST(:nodes AS text[]),"
            " CAST(:bins AS text[])) AS k(sku, node, bin) WHERE p.sku = k.sku AND p.node = k.node",
            skus=[p[0] for p in places],
            nodes=[p[1] for p in places],
            bins=[p[2] for p in places],
        )
