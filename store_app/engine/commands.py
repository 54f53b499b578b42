"""Command bodies: how a kind is read back from the queue. A kind's meaning never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel

from shared.fulfilment import Command, Context
from shared.kernel import Input
from shared.sync import CommandOutcome, DeviceCommand, QueuedCommand, happened_at

QueueState = Literal["waiting", "sent", "settled"]


def _kinds(union: Any) -> dict[str, type[Input]]:
    found: dict[str, type[Input]] = {}
    for part in get_args(union):
        if isinstance(part, type) and issubclass(part, BaseModel):
            found[part.model_fields["kind"].default] = part  # type: ignore[assignment]
        else:
            found |= _kinds(part)
    return found


JOB_COMMANDS = _kinds(Command)
COMMANDS = _kinds(DeviceCommand) | JOB_COMMANDS


@dataclass(frozen=True, slots=True)
class Queued:
    """One command of this device's queue or journal."""

    n: int
    id: UUID
    command: Any
    """The command as a model of `shared`."""
    body: dict[str, Any]
    actor: str
    made_at: datetime
    offset_ms: int
    version: int
    state: QueueState = "waiting"
    outcome: CommandOutcome | None = None

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def job(self) -> UUID | None:
        return self.command.fulfilment if self.kind in JOB_COMMANDS else None

    def context(self, device: str) -> Context:
        """As the server will see it: the device's time corrected by the measured offset."""
        return Context(at=happened_at(self.made_at, self.offset_ms), actor=self.actor, device=device)

    def wire(self) -> QueuedCommand:
        return QueuedCommand(
            n=self.n,
            id=self.id,
            schema=self.version,
            actor=self.actor,
            made_at=self.made_at,
            offset_ms=self.offset_ms,
            body=self.body,
        )


def parse(body: dict[str, Any]) -> Any:
    """The model of a stored body. Raises KeyError or ValidationError for what this build never wrote."""
    return COMMANDS[body["kind"]].model_validate(body)
