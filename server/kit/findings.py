"""What pydantic found wrong with an input, as fields with a sentence and a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.errors import FieldProblem

_NUMBER = "Send a whole number, without quotes and without a point."
_REMEDIES = {
    "missing": "Add this field.",
    "extra_forbidden": "Remove this field, or correct its name.",
    "json_invalid": "Send a body that is valid JSON.",
    "string_too_long": "Send at most {max_length} characters.",
    "string_too_short": "Send at least {min_length} characters; blanks at the ends do not count.",
    "string_pattern_mismatch": "Write it as the manual shows (pattern {pattern}).",
    "string_type": "Send text in quotes.",
    "greater_than_equal": "Send {ge} or more.",
    "greater_than": "Send more than {gt}.",
    "less_than_equal": "Send {le} or less.",
    "less_than": "Send less than {lt}.",
    "too_short": "Send at least {min_length}.",
    "too_long": "Send at most {max_length} at once.",
    "int_type": _NUMBER,
    "int_from_float": _NUMBER,
    "int_parsing": _NUMBER,
    "float_type": "Send a number, without quotes.",
    "float_parsing": "Send a number.",
    "finite_number": "Send a number that is not infinite.",
    "bool_type": "Send true or false, without quotes.",
    "bool_parsing": "Send true or false.",
    "literal_error": "Send one of {expected}.",
    "enum": "Send one of {expected}.",
    "union_tag_invalid": "Send one of {expected_tags}.",
    "union_tag_not_found": "Add the field {discriminator}.",
    "uuid_parsing": "Send an id as this API gave it.",
    "uuid_type": "Send an id as this API gave it.",
    "list_type": "Send a list in square brackets.",
    "tuple_type": "Send a list in square brackets.",
    "model_type": "Send an object in braces.",
    "model_attributes_type": "Send an object in braces.",
    "dict_type": "Send an object in braces.",
    "value_error": "Correct it, or leave it out where it is optional.",
}
_TIME = "Send a time with its offset, such as 2026-03-01T09:30:00Z."
_ELSE = "See this field in the manual at /v1/docs."
_OWN_FIELD = re.compile(r"([a-z][a-z0-9_.]*): (.+)", re.DOTALL)


def field_problems(errors: Sequence[Mapping[str, Any]], *, within: str = "") -> list[FieldProblem]:
    """Each finding with a dotted path. A validator of a whole model says its own field as `field: sentence`.

    `within` is the place that paths begin with and that callers do not write, such as `body`.
    """
    found = []
    for error in errors:
        path = [str(part) for part in error["loc"]]
        path = path[1:] if within and path[:1] == [within] else path
        message = str(error["msg"]).removeprefix("Value error, ")
        if error["type"] == "value_error" and (own := _OWN_FIELD.fullmatch(message)):
            path, message = [*path, own[1]], own[2]
        sentence = message[:1].upper() + message[1:].rstrip(".") + "."
        found.append(FieldProblem(field=".".join(path) or within, message=sentence, remedy=_remedy(error)))
    return found


def _remedy(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind.startswith(("datetime", "date", "time")):
        return _TIME
    try:
        return _REMEDIES.get(kind, _ELSE).format_map(error.get("ctx") or {})
    except KeyError:
        return _ELSE
