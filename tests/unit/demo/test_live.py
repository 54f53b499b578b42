"""The live demo's own rules: ports, first orders, what is forgotten."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.demo import live, welcome
from server.demo.arrivals import Yourself
from server.demo.demand import replay
from server.demo.retailer import build


def test_a_taken_port_is_said_aloud_and_the_next_one_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        found = live.free_port(wanted, "server")
    assert found > wanted
    assert f"Port {wanted} is taken; the server listens on {found}." in capsys.readouterr().out


def test_a_newcomer_finds_pickups_a_curbside_order_and_parcels_only_a_store_can_send() -> None:
    retailer = build(stores=8)
    node = live.your_store(retailer).node
    happenings = list(replay(retailer, start=datetime.now(UTC)))
    yours = Yourself.of(node, retailer, happenings)
    first = yours.first()
    assert [order.method for order in first] == ["pickup", "pickup", "curbside", "ship", "ship"]
    for order in first:
        assert order.node == (None if order.method == "ship" else node)
        if order.method == "ship":
            assert not {line.sku for line in order.lines} <= yours.central, "a warehouse would send it"
    real = {order.external_id for order in yours.orders}
    assert all(order.external_id.removesuffix("-sent") in real for order in first)
    assert len(yours.orders) > 30, "your store would run out of work"


def test_beginning_anew_forgets_tablets_and_keeps_the_certificate(tmp_path: Path) -> None:
    for slot in ("store/" + "0a" * 16, "tablets/" + "1f" * 16, "tablets/tls"):
        (tmp_path / slot).mkdir(parents=True)
        (tmp_path / slot / "file").touch()
    live.forget(tmp_path)
    assert [each.name for each in tmp_path.rglob("file")] == ["file"]
    assert (tmp_path / "tablets" / "tls" / "file").exists()


def test_rows_that_are_no_demos_are_never_thrown_away(tmp_path: Path) -> None:
    rows = tmp_path / "cluster" / "PG_VERSION"
    rows.parent.mkdir()
    rows.touch()
    with live.alone(tmp_path), pytest.raises(SystemExit, match="was not made by a demo"):
        live.forget(tmp_path)
    assert rows.exists()


def test_two_demos_never_play_in_one_folder(tmp_path: Path) -> None:
    with live.alone(tmp_path), pytest.raises(SystemExit, match="already: stop it"), live.alone(tmp_path):
        pytest.fail("both play")
    with live.alone(tmp_path):
        live.forget(tmp_path)


def test_the_welcome_says_where_everything_is_and_warns_of_the_open_address(capsys: pytest.CaptureFixture[str]) -> None:
    yours = live.your_store(build(stores=8))
    here = welcome.Addresses("http://127.0.0.1:1", "http://127.0.0.1:2", ["https://10.0.0.9:3"], "bk_planner")
    welcome.say(yours, here, 12.4)
    said = capsys.readouterr().out
    for part in ("http://127.0.0.1:1/demo/codes", "http://127.0.0.1:2", "https://10.0.0.9:3", "/live#bk_planner"):
        assert part in said
    assert "Ready after 12 s" in said
    assert any(person.pin in said for person in yours.staff)
    assert "--no-network" in said
    welcome.say(yours, welcome.Addresses("http://127.0.0.1:1", "http://127.0.0.1:2", [], "bk_planner"), 1)
    assert "--no-network" not in capsys.readouterr().out
