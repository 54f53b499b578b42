"""A busy store without a server: the real app over the engine tests' in-memory server, for pictures and quick looks.

python -m tests.browser.sample_floor --port 8600 [--signed-out | --new]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn

from shared import passes
from shared.exceptions import EXCEPTIONS
from shared.fulfilment import Arrival, Collector, Fulfilment, JobLine, Package, PackedLine, State, WhyCard, WhyRival
from shared.put_back import TaskLine
from shared.sync import ExceptionDoc, ItemDoc, NodeDoc
from store_app.engine.engine import Engine
from store_app.web import Engines, create_web
from tests.unit.engine.fakes import NODE, PIN_KEY, FakeNetwork, FakeServer, a_person, a_position

PIN = "246813"
ITEMS = (
    ("JUMPER", "Lambswool jumper", "Navy, M", "apparel", 6900, 420),
    ("JUMPER-S", "Lambswool jumper", "Navy, S", "apparel", 6900, 400),
    ("JEANS", "Straight jeans, organic cotton, long", "Indigo, 32/34", "apparel", 8900, 700),
    ("SNEAKER", "Canvas sneaker", "White, 42", "shoes", 5500, 900),
    ("LOAF", "Sourdough loaf", "", "bakery", 499, 750),
    ("WINE", "Red wine 0.75 l", "", "drinks", 1299, 1250),
    ("APPLE", "Red apples, loose", "", "produce", 3, 1),
)


def _gtin(number: int) -> str:
    digits = f"{number:012}"
    return digits + str(-sum(int(d) * w for d, w in zip(digits, (1, 3) * 6, strict=True)) % 10)


CODES = {sku: _gtin(n) for n, (sku, *_) in enumerate(ITEMS, start=400638100001)}
"""SKU -> its GTIN-13."""
WHY = WhyCard(
    plan="standard v7",
    summary="Closest store that has everything: 2.1 km from the customer, one parcel.",
    rivals=(
        WhyRival(node="S002", name="Lyon Confluence", score=0.71, lost_by="3.4 km further away"),
        WhyRival(node="W001", name="Warehouse Saint-Priest", score=0.55, lost_by="arrives one day later"),
    ),
    excluded={"no_stock": 12, "closed": 1, "no_capacity": 3},
)


class Now:
    """The real time, for a server that needs nothing else of a clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def sample_server() -> FakeServer:
    """A store in the middle of its day."""
    server = FakeServer(clock=Now())  # type: ignore[arg-type]
    for key in [*server.docs]:
        server.take_out(*key)
    node = NodeDoc(
        code=NODE,
        name="Lyon Part-Dieu",
        type="store",
        time_zone="Europe/Paris",
        currency="EUR",
        staging=("A1", "A2", "B1", "Fridge"),
        bays=("1", "2", "3"),
        lock_after_s=3600,
    )
    server.put("node", NODE, node)
    verifier = passes.pin_verifier(PIN, base64.b64decode(PIN_KEY), bytes(16))
    for id_, name, role in (("marie", "Marie Laurent", "lead"), ("theo", "Théo Martin", "associate")):
        server.put("person", id_, a_person(id_, name, role, pin_verifier=verifier))
    for n, (sku, name, variant, category, price, grams) in enumerate(ITEMS):
        item = ItemDoc(
            sku=sku,
            name=name,
            variant=variant,
            category=category,
            barcodes=("0" + CODES[sku],),
            price=price,
            currency="EUR",
            weight_grams=grams,
            flags=("weighed",) if sku == "APPLE" else ("age_restricted",) if sku == "WINE" else (),
        )
        server.put("item", sku, item)
        server.put("stock", sku, a_position(sku, sellable=3 + n, bin=f"{'ABCD'[n % 4]}-0{n + 1}-2", walk=n))
    for job in sample_jobs(server.clock.now()):
        server.put("fulfilment", str(job.id), job)
    for doc in sample_exceptions(server.clock.now()):
        server.put("exception", str(doc.id), doc)
    return server


def sample_exceptions(now: datetime) -> list[ExceptionDoc]:
    """Units to put back, a customer outside, a bag that may be wrong, and goods that are gone."""

    def exception(number: int, kind: str, minutes: int, **more: Any) -> ExceptionDoc:
        opened, owner = now - timedelta(minutes=20), EXCEPTIONS[kind].owner
        due = now + timedelta(minutes=minutes)
        given = {"node": NODE, "owner_role": owner, "opened_at": opened, "due_at": due, **more}
        return ExceptionDoc(id=UUID(int=number), kind=kind, **given)

    def units(line: int, sku: str, freed: int, damaged: int = 0) -> TaskLine:
        return TaskLine(line=line, sku=sku, freed=freed, damaged=damaged)

    lines = (units(1, "JUMPER", 2), units(2, "APPLE", 1200), units(3, "WINE", 1, 1), units(4, "JEANS", 1))
    return [
        exception(
            500,
            "put_back",
            95,
            order_number="B-1051-AA",
            lines=lines,
            values={"cause": "cancelled", "place": "B1"},
        ),
        exception(501, "arrived_after_close", -3, order_number="B-1033-7K", fulfilment=UUID(int=4)),
        exception(502, "packed_differs", 12, order_number="B-1046-7K", fulfilment=UUID(int=5)),
        exception(
            503,
            "handed_off_after_close",
            170,
            order_number="B-1029-7K",
            lines=(units(1, "LOAF", 2),),
            values={"state": "cancelled", "units": 2},
        ),
    ]


