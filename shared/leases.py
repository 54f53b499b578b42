"""Who has a job in hand, and until when: a lease of twenty minutes with a fencing token.

Whoever takes a job gets the next token; whatever its holder does renews the lease. Nobody's tablet enforces it by its
own clock: the server decides when it hears of it. A lease that has run out costs nothing until somebody else takes the
job, and then a fact that was done under the old token still counts: the units are in somebody's hands. Its holder is
told who has the job now.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.fulfilment import Context, Fulfilment, Lease, Notice, State

LASTS = timedelta(minutes=20)
IN_HAND = frozenset({State.ACCEPTED, State.PICKING, State.PICKED, State.PACKED})
"""States in which one person has the job. Before, it is anybody's; a finished bag is the whole counter's."""
FENCED = frozenset({"pick", "short", "substitute", "pack", "unpack", "stage", "label", "reject"})
"""Work on a job in hand. Whoever does it without claiming to hold the job helps, and is not told anything."""
GIVES_UP = frozenset({"reject"})
"""Said for the whole job, so only its holder can say it."""


def in_other_hands(job: Fulfilment, ctx: Context) -> Lease | None:
    """The running lease of somebody else."""
    lease = job.lease
    return lease if lease and lease.person != ctx.actor and lease.until > ctx.decided_at else None


def taken_meanwhile(job: Fulfilment, command: Any, ctx: Context) -> Notice | None:
    """What to tell somebody who worked under a lease that is another's by now; None when there is nothing to tell."""
    if command.kind not in FENCED or command.lease is None or job.lease is None:
        return None
    if (job.lease.token, job.lease.person) == (command.lease, ctx.actor):
        return None
    return taken_by("taken_meanwhile", job.lease)


def taken_by(code: str, lease: Lease) -> Notice:
    return Notice(code=code, values={"by": lease.person, "since": lease.since.isoformat()})


def with_lease(before: Fulfilment, after: Fulfilment, ctx: Context) -> Fulfilment:
    """The job after its holder changed, worked on it, or finished what one person does."""
    lease = before.lease
    if after.state not in IN_HAND or after.assignee is None:
        lease = None
    elif lease is None or lease.person != after.assignee:
        token = lease.token + 1 if lease else 1
        until = ctx.decided_at + LASTS
        lease = Lease(token=token, person=after.assignee, device=ctx.device, since=ctx.at, until=until)
    elif lease.person == ctx.actor:
        lease = lease.model_copy(update={"until": max(lease.until, ctx.decided_at + LASTS), "device": ctx.device})
    return after if lease == after.lease else after.model_copy(update={"lease": lease})
