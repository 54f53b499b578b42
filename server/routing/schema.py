"""The JSON Schema of a plan, made from the classes that check it, with what each criterion lets one set."""

from __future__ import annotations

from functools import cache
from typing import Any

from server.routing.criteria import CRITERIA
from server.routing.rules import PlanBody


@cache
def plan_schema() -> dict[str, Any]:
    """JSON Schema 2020-12. The parameters of a criterion follow from its code."""
    schema = PlanBody.model_json_schema()
    by_code = [
        {
            "if": {"properties": {"criterion": {"const": code}}},
            "then": {"properties": {"params": criterion.params.model_json_schema()}},
        }
        for code, criterion in sorted(CRITERIA.items())
    ]
    for each in ("Weight", "Sorted"):
        schema["$defs"][each]["allOf"] = by_code
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Routing plan", **schema}
