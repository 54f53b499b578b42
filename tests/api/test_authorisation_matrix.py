"""Every route against nobody, a revoked device, every role and another store.

The routes come from the OpenAPI document. `ROWS` says for each what it needs, a request that works, and what somebody
of another store gets. A route without a row fails, so nobody can add one without thinking about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import httpx
import pytest

from server.app import create_app
from server.kit.auth import PERMISSIONS, STORE
from server.routing.rules import DEFAULT
from tests import build
from tests.build import World
from tests.shop import OTHER, Shop, open_shop
from tests.shop import STORE as HERE

Elsewhere = Literal["refused", "hidden", "row refused", "head office", "unbound"]
"""What a manager (or device) of another store gets: 403 or 404; a list without it; a refusal inside a 200; nothing,
because no store role may do it; the same as everybody, because it belongs to no store."""
ROLES = ("associate", "lead", "manager", "agent", "planner", "admin", "integration", "device")
PUBLIC = "public"
SIGNED_IN = "signed in"


@dataclass(frozen=True)
class Row:
    needs: str
    elsewhere: Elsewhere
    body: Any = None
    query: str = ""


COMMAND = {"kind": "accept", "fulfilment": "{job_id}"}
ADJUSTMENT = {"sku": "APPLE", "node": HERE, "delta": -1, "reason": "damage"}
RECEIPT = {"sku": "APPLE", "node": HERE, "quantity": 1, "document": "D-1", "line": 1}
SALE = {
    "node": HERE,
    "till": "1",
    "receipt": "1",
    "sold_at": "2026-11-23T10:00:00Z",
    "lines": [{"sku": "APPLE", "quantity": 1}],
}
PHOTO = {"sha256": "ab" * 32, "type": "image/jpeg", "size": 100}
PLAN = DEFAULT.model_dump(mode="json", exclude={"version"})
PERSON = {"name": "New", "roles": ["associate"], "nodes": [HERE]}

ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/livez"): Row(PUBLIC, "unbound"),
    ("GET", "/readyz"): Row(PUBLIC, "unbound"),
    ("GET", "/metrics"): Row(PUBLIC, "unbound"),
    ("POST", "/v1/orders"): Row("order.place", "head office", "{order}"),
    ("GET", "/v1/orders"): Row("order.read", "hidden"),
    ("POST", "/v1/orders/batch"): Row("order.place", "head office", {"orders": ["{order}"]}),
    ("GET", "/v1/orders/{order_id}"): Row("order.read", "refused"),
    ("GET", "/v1/orders/{order_id}/timeline"): Row("order.read", "refused"),
    ("POST", "/v1/orders/{order_id}/hold"): Row("order.hold", "head office", {"kind": "manual", "reason": "look"}),
    ("GET", "/v1/holds"): Row("hold.read", "head office"),
    ("GET", "/v1/holds/{hold_id}"): Row("hold.read", "head office"),
    ("POST", "/v1/holds/{hold_id}/take"): Row("order.hold", "head office", {}),
    ("POST", "/v1/holds/{hold_id}/leave"): Row("order.hold", "head office"),
    ("POST", "/v1/holds/{hold_id}/note"): Row("order.hold", "head office", {"note": "called"}),
    ("POST", "/v1/holds/{hold_id}/resolve"): Row("order.hold", "head office", {"resolution": "release"}),
    ("POST", "/v1/orders/{order_id}/cancel"): Row("order.cancel", "head office", {"reason": "no"}),
    ("GET", "/v1/orders/{order_id}/why"): Row("routing.read", "refused"),
    ("GET", "/v1/routing/plans"): Row("plan.read", "head office"),
    ("POST", "/v1/routing/plans"): Row("plan.write", "head office", {"plan": PLAN}),
    ("GET", "/v1/routing/plans/schema"): Row("plan.read", "head office"),
    ("GET", "/v1/routing/plans/active"): Row("plan.read", "head office"),
    ("GET", "/v1/routing/plans/{name}/{version}"): Row("plan.read", "head office"),
    ("PUT", "/v1/routing/plans/{name}/{version}"): Row("plan.write", "head office", {"plan": PLAN, "revision": 1}),
    ("POST", "/v1/routing/plans/{name}/{version}/activate"): Row("plan.write", "head office"),
    ("POST", "/v1/routing/plans/{name}/{version}/archive"): Row("plan.write", "head office"),
    ("POST", "/v1/routing/plans/{name}/{version}/preview"): Row("plan.read", "head office", {"orders": ["{order_id}"]}),
    ("POST", "/v1/routing/plans/{name}/{version}/what-if"): Row(
        "plan.read", "head office", {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}
    ),
    ("GET", "/v1/routing/plans/{name}/{version}/diff"): Row("plan.read", "head office"),
    ("GET", "/v1/queues"): Row("queue.read", "head office"),
    ("GET", "/v1/queues/{queue}"): Row("queue.read", "head office"),
    ("POST", "/v1/queues/retry"): Row("routing.retry", "head office", {"orders": ["{order_id}"]}),
    ("GET", "/v1/board"): Row("board.read", "head office"),
    ("GET", "/v1/board/orders"): Row("board.read", "head office"),
    ("GET", "/v1/fulfilments"): Row("fulfilment.read", "hidden"),
    ("GET", "/v1/fulfilments/{job_id}"): Row("fulfilment.read", "refused"),
    ("POST", "/v1/fulfilments/commands"): Row("fulfilment.work", "row refused", {"commands": [COMMAND]}),
    ("GET", "/v1/fulfilments/{job_id}/proofs"): Row("proof.read", "refused"),
    ("GET", "/v1/fulfilments/{job_id}/proofs/{sha256}"): Row("proof.read", "refused"),
    ("GET", "/v1/exceptions"): Row("fulfilment.read", "hidden"),
    ("GET", "/v1/exceptions/kinds"): Row("fulfilment.read", "unbound"),
    ("GET", "/v1/exceptions/{exception_id}"): Row("fulfilment.read", "refused"),
    ("POST", "/v1/exceptions/{exception_id}/settle"): Row("exception.settle", "refused", {"resolution": "put_back"}),
    ("GET", "/v1/availability"): Row("stock.read", "unbound", query="?channel=web&sku=APPLE"),
    ("POST", "/v1/availability"): Row("stock.read", "unbound", {"skus": ["APPLE"], "channels": ["web"]}),
    ("POST", "/v1/promises"): Row(
        "stock.read",
        "unbound",
        {"channel": "web", "lines": [{"sku": "APPLE", "quantity": 1}], "stores": [HERE]},
    ),
    ("GET", "/v1/stock/{sku}"): Row("stock.read", "unbound", query=f"?near={HERE}"),
    ("GET", "/v1/movements"): Row("stock.read", "hidden"),
    ("POST", "/v1/adjustments"): Row("stock.adjust", "row refused", {"adjustments": [ADJUSTMENT]}),
    ("POST", "/v1/receipts"): Row("stock.receive", "row refused", {"receipts": [RECEIPT]}),
    ("POST", "/v1/counter-sales"): Row("stock.feed", "head office", {"sales": [SALE]}),
    ("POST", "/v1/stock/figures"): Row("stock.feed", "head office", query="?source=erp"),
    ("POST", "/v1/stock/deltas"): Row("stock.feed", "head office", query="?source=erp"),
    ("POST", "/v1/reservations"): Row(
        "order.place", "head office", {"cart": "c", "sku": "APPLE", "node": HERE, "quantity": 1}
    ),
    ("DELETE", "/v1/reservations/{reservation_id}"): Row("order.place", "head office"),
    ("POST", "/v1/expected-items"): Row(
        "stock.expect", "head office", {"items": [{"sku": "APPLE", "expected_at": None}]}
    ),
    ("GET", "/v1/expected-items"): Row("stock.read", "unbound"),
    ("POST", "/v1/items"): Row("catalog.write", "head office", {"items": [{"sku": "NEW", "name": "New", "price": 1}]}),
    ("GET", "/v1/items"): Row("catalog.read", "unbound"),
    ("GET", "/v1/items/by-code/{code}"): Row("catalog.read", "unbound"),
    ("GET", "/v1/items/{sku}"): Row("catalog.read", "unbound"),
    ("POST", "/v1/nodes"): Row("network.write", "head office", {"nodes": [{"code": "S-9"}]}),
    ("GET", "/v1/nodes"): Row("network.read", "unbound"),
    ("GET", "/v1/nodes/{code}"): Row("network.read", "unbound"),
    ("POST", "/v1/nodes/{code}/switch"): Row("network.switch", "refused", {"taking_orders": True}),
    ("GET", "/v1/node-days"): Row("network.read", "unbound"),
    ("POST", "/v1/channels"): Row("network.write", "head office", {"channels": [{"code": "x", "name": "X"}]}),
    ("GET", "/v1/channels"): Row("network.read", "unbound"),
    ("GET", "/v1/me"): Row(SIGNED_IN, "unbound"),
    ("GET", "/v1/people"): Row("people.read", "hidden"),
    ("POST", "/v1/people"): Row("people.write", "refused", {"people": [PERSON]}),
    ("PATCH", "/v1/people/{person_id}"): Row("people.write", "refused", {"name": "Other"}),
    ("POST", "/v1/people/{person_id}/badge"): Row("people.write", "refused"),
    ("POST", "/v1/people/{person_id}/badge.pdf"): Row("people.write", "refused"),
    ("POST", "/v1/people/{person_id}/pin"): Row("people.write", "refused", {}),
    ("POST", "/v1/people/{person_id}/unlock"): Row("people.write", "refused"),
    ("POST", "/v1/people/sign-in"): Row("sync", "refused", {"badge": "{badge}"}),
    ("POST", "/v1/sync/devices/enrol"): Row(PUBLIC, "unbound", {"code": "{enrol}", "name": "Tablet"}),
    ("POST", "/v1/devices/enrolment-codes"): Row("device.enrol", "refused", {"node": HERE}),
    ("GET", "/v1/devices"): Row("people.read", "hidden"),
    ("POST", "/v1/devices/{device_id}/revoke"): Row("device.revoke", "refused"),
    ("GET", "/v1/devices/{device_id}/quarantine"): Row("device.revoke", "refused"),
    ("POST", "/v1/sync/quarantine"): Row(PUBLIC, "unbound", {"commands": []}),
    ("GET", "/v1/sync/attachments/{sha256}"): Row("sync", "refused"),
    ("PUT", "/v1/sync/attachments/{sha256}"): Row("sync", "refused"),
    ("PUT", "/v1/sync/quarantine/attachments/{sha256}"): Row(PUBLIC, "unbound"),
    ("GET", "/v1/keys"): Row("key.write", "head office"),
    ("POST", "/v1/keys"): Row("key.write", "head office", {"name": "New"}),
    ("POST", "/v1/keys/{key_id}/revoke"): Row("key.write", "head office"),
    ("GET", "/v1/sync/hello"): Row("sync", "hidden"),
    ("POST", "/v1/sync/push"): Row("sync", "hidden", {"commands": []}),
    ("GET", "/v1/sync/pull"): Row("sync", "hidden", query="?wait=0"),
    ("GET", "/v1/sync/snapshot"): Row("sync", "hidden"),
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = create_app(build.settings()).openapi()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {(method, path) for method, path, _ in operations()} == set(ROWS)


def test_every_route_asks_for_the_permission_its_row_says() -> None:
    asked = {
        (method, path): op.get("x-permission", SIGNED_IN) if op.get("security") else PUBLIC
        for method, path, op in operations()
    }
    assert {key: needs for key, needs in asked.items() if key in ROWS and ROWS[key].needs != needs} == {}
    assert {row.needs for row in ROWS.values()} - {PUBLIC, SIGNED_IN} <= set(PERMISSIONS)


@dataclass
class Sample:
    """A retailer with one of everything at the first store, and its ids."""

    world: World
    shop: Shop
    ids: dict[str, str]

    async def ask(self, client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
        row = ROWS[method, path]
        url = path.format_map(self.ids) + row.query
        return (
            await client.request(method, url, json=self._filled(row.body))
            if row.body is not None
            else (await client.request(method, url))
        )

    def _filled(self, body: Any) -> Any:
        if body == "{order}":
            return self.shop.order(("APPLE", 1))
        if isinstance(body, str):
            return body.format_map(self.ids)
        if isinstance(body, Mapping):
            return {name: self._filled(value) for name, value in body.items()}
        return [self._filled(value) for value in body] if isinstance(body, list) else body

    async def as_role(self, role: str, node: str = HERE) -> httpx.AsyncClient:
        """A client with just this role, at `node` where the role belongs to one."""
        if role == "integration":
            made = await build.api_key(self.world.db, "integration")
        elif role == "device":
            made = await build.device(self.world.db, node)
        else:
            made = await build.person(self.world.db, role, nodes=[node] if role in STORE else [])
        return await self.world.asking(made.token)


@pytest.fixture
async def sample(world: World) -> Sample:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2))
    held = await shop.buy(("BREAD", 999))
    hold = await world.client.post(f"/v1/orders/{held['id']}/hold", json={"kind": "manual", "reason": "look"})
    cart = {"cart": "a", "sku": "WINE", "node": HERE, "quantity": 1}
    reserved = await world.client.post("/v1/reservations", json=cart)
    person = await build.person(world.db, "associate", nodes=[HERE], name="Vic Tim")
    badge = (await world.client.post(f"/v1/people/{person.id}/badge")).json()["label"]
    code = (await world.client.post("/v1/devices/enrolment-codes", json={"node": HERE})).json()["code"]
    tablet = await shop.tablet()
    await tablet.do("hand_off", fulfilment=order["jobs"][0]["id"], proof="id_seen", photo=PHOTO)
    exception = str(uuid4())
    await world.write(
        lambda tx: tx.run(
            "INSERT INTO fulfilment_exception (id, kind, node, values, owner_role, opened_at) VALUES"
            " (CAST(:id AS uuid), 'put_back', :node, '{}', 'associate', :now)",
            id=exception,
            node=HERE,
            now=datetime.now(UTC),
        )
    )
    ids = {
        "order_id": order["id"],
        "job_id": order["jobs"][0]["id"],
        "hold_id": hold.json()["hold"],
        "queue": "backorder",
        "reservation_id": reserved.json()["id"],
        "exception_id": exception,
        "sku": "APPLE",
        "code": HERE,
        "sha256": PHOTO["sha256"],
        "person_id": person.id,
        "device_id": (await build.device(world.db, HERE, name="Victim")).id,
        "key_id": (await build.api_key(world.db, "integration", name="Victim")).id,
        "badge": badge,
        "enrol": code,
        "name": DEFAULT.name,
        "version": str(DEFAULT.version),
    }
    return Sample(world, shop, ids)


async def test_nobody_and_a_revoked_device_get_in_nowhere(sample: Sample) -> None:
    revoked = await build.device(sample.world.db, HERE, revoked=True)
    let_in = []
    for token in (None, revoked.token):
        client = await sample.world.asking(token)
        for method, path in ROWS:
            if ROWS[method, path].needs != PUBLIC:
                answer = await sample.ask(client, method, path)
                if answer.status_code != 401:
                    let_in.append((method, path, answer.status_code))
    assert let_in == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_without_the_permission_is_refused_and_one_with_it_is_not(sample: Sample, role: str) -> None:
    client = await sample.as_role(role)
    wrong = []
    for (method, path), row in ROWS.items():
        if row.needs in {PUBLIC, SIGNED_IN}:
            continue
        answer = await sample.ask(client, method, path)
        expected = role in PERMISSIONS[row.needs]
        if expected != (answer.status_code not in {401, 403}):
            wrong.append((method, path, answer.status_code, answer.text))
    assert wrong == []


@pytest.mark.parametrize("role", ["manager", "device"])
async def test_another_store_neither_sees_nor_changes_what_is_here(sample: Sample, role: str) -> None:
    client = await sample.as_role(role, OTHER)
    wrong = []
    for (method, path), row in ROWS.items():
        if row.elsewhere == "unbound":
            continue
        if row.elsewhere == "head office":
            assert not PERMISSIONS[row.needs] & STORE, path
        answer = await sample.ask(client, method, path)
        if role not in PERMISSIONS[row.needs] or row.elsewhere in {"refused", "head office"}:
            fine = answer.status_code in {403, 404}
        elif row.elsewhere == "row refused":
            fine = answer.status_code == 200 and ("not_allowed" in answer.text or "is not yours" in answer.text)
        else:
            fine = answer.status_code == 200 and HERE not in answer.text and sample.ids["job_id"] not in answer.text
        if not fine:
            wrong.append((method, path, answer.status_code, answer.text[:300]))
    assert wrong == []
    untouched = await sample.world.rows("SELECT name, active FROM person WHERE name = 'Vic Tim'")
    assert untouched == [{"name": "Vic Tim", "active": True}]


async def test_a_key_does_no_more_than_its_scopes(sample: Sample) -> None:
    key = await build.api_key(sample.world.db, "admin", "integration", scopes=["catalog.read"])
    client = await sample.world.asking(key.token)
    let_in = {
        ROWS[method, path].needs
        for method, path in ROWS
        if ROWS[method, path].needs not in {PUBLIC, SIGNED_IN}
        and (await sample.ask(client, method, path)).status_code != 403
    }
    assert let_in == {"catalog.read"}
