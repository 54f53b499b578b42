"""Random histories on PostgreSQL: whatever happens, the nine invariants hold. And the test of the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from server.inventory import service as inventory
from server.orders import dues
from server.sync import service as sync
from tests.simulation.history import history

SEEDS, STEPS = range(1, 5), 80


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_invariants_hold_after_any_history(database_url: str, seed: int) -> None:
    async with history(database_url, seed) as life:
        await life.run(STEPS)
        assert await life.broken() == [], "\n".join(life.lines)


async def test_a_seed_is_one_history(database_url: str, second_url: str) -> None:
    digests = []
    for url in (database_url, second_url):
        async with history(url, 7) as life:
            await life.run(40)
            digests.append(life.digest())
    assert digests[0] == digests[1]


def _no_postings(*_: Any, **__: Any) -> list[Any]:
    return []


async def _end_no_claims(tx: Any, events: Sequence[Any]) -> dict[Any, int]:
    return {}


def _a_cent_more(amount: int, left: int, units: int, *, last: bool = False) -> int:
    return amount * units // left + 1


def _forget_some(write: Callable[..., Any]) -> Callable[..., Any]:
    async def forgetful(tx: Any, docs: Sequence[Any]) -> None:
        await write(tx, [doc for doc in docs if doc["kind"] != "fulfilment" or doc["version"] % 2])

    return forgetful


FAULTS: dict[str, tuple[Any, str, Any]] = {
    "units leave a store and stay in its stock": (inventory, "exit_postings", _no_postings),
    "claims do not end": (inventory, "_end_claims", _end_no_claims),
    "a cent too much": (dues, "share_of", _a_cent_more),
    "a change is not published": (sync, "_write_feed", _forget_some(sync._write_feed)),
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_fault_is_found(database_url: str, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    module, name, broken = FAULTS[fault]
    async with history(database_url, 1) as life:
        monkeypatch.setattr(module, name, broken)
        found: list[str] = []
        try:
            await life.run(STEPS)
            found = await life.broken()
        except Exception as error:
            found = [repr(error)]
        assert found, f"nobody noticed that {fault}"
