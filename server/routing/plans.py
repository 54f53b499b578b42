"""Routing plans as they are kept: drafts, the one that is active, and those that were.

Every version that was ever active stays as it was, so that each decision can be worked out again from the plan it
names. Until a planner activates something the built-in plan is used; the first draft writes it down as version 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from server.kit import audit, bulk
from server.kit.auth import Actor, authorize
from server.kit.transaction import Row, Tx
from server.network import queries as network
from server.routing.rules import DEFAULT, PlanBody, RoutingPlan
from server.routing.spelling import meant
from server.routing.tables import PlanRow
from server.routing.views import PlanDigest, PlanView
from shared.errors import Conflict, FieldProblem, InvalidInput, NotFound

_KEPT: dict[UUID, RoutingPlan] = {}
"""Plans by the id of their row. Only of versions that are or were active: they never change."""
_MOST = 16
_ACTIVE = "active_plan"
_DIGEST = (
    "id, name, version, status, revision, note, made_by, made_at, changed_by, changed_at, activated_by, activated_at,"
    " archived_by, archived_at"
)

# ---------------------------------------------------------------- reading


async def active(tx: Tx) -> RoutingPlan:
    """The plan that decides now. Asked of the database once in a transaction; its body is read once in a process."""
    found: RoutingPlan | None = tx.notes.get(_ACTIVE)
    if found is None:
        found = tx.notes[_ACTIVE] = await _active(tx)
    return found


async def _active(tx: Tx) -> RoutingPlan:
    key = await tx.value("SELECT id FROM routing_plan WHERE status = 'active'")
    if key is None:
        return DEFAULT
    if key not in _KEPT:
        row = await tx.one("SELECT name, version, body FROM routing_plan WHERE id = :id", id=key)
        while len(_KEPT) >= _MOST:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[key] = _plan(row or {})
    return _KEPT[key]


async def load(tx: Tx, name: str, version: int) -> RoutingPlan:
    """Any version. Raises NotFound."""
    return _plan(await _row(tx, name, version))


async def named(tx: Tx, name_at_version: str | None) -> RoutingPlan:
    """The version that `name@version` says; the active one where it says nothing. Raises NotFound."""
    if not name_at_version:
        return await active(tx)
    name, _, version = name_at_version.rpartition("@")
    return await load(tx, name, int(version) if version.isdecimal() else 0)


async def digests(tx: Tx) -> list[PlanDigest]:
    """All versions: the active one, drafts, then those that were, newest first."""
    rows = await tx.rows(
        f"SELECT {_DIGEST} FROM routing_plan ORDER BY array_position(ARRAY['active', 'draft', 'archived'], status),"  # noqa: S608
        " coalesce(archived_at, changed_at, made_at) DESC, name, version DESC LIMIT 500"
    )
    return [PlanDigest.model_validate(dict(row)) for row in rows or [_built_in(tx)]]


async def view(tx: Tx, name: str, version: int) -> PlanView:
    """One version with its body. Raises NotFound."""
    row = await _row(tx, name, version)
    return PlanView.model_validate({**row, "plan": _plan(row)})


async def active_view(tx: Tx) -> PlanView:
    found = await active(tx)
    return await view(tx, found.name, found.version)


async def _row(tx: Tx, name: str, version: int) -> Row:
    row = await tx.one(
        "SELECT * FROM routing_plan WHERE name = :name AND version = :version", name=name, version=version
    )
    if row is None and (name, version) == (DEFAULT.name, DEFAULT.version):
        return _built_in(tx)
    if row is None:
        raise NotFound(f"No routing plan {name} v{version}.")
    return row


def _plan(row: Row) -> RoutingPlan:
    return RoutingPlan.model_validate({**row["body"], "name": row["name"], "version": row["version"]})


def _built_in(tx: Tx) -> dict[str, Any]:
    """The built-in plan as a row: active as long as no row is."""
    return {
        **_new(tx, DEFAULT, DEFAULT.version, "Baton", "What is used until a planner activates another plan."),
        "status": "active",
        "activated_by": "Baton",
        "activated_at": tx.now,
    }


def _new(tx: Tx, body: PlanBody, version: int, by: str, note: str) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "name": body.name,
        "version": version,
        "status": "draft",
        "revision": 1,
        "body": body.model_dump(mode="json", exclude={"name", "version"}),
        "note": note,
        "made_by": by,
        "made_at": tx.now,
        **dict.fromkeys(("changed_by", "changed_at", "activated_by", "activated_at", "archived_by", "archived_at")),
    }


# ---------------------------------------------------------------- writing


async def draft(tx: Tx, actor: Actor, body: PlanBody, *, note: str) -> PlanView:
    """A new version of the plan with this name, to be worked on."""
    await _begin(tx, actor)
    await check(tx, body)
    if not await tx.value("SELECT 1 FROM routing_plan LIMIT 1"):
        await bulk.insert(tx, PlanRow, [_built_in(tx)])
    last = await tx.value("SELECT max(version) FROM routing_plan WHERE name = :name", name=body.name)
    row = _new(tx, body, (last or 0) + 1, _name(actor), note)
    await bulk.insert(tx, PlanRow, [row])
    await _record(tx, actor, "plan.drafted", row, note=note)
    return await view(tx, row["name"], row["version"])


async def change(
    tx: Tx, actor: Actor, name: str, version: int, body: PlanBody, *, revision: int, note: str
) -> PlanView:
    """Write a draft anew. Raises Conflict where it is no draft, or somebody changed it since `revision`."""
    await _begin(tx, actor)
    row = await _row(tx, name, version)
    if body.name != name:
        raise InvalidInput(
            f"This plan is called {name}.", field="plan.name", remedy="Keep the name, or make a new draft with another."
        )
    if row["status"] != "draft":
        raise Conflict(f"{name} v{version} is {row['status']}.", remedy="Only drafts change: make a new draft from it.")
    if row["revision"] != revision:
        raise Conflict(
            f"{row['changed_by']} changed this draft meanwhile.", remedy="Read it again, and make your change there."
        )
    await check(tx, body)
    await tx.run(
        "UPDATE routing_plan SET body = :body, note = :note, revision = revision + 1, changed_by = :by,"
        " changed_at = :now WHERE id = :id",
        body=body.model_dump(mode="json", exclude={"name", "version"}),
        note=note,
        by=_name(actor),
        now=tx.now,
        id=row["id"],
    )
    await _record(tx, actor, "plan.changed", row, revision=revision + 1)
    return await view(tx, name, version)


async def activate(tx: Tx, actor: Actor, name: str, version: int) -> PlanView:
    """Let this version decide from now on; the one before is archived in the same transaction. A version that was
    active may be so again."""
    await _begin(tx, actor)
    row = await _row(tx, name, version)
    if row["status"] == "active":
        raise Conflict(f"{name} v{version} is active already.", remedy="There is nothing to do.")
    await check(tx, _plan(row))
    before = await active(tx)
    await _archive(tx, actor, "status = 'active'")
    await tx.run(
        "UPDATE routing_plan SET status = 'active', activated_by = :by, activated_at = :now, archived_by = NULL,"
        " archived_at = NULL WHERE id = :id",
        by=_name(actor),
        now=tx.now,
        id=row["id"],
    )
    tx.notes.pop(_ACTIVE, None)
    await _record(tx, actor, "plan.activated", row, instead_of=f"{before.name} v{before.version}")
    return await view(tx, name, version)


async def archive(tx: Tx, actor: Actor, name: str, version: int) -> PlanView:
    """Put a draft aside."""
    await _begin(tx, actor)
    row = await _row(tx, name, version)
    if row["status"] != "draft":
        raise Conflict(
            f"{name} v{version} is {row['status']}.",
            remedy="The active plan is archived when another one is activated."
            if row["status"] == "active"
            else "There is nothing to do.",
        )
    await _archive(tx, actor, "id = :id", id=row["id"])
    await _record(tx, actor, "plan.archived", row)
    return await view(tx, name, version)


async def _archive(tx: Tx, actor: Actor, which: str, **binds: Any) -> None:
    await tx.run(
        f"UPDATE routing_plan SET status = 'archived', archived_by = :by, archived_at = :now WHERE {which}",  # noqa: S608
        by=_name(actor),
        now=tx.now,
        **binds,
    )


async def _begin(tx: Tx, actor: Actor) -> None:
    """Whoever changes plans waits for whoever does."""
    authorize(actor, "plan.write")
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('routing plans', 0))")


async def _record(tx: Tx, actor: Actor, action: str, row: Row, **detail: Any) -> None:
    await audit.record(tx, "head-office", actor.id, action, f"{row['name']} v{row['version']}", **detail)


def _name(actor: Actor) -> str:
    return actor.name or actor.id


# ---------------------------------------------------------------- what the document names must be there


async def check(tx: Tx, body: PlanBody) -> None:
    """Raises InvalidInput naming each node and channel that does not exist."""
    nodes, channels = await network.known_codes(tx), (await network.selling_facts(tx)).channels
    wrong: list[FieldProblem] = []
    for number, rule in enumerate(body.rules):
        at = f"plan.rules.{number}"
        wrong += _unknown(f"{at}.nodes.only", "node", rule.nodes.only, nodes)
        wrong += _unknown(f"{at}.nodes.without", "node", rule.nodes.without, nodes)
        wrong += _unknown(f"{at}.orders.channels", "channel", rule.orders.channels, channels)
    for number, run in enumerate(body.runs):
        wrong += _unknown(f"plan.runs.{number}.orders.channels", "channel", run.orders.channels, channels)
    if wrong:
        raise InvalidInput.of(wrong)


def _unknown(field: str, what: str, codes: Sequence[str], known: Iterable[str]) -> list[FieldProblem]:
    there = frozenset(known)
    return [
        FieldProblem(
            field=f"{field}.{place}",
            message=f"There is no {what} {code}; {meant(code, there)}.",
            remedy=f"Correct it, or load the {what} first.",
        )
        for place, code in enumerate(codes)
        if code not in there
    ]
