"""What one caller may ask for: how large, how deep and how often.

Bodies are counted while they arrive, so that nobody can fill the memory. JSON bodies are checked for depth before they
are parsed. How often is a token bucket per token (key, device, person) and one per address for those without a valid
token; buckets of the least recent callers are forgotten.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.kit import problems
from shared.errors import BatonError, Busy, TooLarge

MAX_DEPTH = 32
MAX_CALLERS = 20_000
_ALL_BUT_BRACKETS = bytes(b for b in range(256) if b not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def deeper_than(body: bytes, limit: int) -> bool:
    """Whether JSON text nests deeper than `limit`; what is never closed does not count, since it is not JSON.

    Strings are cut out, then one level of empty brackets after the other: a few passes at the speed of memory.
    """
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    without_strings = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    brackets = without_strings.translate(_ONE_KIND, _ALL_BUT_BRACKETS)
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets


class BodyLimits:
    """ASGI middleware: 413 for bodies over `max_bytes`, 400 for JSON that nests deeper than 32.

    Paths in `streams` are read row by row by their routes, which keep limits of their own.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, streams: frozenset[str] = frozenset()) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"} or scope["path"] in self.streams:
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"")
        try:
            if int(headers.get(b"content-length", b"0")) > self.max_bytes:
                raise self._too_large()
            whole = b"json" in kind and b"ndjson" not in kind
            receive = await self._whole(receive) if whole else self._counted(receive)
        except ValueError as error:
            await problems.response(problems.plain(400, str(error)))(scope, receive, send)
            return
        except BatonError as error:
            await problems.of_error(error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body is larger than {self.max_bytes} bytes.", remedy="Send less at once, or use a stream route."
        )

    async def _whole(self, receive: Receive) -> Receive:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _replay(message, receive)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.max_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                break
        body = b"".join(parts)
        if deeper_than(body, MAX_DEPTH):
            raise ValueError(f"The body nests deeper than {MAX_DEPTH} levels.")
        return _replay({"type": "http.request", "body": body, "more_body": False}, receive)

    def _counted(self, receive: Receive) -> Receive:
        size = 0

        async def counting() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                raise self._too_large()
            return message

        return counting


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second in the long run, and how many at once."""

    per_second: float
    burst: int


KEYS = Rate(5_000, 20_000)
DEVICES = Rate(100, 1_000)
PEOPLE = Rate(50, 500)
ADDRESSES = Rate(200, 2_000)
"""Requests without a token, per address."""
REFUSED = Rate(10, 200)
"""Tokens that turn out to be unknown, per address."""
GUESSES = Rate(1, 20)
"""Enrolment codes, per address."""


class Buckets:
    """Token buckets by name. `take` gives 0.0, or the seconds until a token is there again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, rate: Rate, *, peek: bool = False) -> float:
        now = self._clock()
        tokens, at = self._held.pop(name, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - at) * rate.per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate.per_second
        self._held[name] = (tokens if wait or peek else tokens - 1, now)
        if len(self._held) > MAX_CALLERS:
            self._held.popitem(last=False)
        return wait


class RateLimits:
    """ASGI middleware: 429 with Retry-After for callers over their rate. Health checks are never refused."""

    def __init__(self, app: ASGIApp, *, buckets: Buckets | None = None, guesses: frozenset[str] = frozenset()) -> None:
        self.app = app
        self.buckets = buckets or Buckets()
        self.guesses = guesses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in {"/livez", "/readyz", "/metrics"}:
            await self.app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        wait = self._wait(scope, address)
        if wait:
            error = Busy("Too many requests.", remedy="Wait for Retry-After, then try again.")
            error.retry_after = math.ceil(wait)  # type: ignore[attr-defined]
            await problems.of_error(error)(scope, receive, send)
            return

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self.buckets.take(f"refused {address}", REFUSED)
            await send(message)

        await self.app(scope, receive, watching)

    def _wait(self, scope: Scope, address: str) -> float:
        if scope["path"] in self.guesses:
            return self.buckets.take(f"guess {address}", GUESSES)
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if not token:
            return self.buckets.take(f"address {address}", ADDRESSES)
        refused = self.buckets.take(f"refused {address}", REFUSED, peek=True)
        rate = KEYS if token[7:10] == b"bk_" else DEVICES if token[7:10] == b"bd_" else PEOPLE
        return refused or self.buckets.take(f"token {hash(token)}", rate)
