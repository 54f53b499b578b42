"""Real processes under load, killed at random; and that the checker would notice if something were lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.faults import verdict
from tests.faults.rounds import play
from tests.faults.site import Site, site

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
ROUNDS = 20


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Site]:
    """One installation for all rounds."""
    async with site(seed=0) as made:
        yield made


@pytest.mark.parametrize("seed", range(1, ROUNDS + 1))
async def test_whoever_is_killed_what_was_acknowledged_is_there_once(running: Site, seed: int) -> None:
    done = await play(running, seed)
    said = f"seed {seed}, killed {', '.join(done.killed)}; kept in {done.kept}:\n" + "\n".join(done.wrong)
    assert not done.wrong, said
    assert done.acknowledged["commands"] > 0
    assert done.acknowledged["orders"] > 0


# ---------------------------------------------------------------- the test is tested, on what the rounds have left


async def _all(running: Site) -> tuple[verdict.Record, verdict.Journals]:
    record, journals = await verdict.load(running.db), running.journals()
    assert verdict.complaints(record, journals) == []
    return record, journals


def _said(record: verdict.Record, journals: verdict.Journals) -> str:
    return "\n".join(verdict.complaints(record, journals))


async def test_a_lost_command_is_found(running: Site) -> None:
    record, journals = await _all(running)
    device, acknowledged = next((d, rows) for d, rows in journals.devices.items() if rows)
    gone = acknowledged[len(acknowledged) // 2]
    kept = [row for row in record.commands if row["id"] != gone["id"]]
    assert f"LOST: {gone['kind']} {gone['n']}" in _said(replace(record, commands=kept), journals)
    # Cut off at the end there is no gap, and it is found all the same.
    last = acknowledged[-1]["n"]
    kept = [row for row in record.commands if row["device"] != device or row["n"] < last]
    assert f"LOST: {acknowledged[-1]['kind']} {last}" in _said(replace(record, commands=kept), journals)


async def test_a_command_that_was_carried_out_twice_is_found(running: Site) -> None:
    record, journals = await _all(running)
    twice = next(row for row in record.commands if row["body"]["kind"] == "adjust_stock")
    assert "recorded twice" in _said(replace(record, commands=[*record.commands, twice]), journals)
    moved = next(row for row in record.movements if row["reference"] == twice["body"]["note"])
    said = _said(replace(record, movements=[*record.movements, moved]), journals)
    assert f"correction {twice['n']} moved stock 2 times" in said
    without = [row for row in record.movements if row is not moved]
    assert f"correction {twice['n']} moved stock 0 times" in _said(replace(record, movements=without), journals)


async def test_commands_that_changed_places_are_found(running: Site) -> None:
    record, journals = await _all(running)
    device = next(d for d, rows in journals.devices.items() if rows)
    one, other = [row for row in record.commands if row["device"] == device][-2:]
    rest = [row for row in record.commands if row not in (one, other)]
    swapped = [{**other, "n": one["n"]}, {**one, "n": other["n"]}]
    assert "out of order" in _said(replace(record, commands=[*rest, *swapped]), journals)


async def test_a_missing_and_a_doubled_order_are_found(running: Site) -> None:
    record, journals = await _all(running)
    entry = next(each for each in journals.clients if "order" in each)
    kept = [row for row in record.orders if row["external_id"] != entry["order"]]
    assert f"LOST: order {entry['order']}" in _said(replace(record, orders=kept), journals)
    again = {"external_id": entry["order"], "id": "another"}
    assert "is there 2 times" in _said(replace(record, orders=[*record.orders, again]), journals)


async def test_a_correction_over_http_that_was_lost_or_doubled_is_found(running: Site) -> None:
    record, journals = await _all(running)
    entry = next(each for each in journals.clients if "correction" in each)
    moved = next(row for row in record.movements if row["reference"] == entry["correction"])
    without = [row for row in record.movements if row is not moved]
    assert "LOST: correction" in _said(replace(record, movements=without), journals)
    assert "wrong: correction" in _said(replace(record, movements=[*record.movements, moved]), journals)


async def test_a_job_that_is_not_what_its_commands_make_of_it_is_found(running: Site) -> None:
    record, journals = await _all(running)
    touched = {row["body"].get("fulfilment") for row in record.commands if row["outcome"]["status"] == "applied"}
    alone = [job for job in record.jobs if job["id"] in touched]
    forged = [
        {**job, "body": {**verdict.plain(job["body"]), "state": "offered", "assignee": "nobody"}} for job in alone
    ]
    others = [job for job in record.jobs if job not in alone]
    said = _said(replace(record, jobs=[*others, *forged]), journals)
    assert "its commands make it" in said


async def test_a_lost_command_in_the_database_itself_is_found(running: Site) -> None:
    """Rows are really taken out, and the site is not used any more after this test."""
    _, journals = await _all(running)
    device, acknowledged = next((d, rows) for d, rows in journals.devices.items() if rows)
    n = acknowledged[-1]["n"]

    async def forget(tx: object) -> None:
        await tx.run("DELETE FROM device_command WHERE device = :id AND n >= :n", id=device, n=n)  # type: ignore[attr-defined]
        await tx.run("UPDATE device SET last_n = :n WHERE id = :id", id=device, n=n - 1)  # type: ignore[attr-defined]

    await running.db.write(forget)
    assert f"LOST: {acknowledged[-1]['kind']} {n}" in _said(await verdict.load(running.db), journals)
