"""What head office's plain pages share: the frame with its ways, times in words, and forms that only our pages send.

They live under `/live` with its session. A form comes with a cookie that no other site's page can make a browser send
(`SameSite=Strict`), and the browser says that it was a page of this address that sent it (`Sec-Fetch-Site`, `Origin`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from server.kit.auth import Actor, authorize
from server.kit.templates import templates_in
from server.kit.web import PartsDep
from server.pages import session
from shared.errors import BatonError, NotAllowed

MAX_FORM = 4096
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A page head office can go to."""

    path: str
    title: str


WAYS = (
    Way("/live", "Live"),
    Way("/live/nodes", "Nodes"),
    Way("/live/holds", "Holds"),
    Way("/live/queues", "Queues"),
    Way("/live/plans", "Routing plans"),
)
_pages = templates_in(Path(__file__).parent / "templates")
_pages.globals["ways"] = WAYS
_pages.filters["utc"] = lambda at: f"{at:%Y-%m-%d %H:%M} UTC"


async def _signed_in(request: Request, parts: PartsDep) -> Actor:
    """Who is signed in here; whoever is not is shown the door."""
    async with parts.db.reading() as tx:
        actor = await session.actor_behind(tx, parts.keys, request.cookies.get(session.COOKIE))
    try:
        authorize(actor, "board.read")
    except BatonError:
        raise HTTPException(303, "Sign in first.", {"Location": "/live"}) from None
    return actor


SignedIn = Annotated[Actor, Depends(_signed_in)]


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page that is made anew each time."""
    return HTMLResponse(_pages.get_template(template).render(values), status, {**HEADERS, "Cache-Control": "no-store"})


def office_page(template: str, here: str, actor: Actor, status: int = 200, **values: Any) -> HTMLResponse:
    """A page within the frame, for whoever is signed in."""
    return page(template, status, **{"here": here, "name": actor.name, "wrong": "", **values})


def back(path: str) -> RedirectResponse:
    """After a form: the page again, so that a reload sends nothing twice."""
    return RedirectResponse(path, 303, HEADERS)


def words(error: BatonError) -> str:
    """Why a form was not carried out, for the page."""
    problem = error.problem()
    first = next(iter(problem.errors), None)
    said = f"{first.message} {first.remedy or ''}" if first else f"{problem.detail} {problem.remedy or ''}"
    return said.strip()


async def form(request: Request, *, most: int = MAX_FORM, lines: str = "") -> dict[str, str]:
    """The fields of a form of ours, of at most so many bytes; the field `lines` keeps its line ends.

    Raises `NotAllowed` for one from elsewhere.
    """
    if not _ours(request.headers.get("sec-fetch-site"), request.headers.get("origin"), request.headers.get("host")):
        raise NotAllowed("This form came from another page.", remedy="Open the page here and try again.")
    fields = parse_qs((await request.body())[:most].decode("utf-8", "replace"), max_num_fields=20)
    kept = {name: "\n" if name == lines else "" for name in fields}
    return {
        name: "".join(c for c in values[0] if c.isprintable() or c in kept[name]).strip()
        for name, values in fields.items()
    }


def _ours(site: str | None, origin: str | None, host: str | None) -> bool:
    """Whether a page of this address sent it. Our pages tell no address of theirs, so that their origin is `null`."""
    if site is not None:
        return site == "same-origin"
    return origin in (None, "null") or urlsplit(origin).netloc == host


def clock(at: datetime, zone: str, now: datetime) -> str:
    """A moment by a node's own clock: `17:00` today (`24:00` at its end), `Tue 09:00` within a week, `4 Dec 09:00`."""
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    days = (local.date() - today).days
    if days == 0 or (days == 1 and local.time() == time()):
        return f"{local:%H:%M}" if days == 0 else "24:00"
    return f"{local:%a %H:%M}" if abs(days) < 7 else f"{local.day} {local:%b %H:%M}"


def span(time_: timedelta) -> str:
    """How long, for people: `3 min`, `2 h 5 min`, `4 days`."""
    minutes = int(time_.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 and minutes < 600 else "")
    return f"{minutes // 1440} days"


def money(minor: int, currency: str) -> str:
    return f"{minor // 100}.{minor % 100:02} {currency}"
