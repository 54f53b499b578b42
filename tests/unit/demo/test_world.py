"""The truth behind the records, and who may know it."""

import ast
from pathlib import Path

import pytest

from server.demo.opening import Position
from server.demo.world import World, world_behind

ROOT = Path(__file__).parents[3]


def records(nodes: int = 5, each: int = 400) -> list[Position]:
    return [
        Position(f"S{node:03d}", f"P{row:08d}", 1 + row % 7, "A01-01-1") for node in range(nodes) for row in range(each)
    ]


def test_sixty_to_sixty_five_in_a_hundred_records_are_exact_in_every_node() -> None:
    kept = records()
    world = world_behind(kept, seed=3)
    for node in {record.node for record in kept}:
        assert 0.60 <= world.exact_share([record for record in kept if record.node == node]) <= 0.65


def test_most_wrong_records_promise_too_much_and_some_stand_over_an_empty_shelf() -> None:
    kept = records()
    wrong = world_behind(kept, seed=3).differences(kept)
    high = [there for record, there in wrong if there < record.units]
    assert 0.5 < len(high) / len(wrong) < 0.75
    assert 0 in high
    assert all(there >= 0 for _, there in wrong)


def test_the_same_seed_makes_the_same_world() -> None:
    kept = records()
    assert world_behind(kept, 3).differences(kept) == world_behind(kept, 3).differences(kept)
    assert world_behind(kept, 3).differences(kept) != world_behind(kept, 4).differences(kept)


def test_nobody_takes_what_is_not_there() -> None:
    world = World({("S001", "A"): 3})
    assert world.take("S001", "A", 2) == 2
    assert world.take("S001", "A", 2) == 1
    assert world.take("S001", "A", 2) == 0
    assert world.look("S001", "A") == 0
    assert world.take("S001", "never there", 1) == 0


def test_what_is_put_is_there() -> None:
    world = World({})
    assert world.put("S001", "A", 4) == 4
    assert world.look("S001", "A") == 4
    assert world.sell("S001", [("A", 5), ("B", 1)]) == {"A": 4, "B": 0}


@pytest.mark.parametrize("units", [-1, 1_000_001])
def test_impossible_amounts_are_refused(units: int) -> None:
    world = World({("S001", "A"): 3})
    with pytest.raises(ValueError, match="units"):
        world.take("S001", "A", units)
    with pytest.raises(ValueError, match="units"):
        world.put("S001", "A", units)
    assert world.look("S001", "A") == 3


def test_server_and_app_never_import_the_truth() -> None:
    for folder in ("server", "store_app", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.is_relative_to(ROOT / "server" / "demo"):
                continue
            assert "server.demo.world" not in imported(path), f"{path} knows what is on the shelves"


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
