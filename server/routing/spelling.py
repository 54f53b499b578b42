"""A field that nobody knows is usually one that somebody misspelled: say which was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.kernel import Input

_UNKNOWN = "extra_forbidden"


class Spelled(Input):
    """An input whose unknown fields are answered with the nearest known one, beside all other findings."""

    @model_validator(mode="wrap")
    @classmethod
    def _spelled(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise _respelled(error, cls.model_fields) from error


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word."""
    there_are = sorted(known)
    if near := get_close_matches(word, there_are, n=1, cutoff=0.6):
        return f"perhaps {near[0]} is meant"
    return f"there are {', '.join(there_are[:20])}" if there_are else "there is nothing to set"


def _respelled(error: ValidationError, known: Iterable[str]) -> ValidationError:
    """The same findings, with a better word for each unknown field of this very object."""
    found = []
    errors = error.errors(include_url=False)
    for each in errors:
        size = len(each["loc"])
        if each["type"] == "too_short" and any(len(e["loc"]) > size and e["loc"][:size] == each["loc"] for e in errors):
            continue  # what is wrong was left out of the count
        kind: str | PydanticCustomError = each["type"]
        context = each.get("ctx", {})
        if kind == _UNKNOWN:
            context = context or {"meant": meant(str(each["loc"][-1]), known)}
            kind = PydanticCustomError(_UNKNOWN, "There is no such field; {meant}", context)
        found.append(InitErrorDetails(type=kind, loc=each["loc"], input=each["input"], ctx=context))
    return ValidationError.from_exception_data(error.title, found)
