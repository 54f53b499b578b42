"""Who is asking, and whether they may.

An `Actor` is a person on a device, a device by itself, an API key, or the system. `authorize(actor, action, node=...)`
is the only place that says yes; the table `PERMISSIONS` says to whom. What is not in it is denied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shared.errors import NotAllowed, NotSignedIn

Role = Literal["associate", "lead", "manager", "agent", "planner", "admin", "integration", "device", "system"]

STORE = frozenset({"associate", "lead", "manager"})
HEAD_OFFICE = frozenset({"agent", "planner", "admin"})

PERMISSIONS: dict[str, frozenset[str]] = {
    # catalogue and network
    "catalog.read": STORE | HEAD_OFFICE | {"integration", "device"},
    "catalog.write": frozenset({"admin", "integration"}),
    "network.read": STORE | HEAD_OFFICE | {"integration", "device"},
    "network.write": frozenset({"admin", "planner", "integration"}),
    "network.switch": frozenset({"lead", "manager", "admin", "planner"}),
    # stock
    "stock.read": STORE | HEAD_OFFICE | {"integration", "device"},
    "stock.adjust": frozenset({"lead", "manager", "admin", "integration"}),
    "stock.count": STORE | {"admin", "integration"},
    "stock.receive": STORE | {"admin", "integration"},
    "stock.expect": frozenset({"planner", "admin", "integration"}),
    "stock.feed": frozenset({"admin", "integration"}),
    # orders
    "order.place": frozenset({"agent", "admin", "integration"}),
    "order.read": STORE | HEAD_OFFICE | {"integration", "device"},
    "hold.read": HEAD_OFFICE | {"integration"},
    "order.hold": frozenset({"agent", "admin", "integration"}),
    "order.cancel": frozenset({"agent", "admin", "integration"}),
    "plan.read": HEAD_OFFICE | {"integration"},
    "plan.write": frozenset({"planner", "admin"}),
    "queue.read": HEAD_OFFICE | {"integration"},
    "routing.retry": HEAD_OFFICE | {"integration"},
    "routing.read": STORE | HEAD_OFFICE | {"integration", "device"},
    # fulfilment
    "fulfilment.read": STORE | HEAD_OFFICE | {"integration", "device"},
    "fulfilment.work": STORE | {"integration"},
    "exception.settle": STORE | {"agent", "admin", "integration"},
    "proof.read": frozenset({"lead", "manager", "agent", "admin"}),
    "fulfilment.deliver": frozenset({"admin", "integration"}),
    # people and devices
    "people.read": frozenset({"lead", "manager", "admin"}),
    "people.write": frozenset({"manager", "admin"}),
    "device.enrol": frozenset({"manager", "admin"}),
    "device.revoke": frozenset({"manager", "admin"}),
    "key.write": frozenset({"admin"}),
    "sync": frozenset({"device"}),
    # head office
    "board.read": HEAD_OFFICE | {"integration"},
    "audit.read": frozenset({"admin"}),
}
EVERYWHERE = HEAD_OFFICE | {"integration", "system"}
"""Roles that are not bound to nodes."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. `nodes` is where a store person or device may act; head office acts everywhere."""

    kind: Literal["person", "device", "key", "system", "nobody"]
    id: str
    name: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    nodes: frozenset[str] = field(default_factory=frozenset)
    device: str | None = None
    scopes: frozenset[str] | None = None
    """An API key's own limits: actions it may use; None means all of its roles'."""

    @property
    def everywhere(self) -> bool:
        return bool(self.roles & EVERYWHERE)


SYSTEM = Actor(kind="system", id="system", name="Baton", roles=frozenset({"system"}))
NOBODY = Actor(kind="nobody", id="nobody")


def may(actor: Actor, action: str, *, node: str | None = None) -> bool:
    """Whether `actor` may do `action`, at `node` where the thing belongs to one. Unknown actions: no."""
    if actor.kind == "system":
        return True
    if not actor.roles & PERMISSIONS.get(action, frozenset()):
        return False
    if actor.scopes is not None and action not in actor.scopes:
        return False
    return node is None or actor.everywhere or node in actor.nodes


def authorize(actor: Actor, action: str, *, node: str | None = None) -> None:
    """Raises `NotSignedIn` or `NotAllowed` unless `actor` may do `action` at `node`."""
    if actor.kind == "nobody":
        raise NotSignedIn("Send a token in the Authorization header.", remedy="Authorization: Bearer <token>")
    if not may(actor, action, node=node):
        where = f" at {node}" if node else ""
        raise NotAllowed(f"{actor.name or actor.id} may not do {action}{where}.", remedy="Ask a manager or an admin.")


def node_scope(actor: Actor) -> list[str] | None:
    """Nodes a query must be limited to, or None for no limit."""
    return None if actor.everywhere else sorted(actor.nodes)
