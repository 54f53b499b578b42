"""Reading people, devices and keys."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.kit.auth import Actor
from server.kit.transaction import Tx
from server.people.rules import WRONG_PINS, DeviceView, KeyView, PersonView
from shared.sync import PersonDoc

_PERSON = (
    "SELECT p.*, ARRAY(SELECT t.device FROM pin_try t WHERE t.person = p.id AND t.failed >= :limit ORDER BY 1)"
    " AS locked_on FROM person p"
)


def person_view(row: Mapping[str, Any]) -> PersonView:
    """A row of `_PERSON` as a manager sees it."""
    return PersonView(
        id=row["id"],
        name=row["name"],
        roles=row["roles"],
        nodes=row["nodes"],
        language=row["language"],
        active=row["active"],
        has_badge=row["badge_hash"] is not None,
        has_pin=row["pin_verifier"] is not None,
        locked_on=row["locked_on"],
    )


async def find_people(
    tx: Tx, *, nodes: Sequence[str] | None, after: tuple[str, str] | None, limit: int
) -> list[PersonView]:
    """By name; those of `nodes`, or everybody (None)."""
    rows = await tx.rows(
        f"{_PERSON} WHERE (CAST(:nodes AS text[]) IS NULL OR p.nodes && CAST(:nodes AS text[]))"
        " AND (CAST(:name AS text) IS NULL OR (p.name, p.id) > (:name, CAST(:id AS uuid)))"
        " ORDER BY p.name, p.id LIMIT :rows",
        limit=WRONG_PINS,
        nodes=nodes,
        name=after[0] if after else None,
        id=after[1] if after else None,
        rows=limit,
    )
    return [person_view(row) for row in rows]


async def person_row(tx: Tx, person: UUID, *, lock: bool = False) -> Mapping[str, Any] | None:
    """One person, with secrets' hashes: for the service."""
    end = " WHERE p.id = :id" + (" FOR UPDATE OF p" if lock else "")
    return await tx.one(_PERSON + end, id=person, limit=WRONG_PINS)


async def person_docs(
    tx: Tx, *, node: str | None = None, ids: Collection[str] | None = None
) -> list[tuple[str, PersonDoc]]:
    """(node, person) as devices know them, for one node or some people. Who left a node is inactive there."""
    rows = await tx.rows(
        "SELECT p.*, n.node, n.node = ANY(p.nodes) AS here FROM person p"
        " CROSS JOIN LATERAL unnest(p.nodes || p.left_nodes) AS n(node)"
        " WHERE (CAST(:node AS text) IS NULL OR n.node = :node)"
        " AND (CAST(:ids AS uuid[]) IS NULL OR p.id = ANY(CAST(:ids AS uuid[]))) ORDER BY n.node, p.id",
        node=node,
        ids=None if ids is None else sorted(ids),
    )
    return [(row["node"], person_doc(row, here=row["here"] and row["active"])) for row in rows]


def person_doc(row: Mapping[str, Any], *, here: bool = True) -> PersonDoc:
    """A row as devices know it; hashes only while the person works there."""
    return PersonDoc(
        id=str(row["id"]),
        name=row["name"],
        roles=tuple(row["roles"]),
        badge_hash=row["badge_hash"] if here else None,
        pin_verifier=row["pin_verifier"] if here else None,
        active=here,
        language=row["language"],
    )


async def actors(tx: Tx, ids: Collection[str], *, device: str) -> dict[str, Actor]:
    """People by id, acting on `device`; ids that are nobody's are left out, people who left are kept."""
    known = [each for each in sorted(ids) if _is_id(each)]
    rows = await tx.rows("SELECT id, name, roles, nodes FROM person WHERE id = ANY(CAST(:ids AS uuid[]))", ids=known)
    return {
        str(r["id"]): Actor("person", str(r["id"]), r["name"], frozenset(r["roles"]), frozenset(r["nodes"]), device)
        for r in rows
    }


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


async def pass_public_keys(tx: Tx) -> list[str]:
    """Public keys of pickup passes, base64, for devices."""
    private = await tx.value("SELECT value FROM installation WHERE name = 'pass_private'")
    if private is None:
        return []
    public = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private)).public_key()
    return [base64.b64encode(public.public_bytes_raw()).decode()]


async def unknown_nodes(tx: Tx, codes: Collection[str]) -> list[str]:
    """Codes that no node has. Reads the network's table: that slice stands above this one."""
    return [
        r["code"]
        for r in await tx.rows(
            "SELECT u.code FROM unnest(CAST(:codes AS text[])) AS u(code)"
            " WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.code = u.code) ORDER BY 1",
            codes=sorted(set(codes)),
        )
    ]


_DEVICE = (
    "SELECT id, node, name, platform, version, enrolled_at, last_seen_at, revoked_at, returned_at, last_n,"
    " queue_length, queue_age_s FROM device"
)


async def devices(
    tx: Tx, *, nodes: Sequence[str] | None, after: str | None, limit: int, unreturned: bool = False
) -> list[DeviceView]:
    """In the order of enrolment; those of `nodes`, or all (None). `unreturned`: revoked, and their queue never came."""
    rows = await tx.rows(
        f"{_DEVICE} WHERE (CAST(:nodes AS text[]) IS NULL OR node = ANY(CAST(:nodes AS text[])))"
        " AND (NOT :unreturned OR (revoked_at IS NOT NULL AND returned_at IS NULL))"
        " AND (CAST(:after AS text) IS NULL OR id > :after) ORDER BY id LIMIT :rows",
        nodes=nodes,
        unreturned=unreturned,
        after=after,
        rows=limit,
    )
    return [DeviceView.model_validate(dict(row)) for row in rows]


async def device(tx: Tx, device_id: str) -> DeviceView | None:
    row = await tx.one(f"{_DEVICE} WHERE id = :id", id=device_id)
    return DeviceView.model_validate(dict(row)) if row else None


async def keys(tx: Tx, *, after: UUID | None, limit: int) -> list[KeyView]:
    """API keys, oldest first, revoked ones too."""
    rows = await tx.rows(
        "SELECT id, name, prefix, roles, scopes, created_at, revoked_at FROM api_key"
        " WHERE CAST(:after AS uuid) IS NULL OR id > :after ORDER BY id LIMIT :rows",
        after=after,
        rows=limit,
    )
    return [KeyView.model_validate(dict(row)) for row in rows]
