"""Lays out what `flet build` packages: `python -m device.stage` fills dist/device anew.

`flet build` packages one folder whole and looks in it for the entry file, for `assets` beside it and for every package
that is imported. Most of this repository is the server's, so what a device needs is copied by name: what nobody has
named here (the server, the tests, a data folder with keys in it) cannot end up in an app by mistake.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "dist" / "device"
"""Said again in pyproject.toml, as `tool.flet.app.path`."""
PACKAGES = ("shared", "store_app")
LEFT_OUT = frozenset({"store_app/__main__.py", "store_app/certificate.py", "store_app/web.py", "store_app/assets"})
"""What serves browsers and needs the extra `web`; and the assets, which lie at the top of a bundle."""


def stage(target: Path = TARGET) -> Path:
    """Copy the app into `target`, which is emptied first, and give it back."""
    shutil.rmtree(target, ignore_errors=True)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, target / name, ignore=_left_out)
    assets = target / "assets"
    shutil.copytree(ROOT / "store_app" / "assets", assets, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy2(ROOT / "device" / "icon.png", assets / "icon.png")
    shutil.copy2(ROOT / "device" / "main.py", target / "main.py")
    _say_version(target / "baton.dist-info")
    return target


def _say_version(folder: Path) -> None:
    """So that the app, which is not installed there, can still tell the server its version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder.mkdir()
    words = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (folder / "METADATA").write_text(words, encoding="utf-8")


def _left_out(folder: str, names: list[str]) -> set[str]:
    inside = Path(folder).relative_to(ROOT).as_posix()
    return {name for name in names if name == "__pycache__" or f"{inside}/{name}" in LEFT_OUT}


if __name__ == "__main__":
    stage()
