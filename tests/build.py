"""Makes test data. Functions that say what they make, with defaults for everything that does not matter to a test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from server.app import create_app
from server.kit.answers import Answers
from server.kit.auth import Actor
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.people import tokens
from server.settings import Settings
from server.wiring import ANSWERS
from store_app.engine.transport import Answer, Offline

T = TypeVar("T")
NODE = "S-1"


def settings(**changes: Any) -> Settings:
    """Settings that touch nothing outside the test."""
    return Settings(**{"data_dir": Path("unused"), "role": "api", **changes})


def person_actor(
    *roles: str, nodes: Iterable[str] = (NODE,), id: str = "0198c0de-0000-7000-8000-000000000001"
) -> Actor:
    """A signed-in person, for calling services."""
    return Actor("person", id, "Robin", frozenset(roles), frozenset(nodes), device="device-1")


def key_actor(*roles: str) -> Actor:
    """An API key, for calling services."""
    return Actor("key", "key-1", "Web shop", frozenset(roles or ("integration",)))


@dataclass(frozen=True)
class Made:
    """Something with an id and, where it can sign in, a token."""

    id: str
    token: str


@dataclass
class World:
    """The application in this process, its parts, and clients to ask it."""

    app: FastAPI
    parts: Parts
    admin: Made
    client: httpx.AsyncClient
    """Signed in with an admin's API key."""
    _stack: contextlib.AsyncExitStack = field(repr=False)

    @property
    def db(self) -> Database:
        return self.parts.db

    async def asking(self, token: str | None, *, raising: bool = True) -> httpx.AsyncClient:
        """A client with this token, closed with the world. Unexpected errors raise unless `raising` is off."""
        return await self._stack.enter_async_context(client(self.app, token, raising=raising))

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self.db.write(work)

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self.db.read(work)

    async def rows(self, sql: str, **binds: Any) -> list[dict[str, Any]]:
        """Whatever stands in the tables."""

        async def work(tx: Tx) -> list[dict[str, Any]]:
            return [dict(row) for row in await tx.rows(sql, **binds)]

        return await self.db.read(work)


def client(app: FastAPI, token: str | None = None, *, raising: bool = True) -> httpx.AsyncClient:
    """Asks the application in this process, without a socket."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=raising)
    return httpx.AsyncClient(transport=transport, base_url="http://baton.test", headers=headers)


class InProcess:
    """A device's line: requests reach the application without a socket, unless it is cut."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.cut = False

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
        if self.cut:
            raise Offline("cut")
        answer = await self._client.request(method, path, json=json, content=content, params=params, headers=headers)
        return answer.status_code, answer.headers, answer.content

    async def aclose(self) -> None:
        pass


@contextlib.asynccontextmanager
async def world(
    url: str,
    *,
    answers: Answers = ANSWERS,
    config: Settings | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    random: Callable[[int], bytes] = os.urandom,
    database: type[Database] = Database,
    **more: Any,
) -> AsyncIterator[World]:
    """The application on a migrated database. `more` goes to `create_app`."""
    async with contextlib.AsyncExitStack() as stack:
        db = database(url, answers=answers, pool_size=8, clock=clock, random=random)
        stack.push_async_callback(db.close)
        app = create_app(config or settings(), db=db, **more)
        await stack.enter_async_context(app.router.lifespan_context(app))
        admin = await api_key(db, "admin", "integration")
        asking = await stack.enter_async_context(client(app, admin.token))
        yield World(app, app.state.parts, admin, asking, stack)


async def api_key(db: Database, *roles: str, scopes: Iterable[str] | None = None, name: str = "Test key") -> Made:
    """An API key with these roles."""
    token = tokens.make("bk", os.urandom)

    async def work(tx: Tx) -> Made:
        made = Made(str(tx.new_id()), token)
        await tx.run(
            "INSERT INTO api_key (id, name, prefix, hash, roles, scopes, created_at) VALUES (CAST(:id AS uuid), :name,"
            " :prefix, :hash, CAST(:roles AS text[]), CAST(:scopes AS text[]), :now)",
            id=made.id,
            name=name,
            prefix=token[: tokens.SHOWN],
            hash=tokens.token_hash(token),
            roles=list(roles or ("integration",)),
            scopes=None if scopes is None else list(scopes),
            now=tx.now,
        )
        return made

    return await db.write(work)


async def device(db: Database, node: str = NODE, *, name: str = "Tablet", revoked: bool = False) -> Made:
    """An enrolled device of a node."""
    token = tokens.make("bd", os.urandom)

    async def work(tx: Tx) -> Made:
        made = Made(str(tx.new_id()), token)
        await tx.run(
            "INSERT INTO device (id, node, name, token_hash, enrolled_at, revoked_at)"
            " VALUES (:id, :node, :name, :hash, :now, CASE WHEN :revoked THEN CAST(:now AS timestamptz) END)",
            id=made.id,
            node=node,
            name=name,
            hash=tokens.token_hash(token),
            now=tx.now,
            revoked=revoked,
        )
        return made

    return await db.write(work)


async def person(
    db: Database, *roles: str, nodes: Iterable[str] = (NODE,), name: str = "Robin Reed", on: str | None = None
) -> Made:
    """Somebody who works here, signed in on the device `on` (or on a new one of their first node)."""
    homes = list(nodes)
    device_id = on or (await device(db, homes[0] if homes else NODE)).id
    token = tokens.make("bp", os.urandom)

    async def work(tx: Tx) -> Made:
        made = Made(str(tx.new_id()), token)
        await tx.run(
            "INSERT INTO person (id, name, roles, nodes, created_at)"
            " VALUES (CAST(:id AS uuid), :name, CAST(:roles AS text[]), CAST(:nodes AS text[]), :now)",
            id=made.id,
            name=name,
            roles=list(roles or ("associate",)),
            nodes=homes,
            now=tx.now,
        )
        await tx.run(
            "INSERT INTO person_session (token_hash, person, device, started_at, expires_at)"
            " VALUES (:hash, CAST(:person AS uuid), :device, :now, :expires)",
            hash=tokens.token_hash(token),
            person=made.id,
            device=device_id,
            now=tx.now,
            expires=tx.now + timedelta(hours=12),
        )
        return made

    return await db.write(work)
