"""Verbs on stock: corrections by hand. The position shows them at once; the server posts them when they arrive."""

from __future__ import annotations

from shared.reasons import Bucket
from shared.stock import ADJUST_REASONS
from shared.sync import AdjustStock
from store_app.engine.notify import Topic
from store_app.engine.results import Result, done, refused
from store_app.engine.session import LEADS
from store_app.engine.verbs import Verbs

DEFAULT_LIMIT = 20
"""Units an associate may correct at once where the store's policy says nothing (`adjust_limit`)."""


class StockWork(Verbs):
    """Adjustments."""

    def adjust(self, sku: str, bucket: Bucket, delta: int, reason: str, note: str | None = None) -> Result:
        """`delta` units more (+) or fewer (-) in a bucket. More than the limit needs a lead to be signed in."""
        actor = self._session.actor
        if actor is None:
            return refused("sign_in_first")
        self._session.touch()
        limit = int(self._lookup.node.policy.get("adjust_limit", DEFAULT_LIMIT))
        if reason not in {str(each) for each in ADJUST_REASONS} or delta == 0:
            return refused("nothing_to_adjust")
        if abs(delta) > limit and not self._session.can(*LEADS):
            return refused("ask_a_lead", limit=limit)
        with self._db.lock:
            here = self._view.stock(sku)
            if here is None and self._lookup.item(sku) is None:
                return refused("unknown_item", sku=sku)
            have = getattr(here.buckets, bucket.value) if here else 0
            if have + delta < 0:
                return refused("below_zero", have=have, delta=delta)
            command = AdjustStock.model_validate(
                {
                    "sku": sku,
                    "node": self._lookup.node.code,
                    "bucket": bucket,
                    "delta": delta,
                    "reason": reason,
                    "note": note,
                }
            )
            queued = self._outbox.append(command, actor)
        self._bus.tell(Topic.STOCK, Topic.SYNC)
        self._queued()
        return done("adjusted", n=queued.n, sku=sku, delta=delta)
