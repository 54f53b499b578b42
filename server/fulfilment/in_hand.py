"""What jobs and their put-back tasks have off the shelf, and what a command changes about it.

Units are in hand from their pick until they leave the building or are carried back. A count must know of them, since
they are in the record and not on the shelf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from server.events import ShelfChanged
from server.inventory.rules import exit_postings
from server.inventory.service import Fact, ships
from server.kit.transaction import Tx
from shared.fulfilment import Fulfilment, Outcome
from shared.put_back import TaskLine
from shared.reasons import Bucket

# ruff: noqa: S608 (every part of these statements stands in this file)
_HELD_SQL = (
    "SELECT l->>'sku' AS sku, f.node, coalesce((SELECT sum(v::bigint) FROM jsonb_each_text(l->'picked_by') AS p(k, v)),"
    " 0) - (l->>'put_back')::bigint - (l->>'handed_over')::bigint AS units"
    " FROM fulfilment f CROSS JOIN LATERAL jsonb_array_elements(f.doc->'lines') AS l"
)
_TO_CARRY_SQL = (
    "SELECT l->>'sku' AS sku, e.node, (l->>'quantity')::bigint - (l->>'damaged')::bigint AS units"
    " FROM fulfilment_exception e CROSS JOIN LATERAL jsonb_array_elements(e.lines) AS l"
    " WHERE e.kind = 'put_back' AND e.settled_at IS NULL"
)
DIFFERENCES_SQL = (
    "SELECT sku, node, coalesce(s.units, 0) AS in_hand, coalesce(h.units, 0) AS in_jobs FROM (SELECT sku, node,"
    " sum(in_hand)::bigint AS units FROM shelf_move GROUP BY 1, 2) s FULL JOIN (SELECT sku, node,"
    f" sum(units)::bigint AS units FROM ({_HELD_SQL} UNION ALL {_TO_CARRY_SQL}) u GROUP BY 1, 2) h USING (sku, node)"
    " WHERE coalesce(s.units, 0) <> coalesce(h.units, 0)"
)
"""What was told to be off its shelf beside what jobs and open tasks have in hand."""


def of_command(tx: Tx, before: Fulfilment, outcome: Outcome, at: datetime, device: str | None) -> None:
    """Tell what a command took off the shelf, and what left the record with it."""
    after = outcome.fulfilment
    postings = [
        posting
        for m in outcome.moves
        for posting in exit_postings(
            m.sku, after.node, m.quantity, m.exit, m.reason, shipped=ships(after.method), reference=after.number
        )
    ]
    out = _sum((p.sku, p.quantity) for p in postings if p.bucket is Bucket.SELLABLE)
    hands = _minus(_held(after), _held(before))
    _tell(tx, after.node, hands, _minus(out, hands), at, device, after.number)


def of_task(
    tx: Tx,
    node: str,
    reference: str,
    lines: tuple[Iterable[TaskLine], Iterable[TaskLine]],
    at: datetime,
    device: str | None,
    facts: Iterable[Fact] = (),
) -> None:
    """Tell what a put-back task has more or fewer in hand. `lines`: before and after; `facts`: what is missing."""
    out = _sum((f.sku, f.delta) for f in facts if f.bucket is Bucket.SELLABLE)
    hands = _minus(_to_carry(lines[1]), _to_carry(lines[0]))
    _tell(tx, node, hands, _minus(out, hands), at, device, reference)


def _held(job: Fulfilment) -> Counter[str]:
    return _sum((line.sku, line.held) for line in job.lines)


def _to_carry(lines: Iterable[TaskLine]) -> Counter[str]:
    """Units that are in the record as sellable: damaged ones have left it already."""
    return _sum((line.sku, line.quantity - line.damaged) for line in lines)


def _sum(parts: Iterable[tuple[str, int]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for sku, units in parts:
        sums[sku] += units
    return sums


def _minus(these: Counter[str], those: Counter[str]) -> Counter[str]:
    return _sum([*these.items(), *((sku, -units) for sku, units in those.items())])


def _tell(
    tx: Tx, node: str, hands: Counter[str], shelf: Counter[str], at: datetime, device: str | None, reference: str
) -> None:
    for sku in sorted({*hands, *shelf}):
        if hands[sku] or shelf[sku]:
            tx.emit(ShelfChanged(sku, node, hands[sku], shelf[sku], at, device, reference))
