"""Work that no request waits for: loops that run every so often, in the server's process or in one of their own.

`LOOPS` is the whole list. A loop's function does a little and returns how much; while it finds something, it is called
again at once. What fails is logged and tried again later: one loop never stops another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from server.fulfilment import attachments
from server.fulfilment import schedule as jobs
from server.inventory import service as inventory
from server.kit import outbox
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.messages import service as messages
from server.network import service as network
from server.orders import payments, renewals, resolving
from server.people import signing_in
from server.routing import looking_again, queues, waits
from server.routing import service as routing
from server.sync import compaction

MAX_PAUSE_S = 60.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loop:
    """`work(parts)` gives how many things it did; `pause_s` is how long to wait when there was nothing."""

    name: str
    work: Callable[[Parts], Awaitable[int]]
    pause_s: float


async def alone(parts: Parts, name: str, work: Callable[[Tx], Awaitable[int]]) -> int:
    """Do `work` in a transaction, unless another process is in the middle of the same: then there is nothing to do."""

    async def unless_busy(tx: Tx) -> int:
        mine = await tx.value("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 2))", name=f"schedule {name}")
        return await work(tx) if mine else 0

    return await parts.db.write(unless_busy)


async def forget_expired(parts: Parts) -> int:
    """Sessions and codes of no use any more."""
    return await alone(parts, "forget expired", signing_in.forget_expired)


async def release_carts(parts: Parts) -> int:
    """Claims of carts whose time is over."""
    return await alone(parts, "release carts", inventory.release_expired)


async def expire_bags(parts: Parts) -> int:
    """Bags nobody collected go back to the shelf, and their money goes back to the customer."""
    return await alone(parts, "expire bags", jobs.expire_due)


async def route_due(parts: Parts) -> int:
    """Orders that waited for a run of the active plan."""
    return await alone(parts, "route due", routing.route_due)


async def warn_at_risk(parts: Parts) -> int:
    """Jobs that may be late."""
    return await alone(parts, "warn at risk", jobs.warn_at_risk)


async def promise_anew(parts: Parts) -> int:
    """Customers whose order should be ready by now."""
    return await alone(parts, "promise anew", jobs.promise_anew)


async def look_again(parts: Parts) -> int:
    """Orders that nobody works on yet, where the plan wants it. Says 0: there is always another look."""
    with contextlib.suppress(looking_again.Overtaken):
        await alone(parts, "look again", looking_again.look_again_at_offers)
    return 0


async def route_waiting(parts: Parts) -> int:
    """Backordered units, where stock has come. Says 0: what could not be routed is looked at again next time."""
    await alone(parts, "route waiting", routing.route_waiting)
    return 0


async def tell_long_waits(parts: Parts) -> int:
    """Units that wait longer than somebody should let them."""
    return await alone(parts, "long waits", queues.tell_long)


async def cancel_overdue(parts: Parts) -> int:
    """Units that have been backordered for too long."""
    patience = timedelta(hours=parts.settings.backorder_hours)
    return await alone(parts, "cancel overdue", lambda tx: waits.cancel_overdue(tx, after=patience))


async def switch_on(parts: Parts) -> int:
    """Nodes that were switched off until now."""
    return await alone(parts, "switch on", network.switch_on_due)


async def compact_feeds(parts: Parts) -> int:
    """What devices had a month to pull."""
    return await alone(parts, "compact feeds", compaction.compact)


async def forget_pieces(parts: Parts) -> int:
    """Photos whose device has given up sending them."""
    return await alone(parts, "forget pieces", attachments.forget_pieces)


async def end_windows(parts: Parts) -> int:
    """Orders whose customers may no longer change their mind."""
    return await alone(parts, "end windows", resolving.end_windows)


async def tell_overdue_holds(parts: Parts) -> int:
    """Holds that nobody dealt with in time."""
    return await alone(parts, "overdue holds", resolving.tell_overdue)


async def renew_authorisations(parts: Parts) -> int:
    """Authorisations that run out before the goods have left."""
    return await alone(parts, "renew authorisations", renewals.renew_due)


LOOPS: tuple[Loop, ...] = (
    Loop("answers after the commit", outbox.work, 0.2),
    Loop("release expired carts", release_carts, 15.0),
    Loop("expire uncollected bags", expire_bags, 60.0),
    Loop("route what a run takes", route_due, 5.0),
    Loop("warn of jobs at risk", warn_at_risk, 30.0),
    Loop("promise anew", promise_anew, 60.0),
    Loop("route what waits", route_waiting, 20.0),
    Loop("tell of long waits", tell_long_waits, 60.0),
    Loop("look again at what nobody has begun", look_again, 300.0),
    Loop("cancel overdue backorders", cancel_overdue, 300.0),
    Loop("end remorse windows", end_windows, 5.0),
    Loop("tell of overdue holds", tell_overdue_holds, 60.0),
    Loop("switch nodes on again", switch_on, 15.0),
    Loop("renew authorisations", renew_authorisations, 600.0),
    Loop("ask the gateway again", payments.ask_again, 120.0),
    Loop("compact feeds", compact_feeds, 900.0),
    Loop("forget pieces of photos", forget_pieces, 3600.0),
    Loop("send messages", messages.send_waiting, 1.0),
    Loop("forget expired sessions and codes", forget_expired, 300.0),
)


async def run(parts: Parts, loops: tuple[Loop, ...] | None = None) -> None:
    """Run every loop until `parts.draining` is set."""
    async with asyncio.TaskGroup() as group:
        for loop in LOOPS if loops is None else loops:
            group.create_task(_repeat(parts, loop), name=loop.name)


async def _repeat(parts: Parts, loop: Loop) -> None:
    failures = 0
    while not parts.draining.is_set():
        done = 0
        try:
            done = await loop.work(parts)
            failures = 0
        except Exception:
            failures += 1
            log.exception("loop failed", loop=loop.name, failures=failures)
        if not done:
            pause = min(MAX_PAUSE_S, loop.pause_s * 2**failures)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(parts.draining.wait(), pause)


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """The worker beside other work in this process."""
    task = asyncio.create_task(run(parts))
    try:
        yield
    finally:
        parts.draining.set()
        await task
