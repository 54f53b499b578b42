"""`/demo/codes`: everything there is to scan in your store at this moment, drawn as it would be printed or shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import segno
import zxingcpp
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from server.demo.customers import Customers
from server.demo.people import Person
from server.fulfilment import queries
from server.kit.auth import SYSTEM
from server.kit.templates import templates_in
from server.kit.transaction import Tx
from server.kit.web import Parts, PartsDep
from server.people import devices
from server.people.rules import EnrolmentCode
from shared.barcodes import ScanKind, label
from shared.fulfilment import Fulfilment
from shared.methods import METHODS

_pages = templates_in(Path(__file__).parent / "templates")
FRESH = timedelta(minutes=2)
"""A code to connect with is shown again until so shortly before its end."""


@dataclass(frozen=True)
class Yours:
    """The store that is left to you."""

    node: str
    name: str
    staff: tuple[Person, ...]
    places: tuple[str, ...] = ()
    bays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToPick:
    """One line of a job, as it stands on the shelf."""

    name: str
    code: str
    units: int
    bin: str


@dataclass
class CodesPage:
    """`customers` is set once the demo runs."""

    yours: Yours
    customers: Customers | None = None
    _offer: EnrolmentCode | None = field(default=None, repr=False)

    def router(self) -> APIRouter:
        router = APIRouter(tags=["demo"], include_in_schema=False)

        @router.get("/demo/codes")
        async def codes(parts: PartsDep) -> HTMLResponse:
            return HTMLResponse(await self.draw(parts), headers={"Cache-Control": "no-store"})

        return router

    async def draw(self, parts: Parts) -> str:
        """The page as it is now."""
        if self._offer is None or self._offer.expires_at - FRESH < parts.db.clock():
            self._offer = await parts.db.write(
                lambda tx: devices.offer_enrolment(tx, SYSTEM, parts.keys, self.yours.node)
            )
        jobs = await parts.db.read(lambda tx: queries.jobs(tx, node=self.yours.node, states=TO_PICK, limit=12))
        parcels = await parts.db.read(lambda tx: queries.jobs(tx, node=self.yours.node, states=TO_SEND, limit=100))
        items = await parts.db.read(lambda tx: _items(tx, self.yours.node, jobs))
        connected = await parts.db.read(lambda tx: _devices(tx, self.yours.node))
        return _pages.get_template("codes.html").render(
            yours=self.yours,
            connected=connected,
            offer=self._offer,
            staff=[(person, label(ScanKind.BADGE, person.badge)) for person in self.yours.staff],
            jobs=[(job, _lines(job, items)) for job in jobs],
            visitors=self.customers.here() if self.customers else [],
            labels=[(job, tracking(job)) for job in parcels if METHODS[job.method].delivery == "ship"],
            places=[(place, label(ScanKind.STAGING, place)) for place in self.yours.places],
            qr=qr,
            bars=bars,
            code_128=code_128,
        )


TO_PICK = ("offered", "accepted", "picking")
TO_SEND = (*TO_PICK, "picked", "packed", "awaiting_carrier")


async def _devices(tx: Tx, node: str) -> int:
    """How many devices belong to your store: none before the first was connected."""
    return int(await tx.value("SELECT count(*) FROM device WHERE node = :node AND revoked_at IS NULL", node=node))


async def _items(tx: Tx, node: str, jobs: Sequence[Fulfilment]) -> dict[str, tuple[str, str, str]]:
    """SKU -> name, printed code, bin."""
    rows = await tx.rows(
        "SELECT i.sku, i.name, coalesce(min(b.code), i.sku) AS code, coalesce(min(p.bin), '') AS bin FROM item i"
        " LEFT JOIN barcode b USING (sku) LEFT JOIN stock_position p ON p.sku = i.sku AND p.node = :node"
        " WHERE i.sku = ANY(CAST(:skus AS text[])) GROUP BY i.sku, i.name",
        node=node,
        skus=sorted({line.sku for job in jobs for line in job.lines if line.open}),
    )
    return {r["sku"]: (r["name"], r["code"].removeprefix("0"), r["bin"]) for r in rows}


def _lines(job: Fulfilment, items: Mapping[str, tuple[str, str, str]]) -> list[ToPick]:
    found = []
    for line in job.lines:
        if line.open:
            name, code, place = items[line.sku]
            found.append(ToPick(name, code, line.open, place))
    return sorted(found, key=lambda each: each.bin)


def qr(text: str) -> Markup:
    """A QR code as SVG that fills its box."""
    return Markup(segno.make(text, micro=False).svg_inline(omitsize=True, border=2))  # noqa: S704 (segno's own SVG)


def tracking(job: Fulfilment) -> str:
    """The number on the label that a carrier would print for this job."""
    return "PX" + "".join(filter(str.isalnum, job.number))


def code_128(text: str) -> Markup:
    """A carrier's label."""
    return _drawn(text, zxingcpp.BarcodeFormat.Code128)


def bars(code: str) -> Markup:
    """The code as it is printed on the item: EAN-13 where it is one, a QR code otherwise."""
    if len(code) != 13:  # it would be filled up with zeros
        return qr(code)
    try:
        return _drawn(code, zxingcpp.BarcodeFormat.EAN13)
    except ValueError:  # letters, or a wrong check digit
        return qr(code)


def _drawn(code: str, kind: zxingcpp.BarcodeFormat) -> Markup:
    """SVG that fills its box."""
    drawn = zxingcpp.create_barcode(code, kind).to_svg(add_quiet_zones=True)
    size = re.search(r'width="(\d+)" height="(\d+)"', drawn)
    if size is None:
        raise RuntimeError("the drawing of a bar code has no size")
    scalable = drawn.replace(size[0], f'viewBox="0 0 {size[1]} {size[2]}"', 1)
    return Markup(scalable[scalable.index("<svg") :])  # noqa: S704 (drawn from digits, or from our own number)
