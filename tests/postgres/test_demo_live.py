"""`baton demo` as a newcomer runs it: up, pages, Ctrl-C, up again, anew."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.postgres
PATIENCE_S = 120


@dataclass
class Demo:
    """A running demo; `log` is what it has printed."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def ready(self) -> str:
        """What it says once it is up."""
        until = time.monotonic() + PATIENCE_S
        while "Ctrl-C stops everything" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.1)
        return self.said()

    def interrupt(self) -> str:
        """Ctrl-C in its terminal reaches every process of it. Everything it has printed."""
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(30) == 0, self.said()
        return self.said()


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[Demo]:
    log = folder / f"{len(list(folder.iterdir()))}.log"
    given = ["demo", "--stores", "5", "--data", str(folder / "data"), "--port", "18550", "--app-port", "18600"]
    with log.open("wb") as to:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", *given, *words],
            stdout=to,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Demo(process, log)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: that one is closed to the account which runs PostgreSQL when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="baton-demo-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


def got(address: str, trusted: Path | None = None) -> str:
    context = ssl.create_default_context(cafile=str(trusted)) if trusted else None
    with urllib.request.urlopen(address, timeout=20, context=context) as answer:
        return str(answer.read().decode())


def addresses(said: str) -> list[str]:
    return re.findall(r"https?://[^\s#]+", said)


def test_a_newcomer_starts_it_stops_it_and_finds_it_again_or_begins_anew(folder: Path) -> None:
    with demo(folder) as first:
        said = first.ready()
        pages = [got(each) for each in addresses(said) if each.startswith("http://")]
        assert len(pages) == 4
        [codes] = [each for each in addresses(said) if each.endswith("/demo/codes")]
        until = time.monotonic() + PATIENCE_S
        while not re.search(r"To pick [1-9]", got(codes)):
            assert time.monotonic() < until, "the first orders never came"
            time.sleep(0.2)
        with demo(folder, "--fresh") as second:
            assert second.process.wait(PATIENCE_S) == 1
            assert "A demo runs in" in second.said()
        certificate = folder / "data" / "tablets" / "tls" / "certificate.pem"
        secure = [each for each in addresses(said) if each.startswith("https://")]
        assert all("flutter" in got(each, certificate) for each in secure)
        said = first.interrupt()
    assert "Traceback" not in said
    assert said.endswith("Stopping ...\nStopped.\n")
    assert not (folder / "data" / "cluster" / "postmaster.pid").exists(), "PostgreSQL stopped, too"
    trusted = certificate.read_bytes()

    with demo(folder, "--stores", "6") as other:
        assert other.process.wait(PATIENCE_S) == 1
        assert "has 5 stores: give --stores 5, or --fresh" in other.said()
    with demo(folder, "--no-network") as again:
        said = again.ready()
        assert "The retailer of last time is still here." in said
        assert "https://" not in said
        again.interrupt()
    with demo(folder, "--fresh") as anew:
        assert "Loading stock" in anew.ready()
        assert certificate.read_bytes() == trusted, "no tablet has to be asked again"
        assert "Traceback" not in anew.interrupt()
