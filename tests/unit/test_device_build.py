"""What pyproject.toml tells `flet build` fits what `device.stage` lays out, and phones get versions the app can use."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from PIL import Image

from device.make_icon import icon
from device.stage import ROOT, TARGET, stage

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FLET = PROJECT["tool"]["flet"]
CONSTRAINTS = ("constraints.txt", "constraints-mobile.txt")


def pins(name: str) -> dict[str, str]:
    """The versions of a constraints file by name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    plain = [line.partition("#")[0].strip() for line in lines]
    return {left: right for left, _, right in (line.partition("==") for line in plain if line)}


def test_the_folder_and_the_entry_that_are_packaged_are_those_that_are_laid_out(tmp_path: Path) -> None:
    assert ROOT / FLET["app"]["path"] == TARGET
    assert (stage(tmp_path / "app") / f"{FLET['app']['module']}.py").is_file()


def test_laying_out_anew_leaves_nothing_of_before(tmp_path: Path) -> None:
    target = stage(tmp_path / "app")
    (target / "left_over.py").write_text("", encoding="utf-8")
    stage(target)
    assert not (target / "left_over.py").exists()


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_versions_for_phones_satisfy_what_the_app_asks_for(platform: str) -> None:
    asked = {
        r.name: r for r in map(Requirement, [*PROJECT["project"]["dependencies"], *FLET[platform]["dependencies"]])
    }
    mobile = pins("constraints-mobile.txt")
    assert "pillow" in mobile
    wrong = [
        f"{name}=={version}"
        for name, version in mobile.items()
        if name in asked and not asked[name].specifier.contains(version, prereleases=True)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_are_versions_only_and_name_no_place_to_get_them_from(name: str) -> None:
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in pins(name).values())
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_the_icon_is_large_and_square_and_the_one_that_is_drawn() -> None:
    kept = Image.open(ROOT / "device" / "icon.png")
    assert kept.size == (1024, 1024)
    assert kept.convert("RGB").resize((64, 64)).tobytes() == icon().resize((64, 64)).tobytes()
