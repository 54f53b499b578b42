"""The whole API against its own documentation: generated requests never crash it, nor get an undocumented answer.

A real server on a database of its own is asked by a real client. `EXAMPLES` in the environment says how many requests
each operation gets.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks

from tests import build
from tests.shop import open_shop

EXAMPLES = int(os.environ.get("EXAMPLES", "4"))
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def _stream(_: Any, value: Any) -> bytes:
    """Streams of rows: anything at all, mostly not rows."""
    return str(value).encode("utf-8", "replace")


@dataclass
class Site:
    """Where the server listens, what it says about itself, and tokens for it."""

    url: str
    document: dict[str, Any]
    key: str
    device: str


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """The application with a small retailer in it, served by a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready: list[Site] = []
    started, told = threading.Event(), threading.Event()

    async def serve() -> None:
        async with build.world(database_url) as world:
            shop = await open_shop(world)
            await shop.buy(("APPLE", 2))
            device = await build.device(world.db)
            config = uvicorn.Config(world.app, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=2)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve([listening]))
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            ready.append(Site(url, world.app.openapi(), world.admin.token, device.token))
            started.set()
            await asyncio.to_thread(told.wait)
            server.should_exit = True
            await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(60)
    yield ready[0]
    told.set()
    thread.join(20)
    listening.close()


def test_generated_requests_get_documented_answers_and_never_a_crash(site: Site) -> None:
    schema = schemathesis.openapi.from_dict(site.document)
    failures: dict[str, str] = {}
    asked = 0

    def examine(operation: Any) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if "wait" in (case.query or {}):
                case.query["wait"] = 0
            token = site.device if "/sync" in operation.path or "sign-in" in operation.path else site.key
            answer = case.call(base_url=site.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
            case.validate_response(answer, checks=CHECKS)

        ask()

    for each in schema.get_all_operations():
        operation = each.ok()
        try:
            examine(operation)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failures[f"{operation.method.upper()} {operation.path}"] = str(error)[:1500]
    assert asked >= len(site.document["paths"])
    assert failures == {}, "\n\n".join(f"{name}\n{text}" for name, text in failures.items())
