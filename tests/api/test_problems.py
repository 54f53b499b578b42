"""Whatever goes wrong, the answer is a problem with a sentence; health tells the truth."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from server.app import create_app
from server.kit import limits, migrate, pages
from server.kit.limits import Buckets, Rate, deeper_than
from shared.errors import InvalidInput
from tests import build
from tests.build import World


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, object] = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    assert str(said["detail"]).endswith(".")
    return said


async def test_an_unknown_path_and_a_wrong_method_are_problems(world: World) -> None:
    problem(await world.client.get("/v1/nothing-here"), 404, "not_found")
    answer = await world.client.delete("/v1/me")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_ready_server_says_so_and_a_stopping_one_does_not(world: World) -> None:
    assert (await world.client.get("/readyz")).json() == {"ready": True}
    world.parts.draining.set()
    answer = await world.client.get("/readyz")
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "2"
    assert (await world.client.get("/livez")).status_code == 200


async def test_a_server_with_another_schema_is_not_ready(world: World) -> None:
    await world.write(lambda tx: tx.run("UPDATE alembic_version SET version_num = 'older'"))
    said = problem(await world.client.get("/readyz"), 503, "unavailable")
    assert said["remedy"] == "Run: baton db upgrade"
    assert migrate.head() != "older"


async def test_a_token_says_who_it_belongs_to(world: World) -> None:
    assert (await world.client.get("/v1/me")).json()["roles"] == ["admin", "integration"]
    for token in (None, "bk_wrong", "no-token-at-all"):
        answer = await (await world.asking(token)).get("/v1/me")
        problem(answer, 401, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_each_wrong_field_is_named_with_a_remedy(world: World) -> None:
    body = {"people": [{"name": "", "roles": ["king"], "colour": "red"}]}
    said = problem(await world.client.post("/v1/people", json=body), 422, "invalid_input")
    errors = {e["field"]: e for e in said["errors"]}  # type: ignore[attr-defined]
    assert set(errors) == {"people.0.name", "people.0.roles.0", "people.0.colour"}
    assert errors["people.0.colour"]["remedy"] == "Remove this field, or correct its name."


async def test_a_body_that_is_not_json_is_a_400(world: World) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await world.client.post("/v1/people", content=b'{"people": [', headers=headers)
    problem(answer, 400, "bad_request")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, b'{"a":["[[[[",' + b"[" * 40 + b"]" * 40 + b"]}"])
async def test_a_body_that_nests_too_deep_is_a_400(world: World, body: bytes) -> None:
    answer = await world.client.post("/v1/people", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "bad_request")


async def test_characters_that_cannot_be_stored_are_refused_not_a_crash(world: World) -> None:
    for name in ("a\x00b", "a\ud800b"):
        body = json.dumps({"code": "ABCD-1234", "name": name})
        headers = {"Content-Type": "application/json"}
        answer = await world.client.post("/v1/sync/devices/enrol", content=body, headers=headers)
        assert answer.status_code in {403, 422}, answer.text
    problem(await world.client.post("/v1/devices/a%00b/revoke"), 422, "invalid_input")


@pytest.fixture
async def small(database_url: str) -> AsyncIterator[World]:
    async with build.world(database_url, config=build.settings(max_body_bytes=1000)) as made:
        yield made


async def test_a_body_over_the_limit_is_a_413_and_is_not_read_to_its_end(small: World) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b" " * 100

    for kind in ("application/json", "text/plain"):
        read = 0
        answer = await small.client.post("/v1/people", content=endless(), headers={"Content-Type": kind})
        problem(answer, 413, "too_large")
        assert read < 20
    problem(await small.client.post("/v1/people", content=b"1" * 1001), 413, "too_large")


async def test_too_many_requests_are_told_when_to_come_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GUESSES", Rate(per_second=0.1, burst=3))
    body = {"code": "ABCD-1234", "name": "Guess"}
    statuses = [(await world.client.post("/v1/sync/devices/enrol", json=body)) for _ in range(4)]
    assert [s.status_code for s in statuses] == [403, 403, 403, 429]
    assert 1 <= int(statuses[-1].headers["retry-after"]) <= 10
    problem(statuses[-1], 429, "busy")


async def test_wrong_tokens_run_into_a_limit_of_their_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REFUSED", Rate(per_second=0.001, burst=3))
    statuses = [(await (await world.asking(f"bk_guess{n}")).get("/v1/me")).status_code for n in range(5)]
    assert statuses == [401, 401, 401, 429, 429]


async def test_an_unexpected_error_is_a_500_with_an_id_that_stands_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(world.parts.db, "write", broken)
    with capture_logs() as lines:
        answer = await world.client.post("/v1/keys", json={"name": "x"})
    said = problem(answer, 500, "internal")
    assert said["request_id"] == answer.headers["x-request-id"]
    assert "bug" not in answer.text
    assert any(line["event"] == "unexpected error" and line["request"] == said["request_id"] for line in lines)


async def test_a_database_that_is_gone_is_a_503(world: World) -> None:
    await world.db.close()

    async def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("no such socket")

    world.db.read = world.db.write = away  # type: ignore[method-assign,assignment]
    problem(await world.client.post("/v1/keys", json={"name": "x"}), 503, "unavailable")


async def test_big_answers_are_compressed_for_those_who_ask(world: World) -> None:
    plain = await world.client.get("/v1/openapi.json", headers={"Accept-Encoding": "identity"})
    request = world.client.build_request("GET", "/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
    packed = await world.client.send(request, stream=True)
    raw = b"".join([part async for part in packed.aiter_raw()])
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 4


async def test_figures_are_counted_by_route(world: World) -> None:
    await world.client.get("/v1/me")
    await world.client.post(f"/v1/keys/{world.admin.id}/revoke")
    text = (await world.client.get("/metrics")).text
    assert 'baton_requests_total{method="GET",route="/v1/me",status="200"} 1.0' in text
    assert 'route="/v1/keys/{key_id}/revoke"' in text


def test_every_operation_has_a_name_of_its_own_a_tag_and_a_sentence() -> None:
    document = create_app(build.settings()).openapi()
    operations = [op for item in document["paths"].values() for op in item.values()]
    names = [op["operationId"] for op in operations]
    assert sorted({n for n in names if names.count(n) > 1}) == []
    tags = {tag["name"] for tag in document["tags"]}
    assert [op["operationId"] for op in operations if not set(op.get("tags", ["none"])) <= tags] == []
    assert [op["operationId"] for op in operations if not op.get("description")] == []
    assert "HTTPValidationError" not in json.dumps(document)


nested = st.recursive(
    st.text('[]{}"\\', max_size=5), lambda inner: st.lists(inner, max_size=3) | st.fixed_dictionaries({"a": inner})
)


def depth(value: object) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


@given(nested, st.integers(0, 8))
def test_depth_is_counted_exactly_whatever_stands_in_strings(value: object, limit: int) -> None:
    assert deeper_than(json.dumps(value).encode(), limit) == (depth(value) > limit)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    now = 0.0
    buckets = Buckets(clock=lambda: now)
    rate = Rate(per_second=2, burst=3)
    assert [buckets.take("a", rate) > 0 for _ in range(4)] == [False, False, False, True]
    assert buckets.take("a", rate) == pytest.approx(0.5)
    assert buckets.take("b", rate) == 0
    now = 0.5
    assert [buckets.take("a", rate) > 0 for _ in range(2)] == [False, True]


def test_a_cursor_comes_back_as_it_was_and_nothing_else_is_taken() -> None:
    assert pages.decode(pages.encode("Ann", 7), (str, int)) == ("Ann", 7)
    for cursor in (pages.encode("Ann"), pages.encode(7, "Ann"), pages.encode("a\0", 7), "!!", "W1td"):
        with pytest.raises(InvalidInput):
            pages.decode(cursor, (str, int))
