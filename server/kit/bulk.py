"""Insert many rows with one statement of constant shape: arrays are bound whole and unnested by PostgreSQL.

A `VALUES` list that grows with the batch would be compiled and planned anew for every batch size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from server.kit.database import to_json
from server.kit.transaction import Row, Tx

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=256)
def _insert_sql(table: Table, columns: tuple[str, ...], conflict: str, returning: str) -> str:
    binds, picks = [], []
    for name in columns:
        kind = table.c[name].type
        as_text = isinstance(kind, (JSONB, ARRAY))
        sql_type = kind.compile(dialect=_DIALECT)
        binds.append(f"CAST(:{name} AS {'text' if as_text else sql_type}[])")
        if isinstance(kind, ARRAY):
            array = f"ARRAY(SELECT jsonb_array_elements_text(u.{name}::jsonb))::{sql_type}"
            picks.append(f"CASE WHEN u.{name} IS NOT NULL THEN {array} END")
        else:
            picks.append(f"u.{name}::jsonb" if as_text else f"u.{name}")
    names = ", ".join(f'"{name}"' for name in columns)
    sql = (
        f'INSERT INTO "{table.name}" ({names}) SELECT {", ".join(picks)} '  # noqa: S608 (names come from tables)
        f"FROM unnest({', '.join(binds)}) AS u({', '.join(columns)})"
    )
    return " ".join(part for part in (sql, conflict, returning and f"RETURNING {returning}") if part)


def column_arrays(table: Table, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The rows turned on their side, jsonb and arrays as JSON text."""
    arrays: dict[str, list[Any]] = {}
    for name in columns:
        values = [row[name] for row in rows]
        if isinstance(table.c[name].type, (JSONB, ARRAY)):
            values = [v if v is None or isinstance(v, str) else to_json(v) for v in values]
        arrays[name] = values
    return arrays


async def append(tx: Tx, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append `rows` (all with the same keys, more than one) to a mapped class or table, by COPY."""
    if rows:
        columns = tuple(rows[0])
        await tx.copy(getattr(table, "__table__", table).name, columns, map(itemgetter(*columns), rows))


async def insert(
    tx: Tx, table: Any, rows: Sequence[Mapping[str, Any]], *, conflict: str = "", returning: str = ""
) -> Sequence[Row]:
    """Insert `rows` (all with the same keys) into a mapped class or table.

    `conflict` is an `ON CONFLICT` clause, `returning` a column list. jsonb values given as `str` are taken as JSON
    text already. Returns the `RETURNING` rows, in no promised order.
    """
    if not rows:
        return []
    target: Table = getattr(table, "__table__", table)
    columns = tuple(rows[0])
    sql = _insert_sql(target, columns, conflict, returning)
    binds = column_arrays(target, columns, rows)
    if returning:
        return await tx.rows(sql, **binds)
    await tx.run(sql, **binds)
    return []
