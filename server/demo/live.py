"""The demo to play with: real baskets arrive as orders, tills sell, and one store is yours.

One process serves the API and runs the jobs; the store app is a process of its own, as in a store. Orders and sales
come over HTTP like any channel's. Everywhere else simulated people work; in your store only you do.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import httpx
import segno
import structlog
import uvicorn
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from rich.console import Console
from rich.progress import Progress

from server import app as application
from server.demo import retailer as making
from server.demo.crowd import order_body, sale_body
from server.demo.demand import CounterSale, Happening, OnlineOrder, replay
from server.demo.load import is_loaded, load
from server.demo.neighbours import Neighbours
from server.demo.people import Person
from server.demo.retailer import Retailer
from server.demo.world import World, world_behind
from server.fulfilment import passes, queries
from server.kit import garbage, keys
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import PartsDep
from server.people import devices
from server.people import keys as api_keys
from server.people.rules import NewKey
from server.settings import Settings
from shared.barcodes import ScanKind, label

log = structlog.get_logger(__name__)
out = Console(highlight=False, emoji=False, soft_wrap=True)
WAIT_S = 30


@dataclass(frozen=True)
class Choices:
    """What can be said on the command line."""

    speed: float
    stores: int
    port: int
    app_port: int
    data: Path


@dataclass(frozen=True)
class Yours:
    """The store that is left to you."""

    node: str
    name: str
    staff: tuple[Person, ...]


def your_store(retailer: Retailer) -> Yours:
    """The busiest store, and the people who work there."""
    node = next(n for n in retailer.nodes if n.type == "store")
    staff = tuple(p for p in retailer.people if node.code in p.nodes)
    return Yours(node.code, node.name, staff)


async def run(choices: Choices) -> None:
    """Everything up, until Ctrl-C."""
    out.print("Making a retailer out of real baskets ...")
    retailer = making.build(stores=choices.stores)
    yours = your_store(retailer)
    settings = Settings(data_dir=choices.data, port=choices.port, log_level="WARNING")
    async with application.prepared(settings) as db:
        await _fill(db, retailer, yours)
    app = application.create_app(settings, slices=(*application.SLICES, codes_router(yours)))
    garbage.tame()
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    url = f"http://{settings.host}:{settings.port}"
    await _answers(url + "/livez", serving)
    async with _store_app(choices, url) as app_url:
        token = await _key(app.state.parts.db)
        _say(url, app_url, yours)
        async with _client(url, token) as client:
            shelves = world_behind(retailer.positions, retailer.seed)
            others = Neighbours(app.state.parts, url, client, retailer, shelves, yours.node, choices.speed)
            buying = asyncio.create_task(_replay(client, retailer, yours, shelves, choices.speed))
            working = asyncio.create_task(others.run())
            try:
                told = asyncio.create_task(_told(server))
                await asyncio.wait({serving, buying, working, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (buying, working, told):
                    task.cancel()
                await asyncio.gather(buying, working, told, return_exceptions=True)
    server.should_exit = True
    await serving


async def _told(server: uvicorn.Server) -> None:
    """Until Ctrl-C: then everybody goes home before the server does."""
    while not server.should_exit:  # noqa: ASYNC110 (uvicorn says so by a flag)
        await asyncio.sleep(0.05)


async def _fill(db: Database, retailer: Retailer, yours: Yours) -> None:
    """Load the retailer, unless this folder has one already."""
    if await is_loaded(db):
        out.print("The retailer of last time is still here.")
        return
    quiet = Database(db.url)
    with Progress(console=out) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(f"Loading {what}", total=total)
            bars.update(tasks[what], completed=done)

        await load(quiet, retailer, await keys.load(db), pins_at=[yours.node], progress=show)
    await quiet.close()


async def _answers(url: str, serving: asyncio.Task[None]) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(WAIT_S * 5):
            if serving.done():
                await serving
                raise RuntimeError("the server stopped while starting; is the port taken?")
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(url)).status_code < 500:
                    return
            await asyncio.sleep(0.2)
    raise TimeoutError(f"{url} did not answer within {WAIT_S} s")


@contextlib.asynccontextmanager
async def _store_app(choices: Choices, server: str) -> AsyncIterator[str]:
    """The store app in its own process, ended with the demo."""
    url = f"http://127.0.0.1:{choices.app_port}"
    words = ["--port", str(choices.app_port), "--server", server, "--data", str(choices.data / "store")]
    child = subprocess.Popen([sys.executable, "-m", "store_app", *words])  # noqa: ASYNC220, S603 (our own words)
    try:
        yield url
    finally:
        child.terminate()
        await asyncio.to_thread(child.wait, 20)


async def _key(db: Database) -> str:
    new = NewKey.model_validate({"name": "Demo channels", "roles": ["integration"]})
    return (await db.write(lambda tx: api_keys.create_key(tx, SYSTEM, new))).key


# ---------------------------------------------------------------- orders and tills


def _client(url: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def first_orders(happenings: Sequence[Happening], yours: Yours) -> list[OnlineOrder]:
    """Work for a newcomer: bags to collect at your store, one of them from a car, and parcels to customers nearby."""
    orders = [h for h in happenings if isinstance(h, OnlineOrder)]
    pickup = [o for o in orders if o.node == yours.node and o.method == "pickup"][:2]
    curbside = [o for o in orders if o.node == yours.node and o.method == "curbside"][:1]
    ship = [o for o in orders if o.method == "ship" and o.customer.store == yours.node][:3]
    return [*pickup, *curbside, *ship]


async def _replay(client: httpx.AsyncClient, retailer: Retailer, yours: Yours, shelves: World, speed: float) -> None:
    """Orders and receipts, `speed` times as fast as they happened. Your store gets its first ones at once."""
    run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    happenings = list(replay(retailer, start=datetime.now(UTC)))
    for order in first_orders(happenings, yours):
        await _place(client, order, f"{run}-first")
    began, start = asyncio.get_running_loop().time(), happenings[0].at
    for happening in happenings:
        due = (happening.at - start).total_seconds() / speed
        await asyncio.sleep(max(0.0, due - (asyncio.get_running_loop().time() - began)))
        try:
            if isinstance(happening, OnlineOrder):
                await _place(client, happening, run)
            else:
                await _sell(client, happening, shelves, run)
        except httpx.HTTPError as error:
            log.warning("a happening did not arrive", error=repr(error))


async def _place(client: httpx.AsyncClient, order: OnlineOrder, run: str) -> None:
    payment = {"kind": "token", "reference": "tok_visa"}
    body = order_body(order, datetime.now(UTC), f"{run}-{order.external_id}", payment)
    answer = await client.post("/v1/orders", json=body)
    if answer.status_code >= 400:
        log.warning("an order was refused", problem=answer.text[:300])


async def _sell(client: httpx.AsyncClient, sale: CounterSale, shelves: World, run: str) -> None:
    had = shelves.sell(sale.node, [(line.sku, line.quantity) for line in sale.lines])
    lines = [{"sku": sku, "quantity": units} for sku, units in had.items() if units]
    if not lines:
        return
    row = sale_body(sale, datetime.now(UTC), lines, f"{run}-{sale.receipt}")
    answer = await client.post("/v1/counter-sales", json={"sales": [row]})
    if answer.status_code >= 400:
        log.warning("a receipt was refused", problem=answer.text[:300])


# ---------------------------------------------------------------- what to scan


def codes_router(yours: Yours) -> APIRouter:
    """`/demo/codes`: a page of live codes to scan with a tablet, or to copy."""
    router = APIRouter(tags=["demo"], include_in_schema=False)

    @router.get("/demo/codes")
    async def codes(parts: PartsDep) -> HTMLResponse:
        offer = await parts.db.write(lambda tx: devices.offer_enrolment(tx, SYSTEM, parts.keys, yours.node))
        jobs = await parts.db.read(lambda tx: queries.jobs(tx, node=yours.node, limit=40))
        open_jobs = [job for job in jobs if any(line.open or line.held for line in job.lines)]
        skus = sorted({line.sku for job in open_jobs for line in job.lines if line.open})
        items = await parts.db.read(lambda tx: _items(tx, skus))
        sections = [
            ("Connect a device (ten minutes)", [(offer.code, offer.label)]),
            ("Badges", [(f"{p.name}, {p.role}, PIN {p.pin}", label(ScanKind.BADGE, p.badge)) for p in yours.staff]),
            ("Items to pick", items),
            ("Places for bags", [(place, label(ScanKind.STAGING, place)) for place in ("A1", "A2", "A3", "B1")]),
            ("Passes of bags that are ready", _passes(parts.keys, open_jobs)),
        ]
        return HTMLResponse(_page(yours, sections))

    return router


async def _items(tx: Tx, skus: Sequence[str]) -> list[tuple[str, str]]:
    rows = await tx.rows(
        "SELECT i.name, min(b.code) AS code FROM item i JOIN barcode b USING (sku)"
        " WHERE i.sku = ANY(CAST(:skus AS text[])) GROUP BY i.sku, i.name ORDER BY i.name",
        skus=list(skus),
    )
    return [(r["name"], r["code"].removeprefix("0")) for r in rows]


def _passes(secret: keys.Keys, jobs: Sequence[Any]) -> list[tuple[str, str]]:
    found = []
    for job in jobs:
        if job.staging and any(line.held for line in job.lines):
            given = passes.credentials(secret, job)
            found.append((f"{job.number}, {job.customer}, code {given.code}", given.pass_text))
    return found


def _page(yours: Yours, sections: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    parts = []
    for title, codes in sections:
        cards = "".join(
            f"<figure>{segno.make(text, micro=False).svg_inline(scale=3, border=2)}<figcaption>{escape(words)}<br>"
            f"<code>{escape(text if len(text) < 40 else '')}</code></figcaption></figure>"
            for words, text in codes
        )
        parts.append(f"<h2>{escape(title)}</h2><div>{cards or 'Nothing at the moment.'}</div>")
    return (
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=60>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>Codes of {escape(yours.name)}</title><style>body{{font:17px system-ui;margin:24px;background:#f5f4f0}}"
        "div{display:flex;flex-wrap:wrap;gap:16px}figure{background:#fff;border-radius:12px;padding:12px;margin:0;"
        "width:220px}code{font-size:14px;word-break:break-all}</style>"
        f"<h1>{escape(yours.name)}</h1><p>Reload for fresh codes.</p>{''.join(parts)}"
    )


def _say(url: str, app_url: str, yours: Yours) -> None:
    lead = next((p for p in yours.staff if p.role == "lead"), yours.staff[0])
    out.print(f"\n[bold]Your store is {yours.name} ({yours.node}).[/]")
    out.print(f"  Store app          {app_url}")
    out.print(f"  Codes to scan      {url}/demo/codes")
    out.print(f"  API and its manual {url}/v1/docs")
    out.print(f"  Sign in as         {lead.name}, PIN {lead.pin}, badge {label(ScanKind.BADGE, lead.badge)}")
    out.print(
        "\nFirst: open the store app, type the enrolment code from the page of codes, sign in, press Start next.\n"
        "A scanner that types works anywhere; without one, a lead may confirm picks by hand. Ctrl-C stops everything."
    )
