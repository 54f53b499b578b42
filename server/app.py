"""The application: its parts, its routes, and what surrounds every request.

`create_app(settings)` makes it; entering its lifespan starts (or reaches) PostgreSQL, brings the schema to this build,
loads the installation's keys and, unless told otherwise, starts the worker in the same process. A request passes, from
the outside in: request log and figures, rate limits, body limits, compression, the route.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from server import wiring, worker
from server.catalog import api as catalog
from server.fulfilment import api as fulfilment
from server.fulfilment import exceptions_api as exceptions
from server.fulfilment import proofs_api
from server.integrations.messengers import messenger_of
from server.integrations.payments.built_in import BuiltInGateway
from server.inventory import api as inventory
from server.inventory import availability_api
from server.kit import health, keys, limits, logs, manual, migrate, postgres, problems
from server.kit.answers import Answers
from server.kit.combiner import Combiner
from server.kit.database import Database
from server.kit.web import Parts
from server.network import api as network
from server.orders import api as orders
from server.orders import expecting_api, holds_api
from server.pages import api as pages
from server.pages import board_api, live, nodes
from server.pages import holds as holds_page
from server.pages import plans as plan_pages
from server.pages import queues as queues_page
from server.people import api as people
from server.people import tokens
from server.routing import api as routing
from server.routing import plans_api, promise_api, queues_api
from server.settings import Settings
from server.sync import api as sync
from server.sync import attachments_api, quarantine_api
from shared import api as paths

SLICES: tuple[APIRouter, ...] = (
    health.router,
    orders.router,
    holds_api.router,
    expecting_api.router,
    availability_api.router,
    promise_api.router,
    routing.router,
    queues_api.router,
    plans_api.router,
    fulfilment.router,
    exceptions.router,
    proofs_api.router,
    inventory.router,
    catalog.router,
    network.router,
    people.router,
    sync.router,
    quarantine_api.router,
    attachments_api.router,
    board_api.router,
    pages.router,
    live.router,
    nodes.router,
    plan_pages.router,
    holds_page.router,
    queues_page.router,
)
"""Every slice with routes, in the order of the documentation."""
STREAMS: frozenset[str] = frozenset({inventory.FIGURES, inventory.DELTAS})
"""Paths that read their body row by row and keep limits of their own."""
REVIVED_EVERY_S = 0.5
"""How soon a database that was killed is started again."""
log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    *,
    db: Database | None = None,
    answers: Answers = wiring.ANSWERS,
    ports: Mapping[str, Any] | None = None,
    with_worker: bool | None = None,
    slices: tuple[APIRouter, ...] = SLICES,
) -> FastAPI:
    """The application. `db` is a migrated database to use as it is (tests); otherwise the settings' own is prepared.

    `with_worker` starts jobs and schedules in this process; by default when `settings.role` is `all` and no `db` is
    given.
    """
    figures = logs.Figures()
    works = with_worker if with_worker is not None else settings.role == "all" and db is None

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            database = db if db is not None else await stack.enter_async_context(prepared(settings, answers))
            far_side = {"payments": BuiltInGateway(database), "messenger": messenger_of(settings), **(ports or {})}
            parts = Parts(settings, database, await keys.load(database), far_side)
            app.state.parts = parts
            app.state.resolve_actor = tokens.Resolver(database)
            if works:
                await stack.enter_async_context(worker.running(parts))
            log.info("ready", role=settings.role)
            yield
            await drain(parts)

    app = FastAPI(
        title=manual.TITLE,
        version=manual.VERSION,
        description=manual.DESCRIPTION,
        openapi_tags=manual.TAGS,
        docs_url=f"{paths.API}/docs",
        redoc_url=None,
        openapi_url=f"{paths.API}/openapi.json",
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
        middleware=[
            Middleware(logs.RequestLog, figures=figures),
            Middleware(limits.RateLimits, guesses=frozenset({paths.ENROL, live.SIGN_IN})),
            Middleware(limits.BodyLimits, max_bytes=settings.max_body_bytes, streams=STREAMS),
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=4),
        ],
    )
    app.state.figures = figures
    problems.install(app)
    for router in slices:
        app.include_router(router)
    manual.install(app)
    return app


@contextlib.asynccontextmanager
async def prepared(settings: Settings, answers: Answers | None = None) -> AsyncIterator[Database]:
    """The settings' database at this build's schema: the given one, or the embedded one, started if need be."""
    async with contextlib.AsyncExitStack() as stack:
        url = settings.database_url
        if url is None:
            running = await asyncio.to_thread(postgres.start, settings.data_dir)
            stack.push_async_callback(asyncio.to_thread, running.stop)
            await stack.enter_async_context(_kept_alive(running))
            url = running.url(None)
        await asyncio.to_thread(migrate.upgrade, url)
        database = Database(url, answers=answers, pool_size=settings.pool_size)
        stack.push_async_callback(database.close)
        yield database


@contextlib.asynccontextmanager
async def _kept_alive(running: postgres.Running) -> AsyncIterator[None]:
    """The embedded database has nobody else who brings it back when it was killed: this process looks after it."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(REVIVED_EVERY_S)
            try:
                if await asyncio.to_thread(running.revive):
                    log.error("the database had died, and was started again")
            except postgres.PostgresError as error:
                log.error("the database has died", error=str(error))

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def drain(parts: Parts) -> None:
    """Say no to new work and finish what has begun."""
    parts.draining.set()
    for each in parts.caches.values():
        if isinstance(each, Combiner):
            await each.drain()
