"""HTTP for people, devices and keys: enrolment, sign-in, and the manager's desk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from server.kit import auth, pages
from server.kit.auth import Actor, node_scope
from server.kit.once import once
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, SyncResponse, actor_of, allowed, problems
from server.people import cards, devices, keys, queries, service, signing_in
from server.people.rules import (
    Badge,
    DeviceView,
    EnrolmentCode,
    EnrolmentOffer,
    KeyShown,
    KeyView,
    NewKey,
    NewPeople,
    People,
    PersonChange,
    PersonView,
    PinChoice,
    PinShown,
    SignedIn,
    SignIn,
)
from shared.errors import InvalidInput, NotSignedIn
from shared.kernel import Wire
from shared.passes import pin_verifier
from shared.sync import Enrolled, Enrolment

router = APIRouter(prefix="/v1", tags=["people"])
T = TypeVar("T")
_FILE = {"schema": {"type": "string", "format": "binary"}}
DeviceId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Me(Wire):
    """Who the token belongs to, and what they may do."""

    kind: str
    id: str
    name: str
    roles: list[str]
    nodes: list[str]
    device: str | None
    permissions: list[str]


@router.get("/me", responses=problems())
async def get_me(actor: Annotated[Actor, Depends(actor_of)]) -> Me:
    """Who am I? For checking a token."""
    if actor.kind == "nobody":
        raise NotSignedIn("Send a token in the Authorization header.", remedy="Authorization: Bearer <token>")
    permissions = sorted(action for action in auth.PERMISSIONS if auth.may(actor, action))
    return Me(
        kind=actor.kind,
        id=actor.id,
        name=actor.name,
        roles=sorted(actor.roles),
        nodes=sorted(actor.nodes),
        device=actor.device,
        permissions=permissions,
    )


# ---------------------------------------------------------------- people


@router.get("/people", responses=problems())
async def find_people(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("people.read")],
    after: pages.After = None,
    limit: pages.Limit = 50,
) -> pages.Page[PersonView]:
    """Who works here, by name. Managers see those of their own nodes."""
    key = pages.decode(after, (str, str))
    start = (str(key[0]), str(_uuid(key[1]))) if key else None
    async with parts.db.reading() as tx:
        rows = await queries.find_people(tx, nodes=node_scope(actor), after=start, limit=limit + 1)
    return pages.page(rows, limit, lambda row: (row.name, str(row.id)))


@router.post("/people", status_code=201, responses=problems())
async def add_people(
    body: NewPeople,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("people.write")],
    idempotency_key: IdempotencyKey = None,
) -> People:
    """Add people: all of the list, or none. Managers add associates and leads to their own nodes."""

    async def work(tx: Tx) -> People:
        async def do() -> People:
            return People(people=await service.add_people(tx, actor, body.people))

        return await once(tx, actor, idempotency_key, f"people {body.model_dump_json()}", People, do)

    return await parts.db.write(work)


@router.patch("/people/{person_id}", responses=problems(404))
async def change_person(
    person_id: UUID, body: PersonChange, parts: PartsDep, actor: Annotated[Actor, allowed("people.write")], req: Request
) -> PersonView:
    """Change what is given. `active: false` signs the person out everywhere."""
    return await _and_forget(req, parts, lambda tx: service.change_person(tx, actor, person_id, body))


@router.post("/people/{person_id}/badge", responses=problems(404))
async def issue_badge(person_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("people.write")]) -> Badge:
    """A new badge, shown once; the one before no longer works."""
    return await parts.db.write(lambda tx: service.issue_badge(tx, actor, person_id))


@router.post(
    "/people/{person_id}/badge.pdf",
    response_class=Response,
    responses={
        **problems(404),
        200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def print_badge(person_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("people.write")]) -> Response:
    """A new badge as a card to print (86 x 54 mm); the one before no longer works."""

    async def work(tx: Tx) -> tuple[Badge, PersonView]:
        badge = await service.issue_badge(tx, actor, person_id)
        row = await queries.person_row(tx, person_id)
        return badge, queries.person_view(row or {})

    badge, person = await parts.db.write(work)
    card = await asyncio.to_thread(cards.badge_card, person.name, person.roles, badge.label)
    return Response(card, media_type="application/pdf", headers={"Cache-Control": "no-store"})


@router.post("/people/{person_id}/pin", responses=problems(404))
async def set_pin(
    person_id: UUID, body: PinChoice, parts: PartsDep, actor: Annotated[Actor, allowed("people.write")]
) -> PinShown:
    """Set or draw a PIN. It unlocks the person everywhere; the PIN before no longer works."""
    pin = body.pin or service.draw_pin(os.urandom)
    verifier = await asyncio.to_thread(pin_verifier, pin, parts.keys.pin_key, os.urandom(16))
    await parts.db.write(lambda tx: service.set_pin(tx, actor, person_id, verifier))
    return PinShown(person=person_id, pin=pin)


@router.post("/people/{person_id}/unlock", responses=problems(404))
async def unlock_person(
    person_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("people.write")]
) -> PersonView:
    """Forget wrong PINs, on every device."""
    return await parts.db.write(lambda tx: service.unlock(tx, actor, person_id))


@router.post("/people/sign-in", responses=problems())
async def sign_in(body: SignIn, parts: PartsDep, device: Annotated[Actor, allowed("sync")]) -> SignedIn:
    """Sign a person in on this device, by badge or PIN. Five wrong PINs lock the person on this device."""
    return await signing_in.sign_in(parts.db, parts.keys, device, body)


# ---------------------------------------------------------------- devices


@router.post(
    "/sync/devices/enrol",
    tags=["devices"],
    response_class=SyncResponse,
    response_model=Enrolled,
    responses=problems(),
)
async def enrol_device(body: Enrolment, parts: PartsDep) -> Response:
    """Join with a code a manager shows. Needs no token; the answer has the device's own, once."""
    enrolled = await parts.db.write(lambda tx: devices.enrol(tx, parts.keys, body))
    return SyncResponse(enrolled.model_dump_json())


