"""Absolute figures of another system: each is compared with the record, and only the difference is booked.

A figure is true as of its own time, like a count: what happened since stays on top of it, so that nothing sold in the
meantime comes back, and what is heard of later although it was in the figure already is not booked a second time
(docs/adr/0018). One that came before changes nothing, nor does one older than what is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from server.inventory import plain, service
from server.inventory.rules import COUNTED_ALREADY, PositionKey, Verdict, figure_posting, judge_figure
from server.kit.transaction import Tx

# ruff: noqa: S608 (every part of these statements stands in the code)
_CORRECTIONS = ", ".join(f"'{reason}'" for reason in sorted(COUNTED_ALREADY))
_SINCE = (
    "SELECT sum(m.quantity)::bigint FROM stock_movement m WHERE m.sku = {of}.sku AND m.node = {of}.node"
    f" AND m.bucket = 'sellable' AND m.reason NOT IN ({_CORRECTIONS})"
    " AND CASE WHEN m.device IS NULL THEN coalesce(m.happened_at, m.at) ELSE m.at END > {of}.{at}"
)
"""What moved after a figure. What our own devices did is dated by when we heard of it: its source hears it from us."""
_MOVED = (
    f"SELECT k.sku, k.node, coalesce(({_SINCE.format(of='k', at='at')}), 0) AS units FROM unnest(CAST(:skus AS text[]),"
    " CAST(:nodes AS text[]), CAST(:times AS timestamptz[])) AS k(sku, node, at)"
)
_BUILD = (
    "WITH u AS MATERIALIZED (SELECT *, 'feed' AS reason, CAST(:source AS text) AS reference FROM unnest("
    " CAST(:skus AS text[]), CAST(:nodes AS text[]), CAST(:deltas AS bigint[]), CAST(:units AS bigint[]),"
    " CAST(:times AS timestamptz[])) WITH ORDINALITY AS u(sku, node, delta, units, happened_at, n)),"
    f" booked AS ({plain.LEDGER})"
    " UPDATE stock_position p SET sellable = p.sellable + u.delta, fed_units = u.units, fed_at = u.happened_at,"
    " fed_by = :source, doubt = least(p.doubt, greatest(0, p.sellable + u.delta)),"
    " version = p.version + CAST(u.delta <> 0 AS int) FROM u WHERE p.sku = u.sku AND p.node = u.node"
)
FOLLOWS_SQL = (
    "SELECT p.sku, p.node, p.sellable, p.fed_units, p.fed_at, s.units AS since FROM stock_position p CROSS JOIN LATERAL"
    f" (SELECT coalesce(({_SINCE.format(of='p', at='fed_at')}), 0) AS units) s WHERE p.fed_at IS NOT NULL"
    " AND (p.counted_at IS NULL OR p.fed_at > p.counted_at) AND p.sellable <> p.fed_units + s.units AND NOT EXISTS"
    " (SELECT 1 FROM stock_movement e WHERE e.sku = p.sku AND e.node = p.node AND e.bucket = 'sellable'"
    " AND e.reason = 'evidence' AND greatest(e.at, e.happened_at) >= p.fed_at)"
)
"""Positions built on a figure that are not what it and everything since make of them."""


class Figure(NamedTuple):
    """So many units, as of then."""

    key: PositionKey
    units: int
    at: datetime


async def build(tx: Tx, figures: Sequence[Figure], *, source: str, actor: str) -> list[Verdict | int]:
    """Build positions on figures, at most one each. For each: what it was corrected by, or why it changes nothing."""
    positions = await plain.lock(tx, sorted(f.key for f in figures))
    verdicts = [judge_figure(positions[f.key], f.units, f.at) for f in figures]
    news = [f for f, verdict in zip(figures, verdicts, strict=True) if verdict is Verdict.BUILD]
    since = await _since(tx, [f for f in news if _moved(positions[f.key]["moved_at"], f.at)])
    deltas = {f.key: f.units + since.get(f.key, 0) - positions[f.key]["sellable"] for f in news}
    breaking = [f for f in news if deltas[f.key] < 0 and plain.breaks(positions[f.key], deltas[f.key])]
    await _book(tx, news, {**deltas, **dict.fromkeys((f.key for f in breaking), 0)}, source=source, actor=actor)
    await _break(tx, breaking, deltas, source=source, actor=actor)
    plain.fed(tx, source, actor, (key for key, delta in deltas.items() if delta))
    return [
        deltas[f.key] if verdict is Verdict.BUILD else verdict for f, verdict in zip(figures, verdicts, strict=True)
    ]


def _moved(moved_at: datetime | None, at: datetime) -> bool:
    return moved_at is not None and moved_at > at


async def _since(tx: Tx, figures: Sequence[Figure]) -> dict[PositionKey, int]:
    """What happened after these figures."""
    if not figures:
        return {}
    rows = await tx.rows(_MOVED, times=[f.at for f in figures], **service.binds([f.key for f in figures]))
    return {(r["sku"], r["node"]): r["units"] for r in rows}


async def _book(
    tx: Tx, figures: Sequence[Figure], deltas: Mapping[PositionKey, int], *, source: str, actor: str
) -> None:
    if figures:
        await tx.run(
            _BUILD,
            deltas=[deltas[f.key] for f in figures],
            units=[f.units for f in figures],
            times=[f.at for f in figures],
            source=source,
            actor=actor,
            ids=plain.ids(tx),
            now=tx.now,
            **service.binds([f.key for f in figures]),
        )


async def _break(
    tx: Tx, figures: Sequence[Figure], deltas: Mapping[PositionKey, int], *, source: str, actor: str
) -> None:
    """Figures below what is promised, or below what has been taken since: promises give way, as after any fact."""
    if figures:
        positions = await service.lock(tx, {f.key for f in figures})
        postings = [figure_posting(f.key, deltas[f.key], source, f.at) for f in figures]
        await service.record(tx, positions, postings, actor=actor, device=None)
