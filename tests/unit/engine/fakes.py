"""A server that behaves like the protocol, in memory; a network that misbehaves on demand; a clock one can turn."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.api import MEDIA_TYPE
from shared.fulfilment import Command, Context, Fulfilment, JobLine, apply
from shared.stock import Atp, Buckets, StockDoc
from shared.sync import ItemDoc, NodeDoc, PersonDoc
from store_app.engine import Engine
from store_app.engine.client import Client
from store_app.engine.commands import JOB_COMMANDS, parse
from store_app.engine.session import badge_hash
from store_app.engine.transport import Answer, Offline
from tests.unit.engine import fake_shelf

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NODE = "S001"
STREAM = f"node/{NODE}"
PIN_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
GTIN = {1: "04006381333931", 2: "09506000134352"}


class FakeClock:
    """Stands still until told."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def a_job(number: int = 1, *quantities: int, **changes: Any) -> Fulfilment:
    lines = tuple(
        JobLine(line=n, sku=f"SKU-{n}", quantity=quantity) for n, quantity in enumerate(quantities or (3, 1), start=1)
    )
    job = Fulfilment(
        id=UUID(int=number),
        number=f"B-{number}-AA/1",
        order_id=UUID(int=1000 + number),
        order_number=f"B-{number}-AA",
        node=NODE,
        method="pickup",
        lines=lines,
        offered_at=NOON,
        due_at=NOON + timedelta(hours=number),
        customer=f"Maria {number}.",
        phone="···· 4711",
    )
    return job.model_copy(update=changes)


def an_item(number: int, **changes: Any) -> ItemDoc:
    item = ItemDoc(
        sku=f"SKU-{number}",
        name=f"Shirt {number}",
        variant="M blue",
        barcodes=(GTIN.get(number, f"{number:014}"),),
    )
    return item.model_copy(update=changes)


def a_position(sku: str, sellable: int = 5, **changes: Any) -> StockDoc:
    doc = StockDoc(
        sku=sku,
        node=NODE,
        buckets=Buckets(sellable=sellable),
        atp=Atp(on_hand=sellable, not_sellable=0, reserved=1, safety_stock=0),
        bin=f"A-{sku[-1]}",
        walk=int(sku[-1]) if sku[-1].isdigit() else 0,
    )
    return doc.model_copy(update=changes)


def a_person(id_: str, name: str, *roles: str, **changes: Any) -> PersonDoc:
    person = PersonDoc(id=id_, name=name, roles=roles or ("associate",), badge_hash=badge_hash(f"BADGE-{id_.upper()}"))
    return person.model_copy(update=changes)