@router.post("/devices/enrolment-codes", tags=["devices"], status_code=201, responses=problems())
async def offer_enrolment(
    body: EnrolmentOffer, parts: PartsDep, actor: Annotated[Actor, allowed("device.enrol")]
) -> EnrolmentCode:
    """A code for one device, good for ten minutes."""
    server = parts.settings.public_url
    return await parts.db.write(lambda tx: devices.offer_enrolment(tx, actor, parts.keys, body.node, server))


@router.get("/devices", tags=["devices"], responses=problems())
async def find_devices(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("people.read")],
    after: pages.After = None,
    limit: pages.Limit = 50,
    unreturned: Annotated[bool, Query(description="Only those that were revoked and whose queue never came.")] = False,
) -> pages.Page[DeviceView]:
    """Enrolled devices with their last contact and what waits on them. Managers see those of their own nodes."""
    key = pages.decode(after, (str,))
    start = str(key[0]) if key else None
    async with parts.db.reading() as tx:
        rows = await queries.devices(tx, nodes=node_scope(actor), after=start, limit=limit + 1, unreturned=unreturned)
    return pages.page(rows, limit, lambda row: (row.id,))


@router.post("/devices/{device_id}/revoke", tags=["devices"], responses=problems(404))
async def revoke_device(
    device_id: DeviceId, parts: PartsDep, actor: Annotated[Actor, allowed("device.revoke")], req: Request
) -> DeviceView:
    """Let the device in no longer, and sign out whoever is on it."""
    return await _and_forget(req, parts, lambda tx: devices.revoke(tx, actor, device_id))


# ---------------------------------------------------------------- keys


@router.get("/keys", responses=problems())
async def find_keys(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("key.write")],
    after: pages.After = None,
    limit: pages.Limit = 50,
) -> pages.Page[KeyView]:
    """API keys, oldest first, revoked ones too."""
    key = pages.decode(after, (str,))
    async with parts.db.reading() as tx:
        rows = await queries.keys(tx, after=_uuid(key[0]) if key else None, limit=limit + 1)
    return pages.page(rows, limit, lambda row: (str(row.id),))


@router.post("/keys", status_code=201, responses=problems())
async def create_key(body: NewKey, parts: PartsDep, actor: Annotated[Actor, allowed("key.write")]) -> KeyShown:
    """A new API key, shown once."""
    return await parts.db.write(lambda tx: keys.create_key(tx, actor, body))


@router.post("/keys/{key_id}/revoke", status_code=204, responses=problems(404))
async def revoke_key(
    key_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("key.write")], req: Request
) -> None:
    """The key stops working at once."""
    await _and_forget(req, parts, lambda tx: keys.revoke_key(tx, actor, key_id))


def _uuid(text: str | int) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise InvalidInput("This cursor is not one of ours.", field="query.after") from None


async def _and_forget(request: Request, parts: PartsDep, work: Callable[[Tx], Awaitable[T]]) -> T:
    """Write, then look everyone's token up anew: somebody may have lost theirs."""
    done = await parts.db.write(work)
    request.app.state.resolve_actor.forget()
    return done
