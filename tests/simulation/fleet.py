"""A day of two stores at random: tablets with people on them, bad lines, power cuts, a server that dies.

One seed, one story. The code is the real one on both sides; only time, chance and the lines belong to the story. At its
end everything heals, and within a minute of virtual time every queue must be empty, every replica equal to what a new
tablet would be given, every fact recorded once, and every invariant whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from server.check import check
from server.sync import compaction
from server.sync.documents import FINISHED_FOR
from shared.exceptions import choices
from shared.fulfilment import CLAIMS, FULFILMENT, Fulfilment
from shared.put_back import Found
from shared.reasons import Bucket
from shared.sync import SCHEMA
from store_app.engine.engine import Engine
from store_app.engine.results import Result
from tests.shop import ITEMS, OTHER, STORE
from tests.simulation.arena import Arena
from tests.simulation.deeds import ODD, do, lasting
from tests.simulation.devices import Device
from tests.simulation.history import History
from tests.simulation.lines import FAIR, Line, ServerDown, Weather
from tests.simulation.timeline import Timeline

HEALED_WITHIN = timedelta(seconds=60)
"""Virtual time until everybody is in step again after the last fault."""
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a power cut costs no disk."""
NEXT = SCHEMA + 1
"""The version of apps and commands that comes next."""
EVERY = 40.0
"""Seconds between two things that happen, on average."""
WEATHERS = (
    FAIR,
    Weather(lost=0.1, unheard=0.1),
    Weather(twice=0.3, late=0.1),
    Weather(lost=0.2, unheard=0.2, twice=0.2, late=0.1, portal=0.05, slow=0.5),
    Weather(unheard=0.4),
)


