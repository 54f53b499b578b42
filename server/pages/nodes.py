"""Head office's page of nodes: open or closed, how full the day is, what the store has switched off, and the switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from server.kit.auth import Actor, may
from server.kit.transaction import Tx
from server.kit.web import PartsDep
from server.network import queries as network
from server.network import service
from server.network.rules import Calendar, NodeView, Off, Switch, next_collection, open_times
from server.pages.office import SignedIn, back, clock, form, office_page, words
from server.routing import queries as routing
from server.routing.queries import NodeDay
from shared.errors import BatonError
from shared.network import Delivery, SwitchReason

router = APIRouter(prefix="/live/nodes", include_in_schema=False)
HERE = "/live/nodes"
NAMES = {Delivery.SHIP: "Parcels", Delivery.PICKUP: "Pickup", Delivery.CURBSIDE: "Curbside"}
MOST = 200


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs of one kind on the node's day, against its limit."""

    name: str
    jobs: int
    limit: int | None

    @property
    def full(self) -> bool:
        return self.limit is not None and self.jobs >= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One node, in words."""

    node: NodeView
    opening: str
    day: str
    loads: tuple[Load, ...]
    driver: str
    off: tuple[tuple[str, str, str], ...]
    """(what is off and until when, why, who says so)."""

    @property
    def look(self) -> str:
        if self.off:
            return "off"
        return "full" if any(load.full for load in self.loads) else ""


@router.get("")
async def show(
    parts: PartsDep,
    actor: SignedIn,
    find: Annotated[str, Query(max_length=40)] = "",
    only: Annotated[str, Query(pattern="^(off|full)?$")] = "",
) -> Response:
    """All nodes by name; those that need a look can be asked for alone."""
    return await _shown(parts, actor, find=find, only=only)


@router.post("/{code}/switch")
async def switch(code: str, request: Request, parts: PartsDep, actor: SignedIn) -> Response:
    """Everything on again, or off until somebody says otherwise."""
    fields = await form(request)
    on = fields.get("taking_orders") == "yes"
    try:
        wish = Switch(taking_orders=on, note="" if on else fields.get("note", "")[:200])
        await parts.db.write(lambda tx: service.switch(tx, actor, code, wish))
    except BatonError as error:
        return await _shown(parts, actor, wrong=words(error))
    return back(HERE)


async def _shown(parts: PartsDep, actor: Actor, *, find: str = "", only: str = "", wrong: str = "") -> Response:
    async with parts.db.reading() as tx:
        rows = await _rows(tx)
    counts = {look: sum(row.look == look for row in rows) for look in ("off", "full")}
    asked = find.lower()
    shown = [
        row for row in rows if asked in f"{row.node.name} {row.node.code}".lower() and (not only or row.look == only)
    ]
    return office_page(
        "nodes.html",
        HERE,
        actor,
        rows=shown[:MOST],
        more=max(0, len(shown) - MOST),
        total=len(rows),
        counts=counts,
        find=find,
        only=only,
        wrong=wrong,
        may_switch=may(actor, "network.switch"),
    )


async def _rows(tx: Tx) -> list[Row]:
    nodes = await network.nodes(tx, limit=100_000)
    days = {each.node: each for each in await routing.node_days(tx, [node.code for node in nodes])}
    calendars = (await network.book(tx)).calendars
    return sorted(
        (_row(node, calendars[node.code], days.get(node.code), tx.now) for node in nodes),
        key=lambda row: (row.node.name, row.node.code),
    )


def _row(node: NodeView, calendar: Calendar, day: NodeDay | None, now: datetime) -> Row:
    return Row(
        node=node,
        opening=_opening(calendar, now),
        day=_day(day, calendar, now),
        loads=_loads(node, day) if day else (),
        driver=_driver(node, calendar, now),
        off=_off(node.switched_off, calendar, now),
    )


def _off(off: Sequence[Off], calendar: Calendar, now: datetime) -> tuple[tuple[str, str, str], ...]:
    """Ways of delivery that were switched off for the same reason are said together."""
    stories: dict[tuple[datetime | None, str, str, str], list[str]] = {}
    for each in sorted(off, key=lambda each: list(Delivery).index(each.method)):
        stories.setdefault((each.until, each.reason, each.note, each.by), []).append(NAMES[each.method])
    found = []
    for (until, reason, note, by), names in stories.items():
        what = f"{', '.join(names)} off" + (f" until {clock(until, calendar.time_zone, now)}" if until else "")
        why = "" if reason == SwitchReason.OTHER and note else reason.replace("_", " ")
        found.append((what, ", ".join(part for part in (why, f"“{note}”" if note else "") if part), by))
    return tuple(found)


def _opening(calendar: Calendar, now: datetime) -> str:
    """`Open until 21:00`, or when it opens next."""
    found = next(open_times(calendar, now), None)
    if found is None:
        return "Closed for good"
    _, start, end = found
    if start > now:
        return f"Closed, opens {clock(start, calendar.time_zone, now)}"
    always = (end - now).days >= 1
    return "Open" if always else f"Open until {clock(end, calendar.time_zone, now)}"


def _day(day: NodeDay | None, calendar: Calendar, now: datetime) -> str:
    if day is None:
        return ""
    today = now.astimezone(ZoneInfo(calendar.time_zone)).date()
    return "Today" if day.day == today else f"{day.day:%A}"


def _loads(node: NodeView, day: NodeDay) -> tuple[Load, ...]:
    """All jobs, and each way of delivery that the node offers or had jobs of."""
    kinds = [m for m in Delivery if m in node.capabilities or day.jobs[m]]
    parts = tuple(Load(NAMES[m], day.jobs[m], day.capacity_by_method.get(m)) for m in kinds)
    return (Load("All", day.in_all, day.capacity), *parts)


def _driver(node: NodeView, calendar: Calendar, now: datetime) -> str:
    if Delivery.SHIP not in node.capabilities:
        return ""
    leaves = next_collection(calendar, now)
    if leaves is None:
        return "No carrier comes"
    who = " ".join(part for part in (leaves.carrier, leaves.service) if part)
    at = clock(leaves.at, calendar.time_zone, now)
    return f"{at}{', ' + who if who else ''}"
