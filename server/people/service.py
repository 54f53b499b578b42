"""The manager's desk: people, badges, PINs. Devices and sign-in are in `devices` and `signing_in`, keys in `keys`.

Secrets are made here and shown once; what is stored is a hash. Every change is audited in the person's own chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.events import PersonChanged
from server.kit import audit, bulk
from server.kit.auth import Actor, node_scope
from server.kit.transaction import Row, Tx
from server.people import queries
from server.people.rules import Badge, NewPerson, PersonChange, PersonView, check_may_manage, is_weak
from server.people.tables import PersonRow
from shared.barcodes.labels import label
from shared.barcodes.scanned import ScanKind
from shared.barcodes.typed import ALPHABET
from shared.errors import FieldProblem, InvalidInput, NotFound
from shared.passes import badge_hash

BADGE_SYMBOLS = 16


@dataclass(frozen=True, slots=True)
class Secrets:
    """Hashes somebody starts with: of their badge (`shared.passes.badge_hash`) and PIN (`pin_verifier`)."""

    badge_hash: str | None = None
    pin_verifier: str | None = None


def draw(tx: Tx, length: int) -> str:
    """Random symbols that nobody confuses when reading or typing them."""
    number = int.from_bytes(tx.random(length + 8), "big")
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(length))


def draw_pin(random: Callable[[int], bytes]) -> str:
    """A PIN of six digits that is not among the obvious ones."""
    while True:
        pin = f"{int.from_bytes(random(16), 'big') % 1_000_000:06d}"
        if not is_weak(pin):
            return pin


async def check_nodes(tx: Tx, codes: Sequence[str], *, field: str) -> None:
    """Raises `InvalidInput` for a node that does not exist."""
    unknown = await queries.unknown_nodes(tx, codes)
    if unknown:
        problem = FieldProblem(field=field, message=f"There is no node {unknown[0]}.", remedy="Load the node first.")
        raise InvalidInput.of([problem])


async def add_people(
    tx: Tx, actor: Actor, people: Sequence[NewPerson], *, secrets: Sequence[Secrets] = ()
) -> list[PersonView]:
    """Add people, in their order. `secrets` may give each one's hashes, for an import."""
    for each in people:
        check_may_manage(actor, roles=each.roles, nodes=each.nodes)
    await check_nodes(tx, [code for each in people for code in each.nodes], field="people")
    known = list(secrets) or [Secrets()] * len(people)
    rows = [
        {
            "id": tx.new_id(),
            "name": each.name,
            "roles": sorted(set(each.roles)),
            "nodes": sorted(set(each.nodes)),
            "language": each.language,
            "badge_hash": secret.badge_hash,
            "pin_verifier": secret.pin_verifier,
            "created_at": tx.now,
        }
        for each, secret in zip(people, known, strict=True)
    ]
    await bulk.insert(tx, PersonRow, rows)
    for row in rows:
        await _note(tx, actor, row, "person.add", roles=row["roles"], nodes=row["nodes"])
    return [queries.person_view({**row, "active": True, "locked_on": []}) for row in rows]


async def change_person(tx: Tx, actor: Actor, person: UUID, change: PersonChange) -> PersonView:
    """Change what is given. Somebody who is no longer active is signed out everywhere."""
    row = await _managed(tx, actor, person)
    given = change.model_dump(exclude_unset=True, exclude_none=True)
    new: dict[str, Any] = {**row, **given}
    new["roles"], new["nodes"] = sorted(set(new["roles"])), sorted(set(new["nodes"]))
    NewPerson(name=new["name"], roles=new["roles"], nodes=new["nodes"], language=new["language"])
    check_may_manage(actor, roles=new["roles"], nodes=new["nodes"])
    await check_nodes(tx, change.nodes or [], field="nodes")
    new["left_nodes"] = sorted({*row["left_nodes"], *row["nodes"]} - set(new["nodes"]))
    await tx.run(
        "UPDATE person SET name = :name, roles = CAST(:roles AS text[]), nodes = CAST(:nodes AS text[]),"
        " left_nodes = CAST(:left_nodes AS text[]), language = :language, active = :active, version = version + 1"
        " WHERE id = :id",
        id=person,
        **{k: new[k] for k in ("name", "roles", "nodes", "left_nodes", "language", "active")},
    )
    if not new["active"]:
        await tx.run("DELETE FROM person_session WHERE person = :id", id=person)
    await _note(tx, actor, new, "person.change", **given)
    return queries.person_view(new)


async def issue_badge(tx: Tx, actor: Actor, person: UUID) -> Badge:
    """A new badge; the one before no longer works. Only its hash is kept."""
    row = await _managed(tx, actor, person)
    text = label(ScanKind.BADGE, draw(tx, BADGE_SYMBOLS))
    await tx.run(
        "UPDATE person SET badge_hash = :hash, version = version + 1 WHERE id = :id", id=person, hash=badge_hash(text)
    )
    await _note(tx, actor, row, "person.badge")
    return Badge(person=person, label=text)


async def set_pin(tx: Tx, actor: Actor, person: UUID, verifier: str) -> None:
    """Replace the PIN by one of which this is the verifier (made outside: it takes an eighth of a second)."""
    row = await _managed(tx, actor, person)
    await tx.run(
        "UPDATE person SET pin_verifier = :verifier, version = version + 1 WHERE id = :id",
        id=person,
        verifier=verifier,
    )
    await tx.run("DELETE FROM pin_try WHERE person = :id", id=person)
    await _note(tx, actor, row, "person.pin")


async def unlock(tx: Tx, actor: Actor, person: UUID) -> PersonView:
    """Forget wrong PINs, on every device."""
    row = await _managed(tx, actor, person)
    await tx.run("DELETE FROM pin_try WHERE person = :id", id=person)
    await _note(tx, actor, row, "person.unlock")
    return queries.person_view({**row, "locked_on": []})


async def _managed(tx: Tx, actor: Actor, person: UUID) -> Row:
    """The locked row of somebody whom `actor` sees (or `NotFound`) and looks after (or `NotAllowed`)."""
    row = await queries.person_row(tx, person, lock=True)
    scope = node_scope(actor)
    if row is None or (scope is not None and not set(scope) & set(row["nodes"])):
        raise NotFound("There is nobody with this id.", remedy="Look the person up again.")
    check_may_manage(actor, roles=row["roles"], nodes=row["nodes"])
    return row


async def _note(tx: Tx, actor: Actor, row: Row, action: str, **detail: Any) -> None:
    person = str(row["id"])
    await audit.record(tx, f"person:{person}", actor.id, action, person, **detail)
    nodes = sorted({*row["nodes"], *row.get("left_nodes", ())})
    tx.emit(PersonChanged(person_id=person, nodes=tuple(nodes)))
