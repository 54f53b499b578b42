"""The API's documentation: its front matter, and what every route has in common, written once.

Which routes ask for a token, and for which permission, is read from the routes themselves, so it cannot be forgotten.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from server.kit import web
from shared.errors import FieldProblem, Problem

TITLE = "Baton"
VERSION = importlib.metadata.version("baton")
DESCRIPTION = """
Order management for retailers with stores: what is available, which node fulfils an order, and what happens to it.

**Signing in.** Send `Authorization: Bearer <token>` with an API key (`bk_...`), a device's token (`bd_...`) or a
signed-in person's token (`bp_...`). Each route names the permission it needs. Stores see their own nodes only.

**Exactly once.** Send an `Idempotency-Key` with each POST. Sent again, the request is answered as before and has no
second effect; the same key with another body is refused (422).

**Errors** are problem details (RFC 9457): `detail` is a sentence for people, `remedy` says what to do, `code` is stable
and may be branched on, `errors` names the fields.

**Values.** Quantities are whole stocking units (grams for weighed goods). Money is whole minor units and an ISO 4217
code. Times are RFC 3339 with an offset. Lists come in pages: give `next` of one as `after` of the following.
""".strip()
TAGS: list[dict[str, Any]] = [
    {"name": "orders", "description": "Place, read, hold and cancel orders."},
    {"name": "holds", "description": "Orders that wait for somebody, as tasks: whose, until when, why."},
    {"name": "availability", "description": "What can be promised, with its arithmetic."},
    {"name": "stock", "description": "Positions, movements, feeds, adjustments and receipts."},
    {"name": "routing", "description": "Which node fulfils what, and why; routing plans."},
    {"name": "fulfilment", "description": "Jobs in stores and warehouses."},
    {"name": "exceptions", "description": "Facts that contradict the books: whose, until when, and what settles them."},
    {"name": "catalogue", "description": "Items, barcodes, prices."},
    {"name": "network", "description": "Nodes, channels, hours, capacity."},
    {"name": "board", "description": "The whole network at a glance, for head office."},
    {"name": "people", "description": "Staff, badges, PINs, devices and keys."},
    {"name": "devices", "description": "Which devices a store has, and how they join and leave."},
    {"name": "device sync", "description": "How a store's devices synchronise: commands up, a gap-free feed down."},
    {"name": "health", "description": "For load balancers and monitors."},
]
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})


def install(app: FastAPI) -> None:
    """Let `app.openapi()` give the completed document."""
    draw = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(draw(), permissions(app))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def permissions(app: FastAPI) -> dict[tuple[str, str], str | None]:
    """(method, path) of each route that asks who is there -> the permission it needs; None: any known caller."""
    found: dict[tuple[str, str], str | None] = {}
    for route in routes(app):
        calls = list(_calls(route.dependant))
        action = next((a for call in calls if (a := getattr(call, "action", None))), None)
        if action or web.actor_of in calls:
            found |= {(method.lower(), route.path_format): action for method in route.methods or ()}
    return found


def routes(app: FastAPI) -> Iterator[Any]:
    """Every API route of `app`, with its full path."""
    return (route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute))


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def complete(document: dict[str, Any], needs: dict[tuple[str, str], str | None]) -> dict[str, Any]:
    """Add the security scheme and, to each operation, the answers every route may give."""
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["FieldProblem"] = FieldProblem.model_json_schema()
    schemas["Problem"] = _problem_schema()
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "bk_ (key), bd_ (device) or bp_ (person)."}
    }
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                _complete_operation(operation, path, needs, method)
    return document


def _problem_schema() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


def _complete_operation(
    operation: dict[str, Any], path: str, needs: dict[tuple[str, str], str | None], method: str
) -> None:
    statuses = {429, 503}
    if "requestBody" in operation:
        statuses |= {400, 413}
    if "{" in path:
        statuses.add(404)
    if "requestBody" in operation or operation.get("parameters"):
        statuses.add(422)
    if (method, path) in needs:
        statuses |= {401, 403}
        operation["security"] = [{"token": []}]
        action = needs[method, path]
        if action:
            operation["x-permission"] = action
            operation["description"] = f"{operation.get('description', '')}\n\nNeeds the permission `{action}`.".strip()
    answers = operation["responses"]
    for status in statuses | {int(code) for code in answers if code.isdigit() and int(code) >= 400}:
        known = answers.get(str(status), {})
        answers[str(status)] = {
            "description": web._MEANING.get(status, known.get("description", "Problem")),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    operation["responses"] = dict(sorted(answers.items()))
