"""Positions beside the fold of their ledger and their live claims: what differs, and how to put it right.

The two statements are what `baton check` asks; `baton stock rebuild` shows their rows and, when told to, makes the
positions follow. The ledger is never changed: it is what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.inventory import service
from server.inventory.rules import Change, PositionKey
from server.kit import audit
from server.kit.transaction import Tx
from shared.errors import Conflict
from shared.reasons import Bucket

BATCH = 500
"""Positions put right in one transaction."""

_BUCKETS = tuple(bucket.value for bucket in Bucket)
_IN_LEDGER = ", ".join(f"sum(quantity) FILTER (WHERE bucket = '{b}') AS {b}" for b in _BUCKETS)
_SIDES = ", ".join(f"('{b}', coalesce(p.{b}, 0), coalesce(m.{b}, 0)::bigint)" for b in _BUCKETS)
_ONLY = "WHERE (sku, node) IN (SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:nodes AS text[])))"
_ALL = ""


def _ledger_sql(which: str) -> str:
    known = ", ".join(f"'{b}'" for b in _BUCKETS)
    return (
        "SELECT sku, node, b.bucket, b.position, b.facts"  # noqa: S608 (every part stands in this file)
        f" FROM (SELECT * FROM stock_position {which}) p FULL JOIN (SELECT sku, node, {_IN_LEDGER},"
        f" sum(quantity) FILTER (WHERE bucket NOT IN ({known})) AS unknown FROM stock_movement {which} GROUP BY 1, 2) m"
        f" USING (sku, node) CROSS JOIN LATERAL (VALUES {_SIDES}, ('unknown', 0, coalesce(m.unknown, 0)::bigint))"
        " AS b(bucket, position, facts) WHERE b.position <> b.facts"
    )


def _claims_sql(which: str) -> str:
    return (
        "SELECT sku, node, 'reserved' AS bucket, coalesce(p.reserved, 0) AS position,"  # noqa: S608
        f" coalesce(r.units, 0)::bigint AS facts FROM (SELECT * FROM stock_position {which}) p FULL JOIN"
        " (SELECT sku, node, sum(quantity) AS units FROM (SELECT * FROM reservation WHERE quantity > 0) live"
        f" {which} GROUP BY 1, 2) r USING (sku, node) WHERE coalesce(p.reserved, 0) <> coalesce(r.units, 0)"
    )


LEDGER_SQL, CLAIMS_SQL = _ledger_sql(_ALL), _claims_sql(_ALL)


@dataclass(frozen=True, slots=True)
class Difference:
    """`position` is what the row says of a bucket (or `reserved`), `facts` what ledger or claims add up to."""

    sku: str
    node: str
    bucket: str
    position: int
    facts: int


async def differences(tx: Tx, keys: Sequence[PositionKey] | None = None) -> list[Difference]:
    """Where positions and facts differ, in key order; everywhere, or for `keys` only."""
    which = _ALL if keys is None else _ONLY
    binds = {} if keys is None else {"skus": [k[0] for k in keys], "nodes": [k[1] for k in keys]}
    found = [
        Difference(**row) for sql in (_ledger_sql(which), _claims_sql(which)) for row in await tx.rows(sql, **binds)
    ]
    return sorted(found, key=lambda d: (d.sku, d.node, d.bucket))


async def put_right(tx: Tx, actor: str, keys: Sequence[PositionKey]) -> list[Difference]:
    """Make these positions follow their facts, looked at again under their locks. Returns what was changed.

    Promises that no longer hold give way as after any other fact. Raises `Conflict` for a ledger no shelf can follow.
    """
    positions = await service.lock_or_create(tx, set(keys))
    wrong = await differences(tx, sorted(positions))
    changes: dict[PositionKey, Change] = {}
    for each in wrong:
        if each.bucket == "unknown" or (each.facts < 0 and each.bucket != Bucket.SELLABLE.value):
            raise Conflict(
                f"The ledger of {each.sku} at {each.node} says {each.facts} for {each.bucket}.",
                remedy="Post an adjustment that corrects the ledger, then rebuild.",
            )
        change = changes.setdefault((each.sku, each.node), Change())
        if each.bucket == "reserved":
            change.reserved = each.facts - each.position
        else:
            change.buckets[Bucket(each.bucket)] = each.facts - each.position
    await service.follow_facts(tx, positions, changes)
    for each in wrong:
        said = f"{each.sku} {each.bucket}"
        await audit.record(tx, f"node:{each.node}", actor, "stock.rebuild", said, was=each.position, now=each.facts)
    return wrong
