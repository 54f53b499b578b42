"""How a request leaves the device. Tests and the simulation hand in another `Transport`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import httpx

from shared.errors import Unavailable

CONNECT_S = 3.0
Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers with lower-case names, body."""


class Offline(Unavailable):
    """Nobody answered, or somebody who is not our server (a captive portal)."""

    code, title = "offline", "No connection"


class Transport(Protocol):
    """One request, one answer, with a body of JSON or of bytes. Raises `Offline` when there is none."""

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
    ) -> Answer: ...

    async def aclose(self) -> None: ...


class HttpTransport:
    """httpx with a pool per event loop: the sync runs in a thread of its own, screens ask from theirs.

    The server's address is given, or asked for at each request where it may still change.
    """

    def __init__(self, server_url: str | Callable[[], str]) -> None:
        self._url = server_url
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

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
        """Raises `Offline`, whatever kept the answer away."""
        limits = httpx.Timeout(timeout, connect=CONNECT_S)
        try:
            answer = await self._pool().request(
                method,
                self._at() + path,
                json=json,
                content=content,
                params=params,
                headers=headers,
                timeout=limits,
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Offline(f"The server did not answer ({type(error).__name__}).") from error
        return answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content

    async def aclose(self) -> None:
        """Close this loop's connections."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()

    def _at(self) -> str:
        return (self._url if isinstance(self._url, str) else self._url()).rstrip("/")

    def _pool(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = httpx.AsyncClient(follow_redirects=False)
        return self._pools[loop]
