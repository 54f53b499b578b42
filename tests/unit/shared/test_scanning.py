"""The work in hand and a scan: what happens next."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.barcodes import ScanKind, Scanned, read
from shared.fulfilment import Fulfilment, JobLine
from shared.scanning import Act, Next, WorkInHand, step, walk
from shared.stock import Atp, Buckets, StockDoc
from shared.sync import ItemDoc

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHIRT = ItemDoc(sku="SHIRT", name="Shirt", variant="M blue", barcodes=("04006381333931",))
SOCKS = ItemDoc(sku="SOCKS", name="Socks")
HAM = ItemDoc(sku="HAM", name="Ham", flags=("weighed",))
PHONE = ItemDoc(sku="PHONE", name="Phone", flags=("serial",))


def a_job(*lines: tuple[str, int, int]) -> Fulfilment:
    """Lines of (sku, wanted, picked)."""
    return Fulfilment(
        id=UUID(int=1),
        number="B-1-AA/1",
        order_id=UUID(int=2),
        order_number="B-1-AA",
        node="S001",
        method="pickup",
        lines=tuple(
            JobLine(line=n, sku=sku, quantity=wanted, picked_by={"D1": picked} if picked else {})
            for n, (sku, wanted, picked) in enumerate(lines, start=1)
        ),
        offered_at=NOON,
    )


def picking(*lines: tuple[str, int, int], **more: Any) -> WorkInHand:
    return WorkInHand(screen="pick", job=a_job(*lines), **{"today": date(2026, 3, 1), "wanted": SHIRT, **more})


def item(**more: Any) -> Scanned:
    return Scanned(ScanKind.ITEM, "4006381333931", **{"gtin": "04006381333931", **more})


def code(answer: Next) -> str | None:
    return answer.notice.code if answer.notice else None


def test_the_right_item_is_one_unit_of_its_line() -> None:
    answer = step(picking(("SOCKS", 1, 0), ("SHIRT", 2, 0)), item(), [SHIRT])
    assert (answer.act, answer.line, answer.units) == (Act.PICK, 2, 1)


def test_the_line_in_focus_is_filled_first() -> None:
    answer = step(picking(("SHIRT", 1, 0), ("SHIRT", 1, 0), line=2), item(), [SHIRT])
    assert answer.line == 2


def test_one_scan_fills_the_line_where_the_store_allows_it() -> None:
    assert step(picking(("SHIRT", 4, 1), policy="one_per_line"), item(), [SHIRT]).units == 3


def test_a_wrong_item_says_what_was_scanned_and_what_was_wanted() -> None:
    answer = step(picking(("SHIRT", 1, 0)), item(), [SOCKS])
    assert answer.act is Act.WRONG
    assert answer.notice is not None
    assert answer.notice.code == "wrong_item"
    assert answer.notice.values == {"scanned": "Socks", "wanted": "Shirt M blue", "sku": "SHIRT"}
    assert answer.item == SOCKS


def test_enough_is_enough() -> None:
    answer = step(picking(("SHIRT", 2, 2), ("SOCKS", 1, 0)), item(), [SHIRT])
    assert (answer.act, code(answer), answer.line) == (Act.WRONG, "already_enough", 1)


def test_an_unknown_code_says_so_and_is_no_dead_end() -> None:
    answer = step(picking(("SHIRT", 1, 0)), read("garbage!"), [])
    assert (answer.act, code(answer)) == (Act.WRONG, "unknown_code")
    assert answer.notice is not None
    assert answer.notice.values["scanned"] == "garbage!"


def test_two_items_on_one_code_are_asked_about_unless_only_one_is_wanted() -> None:
    assert step(WorkInHand(), item(), [SHIRT, SOCKS]).act is Act.ASK
    both = step(picking(("SHIRT", 1, 0), ("SOCKS", 1, 0)), item(), [SHIRT, SOCKS])
    assert (both.act, both.choices) == (Act.ASK, (SHIRT, SOCKS))
    one = step(picking(("SHIRT", 1, 0)), item(), [SOCKS, SHIRT])
    assert (one.act, one.item) == (Act.PICK, SHIRT)


def test_weighed_goods_count_in_grams_and_need_a_weight() -> None:
    assert step(picking(("HAM", 500, 0)), item(grams=300), [HAM]).units == 300
    assert step(picking(("HAM", 500, 0)), item(grams=620), [HAM]).units == 500
    assert code(step(picking(("HAM", 500, 0)), item(), [HAM])) == "weigh_it"


def test_a_serial_number_is_asked_for_and_taken_once() -> None:
    work = picking(("PHONE", 2, 1))
    assert code(step(work, item(), [PHONE])) == "scan_serial"
    assert step(work, item(serial="S1"), [PHONE]).act is Act.PICK
    assert work.job is not None
    line = work.job.lines[0].model_copy(update={"serials": ("S1",)})
    again = WorkInHand(screen="pick", job=work.job.model_copy(update={"lines": (line,)}))
    assert code(step(again, item(serial="S1"), [PHONE])) == "same_serial"


def test_units_past_their_date_are_not_picked() -> None:
    assert code(step(picking(("SHIRT", 1, 0)), item(expiry=date(2026, 2, 28)), [SHIRT])) == "past_expiry"
    assert step(picking(("SHIRT", 1, 0)), item(expiry=date(2026, 3, 1)), [SHIRT]).act is Act.PICK


def test_a_case_counts_its_units_and_asks_when_it_holds_more_than_is_wanted() -> None:
    assert step(picking(("SHIRT", 12, 0)), item(count=12), [SHIRT]).units == 12
    answer = step(picking(("SHIRT", 3, 0)), item(count=12), [SHIRT])
    assert (answer.act, code(answer), answer.units) == (Act.ASK, "holds_more", 3)


def test_packing_counts_what_is_in_the_bag_already() -> None:
    work = WorkInHand(screen="pack", job=a_job(("SHIRT", 2, 2)), counted={1: 1})
    assert (step(work, item(), [SHIRT]).act, step(work, item(), [SHIRT]).units) == (Act.PACK, 1)
    full = WorkInHand(screen="pack", job=a_job(("SHIRT", 2, 2)), counted={1: 2})
    assert code(step(full, item(), [SHIRT])) == "already_enough"


@pytest.mark.parametrize(
    ("raw", "act", "value"),
    [
        ("BTN:B:7KQM", Act.SIGN_IN, "7KQM"),
        ("BTN:E:7KQM-4FHT", Act.ENROL, "7KQM-4FHT"),
        ("BTN:J:B-1-AA/1", Act.OPEN_JOB, "B-1-AA/1"),
        ("BTN:T:T17", Act.OPEN_JOB, "T17"),
        ("BTN:S:A1", Act.OPEN_PLACE, "A1"),
        ("BTN:P:XYZ", Act.CHECK_PASS, "BTN:P:XYZ"),
    ],
)
def test_our_own_labels_go_where_they_belong_from_any_screen(raw: str, act: Act, value: str) -> None:
    answer = step(WorkInHand(), read(raw), [])
    assert (answer.act, answer.value) == (act, value)


def test_a_staging_place_scanned_with_a_job_in_hand_is_where_its_bag_goes() -> None:
    assert step(WorkInHand(screen="pack", job=a_job(("SHIRT", 1, 1))), read("BTN:S:A1"), []).act is Act.STAGE


def test_an_item_scanned_with_nothing_in_hand_opens_its_stock() -> None:
    answer = step(WorkInHand(), item(), [SHIRT])
    assert (answer.act, answer.value) == (Act.OPEN_STOCK, "SHIRT")


@given(
    st.text(max_size=40) | st.from_regex(r"BTN:[A-Z]:[A-Z0-9]{0,8}", fullmatch=True),
    st.sampled_from(["any", "pick", "pack", "hand_off"]),
    st.lists(st.sampled_from([SHIRT, SOCKS, HAM, PHONE]), max_size=3, unique_by=lambda i: i.sku),
    st.lists(st.tuples(st.sampled_from(["SHIRT", "SOCKS", "HAM", "PHONE"]), st.integers(1, 3)), max_size=3),
)
def test_every_scan_has_an_answer(raw: str, screen: Any, items: list[ItemDoc], lines: list[tuple[str, int]]) -> None:
    job = a_job(*((sku, wanted, 0) for sku, wanted in lines)) if lines else None
    answer = step(WorkInHand(screen=screen, job=job), read(raw), items)
    if answer.act is Act.PICK:
        assert job is not None
        line = job.line(answer.line or 0)
        assert line is not None
        assert 0 < answer.units <= line.open
    assert not answer.wrong or answer.notice is not None


def test_lines_are_walked_in_the_order_of_their_shelves_with_the_one_in_focus_first() -> None:
    def shelf(sku: str, place: int) -> StockDoc:
        atp = Atp(on_hand=1, not_sellable=0, reserved=0, safety_stock=0)
        return StockDoc(sku=sku, node="S001", buckets=Buckets(sellable=1), atp=atp, walk=place)

    job = a_job(("SHIRT", 1, 0), ("SOCKS", 1, 0), ("HAM", 1, 1), ("PHONE", 1, 0))
    stock = {"SHIRT": shelf("SHIRT", 30), "SOCKS": shelf("SOCKS", 10)}
    assert [line.sku for line in walk(job, stock)] == ["SOCKS", "SHIRT", "PHONE"]
    assert [line.sku for line in walk(job, stock, focus=4)] == ["PHONE", "SOCKS", "SHIRT"]


def agreeing(*skus: str, quantity: int = 2, **more: Any) -> WorkInHand:
    work = picking(("SHIRT", quantity, 0), ("SOCKS", 1, 0), **more)
    assert work.job is not None
    first = work.job.lines[0].model_copy(update={"substitutes": skus})
    job = work.job.model_copy(update={"lines": (first, work.job.lines[1])})
    return WorkInHand(**{**vars(work), "job": job})


def test_what_the_customer_takes_instead_is_asked_about() -> None:
    answer = step(agreeing("PHONE", "HAM"), item(serial="1"), [PHONE])
    assert (answer.act, answer.line, answer.units, answer.item) == (Act.SUBSTITUTE, 1, 1, PHONE)
    assert code(step(agreeing("PHONE"), item(), [PHONE])) == "scan_serial"
    assert step(agreeing("HAM"), item(grams=500), [HAM]).units == 2


def test_what_is_wanted_itself_is_picked_even_where_it_may_stand_in() -> None:
    assert step(agreeing("SOCKS"), item(), [SOCKS]).act is Act.PICK


@pytest.mark.parametrize("more", [{"may_substitute": False}, {"screen": "pack"}])
def test_nobody_is_offered_what_they_may_not_take(more: dict[str, Any]) -> None:
    work = WorkInHand(**{**vars(agreeing("PHONE")), **more})
    assert step(work, item(serial="1"), [PHONE]).act is Act.WRONG
