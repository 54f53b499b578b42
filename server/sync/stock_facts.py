"""What devices say about stock: corrections by hand, counts, deliveries."""

from __future__ import annotations

from server.catalog import queries as catalog
from server.inventory import counts, receiving
from server.inventory import service as inventory
from server.kit.auth import Actor, authorize
from server.kit.transaction import Tx
from server.sync.rules import Moment
from shared.errors import NotFound
from shared.fulfilment import Notice
from shared.reasons import Bucket
from shared.stock import MovementReason
from shared.sync import AdjustStock, CountStock, ReceiveStock

Answer = tuple[str, Notice | None]


async def adjust(tx: Tx, device: Actor, actor: Actor, body: AdjustStock, when: Moment) -> Answer:
    """So many units more or fewer."""
    authorize(actor, "stock.adjust", node=body.node)
    reason, bucket = MovementReason(body.reason), Bucket(body.bucket)
    fact = inventory.Fact(body.sku, body.node, body.delta, reason, bucket, reference=body.note, happened_at=when.at)
    await inventory.post(tx, [fact], actor=actor.id, device=device.id)
    return "applied", None


async def count(tx: Tx, device: Actor, actor: Actor, body: CountStock, when: Moment) -> Answer:
    """What lay there; a newer count by somebody else stands."""
    authorize(actor, "stock.count", node=body.node)
    await _known(tx, body.sku)
    newer = await counts.count(tx, counts.Seen(body, when.at, actor.id, device.id, when.sure))
    if newer is None:
        return "applied", None
    values = {"sku": body.sku, "units": newer["units"], "by": newer["actor"], "since": newer["happened_at"].isoformat()}
    return "adjusted", Notice(code="counted_since", values=values)


async def receive(tx: Tx, device: Actor, actor: Actor, body: ReceiveStock, when: Moment) -> Answer:
    """What this device has received so far."""
    authorize(actor, "stock.receive", node=body.node)
    await _known(tx, body.sku)
    news = await receiving.receive(tx, body, actor=actor.id, device=device.id, at=when.at)
    return "applied" if news else "already_done", None


async def _known(tx: Tx, sku: str) -> None:
    """A fact about an item nobody has heard of is held until somebody has looked at it."""
    if not await catalog.known_skus(tx, {sku}):
        raise NotFound(f"No item has the SKU {sku}.", field="sku")
