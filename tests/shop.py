"""A small retailer for tests: two stores, a warehouse, a few items, and verbs to buy and to work.

Everything goes through the API or the services, as in life; nothing is written into tables by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from server.inventory import service as inventory
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from server.routing.rules import PlanBody
from tests import build

STORE, OTHER, WAREHOUSE = "S-1", "S-2", "W-1"
ITEMS = {"APPLE": ("Red apples 1 kg", 349), "BREAD": ("Sourdough loaf", 499), "WINE": ("Red wine 0.75 l", 1299)}
ADDRESS = {
    "name": "Maria Sanchez",
    "line1": "12 Main Street",
    "city": "Springfield",
    "region": "IL",
    "postal_code": "62701",
    "country": "US",
    "location": {"latitude": 40.1, "longitude": -90.1},
}


def _node(code: str, latitude: float, longitude: float, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": f"Store {code}",
        "type": "store",
        "location": {"latitude": latitude, "longitude": longitude},
        "time_zone": "America/Chicago",
        "capabilities": ["ship", "pickup", "curbside"],
        "staging": ["A1", "A2"],
        "bays": ["1", "2"],
        **more,
    }


async def open_shop(world: build.World, *, stock: int = 10) -> Shop:
    """Nodes, a channel, items with codes, and `stock` units of everything everywhere."""
    await _ok(
        world,
        "/v1/nodes",
        [
            _node(STORE, 40.0, -90.0),
            _node(OTHER, 41.0, -91.0),
            _node(WAREHOUSE, 45.0, -93.0, type="warehouse", capabilities=["ship"]),
        ],
    )
    nodes = (STORE, OTHER, WAREHOUSE)
    await _ok(world, "/v1/channels", [{"code": "web", "name": "Web", "nodes": [{"node": n} for n in nodes]}])
    items = [
        {
            "sku": sku,
            "name": name,
            "price": price,
            "barcodes": [f"40064{i}000000"[:12] + _check(f"40064{i}000000"[:12])],
        }
        for i, (sku, (name, price)) in enumerate(ITEMS.items())
    ]
    await _ok(world, "/v1/items", items)

    async def fill(tx: Tx) -> None:
        rows = [
            {"sku": sku, "node": node, "quantity": stock, "bin": f"{i:02}-1", "walk": i, "safety_stock": 0}
            for node in nodes
            for i, sku in enumerate(ITEMS)
        ]
        await inventory.open_positions(tx, rows, actor=SYSTEM.id)

    await world.write(fill)
    return Shop(world, {item["sku"]: item["barcodes"][0] for item in items})


def _check(digits: str) -> str:
    weights = (1, 3) * 6
    return str(-sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 10)


async def _ok(world: build.World, path: str, rows: Sequence[dict[str, Any]]) -> None:
    answer = await world.client.post(path, json={path.rpartition("/")[2]: list(rows)})
    assert answer.status_code == 200, answer.text
    refused = [r for r in answer.json()["results"] if r["status"] == "refused"]
    assert not refused, refused


async def activate(world: build.World, plan: PlanBody) -> str:
    """Let this routing plan decide; its version, as decisions name it."""
    body = plan.model_dump(mode="json", exclude={"version"})
    made = await world.client.post("/v1/routing/plans", json={"plan": body})
    assert made.status_code == 201, made.text
    name, version = made.json()["name"], made.json()["version"]
    answer = await world.client.post(f"/v1/routing/plans/{name}/{version}/activate")
    assert answer.status_code == 200, answer.text
    return f"{name} v{version}"


@dataclass
class Shop:
    """The retailer, and what its customers and systems do."""

    world: build.World
    codes: dict[str, str]
    _bought: int = 0

    def order(
        self, *lines: tuple[str, int], method: str = "pickup", instead: str | Sequence[str] = "none", **more: Any
    ) -> dict[str, Any]:
        """The body of an order; by default one to pick up at the first store, authorised. `instead`: substitutes."""
        self._bought += 1
        collect = {"node": STORE} if method != "ship" else {"ship_to": ADDRESS}
        return {
            "channel": "web",
            "external_id": f"web-{self._bought}",
            "placed_at": datetime.now(UTC).isoformat(),
            "currency": "USD",
            "customer": {"name": "Maria Sanchez", "email": "maria@example.com", "phone": "+1 555 010 4711"},
            "method": method,
            "lines": [
                {"sku": sku, "quantity": quantity, "unit_price": ITEMS[sku][1], "tax": 7, "substitutes": instead}
                for sku, quantity in lines
            ],
            "payment": {"kind": "authorised", "reference": f"auth-{self._bought}"},
            **collect,
            **more,
        }

    async def offer_substitutes(self) -> None:
        """Two more items, which the catalogue names as substitutes of all others; two of each at every node."""
        named = ["BEER", "OATS"]
        items = [
            {"sku": sku, "name": sku.title(), "price": price} for sku, price in zip(named, (549, 199), strict=True)
        ]
        items += [
            {"sku": sku, "name": name, "price": price, "barcodes": [self.codes[sku]], "substitutes": named}
            for sku, (name, price) in ITEMS.items()
        ]
        await _ok(self.world, "/v1/items", items)

        async def fill(tx: Tx) -> None:
            rows = [
                {"sku": sku, "node": node, "quantity": 2, "bin": "99-1", "walk": 99, "safety_stock": 0}
                for node in (STORE, OTHER, WAREHOUSE)
                for sku in named
            ]
            await inventory.open_positions(tx, rows, actor=SYSTEM.id)

        await self.world.write(fill)

    async def buy(self, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        """Place an order; its page afterwards."""
        answer = await self.world.client.post("/v1/orders", json=self.order(*lines, **more))
        assert answer.status_code == 201, answer.text
        return await self.page(answer.json()["id"])

    async def page(self, order_id: str) -> dict[str, Any]:
        answer = await self.world.client.get(f"/v1/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def timeline(self, order_id: str) -> list[str]:
        """The codes of what happened, in order."""
        answer = await self.world.client.get(f"/v1/orders/{order_id}/timeline")
        return [entry["code"] for entry in answer.json()["entries"]]

    async def stock(self, sku: str, node: str = STORE) -> dict[str, int]:
        """The arithmetic of one position."""
        answer = await self.world.client.get(f"/v1/stock/{sku}", params={"near": node})
        return next(level["atp"] for level in answer.json()["levels"] if level["node"] == node)

    async def tablet(self, node: str = STORE, *roles: str) -> Tablet:
        """An enrolled device of a store, and somebody who works there."""
        device = await build.device(self.world.db, node)
        person = await build.person(self.world.db, *(roles or ("lead",)), nodes=[node], on=device.id)
        return Tablet(self, node, device, person)


@dataclass
class Tablet:
    """A device that speaks the sync protocol by hand: numbers its commands, reads its feed."""

    shop: Shop
    node: str
    device: build.Made
    person: build.Made
    n: int = 0
    cursor: dict[str, int] = field(default_factory=dict)
    documents: dict[tuple[str, str], dict[str, Any] | None] = field(default_factory=dict)
    outcomes: dict[int, dict[str, Any]] = field(default_factory=dict)

    def command(self, kind: str, **body: Any) -> dict[str, Any]:
        self.n += 1
        return {
            "n": self.n,
            "id": str(uuid4()),
            "schema": 1,
            "actor": self.person.id,
            "made_at": datetime.now(UTC).isoformat(),
            "body": {"kind": kind, **{k: str(v) if isinstance(v, UUID) else v for k, v in body.items()}},
        }

    async def push(self, *commands: dict[str, Any], status: int = 200) -> dict[str, Any]:
        asking = await self.shop.world.asking(self.device.token)
        answer = await asking.post("/v1/sync/push", json={"commands": list(commands)})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def do(self, kind: str, **body: Any) -> str:
        """Send one command; the status of its outcome."""
        pushed = await self.push(self.command(kind, **body))
        return str(pushed["outcomes"][-1]["status"])

    async def pull(self, limit: int = 500) -> None:
        """Read the feed to its end."""
        asking = await self.shop.world.asking(self.device.token)
        more = True
        while more:
            text = ",".join(f"{stream}:{seq}" for stream, seq in self.cursor.items())
            answer = await asking.get("/v1/sync/pull", params={"cursor": text, "limit": limit})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            for row in page["rows"]:
                if row["origin"]:
                    self.outcomes[row["origin"]["outcome"]["n"]] = row["origin"]["outcome"]
                else:
                    self.documents[(row["kind"], row["id"])] = row["body"]
            self.cursor, more = page["cursor"], page["more"]
