"""The schema in the database and the schema this build wants.

Several processes may start at once: whoever gets the advisory lock migrates, the others wait and find nothing to do.
The migrations themselves are in `server/migrations`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

FOLDER = Path(__file__).parent.parent / "migrations"
LOCK = 0x6261746F6E  # "baton"
LOCK_TIMEOUT = "10s"


def psycopg_url(url: str) -> str:
    """Any `postgresql://` address, with the driver migrations use."""
    return f"postgresql+psycopg://{url.split('://', 1)[1]}"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return made


@cache
def head() -> str:
    """The newest revision this build knows."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def upgrade(url: str, *, to: str = "head") -> None:
    """Bring the database to this build's schema. Blocking: call it in a thread from async code."""
    engine = create_engine(psycopg_url(url), poolclass=NullPool)
    settings = config()
    with engine.connect() as conn:
        conn.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        conn.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        conn.commit()
        try:
            settings.attributes["connection"] = conn
            command.upgrade(settings, to)
            conn.commit()
        finally:
            conn.rollback()
            conn.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            conn.commit()
    engine.dispose()


async def at_head(conn: AsyncConnection) -> bool:
    """Whether the database has exactly the schema this build wants."""
    known = await conn.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not known.scalar():
        return False
    return (await conn.execute(text("SELECT version_num FROM alembic_version"))).scalar() == head()
