"""The same order, snapshot and plan give the same bytes: in any row order, in any process, with any hash seed."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from server.routing.decisions import Demand, DemandLine
from server.routing.filters import NodeFilter, OrderFilter
from server.routing.plan import plan
from server.routing.rules import DEFAULT, Rule, Split
from server.routing.snapshot import Candidates, Node, Nodes
from server.routing.weighing import Sorted, Weight
from tests.unit.routing.build import NOW, by, demand, east, node

ROOT = Path(__file__).parents[3]
RULES = by(
    Rule(
        name="Near",
        orders=OrderFilter(postcodes=("8",)),
        nodes=NodeFilter(max_km=50),
        sort=(Sorted(criterion="capacity"), Sorted(criterion="proximity"), Sorted(criterion="stock_depth")),
        split=Split(max_parcels=1, partly=False),
    ),
    Rule(name="Alone", orders=OrderFilter(flags=("ship_alone",)), weights=(Weight(criterion="stock_depth", weight=1),)),
    Rule(name="Rest", serve_first=("fewest_units",), weights=DEFAULT.rules[0].weights, split=Split(max_parcels=4)),
)
FLAGS = {"pad": ("kit",), "ink": ("ship_alone",)}


def _asked() -> tuple[list[Node], list[tuple[str, str, int]], list[Demand]]:
    dice = random.Random(11)
    nodes = [node(f"S{n:02}", dice.choice((10, 10, 250, 700)), thresholds={"web": n % 2}) for n in range(24)]
    stock = [(sku, each.code, dice.randrange(4)) for each in nodes for sku in ("pen", "ink", "pad")]
    demands = []
    for number in range(30):
        wanted = [(sku, dice.randint(1, 3)) for sku in ("pen", "ink", "pad") if dice.random() < 0.8] or [("pen", 1)]
        lines = tuple(DemandLine(line, sku, n, FLAGS.get(sku, ())) for line, (sku, n) in enumerate(wanted, 1))
        refused = frozenset({(None, "S03"), (1, "S04"), (1, "S05"), (2, "S06")})
        home = east(dice.choice((0, 240, 690)))
        more = {"destination": home, "postcode": dice.choice(("80202", "10001"))}
        demands.append(replace(demand(number), lines=lines, refused=refused, **more))  # type: ignore[arg-type]
    return nodes, stock, demands


def digest(shuffle: int = 0) -> str:
    nodes, stock, demands = _asked()
    dice = random.Random(shuffle)
    dice.shuffle(nodes)
    dice.shuffle(stock)
    candidates = Candidates.of(Nodes.of(nodes), stock)
    wave = DEFAULT.model_copy(update={"batch": "together"})
    decisions = [each for how in (DEFAULT, wave, RULES) for each in plan(demands, candidates, how, now=NOW)]
    assert any(decision.together for decision in decisions)
    assert {choice.rule for decision in decisions for choice in decision.choices} >= {"Near", "Alone", "Rest"}
    return hashlib.sha256(b"\n".join(decision.to_json() for decision in decisions)).hexdigest()


def test_the_order_of_rows_does_not_matter() -> None:
    assert len({digest(shuffle) for shuffle in range(6)}) == 1


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    say = "from tests.unit.routing.test_same_bytes import digest; print(digest({}))"
    found = set()
    for seed in ("0", "1", "4711"):
        run = subprocess.run(
            [sys.executable, "-c", say.format(seed)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )
        found.add(run.stdout.strip())
    assert found == {digest()}


def test_the_order_of_lines_does_not_matter() -> None:
    nodes, stock, demands = _asked()
    candidates = Candidates.of(Nodes.of(nodes), stock)
    turned = [replace(asked, lines=asked.lines[::-1]) for asked in demands]
    assert plan(turned, candidates, DEFAULT, now=NOW) == plan(demands, candidates, DEFAULT, now=NOW)
