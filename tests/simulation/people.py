"""What people do in a fleet's story: they work on jobs, correct stock and settle what waits for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from shared.exceptions import choices
from shared.put_back import Found
from shared.reasons import Bucket
from store_app.engine.engine import Engine
from tests.shop import ITEMS
from tests.simulation.deeds import ODD, do
from tests.simulation.devices import Device
from tests.simulation.fleet import Fleet


def work(fleet: Fleet) -> str | None:
    """Somebody does something with a tablet."""
    device = fleet.chance.choice(fleet.devices)
    return with_tablet(fleet, device, partial(_act, fleet))


def with_tablet(fleet: Fleet, device: Device, act: Callable[[Device, Engine], str]) -> str | None:
    """What somebody does with this tablet; None while it is off."""
    if device.engine is None:
        return None
    with device.holding_on():
        engine = device.engine
        if engine.session.actor is None:
            person = engine.lookup.person(device.person)
            if person is None:
                return f"{device.name} knows nobody"
            engine.session._enter(person, "badge", {})
        return f"{device.name} {act(device, engine)}"
    return None


def _act(fleet: Fleet, device: Device, engine: Engine) -> str:
    if fleet.chance.random() < 0.12:
        return _adjust(fleet, device, engine)
    jobs = sorted(engine.work.jobs(), key=lambda job: job.number)
    if not jobs:
        return "has nothing to do"
    job = fleet.chance.choice(jobs)
    for _ in range(fleet.chance.randint(1, 6)):
        action = engine.work.next_action(job)
        if action is None or fleet.chance.random() < 0.15:
            action = fleet.chance.choice(ODD)
        result = do(fleet.chance, engine, job, action)
        fleet.wrong += fleet.promises.note(device, engine, result)
        fleet.tell(f"{device.name} {action} {job.number}: {result.notice.code}")
        job = engine.work.job(job.id) or job
        fleet.promises.remember(device, job)
    return f"leaves {job.number} {job.state}"


def _adjust(fleet: Fleet, device: Device, engine: Engine) -> str:
    sku, delta = fleet.chance.choice(sorted(ITEMS)), fleet.chance.choice((-1, 1, 2))
    result = engine.stock_work.adjust(sku, Bucket.SELLABLE, delta, "found" if delta > 0 else "theft")
    fleet.wrong += fleet.promises.note(device, engine, result)
    return f"corrects {sku} by {delta}: {result.notice.code}"


def settle_exception(fleet: Fleet) -> str | None:
    """Somebody does what an exception asks for."""
    device = fleet.chance.choice(fleet.devices)

    def act(device: Device, engine: Engine) -> str:
        found = engine.lookup.exceptions()
        if not found:
            return "needs nobody"
        one = fleet.chance.choice(found)
        answer = fleet.chance.choice(choices(one.kind, ("lead",)))
        lines = [Found(line=line.line, quantity=fleet.chance.randint(0, line.quantity)) for line in one.lines]
        back = lines if fleet.chance.random() < 0.3 else []
        result = engine.work.settle_exception(one.id, answer.code, "seen" if answer.note else None, back)
        fleet.wrong += fleet.promises.note(device, engine, result)
        return f"settles {one.kind}: {answer.code}"

    return with_tablet(fleet, device, act)
