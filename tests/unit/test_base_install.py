"""What is packaged for a phone runs on the base requirements alone: no web server, no SQLAlchemy, no zxing-cpp.

The layout that `flet build` packages is made in a folder, and an interpreter of its own works from there. Whatever the
base requirements in pyproject.toml do not lead to is refused on import, as if it were not installed.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from device.stage import stage

ROOT = Path(__file__).parents[2]
RENDER = ROOT / "tests" / "unit" / "ui" / "render.py"
OURS = {"device", "server", "tests"}
"""Ours, but not in an app."""

PRELUDE = """
import sys
from importlib.abc import MetaPathFinder

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, STAGE)
"""


def base() -> set[str]:
    """The distributions that `pip install baton` brings, by their canonical names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: set[str] = set()
    open_ = [Requirement(line) for line in project["dependencies"]]
    while open_:
        wanted = open_.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            pytest.fail(f"{name} is a base requirement, but it is not installed: make setup")
        found.add(name)
        extras = wanted.extras or {""}
        for line in needs:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
                need.marker = None
                open_.append(need)
    return found


def refused() -> list[str]:
    """The importable names that do not come with the base requirements."""
    known = base()
    names = {
        module
        for module, owners in packages_distributions().items()
        if not known & {canonicalize_name(owner) for owner in owners}
    }
    return sorted((names | OURS) - {"shared", "store_app"})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is packaged."""
    return stage(tmp_path_factory.mktemp("bundle") / "app")


def run(bundle: Path, code: str, *, refuse: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run code on what a device has."""
    names = refused() if refuse is None else refuse
    words = f"STAGE = {str(bundle)!r}\nREFUSED = frozenset({names!r})\n{PRELUDE}\n{code}"
    done = [sys.executable, "-I", "-B", "-W", "error", "-c", words]
    return subprocess.run(done, capture_output=True, text=True, cwd=bundle.parent, timeout=120, check=False)


def modules(bundle: Path) -> list[str]:
    """Every module of the bundle, as it is imported."""
    paths = [path.relative_to(bundle).with_suffix("") for path in bundle.rglob("*.py")]
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def test_every_module_of_an_app_is_imported_with_the_base_requirements_alone(bundle: Path) -> None:
    names = modules(bundle)
    assert {"main", "shared.passes", "store_app.device", "store_app.scanning.decoder"} <= set(names)
    done = run(
        bundle,
        f"""
import importlib, json
before = set(sys.modules)
for name in {names!r}:
    assert importlib.import_module(name).__file__.startswith(STAGE), name
print(json.dumps([name for name in set(sys.modules) - before if name.partition(".")[0] in REFUSED]))
""",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("name", ["fastapi", "uvicorn", "sqlalchemy", "flet_web", "zxingcpp", "server"])
def test_what_a_device_does_not_have_cannot_be_imported_there(bundle: Path, name: str) -> None:
    assert importlib.util.find_spec(name) is not None, "it is installed here, so that only the refusal can stop it"
    there = run(bundle, f"import {name}")
    assert there.returncode != 0
    assert f"No module named '{name}'" in there.stderr
    assert run(bundle, f"import {name}", refuse=[]).returncode == 0


FIRST_SCREEN = """
import asyncio, importlib.util
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo
from store_app.device import Device
from store_app.ui.app import store_app
from store_app.ui.format import moment
from store_app.ui.screens import SCREENS

spec = importlib.util.spec_from_file_location("render", RENDER)
render = sys.modules["render"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(render)
device = Device(Path(FILES))
kept = {}

class KeyStore:
    async def get(self, key): return kept.get(key)
    async def set(self, key, value): kept[key] = value

async def look():
    await device.open(KeyStore())
    engine = device.borrow("").engine
    async with render.shown(engine, lambda: store_app(SCREENS), address=device.address) as screen:
        noon = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
        print(screen.words, moment(noon, "America/New_York", noon))

asyncio.run(look())
device.close()
"""


def first_screen(bundle: Path, files: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Open the app and draw what it shows first, with a time of day."""
    return run(bundle, f"RENDER, FILES = {str(RENDER)!r}, {str(files)!r}\n{before}\n{FIRST_SCREEN}")


def test_an_app_opens_its_store_and_shows_its_first_screen_without_a_server(bundle: Path, tmp_path: Path) -> None:
    done = first_screen(bundle, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Welcome to Baton" in done.stdout
    assert "Address of the server" in done.stdout
    assert (tmp_path / "store.sqlite3").exists()


def zipped(target: Path, leave: set[str]) -> Path:
    """What of the base requirements is pure Python in one zip file, as on Android; `leave` stays on the disk."""
    with ZipFile(target, "w") as archive:
        for name in sorted(base()):
            files = [file for file in distribution(name).files or () if ".." not in file.parts]
            if any(file.suffix == ".so" for file in files):
                continue
            for file in files:
                if file.parts[0] not in leave and "__pycache__" not in file.parts:
                    archive.write(str(file.locate()), file.as_posix())
    return target


@pytest.mark.parametrize("named", [True, False], ids=["as configured", "without the list"])
def test_what_android_may_not_import_from_a_zip_file_is_named(bundle: Path, tmp_path: Path, named: bool) -> None:
    flet = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["flet"]
    archive = zipped(tmp_path / "packages.zip", set(flet["android"]["extract_packages"]) if named else set())
    before = f"sys.path.insert(0, {str(archive)!r})\nimport flet\nassert flet.__file__.startswith(sys.path[0])"
    done = first_screen(bundle, tmp_path / "files", before)
    assert (done.returncode == 0) is named, done.stderr
    assert ("Welcome to Baton" in done.stdout) is named


def test_without_a_reader_the_decoder_says_so_and_a_typing_scanner_works(bundle: Path) -> None:
    done = run(
        bundle,
        """
from PIL import Image
from store_app.scanning.decoder import NoDecoder, decode, installed
from store_app.scanning.wedge import Wedge

assert installed() == ()
try:
    decode(Image.new("L", (20, 20)))
except NoDecoder as error:
    print(error)
wedge = Wedge()
print(*filter(None, (wedge.feed(key) for key in [*"4006381333931", "Enter"])))
""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "No barcode reader is installed on this device. Use a scanner that types, or type the code.",
        "4006381333931",
    ]


def test_a_bundle_knows_its_version(bundle: Path) -> None:
    done = run(
        bundle,
        """
from importlib.metadata import distribution, version
assert str(distribution("baton").locate_file("")).startswith(STAGE)
print(version("baton"))
""",
    )
    assert done.returncode == 0, done.stderr
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert done.stdout.strip() == project["version"]


def test_a_bundle_holds_the_app_and_its_assets_and_nothing_of_the_server(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == [
        "assets",
        "baton.dist-info",
        "main.py",
        "shared",
        "store_app",
    ]
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {"assets/icon.png", "assets/fonts/BatonSans.ttf", "assets/tones/right.wav"} <= files
    assert "store_app/ui/texts/ar.json" in files
    web = {"store_app/web.py", "store_app/__main__.py", "store_app/certificate.py"}
    assert not [name for name in files if name in web or name.startswith("store_app/assets")]
    assert not [name for name in files if "__pycache__" in name]