@dataclass
class Fleet:
    """The story: its devices, what was said, and what is wrong."""

    arena: Arena
    chance: Random
    devices: list[Device]
    life: History
    lines: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    down: bool = False
    heads: dict[str, int] = field(default_factory=dict)
    seen: int = 0
    picked: dict[tuple[str, UUID, int], int] = field(default_factory=dict)
    """(device, job, line) -> units its person has in hand, as the screen said after the last pick."""
    made: dict[str, dict[str, str]] = field(default_factory=dict)
    """Device -> id of each command whose verb returned -> its kind."""
    images: dict[str, tuple[bytes, set[str]]] = field(default_factory=dict)
    oldest: int = SCHEMA
    newest: int = SCHEMA
    """Versions of apps that the server talks to."""

    @property
    def timeline(self) -> Timeline:
        return self.arena.timeline

    def tell(self, said: str) -> None:
        self.lines.append(f"{self.timeline.now:%d %H:%M:%S.%f} {said}")

    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()

    # ------------------------------------------------------------ the story

    async def run(self, steps: int) -> list[str]:
        """So many things happen, then everything heals; what is wrong afterwards."""
        for device in self.devices:
            device.switch_on()
        self.timeline.after_each = self._news
        await self.timeline.run(self.timeline.now + timedelta(seconds=5))
        names, weights = zip(*((name, weight) for name, (weight, _) in HAPPENINGS.items()), strict=True)
        for _ in range(steps):
            name = self.chance.choices(names, weights)[0]
            await self.timeline.run(self.timeline.now + timedelta(seconds=self.chance.expovariate(1 / EVERY)))
            said = HAPPENINGS[name][1](self)
            said = await said if not isinstance(said, str | None) else said
            if said is not None:
                self.tell(f"{name}: {said}")
            if self.wrong:
                return self.wrong
        await self.heal()
        return self.wrong or await self.verdict()

    async def heal(self) -> None:
        """No more faults; a minute later everybody must be in step."""
        self.tell("everything heals")
        self.down = False
        self.arena.db.fuse = None
        for device in self.devices:
            device.line.weather, device.line.cut = FAIR, False
            if device.schema < self.oldest:
                self._update(device)
            if device.engine is None:
                device.switch_on()
            if device.store is not None:
                device.store.fuse = None
        await self.timeline.run(self.timeline.now + timedelta(seconds=1))
        for device in self.devices:
            if device.engine is not None:
                device.engine.syncer.poke()
        end = self.timeline.now + HEALED_WITHIN
        for part in (15, 30):
            self.timeline.after(part, self._settle)
        await self.timeline.run(end)

    async def _settle(self) -> str:
        """Jobs and schedules of the server."""
        if self.down:
            return "down"
        try:
            return await self.arena.db.while_it_lives(self.life.settle())
        except ServerDown:
            return self._server_died()

    async def _news(self) -> None:
        """Whoever waits for a feed that has moved hears of it; no screen forgets what its person did."""
        self._look_at_screens()
        if self.down or self.seen == self.arena.db.writes:
            return
        self.seen = self.arena.db.writes
        heads = await self.arena.heads()
        moved = {stream for stream, last in heads.items() if self.heads.get(stream) != last}
        self.heads = heads
        for device in self.devices:
            if {f"node/{device.node}", "catalogue"} & moved:
                device.line.news()

    async def ask(self, method: str, path: str, json: Any, params: Any, headers: Any) -> Any:
        """The server, as devices reach it."""
        if self.down:
            raise ServerDown
        try:
            return await self.arena.db.while_it_lives(self.arena.ask(method, path, json, params, headers))
        except ServerDown:
            self._server_died()
            raise

    def _server_died(self) -> str:
        self.faults["server died"] += 1
        self.tell("the server died")
        self.down = True
        self.arena.restart()
        self.timeline.after(5 + self.chance.random() * 300, self._server_again)
        return "the server died"

    def _server_again(self) -> None:
        self.down = False

    # ------------------------------------------------------------ what happens

    def server_side(self, name: str) -> Callable[[], Any]:
        """Shoppers, tills and head office: the same as in `history`."""

        async def happen() -> str:
            if self.down:
                return "down"
            try:
                return str(await self.arena.db.while_it_lives(getattr(self.life, name)()))
            except ServerDown:
                return self._server_died()

        return happen

    def work(self) -> str | None:
        """Somebody does something with a tablet."""
        device = self.chance.choice(self.devices)
        return self._with(device, self._act)

    def _with(self, device: Device, act: Callable[[Device, Engine], str]) -> str | None:
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

    def _act(self, device: Device, engine: Engine) -> str:
        if self.chance.random() < 0.12:
            return self._adjust(device, engine)
        jobs = sorted(engine.work.jobs(), key=lambda job: job.number)
        if not jobs:
            return "has nothing to do"
        job = self.chance.choice(jobs)
        for _ in range(self.chance.randint(1, 6)):
            action = engine.work.next_action(job)
            if action is None or self.chance.random() < 0.15:
                action = self.chance.choice(ODD)
            result = do(self.chance, engine, job, action)
            self._note(device, engine, result)
            self.tell(f"{device.name} {action} {job.number}: {result.notice.code}")
            job = engine.work.job(job.id) or job
            self._remember(device, job)
        return f"leaves {job.number} {job.state}"

    def _adjust(self, device: Device, engine: Engine) -> str:
        sku, delta = self.chance.choice(sorted(ITEMS)), self.chance.choice((-1, 1, 2))
        result = engine.stock_work.adjust(sku, Bucket.SELLABLE, delta, "found" if delta > 0 else "theft")
        self._note(device, engine, result)
        return f"corrects {sku} by {delta}: {result.notice.code}"

    def settle_exception(self) -> str | None:
        """Somebody does what an exception asks for."""
        device = self.chance.choice(self.devices)

        def act(device: Device, engine: Engine) -> str:
            found = engine.lookup.exceptions()
            if not found:
                return "needs nobody"
            one = self.chance.choice(found)
            answer = self.chance.choice(choices(one.kind, ("lead",)))
            lines = [Found(line=line.line, quantity=self.chance.randint(0, line.quantity)) for line in one.lines]
            back = lines if self.chance.random() < 0.3 else []
            result = engine.work.settle_exception(one.id, answer.code, "seen" if answer.note else None, back)
            self._note(device, engine, result)
            return f"settles {one.kind}: {answer.code}"

        return self._with(device, act)

    # ------------------------------------------------------------ what must be true on the way

    def _note(self, device: Device, engine: Engine, result: Result) -> None:
        """A verb that returned with a number has its command on the disk."""
        if result.n is None:
            return
        queued = next((q for q in engine.outbox.journal(3) if q.n == result.n), None)
        if queued is None:
            self.wrong.append(f"{device.name}: command {result.n} was promised and is not in the queue")
        else:
            self.made.setdefault(device.name, {})[str(queued.id)] = queued.kind

    def _look_at_screens(self) -> None:
        """What a person picked is still picked on their screen, unless others had picked it already."""
        devices = {device.name: device for device in self.devices if device.engine is not None}
        for (name, job_id, number), known in self.picked.items():
            device = devices.get(name)
            job = device.engine.work.job(job_id) if known and device and device.engine else None
            line = job.line(number) if job else None
            if job and line and line.open and line.picked_by.get(device.id, 0) < known:
                self.wrong.append(
                    f"{name} had picked {known} of {job.number}/{number}; its screen says"
                    f" {line.picked_by.get(device.id, 0)}"
                )

    def _remember(self, device: Device, job: Fulfilment) -> None:
        for line in job.lines:
            self.picked[(device.name, job.id, line.line)] = line.picked_by.get(device.id, 0)

    # ------------------------------------------------------------ faults

    def weather(self) -> str:
        self.faults["weather"] += 1
        device, weather = self.chance.choice(self.devices), self.chance.choice(WEATHERS)
        device.line.weather = weather
        return f"{device.name} has {weather}"

    def cut(self) -> str:
        """A store or one tablet is offline, or online again."""
        self.faults["partition"] += 1
        node = self.chance.choice((STORE, OTHER, None))
        one = self.chance.choice(self.devices)
        cut = self.chance.random() < 0.6
        for device in self.devices:
            if device is one if node is None else device.node == node:
                device.line.cut = cut
                if not cut and device.engine is not None:
                    device.engine.syncer.poke()
        return f"{node or one.name} is {'offline' if cut else 'online'}"

    def power_cut(self) -> str:
        self.faults["power cut"] += 1
        device = self.chance.choice(self.devices)
        if self.chance.random() < 0.3:
            device.power_cut()
        else:
            device.set_fuse()
        return f"{device.name} will die"

    def server_dies(self) -> str:
        self.faults["server dies"] += 1
        self.arena.db.after_commit = self.chance.random() < 0.5
        self.arena.db.fuse = self.chance.randint(1, 8)
        return "soon"

    def release(self) -> str | None:
        """A new server that talks to old apps too; later one that does not any more."""
        if self.oldest > SCHEMA:
            return None
        self.faults["release"] += 1
        self.oldest, self.newest = (SCHEMA if self.newest == SCHEMA else NEXT), NEXT
        self.arena.speak(self.oldest, self.newest)
        return f"the server talks to apps of versions {self.oldest} to {self.newest}"

    def update_app(self) -> str | None:
        """One tablet gets the newer app, with whatever waits in its queue."""
        device = self.chance.choice(self.devices)
        if device.schema == self.newest:
            return None
        self._update(device)
        return device.name

    def _update(self, device: Device) -> None:
        self.faults["app updated with a queue"] += bool(device.engine and device.engine.outbox.waiting)
        device.update_app(self.newest)

    def clock_jumps(self) -> str:
        self.faults["clock"] += 1
        device = self.chance.choice(self.devices)
        device.clock.skew = timedelta(seconds=self.chance.choice((0, -86_400, 86_400, 3_600, -95)))
        return f"{device.name} is {device.clock.skew} off"

    def take_image(self) -> str | None:
        """Remember a tablet as it is; later it may fall back to this."""
        device = self.chance.choice(self.devices)
        image = device.image()
        if image is None:
            return None
        self.images[device.name] = (image, set(self.made.get(device.name, ())))
        return f"of {device.name}"

    def lose_commits(self) -> str | None:
        """A tablet's newest commits are gone; what it had not sent by then never happened to anybody but its holder."""
        if not self.images:
            return None
        name = self.chance.choice(sorted(self.images))
        device = next(d for d in self.devices if d.name == name)
        image, kept = self.images.pop(name)
        self.faults["lost commits"] += 1
        device.put_back_image(image)
        self.made[name] = {id_: kind for id_, kind in self.made.get(name, {}).items() if id_ in kept}
        self.picked = {key: units for key, units in self.picked.items() if key[0] != name}
        return name

    async def compact(self) -> str:
        """The feeds forget nearly everything: who was away needs a snapshot."""
        if self.down:
            return "down"
        self.faults["compaction"] += 1
        kept = timedelta(minutes=self.chance.choice((0, 1, 10)))
        work = self.arena.world.write(lambda tx: compaction.compact(tx, kept=kept, batch=20))
        try:
            return f"{await self.arena.db.while_it_lives(work)} rows"
        except ServerDown:
            return self._server_died()

    async def back_up(self) -> str:
        """The whole database as it is now."""
        await self.arena.back_up()
        return "done"

    async def restore(self) -> str | None:
        """The server goes on from its backup: a new epoch. What devices did since then is in their journals."""
        if not self.arena.backed_up:
            return None
        self.faults["restore"] += 1
        self.down, self.arena.db.fuse = False, None
        await self.arena.restore()
        for name, made in self.made.items():
            device = next(d for d in self.devices if d.name == name)
            rows = await self.arena.world.rows("SELECT id FROM device_command WHERE device = :id", id=device.id)
            known = {str(r["id"]) for r in rows} | device.journal()
            self.made[name] = {id_: kind for id_, kind in made.items() if id_ in known}
        return "a new epoch"

    async def hours_pass(self) -> str:
        """A night, or a quiet afternoon; lines that are not cut are good meanwhile."""
        hours = self.chance.choice((0.5, 2, 9))
        self.faults["hours"] += 1
        for device in self.devices:
            device.line.weather = FAIR
        for _ in range(int(hours / 6) + 1):
            await self._settle()
            await self.timeline.run(self.timeline.now + timedelta(hours=min(6, hours)))
        return f"{hours}"

    # ------------------------------------------------------------ the end

    async def verdict(self) -> list[str]:
        """Everything that is not as it must be."""
        broken = [
            f"{found.name}: {found.violations}, such as {found.examples[0]}"
            for found in await check(self.arena.world.db)
            if found.violations
        ]
        for device in self.devices:
            broken += await self._of(device)
        return broken

    async def _of(self, device: Device) -> list[str]:
        engine = device.engine
        if engine is None:
            return [f"{device.name} is off"]
        if waiting := engine.outbox.unsettled():
            return [f"{device.name} still has {[(q.n, q.kind, q.state) for q in waiting]} ({engine.syncer.status})"]
        return [*await self._recorded(device, engine), *await self._in_step(device, engine)]

    async def _recorded(self, device: Device, engine: Engine) -> list[str]:
        """Every command once, in order, with an outcome; a fact is never refused."""
        rows = await self.arena.world.rows(
            "SELECT n, id, body, outcome FROM device_command WHERE device = :id ORDER BY n", id=device.id
        )
        broken = []
        if [r["n"] for r in rows] != list(range(1, len(rows) + 1)):
            broken.append(f"{device.name}: the server has {[r['n'] for r in rows]}")
        ids = Counter(str(r["id"]) for r in rows)
        if twice := [id_ for id_, times in ids.items() if times > 1]:
            broken.append(f"{device.name}: recorded twice {twice}")
        if lost := {id_: kind for id_, kind in self.made.get(device.name, {}).items() if id_ not in ids}:
            broken.append(f"{device.name}: never recorded {lost}")
        refused = [r["body"] for r in rows if r["outcome"]["status"] == "refused" and r["body"]["kind"] not in CLAIMS]
        if refused:
            broken.append(f"{device.name}: facts refused {refused}")
        self._count_leases(rows)
        alone = await self._alone(device)
        for row in rows:
            status, job = row["outcome"]["status"], row["body"].get("fulfilment")
            if job in alone and status not in ("applied", "already_done"):
                broken.append(f"{device.name}: {row['body']} is {status}, and nobody else touched that job")
        return broken

    def _count_leases(self, rows: Sequence[Any]) -> None:
        """Work under a lease that another had by then, and claims on a job that was another's."""
        codes = Counter((row["outcome"].get("notice") or {}).get("code") for row in rows)
        self.faults["lease was another's"] += codes["taken_meanwhile"]
        self.faults["job was taken"] += codes["taken"]

    async def _alone(self, device: Device) -> set[str]:
        """Jobs that changed by this device only: what it showed must be what the server has recorded."""
        rows = await self.arena.world.rows(
            "SELECT f.id FROM fulfilment f WHERE EXISTS (SELECT 1 FROM device_command c WHERE c.device = :id"
            " AND c.body->>'fulfilment' = f.id::text) AND NOT EXISTS (SELECT 1 FROM event e WHERE e.kind = 'JobMoved'"
            " AND e.body->>'fulfilment_id' = f.id::text AND e.body->>'device' IS DISTINCT FROM :id)",
            id=device.id,
        )
        return {str(r["id"]) for r in rows} if not self.faults["restore"] and not self.faults["lost commits"] else set()

    async def _in_step(self, device: Device, engine: Engine) -> list[str]:
        """The replica is what a new tablet would be given, and screens read just that."""
        _, *rows, _ = map(json.loads, (await self._snapshot(device)).splitlines())
        theirs = {(r["kind"], r["id"]): lasting(r["body"]) for r in rows}
        mine = {
            (kind, id_): lasting(engine.store.vault.open(kind, id_, body))
            for kind, id_, body in engine.db.all("SELECT kind, id, body FROM document")
        }
        for key in sorted({*mine, *theirs}):
            if mine.get(key) != theirs.get(key) and not self._old(mine.get(key)):
                return [f"{device.name} has another {key[0]} {key[1]}: {mine.get(key)} and not {theirs.get(key)}"]
        for (kind, id_), body in mine.items():
            if kind == "fulfilment":
                job = engine.work.job(UUID(id_))
                if job is None or job.model_dump(mode="json") != body:
                    return [f"{device.name} shows another {id_} than it has"]
        return []

    async def _snapshot(self, device: Device) -> str:
        token = device.secrets.get("token")
        headers = {"authorization": f"Bearer {token}"}
        return (await self.arena.ask("GET", "/v1/sync/snapshot", None, {}, headers))[2].decode()

    def _old(self, job: dict[str, Any] | None) -> bool:
        """A finished job of long ago, which new tablets are not given."""
        return (
            job is not None
            and job.get("state") in FULFILMENT.finals
            and self.timeline.now - FINISHED_FOR > datetime.fromisoformat(job["offered_at"])
        )

    async def close(self) -> None:
        """The story is over."""
        syncs = [device.sync for device in self.devices if device.sync is not None]
        for sync in syncs:
            sync.cancel()
        await asyncio.gather(*syncs, return_exceptions=True)
        for device in self.devices:
            device.switch_off()


