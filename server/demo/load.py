"""Puts the retailer into a database: nodes, channels, items, people and opening stock, through the same verbs as life.

The database is given without wiring: no device exists yet, and the first thing a device fetches is a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from server.catalog import service as catalog
from server.catalog.rules import Flag, NewItem
from server.demo.catalogue import Item
from server.demo.people import Person
from server.demo.places import Node
from server.demo.retailer import Retailer
from server.inventory import service as inventory
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.kit.keys import Keys
from server.kit.rows import RowResult
from server.kit.transaction import Tx
from server.network import service as network
from server.network.rules import ChannelNode, Hours, NewChannel, NewNode
from server.people import service as people
from server.people.rules import NewPerson
from server.people.service import Secrets
from shared.passes import badge_hash, pin_verifier

CHANNELS = {"web": "Web shop", "app": "Shopping app", "phone": "Telephone", "marketplace": "Marketplace"}
CHUNK = 5000
DRINKING_AGE = 21
STAGING = ("A1", "A2", "A3", "B1", "B2", "COLD")
BAYS = ("1", "2", "3", "4")
T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with what is being loaded, how much of it is in, and how much there is."""


def _chunks(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]


def _all_in(results: Sequence[RowResult]) -> None:
    refused = [r for r in results if r.status == "refused"]
    if refused:
        raise ValueError(f"{refused[0].key}: {refused[0].errors[0].message}")


async def is_loaded(db: Database) -> bool:
    """Whether a retailer is in there already."""
    return bool(await db.read(lambda tx: tx.value("SELECT 1 FROM node LIMIT 1")))


async def load(db: Database, retailer: Retailer, keys: Keys, *, pins_at: Sequence[str], progress: Progress) -> None:
    """Load everything. PINs are hashed (slowly, by design) for the people of the nodes `pins_at` only."""

    async def places(tx: Tx) -> None:
        _all_in(await network.load_nodes(tx, SYSTEM, [_node(n) for n in retailer.nodes]))
        sells = tuple(ChannelNode(node=n.code) for n in retailer.nodes)
        channels = [NewChannel(code=code, name=name, nodes=sells) for code, name in CHANNELS.items()]
        _all_in(await network.load_channels(tx, SYSTEM, channels))

    await db.write(places)
    for number, items in enumerate(_chunks(retailer.items, 1000)):
        _all_in(await db.write(lambda tx, rows=items: catalog.load_items(tx, SYSTEM, [_item(i) for i in rows])))  # type: ignore[misc]
        progress("items", number * 1000 + len(items), len(retailer.items))
    await db.write(lambda tx: _people(tx, retailer.people, keys, set(pins_at)))
    walk = {code: place for place, code in enumerate(sorted({p.bin for p in retailer.positions}))}
    done = 0
    for positions in _chunks(retailer.positions, CHUNK):
        rows = [
            {"sku": p.sku, "node": p.node, "quantity": p.units, "bin": p.bin, "walk": walk[p.bin], "safety_stock": 0}
            for p in positions
        ]
        await db.write(lambda tx, rows=rows: inventory.open_positions(tx, rows, actor=SYSTEM.id))  # type: ignore[misc]
        done += len(rows)
        progress("stock", done, len(retailer.positions))


def _node(node: Node) -> NewNode:
    store = node.type == "store"
    return NewNode.model_validate(
        {
            "code": node.code,
            "name": node.name,
            "type": node.type,
            "location": node.place,
            "address": (node.street, f"{node.town.city}, {node.town.state} {node.town.zip}"),
            "time_zone": node.time_zone,
            "hours": tuple(Hours(opens=h.opens, closes=h.closes) if h else None for h in node.hours),
            "cutoff": node.cutoff,
            "capacity_per_day": node.capacity,
            "capabilities": node.capabilities,
            "staging": STAGING if store else (),
            "bays": BAYS if store else (),
        }
    )


def _item(item: Item) -> NewItem:
    return NewItem(
        sku=item.sku,
        name=item.name,
        category=item.category,
        department=item.department,
        brand=item.brand,
        barcodes=(item.gtin,),
        price=item.price,
        weight_grams=item.grams,
        flags=(Flag.AGE_RESTRICTED,) if item.age_restricted else (),
        min_age=DRINKING_AGE if item.age_restricted else None,
    )


async def _people(tx: Tx, staff: Sequence[Person], keys: Keys, pins_at: set[str]) -> None:
    new = [NewPerson.model_validate({"name": p.name, "roles": [p.role], "nodes": list(p.nodes)}) for p in staff]
    secrets = [
        Secrets(
            badge_hash=badge_hash(p.badge),
            pin_verifier=pin_verifier(p.pin, keys.pin_key, tx.random(16)) if pins_at & set(p.nodes) else None,
        )
        for p in staff
    ]
    await people.add_people(tx, SYSTEM, new, secrets=secrets)
