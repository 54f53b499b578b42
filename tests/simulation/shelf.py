"""Counts and deliveries in a fleet's story, and the shelf at its end.

On the way people count about what they believe to lie there. When everything has healed, one tablet of each store
counts every item, whatever the story made of it, and the record must be exactly that, with what jobs have in hand; or
its clock had jumped, and somebody is asked to count once more.
"""

from __future__ import annotations

from datetime import timedelta

from store_app.engine.engine import Engine
from tests.shop import ITEMS
from tests.simulation.devices import Device
from tests.simulation.fleet import HEALED_WITHIN, Fleet
from tests.simulation.people import with_tablet

NOTES = ("LS-1", "LS-2")


def count(fleet: Fleet) -> str | None:
    """Somebody counts an item: what is there, more or less."""

    def act(device: Device, engine: Engine) -> str:
        sku = fleet.chance.choice(sorted(ITEMS))
        known = engine.lookup.stock(sku)
        believed = known.buckets.sellable - engine.view.in_hand(sku) if known else 0
        units = max(0, believed + fleet.chance.choice((-1, 0, 0, 0, 1)))
        return f"counts {units} of {sku}: {_count(fleet, device, engine, sku, units)}"

    return with_tablet(fleet, fleet.chance.choice(fleet.devices), act)


def receive(fleet: Fleet) -> str | None:
    """Somebody scans part of a delivery in, and may take a scan back."""

    def act(device: Device, engine: Engine) -> str:
        sku, note = fleet.chance.choice(sorted(ITEMS)), fleet.chance.choice(NOTES)
        said = ""
        for _ in range(fleet.chance.randint(1, 3)):
            got = engine.stock_work.got(note, sku)
            good = max(0, got.good + fleet.chance.choice((-1, 1, 1, 1)))
            damaged = got.damaged + (fleet.chance.random() < 0.2)
            result = engine.stock_work.receive(note, sku, good, damaged)
            fleet.wrong += fleet.promises.note(device, engine, result)
            said = f"receives {good} and {damaged} of {sku}: {result.notice.code}"
        return said

    return with_tablet(fleet, fleet.chance.choice(fleet.devices), act)


def _count(fleet: Fleet, device: Device, engine: Engine, sku: str, units: int) -> str:
    result = engine.stock_work.count(sku, units)
    fleet.wrong += fleet.promises.note(device, engine, result)
    return result.notice.code


async def count_everything(fleet: Fleet) -> list[str]:
    """The last counts of the story; where the record is not what they say."""
    counted: dict[tuple[str, str], int] = {}

    def act(device: Device, engine: Engine) -> str:
        for sku in sorted(ITEMS):
            counted[(device.node, sku)] = fleet.chance.randint(0, 9)
            _count(fleet, device, engine, sku, counted[(device.node, sku)])
        return f"counts everything: {counted}"

    for device in {each.node: each for each in fleet.devices}.values():
        fleet.tell(with_tablet(fleet, device, act) or "nobody counts")
    await fleet.timeline.run(fleet.timeline.now + HEALED_WITHIN + timedelta(seconds=1))
    rows = await fleet.arena.world.rows(
        "SELECT p.node, p.sku, p.sellable, coalesce(sum(s.in_hand), 0)::bigint AS in_hand FROM stock_position p"
        " LEFT JOIN shelf_move s USING (sku, node) GROUP BY 1, 2, 3"
    )
    record = {(row["node"], row["sku"]): (row["sellable"], row["in_hand"]) for row in rows}
    again = await _to_count_again(fleet)
    return [
        f"{sku} at {node}: {units} were counted and {record[(node, sku)][1]} are in hand, the record says"
        f" {record[(node, sku)][0]}"
        for (node, sku), units in counted.items()
        if (node, sku) not in again and record[(node, sku)][0] != units + record[(node, sku)][1]
    ]


async def _to_count_again(fleet: Fleet) -> set[tuple[str, str]]:
    """Shelves whose last count was made by a clock that cannot be right."""
    rows = await fleet.arena.world.rows(
        "SELECT node, values->>'sku' AS sku FROM fulfilment_exception WHERE kind = 'recount' AND settled_at IS NULL"
        " AND values->>'why' = 'clock'"
    )
    return {(row["node"], row["sku"]) for row in rows}
