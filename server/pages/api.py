"""The customer's page of an order, and what they say from it. Nothing here is part of the API's documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import segno
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from server.fulfilment import queries as fulfilment
from server.fulfilment import service
from server.fulfilment.passes import credentials
from server.kit.auth import Actor
from server.kit.templates import templates_in
from server.kit.transaction import Tx
from server.kit.web import Parts, PartsDep
from server.messages.answers import hours_of, local_day
from server.messages.links import order_of
from server.messages.rules import amount
from server.network import queries as network
from server.orders import queries as orders
from server.pages.rules import GONE, WAITING, can_announce, headline, steps_of
from shared.fulfilment import Arrive, Fulfilment, OnTheWay
from shared.methods import METHODS
from shared.orders import OrderView, UnitState

router = APIRouter(prefix="/c", include_in_schema=False)
CUSTOMER = Actor("system", "customer", "Customer", frozenset({"system"}))
"""Whoever holds the link. May only say what this module lets them."""
MAX_FORM = 4096
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
}
_pages = templates_in(Path(__file__).parent / "templates")


@router.get("/{token}")
async def show(token: str, parts: PartsDep) -> Response:
    """The order as its customer sees it: steps, lines, pass and code."""
    order_id = order_of(parts.keys, token)
    async with parts.db.reading() as tx:
        order = await orders.order(tx, order_id) if order_id else None
        if order is None:
            return _page("unknown.html", 404)
        jobs = [job for job in await fulfilment.jobs(tx, order_id=order.id) if job.state not in GONE]
        cards = [await _card(tx, parts, job, token) for job in jobs]
    return _page(
        "order.html",
        order=order,
        headline=headline(order.status, jobs),
        cards=cards,
        lines=[_line(order, number) for number in range(len(order.lines))],
        total=amount(order.money.total, order.money.currency),
        refresh=not any(card["arrive"] for card in cards),
    )


@router.post("/{token}/{job_id}/on-the-way")
async def on_the_way(token: str, job_id: UUID, request: Request, parts: PartsDep) -> Response:
    """I'm on my way."""
    form = await _form(request)
    return await _say(parts, token, OnTheWay(fulfilment=job_id, vehicle=form.get("vehicle", "")[:80] or None))


@router.post("/{token}/{job_id}/arrived")
async def arrived(token: str, job_id: UUID, request: Request, parts: PartsDep) -> Response:
    """I've arrived, with this car at that bay."""
    form = await _form(request)
    vehicle, bay = form.get("vehicle", "")[:80], form.get("bay", "")[:12]
    return await _say(parts, token, Arrive(fulfilment=job_id, vehicle=vehicle or None, bay=bay or None))


async def _say(parts: Parts, token: str, command: OnTheWay | Arrive) -> Response:
    """Carry it out if the job belongs to the link's order and waits at the curb; then show the page again."""
    order_id = order_of(parts.keys, token)

    async def work(tx: Tx) -> bool:
        job = await fulfilment.job(tx, command.fulfilment)
        if job is None or job.order_id != order_id:
            return False
        if any(can_announce(job)):
            await service.carry_out(tx, CUSTOMER, [command])
        return True

    if not await parts.db.write(work):
        return _page("unknown.html", 404)
    return RedirectResponse(f"/c/{token}", 303, HEADERS)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form, control characters dropped."""
    body = (await request.body())[:MAX_FORM].decode("utf-8", "replace")
    fields = parse_qs(body, max_num_fields=20)
    return {name: "".join(c for c in values[0] if c.isprintable()).strip() for name, values in fields.items()}


async def _card(tx: Tx, parts: Parts, job: Fulfilment, token: str) -> dict[str, Any]:
    """One job: its steps, its store, and pass and code while the bag waits."""
    node = await network.node(tx, job.node)
    way, arrive = can_announce(job)
    waiting = METHODS[job.method].has_pass and job.state in WAITING
    right = credentials(parts.keys, job) if waiting else None
    parcel = job.packages[0] if job.packages else None
    return {
        "job": job,
        "steps": steps_of(job),
        "store": node,
        "hours": hours_of(node) if node and METHODS[job.method].has_pass else [],
        "qr": Markup(_qr(right.pass_text)) if right else None,  # noqa: S704 (segno's own SVG)
        "code": right.code if right else None,
        "until": local_day(job.expires_at, node) if waiting and node and job.expires_at else None,
        "parcel": parcel if parcel and parcel.tracking and not METHODS[job.method].has_pass else None,
        "on_the_way": way,
        "arrive": arrive,
        "address": f"/c/{token}/{job.id}",
    }


def _qr(text: str) -> str:
    """A pass as SVG that fills its box; correction M so that a scratched screen still reads."""
    svg: str = segno.make(text, error="m", micro=False).svg_inline(
        omitsize=True, border=4, dark="#191B20", light="#fff"
    )
    return svg


def _line(order: OrderView, number: int) -> dict[str, Any]:
    line = order.lines[number]
    others = [each.name or each.sku for each in order.lines if each.replaces == line.line]
    ordered = next((each for each in order.lines if each.line == line.replaces), None)
    return {
        "name": line.name or line.sku,
        "quantity": line.quantity,
        "gone": line.units.get(UnitState.CANCELLED, 0),
        "replaced": line.units.get(UnitState.REPLACED, 0),
        "by": ", ".join(others),
        "instead_of": (ordered.name or ordered.sku) if ordered else "",
    }


def _page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_pages.get_template(template).render(values), status, HEADERS)
