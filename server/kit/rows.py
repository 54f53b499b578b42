"""Lists in which a bad row does not keep the good ones out: each row gets its own answer.

`Rows` keeps the schema of its row for the API documentation, but a row that does not fit arrives as a `BadRow`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from server.kit.findings import field_problems
from shared.errors import FieldProblem
from shared.kernel import Wire

RowStatus = Literal["created", "updated", "unchanged", "refused"]


class BadRow(Wire):
    """A row that cannot be read: its key, as far as it had one, and what is wrong."""

    key: str | None
    problems: tuple[FieldProblem, ...]


class RowResult(Wire):
    """What became of one row of a list."""

    row: int = Field(description="Place in the list, from 0.")
    key: str | None = Field(description="The row's own key, as far as it could be read.")
    status: RowStatus
    errors: tuple[FieldProblem, ...] = Field(default=(), description="Why it was refused: field, message and remedy.")


class RowResults(Wire):
    """One result per row, in the order of the rows."""

    results: list[RowResult]


@dataclass(frozen=True)
class KeepBad:
    """For `Annotated[Row | BadRow, keep_bad(...)]`: validated and documented as `Row`, else a `BadRow`."""

    key: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        row = next((kind for kind in get_args(source) if kind is not BadRow), source)
        return core_schema.no_info_wrap_validator_function(self._validate, handler.generate_schema(row))

    def _validate(self, value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            name = value.get(self.key) if isinstance(value, dict) else None
            return BadRow(
                key=name if isinstance(name, str) else None,
                problems=tuple(field_problems(error.errors(include_url=False))),
            )


def keep_bad(key: str) -> KeepBad:
    """Let a row that does not validate through as a `BadRow`. `key` is the field that names the row."""
    return KeepBad(key)


def first_problems(
    rows: Sequence[Any], key_of: Callable[[Any], str], key: str, noun: str
) -> list[tuple[FieldProblem, ...]]:
    """Per row: what keeps it out before anything is looked up, such as a second row with the same key."""
    seen: dict[str, int] = {}
    found: list[tuple[FieldProblem, ...]] = []
    for number, row in enumerate(rows):
        if isinstance(row, BadRow):
            found.append(row.problems)
            continue
        first = seen.setdefault(key_of(row), number)
        twice = FieldProblem(
            field=key,
            message=f"{noun} {key_of(row)} is already in row {first} of this list.",
            remedy="Send each one once per list.",
        )
        found.append((twice,) if first != number else ())
    return found


def results(
    rows: Sequence[Any],
    key_of: Callable[[Any], str],
    problems: Sequence[tuple[FieldProblem, ...]],
    created: set[str],
    updated: set[str],
) -> list[RowResult]:
    """The answer to every row."""
    answers = []
    for number, (row, wrong) in enumerate(zip(rows, problems, strict=True)):
        key = row.key if isinstance(row, BadRow) else key_of(row)
        status: RowStatus = "refused" if wrong else "created" if key in created else "unchanged"
        if not wrong and key in updated:
            status = "updated"
        answers.append(RowResult(row=number, key=key, status=status, errors=wrong))
    return answers