def _life(name: str) -> Callable[[Fleet], Any]:
    return lambda fleet: fleet.server_side(name)()


HAPPENINGS: dict[str, tuple[int, Callable[[Fleet], Any]]] = {
    "work": (45, Fleet.work),
    "exception": (3, Fleet.settle_exception),
    "buy": (16, _life("buy")),
    "cancel": (6, _life("cancel")),
    "sell": (4, _life("sell")),
    "receive": (3, _life("receive")),
    "adjust": (2, _life("adjust")),
    "jobs and schedules": (6, Fleet._settle),
    "hours": (2, Fleet.hours_pass),
    "weather": (5, Fleet.weather),
    "line": (6, Fleet.cut),
    "power": (4, Fleet.power_cut),
    "server": (3, Fleet.server_dies),
    "clock": (2, Fleet.clock_jumps),
    "release": (2, Fleet.release),
    "update": (4, Fleet.update_app),
    "compaction": (3, Fleet.compact),
    "backup": (2, Fleet.back_up),
    "restore": (1, Fleet.restore),
    "image": (1, Fleet.take_image),
    "lost": (1, Fleet.lose_commits),
}
"""What may happen, and how often out of a hundred or so."""


async def tell_story(arena: Arena, seed: int, steps: int) -> tuple[Fleet, list[str]]:
    """One story from its beginning to its end. Fleet for what happened; the list is what is wrong."""
    await arena.begin(seed)
    chance = Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="baton-fleet-", dir=IN_MEMORY))
    fleet = Fleet(arena, chance, [], History(arena.world, arena.shop, _AsClock(arena), chance, {}))  # type: ignore[arg-type]
    try:
        for node, tablets in arena.tablets.items():
            for number, tablet in enumerate(tablets[: chance.randint(1, len(tablets))], start=1):
                name = f"{node}/{number}"
                line = Line(arena.timeline, fleet.ask, Random(f"{seed} {name} line"), fleet.tell)
                own = Random(f"{seed} {name}")
                fleet.devices.append(
                    Device(
                        name,
                        node,
                        tablet.device.id,
                        tablet.device.token,
                        tablet.person.id,
                        folder / name.replace("/", "-"),
                        arena.timeline,
                        line,
                        own,
                        fleet.tell,
                    )
                )
        return fleet, await fleet.run(steps)
    finally:
        await fleet.close()
        shutil.rmtree(folder, ignore_errors=True)


class _AsClock:
    """The timeline, as `history` reads it."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    @property
    def now(self) -> Any:
        return self._arena.timeline.look()
