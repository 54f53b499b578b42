"""Movements that another system booked: each counts once, by its own key, in whatever order and however late it comes.

One that happened before the figure or the count its position is built on is in it already: it is booked with its
opposite, so that the ledger has it and the record stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.inventory import plain, service
from server.inventory.rules import PositionKey, contained, in_figure, is_near
from server.inventory.service import Fact
from server.kit.transaction import Row, Tx
from shared.reasons import Bucket

# ruff: noqa: S608 (every part of these statements stands in the code)
_BOOK = (
    "WITH u AS MATERIALIZED (SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:nodes AS text[]),"
    " CAST(:deltas AS bigint[]), CAST(:reasons AS text[]), CAST(:references AS text[]), CAST(:times AS timestamptz[]))"
    f" WITH ORDINALITY AS u(sku, node, delta, reason, reference, happened_at, n)), booked AS ({plain.LEDGER})"
    " UPDATE stock_position p SET sellable = p.sellable + s.delta, version = p.version + 1,"
    " doubt = least(p.doubt, greatest(0, p.sellable + s.delta)),"
    " moved_at = greatest(p.moved_at, :now) FROM (SELECT sku, node, sum(delta)::bigint AS delta FROM u GROUP BY 1, 2) s"
    " WHERE p.sku = s.sku AND p.node = s.node"
)


async def book(tx: Tx, facts: Sequence[Fact], *, source: str, actor: str) -> None:
    """Book facts that other systems told, of any positions."""
    by_key: dict[PositionKey, list[Fact]] = {}
    for fact in facts:
        by_key.setdefault((fact.sku, fact.node), []).append(fact)
    positions = await plain.lock(tx, sorted(by_key))
    simple = {key for key, mine in by_key.items() if _plain(tx, positions[key], mine)}
    await _book(tx, [f for f in facts if (f.sku, f.node) in simple], actor=actor)
    plain.fed(tx, source, actor, sorted(simple))
    await service.post(tx, [f for f in facts if (f.sku, f.node) not in simple], actor=actor)


def _plain(tx: Tx, position: Row, facts: Sequence[Fact]) -> bool:
    """Whether these facts concern neither what the position is built on nor what was promised of it."""
    if any(f.bucket is not Bucket.SELLABLE for f in facts):
        return False
    if plain.breaks(position, sum(min(0, f.delta) for f in facts)):
        return False
    if position["fed_at"] is None and position["counted_at"] is None:
        return True
    times = [f.happened_at or tx.now for f in facts]
    return not any(
        in_figure(position, at, None) or contained(position, at) or is_near(position, None, at) for at in times
    )


async def _book(tx: Tx, facts: Sequence[Fact], *, actor: str) -> None:
    if facts:
        await tx.run(
            _BOOK,
            deltas=[f.delta for f in facts],
            reasons=[f.reason.value for f in facts],
            references=[f.reference for f in facts],
            times=[f.happened_at for f in facts],
            actor=actor,
            ids=plain.ids(tx),
            now=tx.now,
            **service.binds([(f.sku, f.node) for f in facts]),
        )
