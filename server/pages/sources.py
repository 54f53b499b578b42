"""A document as text for people: short parts on one line, and the line of every field, so that a problem is shown where
it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

WIDTH = 88


@dataclass(slots=True)
class Source:
    """JSON in lines, and at which of them each field begins."""

    lines: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    """Dotted path -> line, from 1."""

    @classmethod
    def raw(cls, text: str, line: int) -> Source:
        """Text that cannot be read; what is wrong with it is at `line`."""
        lines = text.splitlines() or [""]
        return cls(lines, {"": min(line, len(lines))})

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line_of(self, path: str) -> int | None:
        """Of the field, or of the nearest one around it that is there; None where it has no line."""
        while path not in self.places and path:
            path = path.rpartition(".")[0]
        return self.places.get(path)


def source_of(value: Any) -> Source:
    """The document in lines."""
    source = Source()
    _write(source, value, "", "", "", 0)
    return source


def _write(source: Source, value: Any, path: str, before: str, after: str, depth: int) -> None:
    line = len(source.lines) + 1
    source.places[path] = line
    indent = "  " * depth
    flat = json.dumps(value, ensure_ascii=False)
    whole = f"{indent}{before}{flat}{after}"
    if not isinstance(value, dict | list) or not value or (depth > 1 and len(whole) <= WIDTH):
        source.lines.append(whole)
        _all_at(source, value, path, line)
        return
    opens, closes = "{}" if isinstance(value, dict) else "[]"
    source.lines.append(f"{indent}{before}{opens}")
    pairs = list(value.items()) if isinstance(value, dict) else [(None, each) for each in value]
    for number, (name, part) in enumerate(pairs):
        key = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
        step = str(number) if name is None else name
        comma = "," if number < len(pairs) - 1 else ""
        _write(source, part, f"{path}.{step}" if path else step, key, comma, depth + 1)
    source.lines.append(f"{indent}{closes}{after}")


def _all_at(source: Source, value: Any, path: str, line: int) -> None:
    """Everything inside a part that stands on one line."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        inner = f"{path}.{step}" if path else str(step)
        source.places[inner] = line
        _all_at(source, part, inner, line)
