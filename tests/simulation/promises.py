"""What tablets said was done: from then on it is on the disk, on the screen, and in the end at the server."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from shared.fulfilment import Fulfilment
from store_app.engine.engine import Engine
from store_app.engine.results import Result
from tests.simulation.devices import Device


@dataclass
class Promises:
    """Of all devices of a fleet, by their names."""

    made: dict[str, dict[str, str]] = field(default_factory=dict)
    """Device -> id of each command whose verb returned -> its kind."""
    picked: dict[tuple[str, UUID, int], int] = field(default_factory=dict)
    """(device, job, line) -> units its person has in hand, as the screen said after the last pick."""

    def note(self, device: Device, engine: Engine, result: Result) -> list[str]:
        """A verb that returned with a number has its command on the disk; what is wrong otherwise."""
        if result.n is None:
            return []
        queued = next((q for q in engine.outbox.journal(3) if q.n == result.n), None)
        if queued is None:
            return [f"{device.name}: command {result.n} was promised and is not in the queue"]
        self.made.setdefault(device.name, {})[str(queued.id)] = queued.kind
        return []

    def remember(self, device: Device, job: Fulfilment) -> None:
        """What the screen shows as picked by this device."""
        for line in job.lines:
            self.picked[(device.name, job.id, line.line)] = line.picked_by.get(device.id, 0)

    def forgotten(self, devices: Iterable[Device]) -> list[str]:
        """What a person picked is still picked on their screen, unless others had picked it already."""
        switched_on = {device.name: device for device in devices if device.engine is not None}
        wrong = []
        for (name, job_id, number), known in self.picked.items():
            device = switched_on.get(name)
            job = device.engine.work.job(job_id) if known and device and device.engine else None
            line = job.line(number) if job else None
            if job and device and line and line.open and line.picked_by.get(device.id, 0) < known:
                shown = line.picked_by.get(device.id, 0)
                wrong.append(f"{name} had picked {known} of {job.number}/{number}; its screen says {shown}")
        return wrong

    def keep_only(self, name: str, known: Collection[str]) -> None:
        """A fault that may lose commands has left these of a device."""
        self.made[name] = {id_: kind for id_, kind in self.made.get(name, {}).items() if id_ in known}

    def forget_screen(self, name: str) -> None:
        """A device fell back: its screens do not know what was picked since."""
        self.picked = {key: units for key, units in self.picked.items() if key[0] != name}
