"""Streams of rows: cut into pieces anywhere, read line by line, and a bad line keeps nothing else out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from server.kit.ndjson import MAX_LINE, Reader, pieces
from server.kit.rows import BadRow
from shared.stock import StockFigure

READER = Reader(StockFigure, "sku")
GOOD = b'{"sku": "A", "node": "S-1", "units": 3}'


async def _parts(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@given(
    st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=12),
    st.integers(1, 9),
    st.integers(1, 5),
)
async def test_lines_are_the_same_however_the_stream_is_cut(lines: list[bytes], size: int, piece: int) -> None:
    body = b"\n".join(lines)
    found = [piece_ async for piece_ in pieces(_parts(body, size), piece)]
    whole = body.split(b"\n")
    assert [line for piece_ in found for line in piece_] == (whole if whole[-1] else whole[:-1])
    assert all(len(each) <= piece for each in found)


async def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    body = b"x" * 40 * MAX_LINE + b"\n" + GOOD
    lines = [line async for some in pieces(_parts(body, MAX_LINE), 10) for line in some]
    assert len(lines[0]) <= 2 * MAX_LINE + 1
    assert lines[1:] == [GOOD]
    assert _problems(lines[0]) == [("line", "This line is longer than 16,384 bytes.")]


def _problems(*lines: bytes) -> list[tuple[str, str]]:
    bad = [row for row in READER.read(lines) if isinstance(row, BadRow)]
    return [(each.field, each.message) for row in bad for each in row.problems]


def test_a_bad_line_is_named_and_its_neighbours_are_read() -> None:
    rows = READER.read([GOOD, b"", b'{"sku": "B", "node": "S-1", "unit": 3}', b'{"sku": "C"', GOOD + b"\r"])
    assert [type(row).__name__ for row in rows] == ["StockFigure", "NoneType", "BadRow", "BadRow", "StockFigure"]
    misspelled, broken = rows[2], rows[3]
    assert isinstance(misspelled, BadRow)
    assert isinstance(broken, BadRow)
    assert misspelled.key == "B"
    assert {(p.field, p.remedy) for p in misspelled.problems} == {
        ("units", "Add this field."),
        ("unit", "Remove this field, or correct its name."),
    }
    assert broken.problems[0].field == "line"
    assert broken.problems[0].message.startswith("This line is not JSON: EOF")


def test_lines_that_are_objects_only_together_are_not_read_as_rows() -> None:
    torn = [GOOD + b", " + GOOD[:-1], b'"x": 1}']
    assert len(_problems(*torn)) == 2
    two_on_one = GOOD + b", " + GOOD
    assert [field for field, _ in _problems(two_on_one, GOOD)] == ["line"]


def test_a_negative_figure_says_so() -> None:
    negative = GOOD.replace(b"3", b"-3")
    bad = READER.read([negative])[0]
    assert isinstance(bad, BadRow)
    assert [(p.field, p.remedy) for p in bad.problems] == [("units", "Send 0 or more.")]
