"""What goes wrong in a fleet's story, and what changes under it: weather, power, clocks, releases, backups.

Each takes the fleet, does one thing to it and says what; None: there was nothing to do it to.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from server.sync import compaction
from shared.sync import SCHEMA
from tests.shop import OTHER, STORE
from tests.simulation.fleet import Fleet
from tests.simulation.lines import FAIR, Weather

NEXT = SCHEMA + 1
"""The version of apps and commands that comes next."""
WEATHERS = (
    FAIR,
    Weather(lost=0.1, unheard=0.1),
    Weather(twice=0.3, late=0.1),
    Weather(lost=0.2, unheard=0.2, twice=0.2, late=0.1, portal=0.05, slow=0.5),
    Weather(unheard=0.4),
)


def weather(fleet: Fleet) -> str:
    fleet.faults["weather"] += 1
    device, weather = fleet.chance.choice(fleet.devices), fleet.chance.choice(WEATHERS)
    device.line.weather = weather
    return f"{device.name} has {weather}"


def cut(fleet: Fleet) -> str:
    """A store or one tablet is offline, or online again."""
    fleet.faults["partition"] += 1
    node = fleet.chance.choice((STORE, OTHER, None))
    one = fleet.chance.choice(fleet.devices)
    cut = fleet.chance.random() < 0.6
    for device in fleet.devices:
        if device is one if node is None else device.node == node:
            device.line.cut = cut
            if not cut and device.engine is not None:
                device.engine.syncer.poke()
    return f"{node or one.name} is {'offline' if cut else 'online'}"


def power_cut(fleet: Fleet) -> str:
    fleet.faults["power cut"] += 1
    device = fleet.chance.choice(fleet.devices)
    if fleet.chance.random() < 0.3:
        device.power_cut()
    else:
        device.set_fuse()
    return f"{device.name} will die"


def server_dies(fleet: Fleet) -> str:
    fleet.faults["server dies"] += 1
    fleet.arena.db.after_commit = fleet.chance.random() < 0.5
    fleet.arena.db.fuse = fleet.chance.randint(1, 8)
    return "soon"


def release(fleet: Fleet) -> str | None:
    """A new server that talks to old apps too; later one that does not any more."""
    if fleet.oldest > SCHEMA:
        return None
    fleet.faults["release"] += 1
    fleet.oldest, fleet.newest = (SCHEMA if fleet.newest == SCHEMA else NEXT), NEXT
    fleet.arena.speak(fleet.oldest, fleet.newest)
    return f"the server talks to apps of versions {fleet.oldest} to {fleet.newest}"


def update_app(fleet: Fleet) -> str | None:
    """One tablet gets the newer app, with whatever waits in its queue."""
    device = fleet.chance.choice(fleet.devices)
    if device.schema == fleet.newest:
        return None
    fleet.update(device)
    return device.name


def clock_jumps(fleet: Fleet) -> str:
    fleet.faults["clock"] += 1
    device = fleet.chance.choice(fleet.devices)
    device.clock.skew = timedelta(seconds=fleet.chance.choice((0, -86_400, 86_400, 3_600, -95)))
    return f"{device.name} is {device.clock.skew} off"


def take_image(fleet: Fleet) -> str | None:
    """Remember a tablet as it is; later it may fall back to this."""
    device = fleet.chance.choice(fleet.devices)
    image = device.image()
    if image is None:
        return None
    fleet.images[device.name] = (image, set(fleet.promises.made.get(device.name, ())))
    return f"of {device.name}"


def lose_commits(fleet: Fleet) -> str | None:
    """A tablet's newest commits are gone; what it had not sent by then never happened to anybody but its holder."""
    if not fleet.images:
        return None
    name = fleet.chance.choice(sorted(fleet.images))
    device = next(d for d in fleet.devices if d.name == name)
    image, kept = fleet.images.pop(name)
    fleet.faults["lost commits"] += 1
    device.put_back_image(image)
    fleet.promises.keep_only(name, kept)
    fleet.promises.forget_screen(name)
    return name


async def compact(fleet: Fleet) -> str:
    """The feeds forget nearly everything: who was away needs a snapshot."""
    if fleet.down:
        return "down"
    fleet.faults["compaction"] += 1
    kept = timedelta(minutes=fleet.chance.choice((0, 1, 10)))

    async def forget() -> str:
        return f"{await fleet.arena.world.write(partial(compaction.compact, kept=kept, batch=20))} rows"

    return await fleet.at_the_server(forget)


async def back_up(fleet: Fleet) -> str:
    """The whole database as it is now."""
    await fleet.arena.back_up()
    return "done"


async def restore(fleet: Fleet) -> str | None:
    """The server goes on from its backup: a new epoch. What devices did since then is in their journals."""
    if not fleet.arena.backed_up:
        return None
    fleet.faults["restore"] += 1
    fleet.down, fleet.arena.db.fuse = False, None
    await fleet.arena.restore()
    for name in list(fleet.promises.made):
        device = next(d for d in fleet.devices if d.name == name)
        rows = await fleet.arena.world.rows("SELECT id FROM device_command WHERE device = :id", id=device.id)
        fleet.promises.keep_only(name, {str(r["id"]) for r in rows} | device.journal())
    return "a new epoch"


async def hours_pass(fleet: Fleet) -> str:
    """A night, or a quiet afternoon, with good lines where they are not cut. Mostly the tablets sleep: what was due on
    them happens when they wake, all at once."""
    hours = fleet.chance.choice((0.5, 2, 9))
    asleep = fleet.chance.random() < 0.8
    fleet.faults["hours"] += 1
    for device in fleet.devices:
        device.line.weather = FAIR
    for _ in range(int(hours / 6) + 1):
        await fleet.settle()
        part = timedelta(hours=min(6, hours))
        if asleep:
            fleet.timeline.skip(part)
        await fleet.timeline.run(fleet.timeline.now + (timedelta(seconds=30) if asleep else part))
    return f"{hours}{', asleep' if asleep else ''}"
