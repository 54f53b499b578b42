"""Writes the first migration from the declared tables: `python -m server.migrations.foundation`.

For use until the first release only; from then on every change of a table is a migration of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable

from server.migrations.tables import metadata

TARGET = Path(__file__).parent / "versions" / "2026_11_23_foundation.py"
HEAD = '''# ruff: noqa: E501 (conditions stand on one line, as the tables say them)
"""The foundation: every table of the first release.

Written by `python -m server.migrations.foundation`; change the tables, not this file.
"""

from __future__ import annotations

from alembic import op

revision = "foundation"
down_revision = None
branch_labels = None
depends_on = None

TABLES: dict[str, str] = {
'''
TAIL = """}


def upgrade() -> None:
    connection = op.get_bind().execution_options(no_parameters=True)
    for statements in TABLES.values():
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the foundation: restore a backup, or make a new database.")
"""


def statements(table: Table) -> str:
    """The table, its default partition where it has partitions, and its indexes."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    parts = [str(CreateTable(table).compile(dialect=dialect))]
    if table.dialect_options["postgresql"]["partition_by"]:
        parts.append(f"CREATE TABLE {table.name}_default PARTITION OF {table.name} DEFAULT")
    parts += [
        str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=lambda i: str(i.name))
    ]
    return "\n".join(f"{re.sub(r'[ ]+$', '', part.strip(), flags=re.M).replace(chr(9), '    ')};" for part in parts)


def main() -> None:
    """Write the file."""
    tables = metadata().sorted_tables
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    rows = [
        f'    "{name}": r"""\n{CreateSequence(sequence).compile(dialect=dialect)};\n""",\n'
        for name, sequence in sorted(metadata()._sequences.items())
    ]
    rows += [f'    "{table.name}": r"""\n{statements(table)}\n""",\n' for table in tables]
    TARGET.write_text(HEAD + "".join(rows) + TAIL)


if __name__ == "__main__":
    main()
