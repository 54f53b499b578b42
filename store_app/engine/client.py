"""The server's API as the device calls it: the sync wire, and reads that only make sense online.

Every failure is one of `shared.errors`; `Offline` means that nobody who is ours has answered. A 200 of another media
type is a captive portal; an error page of a proxy is not our server refusing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared import api, errors
from shared.api import MEDIA_TYPE
from shared.orders import OrderDigest, OrderView, TimelineEntry
from shared.proofs import ProofView, Received
from shared.stock import StockLevel
from shared.sync import Enrolled, Enrolment, FeedRow, Hello, Page, Push, Pushed, Quarantined, QueuedCommand
from store_app.engine.transport import Answer, Offline, Transport

READ_S, SNAPSHOT_S, PIECE_S = 10.0, 120.0, 60.0
M = TypeVar("M", bound=BaseModel)
_BY_CODE: dict[str, type[errors.BatonError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidInput,
        errors.ReusedKey,
        errors.TooLarge,
        errors.NotSignedIn,
        errors.NotAllowed,
        errors.NotFound,
        errors.Conflict,
        errors.IllegalMove,
        errors.Duplicate,
        errors.Resync,
        errors.Busy,
        errors.UpdateNeeded,
        errors.Unavailable,
    )
}


class ServerFailed(errors.BatonError):
    """The server answered, and it was its own fault (500): what was sent may be what broke it."""

    code, title = "server_failed", "The server failed"


@dataclass
class _Device:
    token: str | None = None


class Client:
    """`token` is the device's, `person_token` that of whoever signed in while online."""

    def __init__(self, transport: Transport, device: _Device | None = None) -> None:
        self.transport = transport
        self._device = device or _Device()
        self.person_token: str | None = None

    @property
    def token(self) -> str | None:
        """The device's; None: not enrolled."""
        return self._device.token

    @token.setter
    def token(self, token: str | None) -> None:
        self._device.token = token

    def for_somebody(self) -> Client:
        """The same device, with a person of its own at it."""
        return Client(self.transport, self._device)

    # ------------------------------------------------------------ sync

    async def enrol(self, enrolment: Enrolment) -> Enrolled:
        return _model(Enrolled, await self._sync("POST", api.ENROL, json=_dump(enrolment)))

    async def hello(self, epoch: int = 0, settled_n: int = 0) -> Hello:
        """`epoch` of the replica (0: none) and the newest command a feed has settled: a server that was restored from a
        backup finds itself out by them."""
        params = {"epoch": str(epoch), "settled_n": str(settled_n)}
        return _model(Hello, await self._sync("GET", api.HELLO, params=params))

    async def push(self, commands: Sequence[QueuedCommand], waiting: int = 0) -> Pushed:
        """`waiting`: how many more are behind these, for head office to see."""
        body = {"commands": [_dump(command) for command in commands], "waiting": waiting}
        Push.model_validate(body)
        return _model(Pushed, await self._sync("POST", api.PUSH, json=body))

    async def quarantine(self, commands: Sequence[QueuedCommand], *, more: bool) -> Quarantined:
        """The last push of a revoked device; `more`: another piece follows."""
        body = {"commands": [_dump(command) for command in commands], "more": more}
        return _model(Quarantined, await self._sync("POST", api.QUARANTINE, json=body))

    async def send_piece(self, sha256: str, start: int, piece: bytes, *, left: bool = False) -> Received:
        """Part of a photo from byte `start` on; the answer says how much is there. An empty piece asks. `left`: by the
        door of a revoked device."""
        path = f"{api.LEFT_ATTACHMENTS if left else api.ATTACHMENTS}/{sha256}"
        headers = {"content-type": "application/octet-stream", "upload-offset": str(start)}
        return _model(Received, await self._sync("PUT", path, content=piece, headers=headers, timeout=PIECE_S))

    async def pull(self, cursor: Mapping[str, int], wait: int, limit: int) -> Page:
        """The feed after `cursor`; waits up to `wait` seconds for something to come."""
        vector = ",".join(f"{stream}:{seq}" for stream, seq in sorted(cursor.items()))
        params = {"cursor": vector, "wait": str(wait), "limit": str(limit)}
        return _model(Page, await self._sync("GET", api.PULL, params=params, timeout=wait + READ_S))

    async def snapshot(self) -> tuple[dict[str, Any], Iterator[FeedRow]]:
        """The header and the rows. Raises `Offline` when cut short."""
        body = await self._sync("GET", api.SNAPSHOT, timeout=SNAPSHOT_S)
        lines = body.splitlines()
        try:
            header, last = json.loads(lines[0]), json.loads(lines[-1])
            count = int(last["rows"]) if last.get("end") else -1
        except (ValueError, IndexError, KeyError, AttributeError) as error:
            raise Offline("The snapshot was cut short.") from error
        if count != len(lines) - 2:
            raise Offline("The snapshot was cut short.")
        return header, (FeedRow.model_validate_json(line) for line in lines[1:-1])

    async def _sync(self, method: str, path: str, **how: Any) -> bytes:
        status, headers, body = await self._ask(self.token, method, path, **how)
        kind = headers.get("content-type", "").split(";")[0].strip()
        ours = kind == MEDIA_TYPE or (path == api.SNAPSHOT and kind == "application/x-ndjson")
        if 200 <= status < 300 and not ours:
            raise Offline("Something else than the server has answered: is there a sign-in page on this network?")
        return body

    # ------------------------------------------------------------ reads for people

    async def get(self, path: str, **params: str) -> Any:
        """JSON of any path of the API, as the signed-in person (or the device)."""
        return await self._json("GET", path, params=params)

    async def post(self, path: str, body: Any) -> Any:
        """Send JSON to any path of the API, as the signed-in person (or the device)."""
        return await self._json("POST", path, json=body)

    async def patch(self, path: str, body: Any) -> Any:
        """Change something of the API, as the signed-in person."""
        return await self._json("PATCH", path, json=body)

    async def fetch(self, path: str, method: str = "POST") -> bytes:
        """What is no JSON, such as a card to print."""
        _, _, body = await self._ask(self.person_token or self.token, method, path)
        return body

    async def proofs(self, job: UUID) -> list[ProofView]:
        """What was left at the hand-overs of a job."""
        found = await self.get(f"{api.API}/fulfilments/{job}/proofs")
        return [ProofView.model_validate(row) for row in found["proofs"]]

    async def photo(self, job: UUID, sha256: str) -> bytes:
        """A photo of one of them."""
        return await self.fetch(f"{api.API}/fulfilments/{job}/proofs/{sha256}", "GET")

    async def orders(self, search: str) -> list[OrderDigest]:
        """Orders by number, name, phone, e-mail or item, newest first."""
        found = await self.get(f"{api.API}/orders", search=search)
        rows = found if isinstance(found, list) else next((v for v in found.values() if isinstance(v, list)), [])
        return [OrderDigest.model_validate(row) for row in rows]

    async def order(self, id_: UUID) -> OrderView:
        return OrderView.model_validate(await self.get(f"{api.API}/orders/{id_}"))

    async def timeline(self, id_: UUID) -> list[TimelineEntry]:
        found = await self.get(f"{api.API}/orders/{id_}/timeline")
        rows = found if isinstance(found, list) else next((v for v in found.values() if isinstance(v, list)), [])
        return [TimelineEntry.model_validate(row) for row in rows]

    async def stock_near(self, sku: str, node: str) -> list[StockLevel]:
        """The item in every node, nearest first."""
        found = await self.get(f"{api.API}/stock/{sku}", near=node)
        rows = found if isinstance(found, list) else next((v for v in found.values() if isinstance(v, list)), [])
        return [StockLevel.model_validate(row) for row in rows]

    async def sign_in(self, **proof: str) -> None:
        """`person` and `pin`, or `badge`: from now on reads are made as this person."""
        answer = await self._json("POST", api.SIGN_IN, json=proof, token=self.token)
        self.person_token = str(answer["token"])

    async def _json(self, method: str, path: str, *, token: str | None = None, **how: Any) -> Any:
        _, _, body = await self._ask(token or self.person_token or self.token, method, path, **how)
        try:
            return json.loads(body)
        except ValueError as error:
            raise Offline("Something else than the server has answered.") from error

    async def _ask(
        self,
        token: str | None,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = READ_S,
        **what: Any,
    ) -> Answer:
        said = {"accept": f"{MEDIA_TYPE}, application/json", "accept-encoding": "gzip", **(headers or {})}
        if token:
            said["authorization"] = f"Bearer {token}"
        answer = await self.transport.request(method, path, headers=said, timeout=timeout, **what)
        if answer[0] >= 300:
            raise _failure(answer)
        return answer


def _dump(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True)


def _model(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Offline("The answer was not understood.") from error


def _failure(answer: Answer) -> errors.BatonError:
    """What an answer that is not a success means."""
    status, _, body = answer
    try:
        problem = json.loads(body)
        ours = str(problem["type"]).startswith("urn:baton:")
    except (ValueError, KeyError, TypeError):
        problem, ours = {}, False
    if not ours:
        return ServerFailed("The server failed.") if status == 500 else Offline(f"No useful answer ({status}).")
    detail = str(problem.get("detail", ""))
    code = str(problem.get("code", ""))
    if code == "queue_gap":
        return errors.QueueGap(detail, wanted=int(problem["wanted"]))
    if kind := _BY_CODE.get(code):
        return kind(detail, remedy=problem.get("remedy"))
    return ServerFailed(detail) if status >= 500 else errors.Conflict(detail)
