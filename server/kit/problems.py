"""Every error leaves the server in one shape: RFC 9457 problem details, with a sentence and a remedy.

The documentation of error answers is written here too, once for every route, so that no route forgets one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from server.kit.database import to_json, unavailable
from server.kit.findings import field_problems
from shared.errors import BatonError, Busy, InvalidInput, Problem, QueueGap, Unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
log = structlog.get_logger(__name__)

_TITLES = {
    400: ("bad_request", "The request cannot be read"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "This path does not take that method"),
    413: ("too_large", "The body is too large"),
    500: ("internal", "Something went wrong on our side"),
}


def response(problem: Problem, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The answer for `problem`; `more` are extension members (RFC 9457, 3.2)."""
    content = to_json({**problem.model_dump(exclude_none=True), **more})
    return Response(content, problem.status, dict(headers or {}), MEDIA_TYPE)


def plain(status: int, detail: str, *, remedy: str | None = None) -> Problem:
    """A problem that is about HTTP itself rather than about the business."""
    code, title = _TITLES.get(status, ("error", "The request failed"))
    return Problem(type=f"urn:baton:{code}", title=title, status=status, detail=detail, code=code, remedy=remedy)


def of_error(error: BatonError) -> Response:
    """The answer for one of our own errors."""
    headers: dict[str, str] = {}
    if isinstance(error, (Busy, Unavailable)):
        headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_AFTER_S))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    more = {"wanted": error.wanted} if isinstance(error, QueueGap) else {}
    return response(error.problem(), headers=headers, **more)


def of_validation(errors: Sequence[Mapping[str, Any]]) -> Response:
    """422 naming each field; 400 when the body is not JSON at all."""
    broken = next((e for e in errors if e["type"] == "json_invalid"), None)
    if broken is not None:
        reason = (broken.get("ctx") or {}).get("error", "unreadable")
        detail = f"The body is not valid JSON: {reason} at character {broken['loc'][-1]}."
        return response(plain(400, detail, remedy="Send a body that is valid JSON."))
    fields = field_problems(errors, within="body")
    first = fields[0]
    problem = InvalidInput.of(fields).problem()
    return response(problem.model_copy(update={"detail": f"{first.field}: {first.message}"}))


def of_database(error: Exception) -> Response | None:
    """What the caller or the operator can do about it; None when it is our mistake."""
    state = str(getattr(error, "sqlstate", None) or "")
    if unavailable(error):
        full = state == "53100"
        detail = "The database's disk is full." if full else "The database is not available at the moment."
        log.error("database unavailable", sqlstate=state)
        return of_error(Unavailable(detail, remedy="Try again in a moment."))
    if state[:2] == "22" or isinstance(error, asyncpg.DataError):
        return of_error(InvalidInput("A value cannot be stored: a number out of range or a character such as NUL."))
    return None


def install(app: FastAPI) -> None:
    """Give `app` our answers for everything that can go wrong in a route."""

    async def baton(_request: Request, error: Exception) -> Response:
        assert isinstance(error, BatonError)  # noqa: S101 (registered for this class)
        return of_error(error)

    async def validation(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return of_validation(error.errors())

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        if isinstance(error.__cause__, BatonError):  # while the body was read
            return of_error(error.__cause__)
        detail = {404: "There is nothing at this path.", 405: "This path does not take that method."}
        sentence = detail.get(error.status_code, str(error.detail).rstrip(".") + ".")
        return response(plain(error.status_code, sentence), headers=error.headers)

    async def database(_request: Request, error: Exception) -> Response:
        answer = of_database(error)
        if answer is None:
            raise error
        return answer

    async def away(_request: Request, error: Exception) -> Response:
        log.error("database unavailable", error=str(error))
        return of_error(Unavailable("The database is not available at the moment.", remedy="Try again in a moment."))

    async def unwritable(_request: Request, _error: Exception) -> Response:
        return of_error(InvalidInput("Text contains half of a character (a lone surrogate)."))

    app.add_exception_handler(BatonError, baton)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    for said in (asyncpg.PostgresError, asyncpg.InterfaceError):
        app.add_exception_handler(said, database)
    for gone in (ConnectionError, PoolTimeout, DBAPIError):
        app.add_exception_handler(gone, away)
    app.add_exception_handler(UnicodeEncodeError, unwritable)