@dataclass
class FakeServer:
    """Keeps to the wire of `shared.sync`: exactly once, gap-free feed, outcomes on the last row."""

    clock: FakeClock = field(default_factory=FakeClock)
    epoch: int = 1
    docs: dict[tuple[str, str], tuple[str, int, dict[str, Any]]] = field(default_factory=dict)
    feed: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"catalogue": [], STREAM: []})
    first: dict[str, int] = field(default_factory=lambda: {"catalogue": 1, STREAM: 1})
    commands: dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    revoked: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Devices that are shut out, and what they left in quarantine."""
    fails_on: set[int] = field(default_factory=set)
    answer_with: Answer | None = None
    code: str = "123456"
    requests: list[str] = field(default_factory=list)
    opened: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.put("node", NODE, NodeDoc(code=NODE, name="Springfield", type="store", time_zone="UTC", currency="USD"))
        self.put("person", "anna", a_person("anna", "Anna"))
        self.put("person", "lea", a_person("lea", "Lea", "lead"))
        for number in (1, 2):
            self.put("item", f"SKU-{number}", an_item(number))
            self.put("stock", f"SKU-{number}", a_position(f"SKU-{number}"))
        self.put("fulfilment", str(UUID(int=1)), a_job(1))

    # ------------------------------------------------------------ what tests do to it

    def put(self, kind: str, id_: str, doc: Any) -> None:
        """A document changed, for whatever reason."""
        stream = "catalogue" if kind == "item" else STREAM
        version = self.docs.get((kind, id_), ("", 0, {}))[1] + 1
        body = doc.model_dump(mode="json")
        self.docs[(kind, id_)] = (stream, version, body)
        self._row(stream, kind, id_, version, body)

    def take_out(self, kind: str, id_: str) -> None:
        stream, version, _ = self.docs.pop((kind, id_))
        self._row(stream, kind, id_, version + 1, None)

    def job(self, number: int = 1) -> Fulfilment:
        return Fulfilment.model_validate(self.docs[("fulfilment", str(UUID(int=number)))][2])

    def order(self, command: Command, number: int = 1) -> None:
        """Care or another device does something to the job."""
        outcome = apply(self.job(number), command, Context(at=self.clock.now(), actor="care", device="desk"))
        if outcome.changed:
            self.put("fulfilment", str(UUID(int=number)), outcome.fulfilment)

    def compact(self) -> None:
        """Forget the feed so far: whoever is behind must fetch a snapshot."""
        for stream, rows in self.feed.items():
            self.first[stream] += len(rows)
            rows.clear()

    def position(self, sku: str) -> StockDoc:
        return StockDoc.model_validate(self.docs[("stock", sku)][2])

    # ------------------------------------------------------------ the wire

    def answer(self, method: str, path: str, body: Any, params: Mapping[str, str], token: str) -> Answer:
        self.requests.append(path.rsplit("/", 1)[-1])
        if self.answer_with is not None:
            return self.answer_with
        if path.endswith("/enrol"):
            return self._enrol(body)
        device = token.removeprefix("Bearer token-")
        if path.endswith("/quarantine"):
            return self._quarantine(device, body)
        if device not in self.commands or device in self.revoked:
            return _problem(401, "not_signed_in")
        what = path.rsplit("/", 1)[-1]
        if what == "push":
            return self._push(device, body["commands"])
        if what == "pull":
            return self._pull(params)
        return self._snapshot(device) if what == "snapshot" else self._hello(device)

    def take(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Bytes: nobody has named them (`test_photos` has a server that knows photos)."""
        return _problem(404, "not_found")

    def _enrol(self, body: Any) -> Answer:
        if body["code"] != self.code:
            return _problem(403, "not_allowed")
        device = f"D{len(self.commands) + 1}"
        self.commands[device] = []
        return _ok({"device": device, "node": NODE, "token": f"token-{device}", "pin_key": PIN_KEY})

    def _quarantine(self, device: str, body: Any) -> Answer:
        if device not in self.revoked:
            return _problem(*((403, "not_allowed") if device in self.commands else (401, "not_signed_in")))
        known = [command["id"] for command in self.revoked[device]]
        known += [id_ for id_, _, _ in self.commands[device]]
        self.revoked[device] += [command for command in body["commands"] if command["id"] not in known]
        return _ok({"device": device, "held": len(self.revoked[device])})

    def _hello(self, device: str) -> Answer:
        return _ok(
            {
                "server_time": self.clock.now().isoformat(),
                "schemas": [1, 1],
                "epoch": self.epoch,
                "node": NODE,
                "device": device,
                "last_n": len(self.commands[device]),
                "streams": ["catalogue", STREAM],
            }
        )

    def _push(self, device: str, queue: list[dict[str, Any]]) -> Answer:
        done, outcomes = self.commands[device], []
        for command in queue:
            n = command["n"]
            if n <= len(done):
                id_, was, outcome = done[n - 1]
                if (id_, was["body"]) != (command["id"], command["body"]):
                    return _problem(422, "reused_key")
                outcomes.append(outcome)
                continue
            if n > len(done) + 1:
                return _problem(409, "queue_gap", wanted=len(done) + 1)
            if n in self.fails_on:
                return 500, {"content-type": "application/problem+json"}, b"{}"
            outcome = self._carry_out(device, command)
            done.append((command["id"], command, outcome))
            outcomes.append(outcome)
        return _ok({"outcomes": outcomes, "last_n": len(done)})

    def _carry_out(self, device: str, command: dict[str, Any]) -> dict[str, Any]:
        body = parse(command["body"])
        status, notice = "applied", None
        self.applied.append(command["id"])
        if command["body"]["kind"] in JOB_COMMANDS:
            at = datetime.fromisoformat(command["made_at"]) + timedelta(milliseconds=command["offset_ms"])
            ctx = Context(at=at, actor=command["actor"], device=device)
            id_ = str(body.fulfilment)
            outcome = apply(Fulfilment.model_validate(self.docs[("fulfilment", id_)][2]), body, ctx)
            if outcome.changed:
                self.put("fulfilment", id_, outcome.fulfilment)
            status, said = outcome.status, outcome.refusal or outcome.exception or outcome.adjustment
            notice = said.model_dump(mode="json") if said else None
        elif isinstance(body, fake_shelf.FACTS):
            at = datetime.fromisoformat(command["made_at"])
            for kind, id_, doc in fake_shelf.changed(self.docs, device, body, at):
                self.put(kind, id_, doc)
        result = {"id": command["id"], "n": command["n"], "status": status, "notice": notice}
        self._row(STREAM, "outcome", command["id"], 1, None, {"device": device, "outcome": result})
        return result

    def _pull(self, params: Mapping[str, str]) -> Answer:
        limit, rows, reached = int(params["limit"]), [], {}
        more = False
        for part in params["cursor"].split(","):
            stream, _, seq = part.rpartition(":")
            head = self.first[stream] + len(self.feed[stream]) - 1
            if not self.first[stream] - 1 <= int(seq) <= head:
                return _problem(409, "resync")
            found = [row for row in self.feed[stream] if row["seq"] > int(seq)][:limit]
            rows += found
            reached[stream] = found[-1]["seq"] if found else int(seq)
            more = more or reached[stream] < head
        return _ok(
            {
                "rows": rows,
                "cursor": reached,
                "more": more,
                "server_time": self.clock.now().isoformat(),
                "epoch": self.epoch,
            }
        )

    def _snapshot(self, device: str) -> Answer:
        cursor = {stream: self.first[stream] + len(rows) - 1 for stream, rows in self.feed.items()}
        head = {"cursor": cursor, "epoch": self.epoch, "last_n": len(self.commands[device])}
        lines = [json.dumps(head)]
        for (kind, id_), (stream, version, body) in self.docs.items():
            row = {"stream": stream, "seq": cursor[stream], "kind": kind, "id": id_, "version": version, "body": body}
            lines.append(json.dumps(row))
        lines.append(json.dumps({"end": True, "rows": len(lines) - 1}))
        return 200, {"content-type": "application/x-ndjson"}, "\n".join(lines).encode()

    def _row(
        self, stream: str, kind: str, id_: str, version: int, body: Any, origin: dict[str, Any] | None = None
    ) -> None:
        rows = self.feed[stream]
        seq = self.first[stream] + len(rows)
        rows.append(
            {
                "stream": stream,
                "seq": seq,
                "kind": kind,
                "id": id_,
                "version": version,
                "body": json.loads(json.dumps(body)),
                "origin": origin,
            }
        )


