"""What people do with a tablet, in the right order or not: for fleets in virtual time and for real processes."""

from __future__ import annotations

from random import Random
from typing import Any

from shared.fulfilment import Fulfilment
from store_app.engine.engine import Engine
from store_app.engine.results import Result
from tests.simulation.photos import perhaps_taken

ODD = (
    "accept",
    "take_over",
    "pick",
    "unpick",
    "pack",
    "unpack",
    "stage",
    "reject",
    "hand_off",
    "ship",
    "label",
    "arrive",
    "leave",
)
"""What somebody may do at any moment, whether it is its turn or not."""


def do(chance: Random, engine: Engine, job: Fulfilment, action: str) -> Result:
    """One step of a job."""
    line = chance.choice([line for line in job.lines if line.open] or list(job.lines))
    work = engine.work
    match action:
        case "pick" if chance.random() < 0.1 and line.open:
            return work.short(job.id, line.line, 1, chance.choice(("not_found", "damaged")))
        case "pick" if chance.random() < 0.3 and line.open and line.substitutes:
            sku, reason = chance.choice(line.substitutes), chance.choice(("not_found", "damaged"))
            return work.substitute(job.id, line.line, sku, chance.randint(1, line.open), reason)
        case "unpick" if taken := [each for each in job.lines if each.replaces]:
            return work.unpick(job.id, chance.choice(taken).line, 1)
        case "pick":
            return work.pick(job.id, line.line, chance.randint(1, max(1, line.open)))
        case "unpick":
            return work.unpick(job.id, line.line, 1)
        case "stage":
            return work.stage(job.id, chance.choice(("A1", "A2")))
        case "label":
            return work.label(job.id, "UPS", f"1Z{chance.randint(1, 10**9)}")
        case "reject":
            return work.reject(job.id, chance.choice(("no_capacity", "too_late")))
        case "hand_off" if chance.random() < 0.2 and line.held:
            return work.hand_off(job.id, proof="id_seen", lines=((line.line, 1),), photo=perhaps_taken(chance))
        case "hand_off" if chance.random() < 0.2 and line.held:
            return work.hand_off(job.id, proof="id_seen", refused_units=((line.line, line.held, "damaged"),))
        case "hand_off":
            return work.hand_off(job.id, proof="id_seen", photo=perhaps_taken(chance))
    return getattr(work, action)(job.id)  # type: ignore[no-any-return]


def lasting(body: dict[str, Any]) -> dict[str, Any]:
    """A document without what is only true when it is written."""
    return {name: value for name, value in body.items() if name != "elsewhere"}
