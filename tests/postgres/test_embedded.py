"""The embedded PostgreSQL starts, is found again, survives kills and is never left running for good."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.kit import postgres
from tests.browser.harness import free_port

pytestmark = pytest.mark.postgres

HOLD = (
    "import sys, time, pathlib; from server.kit import postgres; {}; print(server.cluster, flush=True); time.sleep(99)"
)
JOINED = "server = postgres.start(pathlib.Path(sys.argv[1]), fast=True)"
TEMPORARY = "held = postgres.temporary(); server = held.__enter__()"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: that one is closed to the account which runs PostgreSQL when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="baton-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@pytest.fixture
def data_dir(folder: Path) -> Iterator[Path]:
    yield folder / "data"
    postgres.start(folder / "data", fast=True).stop()  # whatever a failed test left running is adopted and stopped


def postmaster(running: postgres.Running) -> int:
    return int((running.cluster / "postmaster.pid").read_text().splitlines()[0])


def is_running(pid: int) -> bool:
    return "postgres" in postgres._command_of(pid)


def held_elsewhere(how: str, data_dir: Path) -> subprocess.Popen[str]:
    """Another process that holds a server; returns once it does."""
    command = [sys.executable, "-c", HOLD.format(how), str(data_dir)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline()
    return other


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 15
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


def test_data_is_found_again_after_a_clean_stop(data_dir: Path) -> None:
    with postgres.start(data_dir, fast=True) as server:
        assert server.sql("SHOW data_directory") == str(server.cluster) == str(data_dir / "cluster")
        server.sql("CREATE TABLE kept AS SELECT 'Übergabe ✓' AS word")
        pid = postmaster(server)
    assert not is_running(pid)
    assert not (data_dir / "cluster" / "postmaster.pid").exists()
    with postgres.start(data_dir, fast=True) as server:
        assert server.sql("SELECT word, upper(word) FROM kept") == "Übergabe ✓|ÜBERGABE ✓"


def test_real_data_is_durable_and_only_the_private_socket_is_open(data_dir: Path) -> None:
    with postgres.start(data_dir) as server:
        assert [server.sql(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == [
            "on"
        ] * 3
        assert server.sql("SHOW listen_addresses") == ""
        assert server.sql("SELECT datlocprovider, datlocale, datcollate FROM pg_database WHERE datname = 'baton'") == (
            "b|C.UTF-8|C"
        )
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.cluster.stat().st_mode) == 0o700


def test_a_second_start_joins_and_the_last_holder_stops(data_dir: Path) -> None:
    first = postgres.start(data_dir, fast=True)
    second = postgres.start(data_dir, fast=True)
    pid = postmaster(first)
    assert postmaster(second) == pid
    assert second.url() == first.url()
    first.stop()
    assert second.sql("SELECT 1") == "1"
    second.stop()
    second.stop()
    assert not is_running(pid)


def test_after_a_killed_postmaster_the_next_start_recovers_what_was_committed(data_dir: Path) -> None:
    with postgres.start(data_dir, fast=True) as server:
        server.sql("CREATE TABLE kept (n int)")
        server.sql("INSERT INTO kept VALUES (7)")
        busy = subprocess.Popen(
            [postgres.program("psql"), "-d", server.url(None), "-c", "SELECT pg_sleep(2)"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while server.sql("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(2)'") != "1":
            time.sleep(0.05)
        killed = postmaster(server)
        os.kill(killed, signal.SIGKILL)
        assert until_gone(killed)
        assert not server.alive()
        with postgres.start(data_dir, fast=True) as again:
            assert again.sql("SELECT n FROM kept") == "7"
            assert again.url() == server.url()  # pools of other holders find it where it was
            assert server.alive()
        busy.wait()


@pytest.mark.parametrize("listens", [False, True])
def test_a_holder_starts_a_killed_server_again_as_it_was(data_dir: Path, listens: bool) -> None:
    port = free_port() if listens else None
    with postgres.start(data_dir, fast=True, port=port) as server, postgres.start(data_dir, fast=True) as other:
        server.sql("CREATE TABLE kept AS SELECT 7 AS n")
        assert not server.revive()
        before = server.sql("SELECT name, setting FROM pg_settings WHERE source = 'command line' ORDER BY name")
        killed = postmaster(server)
        os.kill(killed, signal.SIGKILL)
        assert until_gone(killed)
        assert other.revive()
        assert not server.revive()
        assert server.sql("SELECT n FROM kept") == "7"
        after = server.sql("SELECT name, setting FROM pg_settings WHERE source = 'command line' ORDER BY name")
        assert after == before
        assert (server.sql("SHOW listen_addresses") == "127.0.0.1") == listens
    assert not server.revive(), "who has let go does not start it again"


def test_a_pid_file_whose_number_was_taken_by_another_process_is_not_believed(data_dir: Path) -> None:
    with postgres.start(data_dir, fast=True) as server:
        lines = (server.cluster / "postmaster.pid").read_text().splitlines()
    stale = data_dir / "cluster" / "postmaster.pid"
    stale.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with postgres.start(data_dir, fast=True) as server:
        assert postmaster(server) != os.getpid()


def test_the_server_of_a_killed_holder_is_adopted_and_stopped(data_dir: Path) -> None:
    other = held_elsewhere(JOINED, data_dir)
    kill(other)
    with postgres.start(data_dir, fast=True) as server:
        pid = postmaster(server)
        assert server.sql("SELECT 1") == "1"
    assert not is_running(pid)


def test_a_holder_in_another_process_keeps_the_server(data_dir: Path) -> None:
    with postgres.start(data_dir, fast=True) as server:
        pid = postmaster(server)
        other = held_elsewhere(JOINED, data_dir)
    assert is_running(pid)
    other.send_signal(signal.SIGINT)  # ends like a program that ends itself: atexit runs
    other.communicate()
    assert until_gone(pid)


def test_a_temporary_server_goes_with_its_process_even_a_killed_one(folder: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD.format(TEMPORARY)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    cluster = Path(other.stdout.readline().strip())
    pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
    kill(other)
    assert until_gone(pid)
    deadline = time.monotonic() + 10
    while cluster.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not cluster.parent.exists()


def test_a_temporary_server_leaves_nothing_and_databases_are_copied_from_a_template() -> None:
    with postgres.temporary() as server:
        server.create_database("model")
        server.sql("CREATE TABLE seen (n int)", "model")
        assert server.create_database("copy", template="model") == "copy"
        assert server.sql("SELECT count(*) FROM seen", "copy") == "0"
        server.drop_database("copy")
        with pytest.raises(postgres.PostgresError, match='"copy" does not exist'):
            server.sql("SELECT 1", "copy")
        with pytest.raises(postgres.PostgresError, match="not a plain database name"):
            server.create_database('x"; DROP DATABASE baton')
        pid, data_dir = postmaster(server), server.data_dir
    assert not is_running(pid)
    assert not data_dir.exists()


def test_a_deep_folder_gets_a_short_private_socket_that_is_remembered(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir()
    with postgres.start(deep, fast=True) as server:
        url = server.url()
        assert len(str(server.socket_dir)) < 90
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    with postgres.start(deep, fast=True) as server:
        assert server.url() == url
    server.socket_dir.rmdir()
    with postgres.start(deep, fast=True) as server:
        assert server.url() != url
    server.socket_dir.rmdir()


def test_programs_of_the_wheel_are_found() -> None:
    for name in ("psql", "pg_dump", "pg_restore", "pg_basebackup", "pgbench"):
        assert os.access(postgres.program(name), os.X_OK)


def test_a_folder_the_account_cannot_reach_is_refused_with_a_sentence(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    if os.geteuid() == 0:
        with pytest.raises(postgres.PostgresError, match="closed to others"):
            postgres.start(folder / "closed" / "data")
    else:
        postgres.start(folder / "closed" / "data", fast=True).stop()


def test_data_of_another_major_version_is_refused_with_a_sentence(folder: Path) -> None:
    cluster = folder / "data" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(postgres.PostgresError, match="made by PostgreSQL 15"):
        postgres.start(folder / "data")


def test_rows_are_thrown_away_only_when_nobody_uses_them(data_dir: Path) -> None:
    postgres.discard(data_dir)
    with postgres.start(data_dir, fast=True) as server:
        server.sql("CREATE TABLE kept AS SELECT 1")
        with pytest.raises(postgres.PostgresError, match="in use"):
            postgres.discard(data_dir)
        assert server.sql("SELECT count(*) FROM kept") == "1"
    postgres.discard(data_dir)
    with postgres.start(data_dir, fast=True) as server:
        assert server.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == "0"


def test_a_server_whose_holder_was_killed_is_stopped_before_its_rows_go(data_dir: Path) -> None:
    other = held_elsewhere(JOINED, data_dir)
    pid = int((data_dir / "cluster" / "postmaster.pid").read_text().splitlines()[0])
    kill(other)
    assert is_running(pid)
    postgres.discard(data_dir)
    assert not is_running(pid)
    assert not (data_dir / "cluster").exists()
