"""The migrations make exactly the tables that the code declares."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from server.kit import migrate, postgres
from server.migrations import foundation
from server.migrations.tables import is_ours, metadata

pytestmark = pytest.mark.postgres


def differences(url: str) -> list[object]:
    engine = create_engine(migrate.psycopg_url(url))
    with engine.connect() as conn:
        options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
        found = compare_metadata(MigrationContext.configure(conn, opts=options), metadata())
    engine.dispose()
    return list(found)


def test_the_migrations_make_the_tables_that_the_code_declares(database_url: str) -> None:
    assert differences(database_url) == [], "run: make migrations"


def test_the_first_migration_is_what_the_tables_say_down_to_checks_and_conditions() -> None:
    written = foundation.TARGET.read_text()
    missing = [table.name for table in metadata().sorted_tables if foundation.statements(table) not in written]
    assert missing == [], "run: make migrations"


def test_several_processes_may_migrate_an_empty_database_at_once(pg: postgres.Running) -> None:
    url = pg.url(None, pg.create_database("migrated_by_many"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [url] * 4))
    assert differences(url) == []


def test_tests_use_a_database_of_their_own(pg: postgres.Running) -> None:
    assert pg.sql("SHOW data_directory") == str(pg.cluster)
    assert "baton-pg-" in str(pg.cluster)
