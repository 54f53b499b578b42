"""Lists in pages, by key: a page begins after the last row of the one before, however much changed meanwhile."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from shared.errors import InvalidInput

T = TypeVar("T")
MAX_LIMIT = 200

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows on a page.")]
After = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """Some rows, and how to get those that follow."""

    items: list[T]
    next: str | None = Field(default=None, description="Give this as `after` to get the next page; null at the end.")


def encode(*key: str | int) -> str:
    """The sort key of a row as an opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str | None, kinds: Sequence[type]) -> tuple[str | int, ...] | None:
    """The sort key in a cursor of these kinds, None without one. Raises `InvalidInput`."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    fits = isinstance(key, list) and [type(part) for part in key] == list(kinds)
    if not fits or any(isinstance(part, str) and "\0" in part for part in key):
        raise InvalidInput("This cursor is not one of ours.", field="query.after", remedy="Start without `after`.")
    return tuple(key)


def page(rows: Sequence[T], limit: int, key: Callable[[T], tuple[str | int, ...]]) -> Page[T]:
    """A page of `limit` from rows fetched with `limit + 1`."""
    shown = list(rows[:limit])
    return Page(items=shown, next=encode(*key(shown[-1])) if len(rows) > limit else None)
