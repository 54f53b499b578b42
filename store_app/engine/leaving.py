"""A revoked device gives its queue back, once, before it destroys its keys.

Only the server's yes counts: a token that it does not know (a server restored from a backup, another address) leaves
everything as it is, to be tried again.
"""

from __future__ import annotations

from shared.sync import MAX_PUSH
from store_app.engine.client import Client
from store_app.engine.outbox import Outbox


async def give_back(client: Client, outbox: Outbox) -> frozenset[int]:
    """Send what is not settled to quarantine; the numbers that the server has taken. Raises what the server says, such
    as `NotAllowed` when the device is not revoked after all."""
    queue = outbox.unsettled()
    pieces = [queue[start : start + MAX_PUSH] for start in range(0, len(queue), MAX_PUSH)] or [[]]
    for place, piece in enumerate(pieces, start=1):
        await client.quarantine([queued.wire() for queued in piece], more=place < len(pieces))
    return frozenset(queued.n for queued in queue)
