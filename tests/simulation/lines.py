"""The lines between devices and the server, and what goes wrong on them.

A request may never arrive, arrive twice, arrive long after its sender gave up; its answer may be lost after it has had
its effect; a line may be cut for hours. A long poll is the server's own: the line asks again when a feed has moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from store_app.engine.transport import Answer, Offline
from tests.simulation.timeline import Timeline

Ask = Callable[[str, str, Any, Mapping[str, str], Mapping[str, str]], Awaitable[Answer]]
"""method, path, json, params, headers: the server itself. Raises `ServerDown` when it died of it."""
PORTAL: Answer = (200, {"content-type": "text/html"}, b"<html>Please sign in to this network</html>")


class ServerDown(BaseException):
    """The server's process is gone. Not an Exception: no code of the server may swallow it."""


@dataclass(frozen=True)
class Weather:
    """How likely each thing is to go wrong with a request; a request of `late` arrives up to an hour later."""

    lost: float = 0.0
    unheard: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    portal: float = 0.0
    slow: float = 0.0


FAIR = Weather()


@dataclass
class Line:
    """The `Transport` of one device."""

    timeline: Timeline
    ask: Ask
    chance: Random
    tell: Callable[[str], None]
    weather: Weather = FAIR
    cut: bool = False
    parked: _Request | None = None
    """The long poll of this device that waits for news; a later one takes its place."""
    nothing_new: tuple[str, Answer] | None = None
    """Cursor and answer of the last pull that found nothing, until there is news: the same again need not be asked."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Answer:
        """As the device asks. Raises `Offline` when no answer comes in time."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        request = _Request(
            self, method, path, json if content is None else content, dict(params or {}), dict(headers or {}), answered
        )
        self.timeline.after(timeout, lambda: request.fail("no answer"))
        self._send(request)
        return await answered

    def _send(self, request: _Request) -> None:
        wait = 0.01 + self.chance.random() * (2.0 if self.chance.random() < self.weather.slow else 0.05)
        fate = self._fate(request)
        if self.cut:
            self.timeline.after(0.2, lambda: request.fail("cut"))
        elif fate == "portal":
            self.timeline.after(wait, lambda: request.succeed(PORTAL))
        elif fate in ("lost", "late"):
            self.timeline.after(wait, lambda: request.fail(fate))
        else:
            self.timeline.after(wait, lambda: request.arrive(heard=fate != "unheard"))
        if fate in ("twice", "late") and not self.cut:
            again = replace(request, answered=_nobody())
            self.timeline.after(wait + self.chance.random() * 3600, lambda: again.arrive(heard=False))

    def _fate(self, request: _Request) -> str:
        """One number is drawn for every request, so that a seed stays one story whatever the weather."""
        drawn = self.chance.random()
        for fate in ("lost", "unheard", "twice", "late", "portal"):
            drawn -= getattr(self.weather, fate)
            if drawn < 0:
                self.tell(f"{fate}: {request.method} {request.path.rpartition('/')[2]}")
                return fate
        return "ok"

    def news(self) -> None:
        """A feed of this device has moved: whoever waits asks again."""
        parked, self.parked, self.nothing_new = self.parked, None, None
        if parked is not None and not parked.answered.done():
            self.timeline.after(0.25, lambda: parked.arrive(heard=True))

    async def aclose(self) -> None:
        pass


def _nobody() -> asyncio.Future[Answer]:
    """Where the answer to a request goes that nobody waits for."""
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    answered.cancel()
    return answered


@dataclass
class _Request:
    line: Line
    method: str
    path: str
    json: Any
    params: dict[str, str]
    headers: dict[str, str]
    answered: asyncio.Future[Answer]

    def fail(self, why: str) -> None:
        """Nobody answers."""
        if not self.answered.done():
            self.answered.set_exception(Offline(why))

    def succeed(self, answer: Answer) -> None:
        if not self.answered.done():
            self.answered.set_result(answer)

    async def arrive(self, *, heard: bool) -> None:
        """At the server. What the device does not hear has its effect all the same."""
        if self.line.cut:
            return self.fail("cut")
        wait = float(self.params.get("wait", "0"))
        known = self.line.nothing_new
        if wait and heard and known and known[0] == self.params["cursor"]:
            return self._park(known[1], wait)
        params = self.params | ({"wait": "0"} if wait else {})
        try:
            answer = await self.line.ask(self.method, self.path, self.json, params, self.headers)
        except ServerDown:
            return self.fail("the server died")
        if not heard or self.answered.done():
            return self.fail("unheard")
        if wait and answer[0] == 200 and b'"rows":[]' in answer[2]:
            return self._park(answer, wait)
        back = 0.01 + self.line.chance.random() * 0.05
        self.line.timeline.after(back, lambda: self.succeed(answer))
        return None

    def _park(self, empty: Answer, wait: float) -> None:
        self.line.nothing_new = (self.params["cursor"], empty)
        self.line.timeline.after(wait, lambda: self.succeed(empty))
        self.line.parked = self
