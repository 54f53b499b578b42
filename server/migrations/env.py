"""How alembic reaches the tables and the database. Run by `server.kit.migrate`, never imported."""

from __future__ import annotations

from alembic import context

from server.migrations.tables import is_ours, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    include_object=is_ours,
    transactional_ddl=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
