"""The demo to play with: real baskets arrive as orders, tills sell, and one store is yours.

One process serves the API and runs the jobs; the store app is a process of its own, as in a store. Orders and sales
come over HTTP like any channel's. Everywhere else simulated people work; in your store only you do.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn
from rich.console import Console
from rich.progress import Progress

from server import app as application
from server.demo import retailer as making
from server.demo.codes import CodesPage, Yours
from server.demo.crowd import order_body, sale_body
from server.demo.customers import Customers
from server.demo.demand import CounterSale, Happening, OnlineOrder, replay
from server.demo.load import BAYS, STAGING, is_loaded, load
from server.demo.neighbours import Neighbours
from server.demo.retailer import Retailer
from server.demo.world import World, world_behind
from server.kit import garbage, keys
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.people import keys as api_keys
from server.people.rules import KeyRole, NewKey
from server.settings import Settings
from shared.barcodes import ScanKind, label
from shared.here import network_addresses

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
    network: bool = True
    """Serve the store app to the network too, with TLS, on the port after `app_port`."""


def your_store(retailer: Retailer) -> Yours:
    """The busiest store, and the people who work there."""
    node = next(n for n in retailer.nodes if n.type == "store")
    staff = tuple(p for p in retailer.people if node.code in p.nodes)
    return Yours(node.code, node.name, staff, STAGING, BAYS)


async def run(choices: Choices) -> None:
    """Everything up, until Ctrl-C."""
    out.print("Making a retailer out of real baskets ...")
    retailer = making.build(stores=choices.stores)
    yours = your_store(retailer)
    settings = Settings(data_dir=choices.data, port=free_port(choices.port, "server"), log_level="WARNING")
    async with application.prepared(settings) as db:
        await _fill(db, retailer, yours)
    page = CodesPage(yours)
    app = application.create_app(settings, slices=(*application.SLICES, page.router()))
    garbage.tame()
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    url = f"http://{settings.host}:{settings.port}"
    await _answers(url + "/livez", serving)
    async with _store_apps(choices, url) as (app_url, tablet_urls):
        db = app.state.parts.db
        token, board_key = await _key(db, "Demo channels", "integration"), await _key(db, "Demo planner", "planner")
        async with _client(url, token) as client:
            shelves = world_behind(retailer.positions, retailer.seed)
            others = Neighbours(app.state.parts, url, client, retailer, shelves, yours.node, choices.speed)
            page.customers = Customers(app.state.parts, client, yours.node, yours.bays, choices.speed, retailer.seed)
            coming = asyncio.create_task(page.customers.run())
            buying = asyncio.create_task(_replay(client, retailer, yours, shelves, choices.speed))
            working = asyncio.create_task(others.run())
            _say(url, app_url, tablet_urls, board_key, yours)
            try:
                told = asyncio.create_task(_told(server))
                await asyncio.wait({serving, buying, working, coming, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (buying, working, coming, told):
                    task.cancel()
                await asyncio.gather(buying, working, coming, told, return_exceptions=True)
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


def free_port(wanted: int, what: str) -> int:
    """`wanted`, or where somebody listens there already, the next free port, said aloud."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port != wanted:
                    out.print(f"[yellow]Port {wanted} is taken; the {what} listens on {port}.[/]")
                return port
    raise SystemExit(f"No free port from {wanted} on. Choose another one for the {what}.")


@contextlib.asynccontextmanager
async def _store_apps(choices: Choices, server: str) -> AsyncIterator[tuple[str, list[str]]]:
    """The store app in its own process, plain on this machine; with TLS for the network in another one."""
    port = free_port(choices.app_port, "store app")
    given = [["--port", str(port), "--data", str(choices.data / "store")]]
    tablets = []
    if choices.network:
        other = free_port(port + 1, "store app for tablets")
        given.append(["--host", "0.0.0.0", "--port", str(other), "--data", str(choices.data / "tablets"), "--tls"])  # noqa: S104 (asked for)
        tablets = [f"https://{address}:{other}" for address in network_addresses()]
    children = [
        subprocess.Popen([sys.executable, "-m", "store_app", "--server", server, *words])  # noqa: ASYNC220, S603 (our own words)
        for words in given
    ]
    try:
        yield f"http://127.0.0.1:{port}", tablets
    finally:
        for child in children:
            child.terminate()
        for child in children:
            await asyncio.to_thread(child.wait, 20)


async def _key(db: Database, name: str, role: KeyRole) -> str:
    new = NewKey(name=name, roles=[role])
    return (await db.write(lambda tx: api_keys.create_key(tx, SYSTEM, new))).key


# ---------------------------------------------------------------- orders and tills


def _client(url: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def first_orders(happenings: Sequence[Happening], retailer: Retailer, yours: Yours) -> list[OnlineOrder]:
    """Work for a newcomer: bags to collect at your store, one of them from a car, and parcels only a store can send.

    The parcels are baskets of your store with something that no warehouse has, sent home instead.
    """
    orders = [h for h in happenings if isinstance(h, OnlineOrder) and h.node == yours.node]
    curbside = [o for o in orders if o.method == "curbside"][:1]
    pickup = [o for o in orders if o.method == "pickup"]
    mine = {p.sku for p in retailer.positions if p.node == yours.node and p.units > 2}
    stores = {store.code for store in retailer.stores}
    central = {p.sku for p in retailer.positions if p.node not in stores}
    parcels = [o for o in pickup[2:] if (skus := {line.sku for line in o.lines}) <= mine and not skus <= central][:2]
    sent = [replace(o, method="ship", node=None, collection=None, external_id=f"{o.external_id}-sent") for o in parcels]
    return [*pickup[:2], *curbside, *sent]


async def _replay(client: httpx.AsyncClient, retailer: Retailer, yours: Yours, shelves: World, speed: float) -> None:
    """Orders and receipts, `speed` times as fast as they happened. Your store gets its first ones at once."""
    run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
    happenings = list(replay(retailer, start=datetime.now(UTC)))
    for order in first_orders(happenings, retailer, yours):
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


# ---------------------------------------------------------------- what to try


def _say(url: str, app_url: str, tablet_urls: Sequence[str], board_key: str, yours: Yours) -> None:
    lead = next((p for p in yours.staff if p.role == "lead"), yours.staff[0])
    out.print(f"\n[bold]Your store is {yours.name} ({yours.node}).[/]")
    out.print(f"  Store app            {app_url}")
    for each in tablet_urls:
        out.print(f"  Store app, tablet    {each}  (its certificate is home-made: accept it once)")
    out.print(f"  What to scan         {url}/demo/codes")
    out.print(f"  Head office, live    {url}/live#{board_key}")
    out.print(f"  API and its manual   {url}/v1/docs")
    out.print(f"  Sign in as           {lead.name}, PIN {lead.pin}, badge {label(ScanKind.BADGE, lead.badge)}")
    out.print(
        "\n[bold]What to try first[/]\n"
        "  1. Open the store app and, beside it, the page of what to scan. Connect with the code there, sign in.\n"
        "  2. Start next: scan each item (no scanner: type its digits and Enter), then a place for the bag.\n"
        "  3. A customer turns up on the page of codes: scan their pass, hand over. Cars announce themselves.\n"
        "  4. A parcel: pick, pack, type any tracking number, give it to the carrier.\n"
        "  5. Scan any item anywhere for its stock and its arithmetic; open an order for its story and Why me.\n"
        "     Watch it all on head office's live page.\n"
        "\nCtrl-C stops everything; the next start finds it again."
    )