def _ok(body: Any) -> Answer:
    return 200, {"content-type": MEDIA_TYPE}, json.dumps(body).encode()


def _problem(status: int, code: str, **more: Any) -> Answer:
    body = {"type": f"urn:baton:{code}", "title": code, "status": status, "detail": code, "code": code, **more}
    return status, {"content-type": "application/problem+json"}, json.dumps(body).encode()


class FakeNetwork:
    """Carries requests to the server. `fate` says for each what becomes of it; when it runs out, all is well.

    ok; lost (the request never arrives); unheard (the answer never arrives); twice; late (arrives before the next one,
    when nobody listens any more).
    """

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.fate: Iterator[str] = iter(())
        self.cut = False
        self._late: list[Callable[[], Answer]] = []

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
        await asyncio.sleep(0)
        if self.cut:
            raise Offline("cut")

        def ask() -> Answer:
            if content is not None:
                return self.server.take(path, content, headers or {})
            return self.server.answer(method, path, json, params or {}, (headers or {}).get("authorization", ""))

        fate = next(self.fate, "ok")
        if fate == "late":
            self._late.append(ask)
        if fate in ("lost", "late"):
            raise Offline(fate)
        while self._late:
            self._late.pop(0)()
        answer = ask()
        if fate == "twice":
            answer = ask()
        if fate == "unheard":
            raise Offline(fate)
        return answer

    def heal(self) -> None:
        """No more trouble; what was under way arrives."""
        self.fate, self.cut = iter(()), False
        while self._late:
            self._late.pop(0)()

    async def aclose(self) -> None:
        pass


@dataclass
class Store:
    """A device of the fake server, with Anna signed in unless told otherwise."""

    server: FakeServer
    network: FakeNetwork
    clock: FakeClock
    engine: Engine
    folder: Path

    def restart(self) -> None:
        """The app is closed and opened again; nobody is signed in."""
        self.engine.close()
        self.engine = open_engine(self.folder, self.network, self.clock)

    def sign_in(self, person: str = "anna") -> None:
        assert self.engine.session.sign_in_badge(f"BTN:B:BADGE-{person.upper()}").ok

    async def sync(self) -> bool:
        return await self.engine.syncer.run_once()

    def job(self, number: int = 1) -> Fulfilment:
        job = self.engine.work.job(UUID(int=number))
        assert job is not None
        return job


def open_engine(folder: Path, network: FakeNetwork, clock: FakeClock) -> Engine:
    chance = random.Random(next(network.server.opened))
    return Engine.open(folder, "http://unused", clock=clock, random=chance, transport=network)


async def a_store(folder: Path, server: FakeServer | None = None, *, signed_in: str | None = "anna") -> Store:
    """An enrolled device in step with its server, whose sign-in command is settled."""
    server = server or FakeServer()
    network = FakeNetwork(server)
    engine = open_engine(folder, network, server.clock)
    assert (await engine.enrol(server.code, "Tablet")).ok
    store = Store(server, network, server.clock, engine, folder)
    assert await store.sync()
    if signed_in:
        store.sign_in(signed_in)
        assert await store.sync()
    return store


def a_client(network: FakeNetwork) -> Client:
    client = Client(network)
    client.token = "token-D1"
    return client
