"""Make sure that there is a Chromium for the browser tests: one that is there, Debian's, or Playwright's own.

python -m tests.browser.chromium
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.browser.harness import chromium


def by_apt() -> bool:
    """Debian's package, where we may install one."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    done = subprocess.run(command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **quiet)  # type: ignore[call-overload]
    return bool(done.returncode == 0)


def by_playwright() -> bool:
    """Playwright's own build."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def main() -> int:
    if chromium() or by_apt() or by_playwright():
        return 0
    print("The browser tests need a Chromium: install one (apt-get install chromium), then run make test again.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
