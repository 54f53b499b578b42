"""Streams of rows, one JSON object a line, read piece by piece in bounded memory.

A line that cannot be read becomes a `BadRow` and keeps nothing else out. A stream that was cut off ends with such a
line where the cut went through it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from server.kit.findings import field_problems
from server.kit.rows import BadRow
from shared.errors import FieldProblem

Row = TypeVar("Row", bound=BaseModel)
MAX_LINE = 16 * 1024
"""Bytes of one line; a row of a feed has a few hundred."""


async def pieces(body: AsyncIterable[bytes], size: int) -> AsyncIterator[list[bytes]]:
    """The lines of a stream, blank ones too, in lists of `size`; the last list is shorter."""
    lines: list[bytes] = []
    rest = b""
    async for part in body:
        *whole, rest = (rest + part).split(b"\n")
        rest = rest[: MAX_LINE + 1]
        lines += whole
        while len(lines) >= size:
            yield lines[:size]
            lines = lines[size:]
    lines += [rest] if rest else []
    if lines:
        yield lines


class Reader(Generic[Row]):
    """Reads lines as rows of one kind. `key` is the field that names a row."""

    def __init__(self, kind: type[Row], key: str) -> None:
        self._one: TypeAdapter[Row] = TypeAdapter(kind)
        self._many: TypeAdapter[list[Row]] = TypeAdapter(list[kind])  # type: ignore[valid-type]
        self._key = key

    def read(self, lines: Sequence[bytes]) -> list[Row | BadRow | None]:
        """A row for each line, None for a blank one. All are read at once if all are good, else one by one."""
        return list(self._all(lines) or map(self._row, lines))

    def _all(self, lines: Sequence[bytes]) -> list[Row] | None:
        """The rows, where each line is an object and every one of them is good."""
        if not all(line[:1] == b"{" and line[-1:] == b"}" and len(line) <= MAX_LINE for line in lines):
            return None
        try:
            rows = self._many.validate_json(b"[" + b",".join(lines) + b"]")
        except ValidationError:
            return None
        return rows if len(rows) == len(lines) else None

    def _row(self, line: bytes) -> Row | BadRow | None:
        if len(line) > MAX_LINE:
            return _unread(f"This line is longer than {MAX_LINE:,} bytes.", "Write one row on each line.")
        if not line.strip():
            return None
        try:
            return self._one.validate_json(line)
        except ValidationError as error:
            findings = error.errors(include_url=False)
        if findings[0]["type"] == "json_invalid":
            said = str(findings[0]["msg"]).removeprefix("Invalid JSON: ")
            return _unread(f"This line is not JSON: {said}.", "Write each row as one JSON object on a line of its own.")
        return BadRow(key=self._name(line), problems=tuple(field_problems(findings, within="line")))

    def _name(self, line: bytes) -> str | None:
        row = json.loads(line)
        name = row.get(self._key) if isinstance(row, dict) else None
        return name if isinstance(name, str) else None


def _unread(message: str, remedy: str) -> BadRow:
    return BadRow(key=None, problems=(FieldProblem(field="line", message=message, remedy=remedy),))