def sample_jobs(now: datetime) -> list[Fulfilment]:
    """One of each kind and state."""
    number = itertools.count(1)

    def job(customer: str, due: float, *lines: tuple[str, int], **more: Any) -> Fulfilment:
        n = next(number)
        parts = tuple(JobLine(line=i, sku=sku, quantity=q) for i, (sku, q) in enumerate(lines, start=1))
        held = more.pop("held", False)
        if held:
            parts = tuple(line.model_copy(update={"picked_by": {"D9": line.quantity}}) for line in parts)
        fields: dict[str, Any] = {
            "id": UUID(int=n),
            "number": f"B-{1041 + n}-7K/1",
            "order_id": UUID(int=1000 + n),
            "order_number": f"B-{1041 + n}-7K",
            "node": NODE,
            "method": "pickup",
            "lines": parts,
            "offered_at": now - timedelta(minutes=20),
            "due_at": now + timedelta(minutes=due),
            "customer": customer,
            "phone": "···· 4711",
            "why": WHY,
            **more,
        }
        return Fulfilment(**fields)

    address = ("Ines Caron", "12 rue de la République", "69002 Lyon", "France")
    bag = (Package(id="1", lines=(PackedLine(line=1, quantity=1),)),)
    parcel = {"method": "ship_from_store", "address": address, "phone": None}

    def labelled(tracking: str, carrier: str) -> tuple[Package, ...]:
        return (bag[0].model_copy(update={"carrier": carrier, "tracking": tracking}),)

    waiting = {"state": State.ARRIVED, "method": "curbside", "held": True, "packages": bag}
    ready = {"state": State.READY, "held": True, "packages": bag}
    return [
        job("Maria S.", 12, ("JUMPER", 2), ("JEANS", 1), ("SNEAKER", 1), proxies=(Collector(name="Bob S."),)),
        job("Jean P.", -9, ("LOAF", 2), ("WINE", 1), age_check=18),
        job("Ines C.", 160, ("JEANS", 1), ("JUMPER-S", 3), **parcel),
        job(
            "Omar K.",
            5,
            ("SNEAKER", 1),
            **waiting,
            staging="A2",
            arrival=Arrival(at=now - timedelta(minutes=4), vehicle="Red Renault Clio", bay="2"),
        ),
        job("Lena W.", 60, ("JUMPER", 1), ("LOAF", 1), state=State.PICKED, held=True, assignee="marie"),
        job("Aïcha B.", 45, ("WINE", 1), state=State.PICKING, assignee="theo"),
        job("Paul D.", -30, ("JEANS", 1), **ready, staging="A1", expires_at=now + timedelta(days=3)),
        job("Sofia R.", -200, ("LOAF", 1), **ready, staging="B1", expires_at=now + timedelta(hours=5)),
        job("Ines C.", 200, ("JUMPER", 1), ("LOAF", 2), state=State.PICKED, held=True, **parcel, assignee="marie"),
        job(
            "Noah F.",
            90,
            ("JEANS", 1),
            state=State.AWAITING_CARRIER,
            held=True,
            **parcel,
            packages=labelled("6A1234567", "Colissimo"),
        ),
        job(
            "Emma G.",
            95,
            ("LOAF", 1),
            state=State.AWAITING_CARRIER,
            held=True,
            **parcel,
            packages=labelled("XY987654321FR", "Chronopost"),
        ),
        job("Hugo L.", 240, ("APPLE", 1200), ("LOAF", 1)),
        job(
            "Zoé M.",
            20,
            ("JUMPER", 1),
            state=State.SHIPPED,
            held=True,
            **parcel,
            packages=labelled("6A1234560", "Colissimo"),
        ),
    ]


def sample_engine(folder: Path, *, enrolled: bool = True, person: str | None = "marie") -> Engine:
    """An engine that has synced once; nobody keeps it in step afterwards."""
    server = sample_server()
    engine = Engine.open(folder, "http://unused", transport=FakeNetwork(server))

    async def begin() -> None:
        assert (await engine.enrol(server.code, "Tablet")).ok
        assert await engine.syncer.run_once()
        if person:
            assert engine.session.sign_in_badge(f"BTN:B:BADGE-{person.upper()}").ok
            assert await engine.syncer.run_once()

    if enrolled:
        with ThreadPoolExecutor(1) as own_thread:  # a page's loop may be running in this one
            own_thread.submit(asyncio.run, begin()).result()
    return engine


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.browser.sample_floor")
    words.add_argument("--port", type=int, default=8600)
    words.add_argument("--new", action="store_true", help="the device is not enrolled yet")
    words.add_argument("--signed-out", action="store_true", help="nobody is signed in")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engines = Engines(
            lambda slot: sample_engine(
                Path(folder) / slot, enrolled=not given.new, person=None if given.signed_out else "marie"
            )
        )
        uvicorn.run(create_web(engines), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
