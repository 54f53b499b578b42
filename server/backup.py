"""`baton db backup` and `baton db restore`: the whole database in one file, and the way back.

The file is pg_dump's own format, of one consistent moment, made while the server works. A restore fills a database
beside the old one, proves it, and takes its place in one step; the old one is kept under another name. What was given
out after the backup must not be given out again, and devices must know that history begins anew: `after_restore`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from server import check as checking
from server.kit import migrate
from server.kit.database import Database
from server.kit.postgres import PostgresError
from server.kit.postgres_programs import environment, program
from server.kit.transaction import Tx
from server.orders.tables import ORDER_NUMBER
from server.sync import epochs

NUMBERS_AHEAD = 100_000
"""Order numbers that are skipped after a restore: nobody knows how many were given out since the backup."""

FILLING = "baton_filling"
"""The database a backup is read into before it takes its place."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: the new epoch, the name the old database is kept under, and what does not hold."""

    epoch: int
    kept_as: str
    broken: list[str]


async def after_restore(tx: Tx, actor: str, made_at: str) -> int:
    """Make a restored database safe to go on with; returns the new epoch. `made_at` says which backup it was."""
    await tx.value(
        f"SELECT setval('{ORDER_NUMBER.name}', (SELECT last_value FROM {ORDER_NUMBER.name}) + :ahead)",  # noqa: S608
        ahead=NUMBERS_AHEAD,
    )
    return await epochs.begin(tx, actor, f"restored from {made_at}")


def backup(url: str, file: Path) -> int:
    """Write the database to `file`, which only its user can read; returns its size in bytes. What was there before is
    replaced when the new one is complete."""
    part = file.with_name(file.name + ".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as to:
            _run([program("pg_dump"), "--format=custom", "--no-owner", "--dbname", url], to=to)
            to.flush()
            os.fsync(to.fileno())
    except PostgresError:
        part.unlink()
        raise
    part.replace(file)
    return file.stat().st_size


async def restore(url: str, file: Path, now: datetime, *, anyway: bool = False) -> Restored:
    """Put the backup in the place of the database at `url`. Raises `PostgresError` and leaves everything as it was when
    the file cannot be read, an invariant does not hold in it (unless `anyway`), or somebody is still connected."""
    await asyncio.to_thread(_drop, url, FILLING)
    await asyncio.to_thread(_sql, _beside(url, "postgres"), f'CREATE DATABASE "{FILLING}" TEMPLATE template0')
    filling = _beside(url, FILLING)
    try:
        await asyncio.to_thread(_fill, filling, file)
        await asyncio.to_thread(migrate.upgrade, filling)
        epoch, broken = await _prove(filling, await asyncio.to_thread(_made_at, file))
        if broken and not anyway:
            raise PostgresError(f"The backup does not hold: {', '.join(broken)}. To take it anyway: --anyway.")
        kept = await asyncio.to_thread(_take_place, url, now)
    except BaseException:
        await asyncio.to_thread(_drop, url, FILLING)
        raise
    return Restored(epoch, kept, broken)


def _made_at(file: Path) -> str:
    return f"{datetime.fromtimestamp(file.stat().st_mtime, UTC):%Y-%m-%d %H:%M} UTC"


async def _prove(url: str, made_at: str) -> tuple[int, list[str]]:
    """The new epoch of a filled database, and the names of the invariants that do not hold in it."""
    database = Database(url, pool_size=2)
    try:
        epoch = await database.write(lambda tx: after_restore(tx, "operator", f"a backup of {made_at}"))
        return epoch, [found.name for found in await checking.check(database) if found.violations]
    finally:
        await database.close()


def _fill(url: str, file: Path) -> None:
    with file.open("rb") as source:
        words: list[str | Path] = [program("pg_restore"), "--no-owner", "--exit-on-error", "--single-transaction"]
        _run([*words, "--dbname", url], source=source)


def _drop(url: str, name: str) -> None:
    _sql(_beside(url, "postgres"), f'DROP DATABASE IF EXISTS "{name}"')


def _take_place(url: str, now: datetime) -> str:
    """The filled database becomes the one at `url`; returns the name the old one is kept under."""
    current = urlsplit(url).path.lstrip("/")
    kept = f"{current}_until_{now:%Y%m%d_%H%M%S}"
    maintenance = _beside(url, "postgres")
    try:
        _sql(maintenance, f'ALTER DATABASE "{current}" RENAME TO "{kept}"')
    except PostgresError as error:
        raise PostgresError(f"{error} Stop every Baton process first.") from error
    try:
        _sql(maintenance, f'ALTER DATABASE "{FILLING}" RENAME TO "{current}"')
    except PostgresError:
        _sql(maintenance, f'ALTER DATABASE "{kept}" RENAME TO "{current}"')
        raise
    return kept


def _beside(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _sql(url: str, statement: str) -> None:
    _run([program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, "-d", url])


def _run(words: Sequence[str | Path], *, source: IO[bytes] | None = None, to: IO[bytes] | None = None) -> None:
    """One of PostgreSQL's own programs; what it complains of is what we say."""
    done = subprocess.run(  # noqa: S603 - our own words
        words,
        stdin=source or subprocess.DEVNULL,
        stdout=to or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
        text=True,
    )
    if done.returncode:
        raise PostgresError(done.stderr.strip() or f"{Path(str(words[0])).name} failed")
