"""Whatever goes wrong, the answer is a problem with a sentence; health tells the truth."""

from __future__ import annotations

from tests.build import World


async def test_an_unknown_path_is_a_problem(world: World) -> None:
    answer = await world.client.get("/v1/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


async def test_a_ready_server_says_so_and_a_stopping_one_does_not(world: World) -> None:
    assert (await world.client.get("/readyz")).json() == {"ready": True}
    world.parts.draining.set()
    answer = await world.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert (await world.client.get("/livez")).status_code == 200


async def test_a_token_says_who_it_belongs_to(world: World) -> None:
    assert (await world.client.get("/v1/me")).json()["roles"] == ["admin", "integration"]
    assert (await (await world.asking(None)).get("/v1/me")).status_code == 401
    assert (await (await world.asking("bk_wrong")).get("/v1/me")).status_code == 401
