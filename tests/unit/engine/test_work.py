"""The verbs of the floor and the counter, as screens call them, on a device without a network."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared import passes
from shared.fulfilment import Arrival, Collector, State
from shared.reasons import Bucket
from shared.scanning import Act
from shared.sync import ExceptionDoc, NodeDoc
from store_app.engine.notify import Topic
from tests.unit.engine.fakes import GTIN, NODE, NOON, PIN_KEY, FakeServer, Store, a_job, a_person, a_store, an_item

JOB = UUID(int=1)
SEED = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
CODE = "K7QM-4FHT-9XWD"


def a_server() -> FakeServer:
    server = FakeServer()
    keys = (base64.b64encode(PUBLIC).decode(),)
    node = NodeDoc(code=NODE, name="Springfield", type="store", time_zone="UTC", currency="USD", pass_keys=keys)
    server.put("node", NODE, node)
    hashed = passes.hash_short_code(passes.split_short_code(CODE)[1], bytes(16))  # type: ignore[index]
    job = a_job(1, locator="K7QM", code_hash=hashed, proxies=(Collector(name="Bob Brown"),), pass_generation=2)
    server.put("fulfilment", str(JOB), job)
    verifier = passes.pin_verifier("482915", base64.b64decode(PIN_KEY), bytes(16))
    server.put("person", "lea", a_person("lea", "Lea", "lead", pin_verifier=verifier))
    return server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = asyncio.run(a_store(tmp_path, a_server()))
    made.network.cut = True
    yield made
    made.engine.close()


def a_pass(**changes: object) -> str:
    claims = {"node": NODE, "fulfilment": JOB, "generation": 2, "expires": int(NOON.timestamp()) + 3600, **changes}
    return passes.sign(SEED, passes.PassClaims(**claims))  # type: ignore[arg-type]


def picked_and_staged(store: Store) -> None:
    work = store.engine.work
    for raw in (GTIN[1], GTIN[1], GTIN[1], GTIN[2]):
        assert work.scan(JOB, raw).ok
    assert work.pack(JOB).ok
    assert work.scan(JOB, "BTN:S:A1", screen="pack").act is Act.STAGE


def test_a_whole_job_is_done_without_a_network(store: Store) -> None:
    work = store.engine.work
    assert work.accept(JOB).ok
    picked_and_staged(store)
    assert (store.job().state, store.job().staging) == (State.READY, "A1")
    assert work.check_pass(a_pass()).ok
    result = work.hand_off(JOB, proof="pass")
    assert (result.ok, result.notice.code) == (True, "handed_off")
    assert store.job().state is State.HANDED_OFF
    assert store.engine.outbox.unsettled()[-1].body["lines"] == [
        {"line": 1, "quantity": 3},
        {"line": 2, "quantity": 1},
    ]
    assert work.jobs("done")[0].id == JOB


def test_the_next_action_leads_through_the_job(store: Store) -> None:
    work = store.engine.work
    seen = []
    for verb in (
        lambda: work.accept(JOB),
        lambda: [work.scan(JOB, raw) for raw in (GTIN[1], GTIN[1], GTIN[1], GTIN[2])],
        lambda: work.pack(JOB),
        lambda: work.stage(JOB, "A1"),
    ):
        seen.append(work.next_action(store.job()))
        verb()
    seen.append(work.next_action(store.job()))
    assert seen == ["accept", "pick", "pack", "stage", "hand_off"]


def test_nobody_signed_in_nothing_done(store: Store) -> None:
    store.engine.session.sign_out()
    result = store.engine.work.scan(JOB, GTIN[1])
    assert (result.ok, result.notice.code) == (False, "sign_in_first")
    assert store.job().lines[0].picked == 0


def test_a_wrong_scan_queues_nothing_and_says_why(store: Store) -> None:
    result = store.engine.work.scan(JOB, GTIN[2])
    assert result.ok
    again = store.engine.work.scan(JOB, GTIN[2])
    assert (again.ok, again.tone, again.notice.code, again.n) == (False, "wrong", "already_enough", None)
    unknown = store.engine.work.scan(JOB, "no such code")
    assert (unknown.tone, unknown.notice.code) == ("wrong", "unknown_code")
    assert store.engine.outbox.waiting == 1


def test_the_pick_list_walks_the_shelves_and_names_the_items(store: Store) -> None:
    steps = store.engine.work.pick_list(JOB)
    assert [(s.line.sku, s.item.name if s.item else "", s.stock.bin if s.stock else "") for s in steps] == [
        ("SKU-1", "Shirt 1", "A-1"),
        ("SKU-2", "Shirt 2", "A-2"),
    ]


def test_a_pick_by_tap_needs_permission_and_can_be_undone(store: Store) -> None:
    work = store.engine.work
    assert work.pick(JOB, 1).notice.code == "scan_each_unit"
    store.sign_in("lea")
    assert work.pick(JOB, 1, 2).ok
    assert work.unpick(JOB, 1).ok
    assert store.job().lines[0].picked == 1


def test_a_short_pick_sends_the_rest_away_and_finishes_the_list(store: Store) -> None:
    work = store.engine.work
    work.scan(JOB, GTIN[1])
    assert work.short(JOB, 1, 5, "not_found").ok
    assert work.short(JOB, 2, 1, "damaged").ok
    assert (store.job().state, store.job().lines[0].short) == (State.PICKED, 2)


def test_a_label_of_another_job_opens_it_and_unknown_labels_say_so(store: Store) -> None:
    opened = store.engine.work.scan(None, "BTN:J:B-1-AA/1")
    assert (opened.act, opened.value) == (Act.OPEN_JOB, str(JOB))
    missing = store.engine.work.scan(JOB, "BTN:J:B-77-AA/1")
    assert (missing.ok, missing.notice.code) == (False, "unknown_job")


def test_a_short_code_finds_its_job_before_any_item(store: Store) -> None:
    assert store.engine.work.scan(None, CODE).act is Act.CHECK_CODE


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"node": "S002"}, "wrong_store"),
        ({"generation": 1}, "superseded"),
        ({"expires": int(NOON.timestamp()) - 3 * 86400}, "expired"),
        ({"fulfilment": UUID(int=99)}, "pass_of_unknown_job"),
    ],
)
def test_a_pass_that_proves_nothing_is_refused_with_its_reason(
    store: Store, changes: dict[str, object], says: str
) -> None:
    check = store.engine.work.check_pass(a_pass(**changes))
    assert (check.ok, check.notice.code) == (False, says)


def test_a_forged_pass_is_refused(store: Store) -> None:
    forged = passes.sign(bytes(32), passes.PassClaims(NODE, JOB, 2, int(NOON.timestamp()) + 60))
    assert store.engine.work.check_pass(forged).notice.code == "bad_signature"


def test_a_bag_is_given_once(store: Store) -> None:
    picked_and_staged(store)
    work = store.engine.work
    assert work.check_pass(a_pass()).ok
    assert work.hand_off(JOB, proof="pass").ok
    again = work.check_pass(a_pass())
    assert (again.ok, again.notice.code, again.notice.values["by"]) == (False, "already_handed_off", "Anna")
    assert work.hand_off(JOB, proof="pass").notice.code == "already_handed_off"


def test_a_short_code_is_checked_and_locked_after_five_wrong_secrets(store: Store) -> None:
    work = store.engine.work
    assert work.check_code(CODE).ok
    for _ in range(5):
        assert work.check_code("K7QM-4FHT-9XWA").notice.code == "wrong_short_code"
    assert work.check_code(CODE).notice.code == "code_locked"
    store.restart()
    store.sign_in()
    assert store.engine.work.check_code(CODE).notice.code == "code_locked"


def test_a_hand_off_needs_what_it_claims(store: Store) -> None:
    picked_and_staged(store)
    work = store.engine.work
    assert work.hand_off(JOB, proof="pass").notice.code == "check_the_pass_first"
    assert work.hand_off(JOB, proof="lead_override", lead="lea").notice.code == "ask_a_lead"
    assert work.hand_off(JOB, proof="id_seen", proxy=True, collector="Eve").notice.code == "proxy_not_named"
    assert store.engine.session.check_lead("lea", "482915").ok
    assert work.hand_off(JOB, proof="lead_override", lead="lea", collector="Eve", proxy=True).ok
    assert store.job().proof is not None
    assert store.job().proof.verified is False  # type: ignore[union-attr]


def test_a_named_proxy_may_collect(store: Store) -> None:
    picked_and_staged(store)
    assert store.engine.work.hand_off(JOB, proof="id_seen", proxy=True, collector="bob brown").ok


def test_part_of_the_bag_may_be_refused_and_the_rest_is_given(store: Store) -> None:
    picked_and_staged(store)
    assert store.engine.work.hand_off(JOB, proof="id_seen", refused_units=((1, 1, "changed_mind"),)).ok
    assert (store.job().lines[0].handed_over, store.job().lines[0].put_back) == (2, 1)
    assert store.job().state is State.HANDED_OFF


async def test_an_age_check_arrives_with_the_feed_and_holds_the_bag(store: Store) -> None:
    store.network.heal()
    store.server.put("fulfilment", str(JOB), store.server.job().model_copy(update={"age_check": 18}))
    assert await store.sync()
    picked_and_staged(store)
    assert store.engine.work.hand_off(JOB, proof="id_seen").notice.code == "check_the_age"
    assert store.engine.work.hand_off(JOB, proof="id_seen", age_checked=True).ok


async def test_today_shows_who_waits_what_is_late_and_what_comes(store: Store) -> None:
    store.network.heal()
    for number, minutes in ((2, -10), (3, 20), (4, 600)):
        job = a_job(number, due_at=NOON + timedelta(minutes=minutes))
        store.server.put("fulfilment", str(job.id), job)
    outside = a_job(5, method="curbside", state=State.ARRIVED, arrival=Arrival(at=NOON))
    store.server.put("fulfilment", str(outside.id), outside)
    exception = ExceptionDoc(id=UUID(int=50), kind="put_back", node=NODE, opened_at=NOON)
    store.server.put("exception", str(exception.id), exception)
    assert await store.sync()
    store.engine.work.accept(JOB)
    today = store.engine.work.today()
    numbers = {name: [job.id.int for job in getattr(today, name)] for name in ("arrivals", "late", "due_soon", "mine")}
    assert numbers == {"arrivals": [5], "late": [2], "due_soon": [3], "mine": [1]}
    assert today.counts == {"open": 3, "in_progress": 1, "ready": 1}
    assert [need.key for need in today.needs_you] == [f"e{exception.id}"]
    assert store.engine.work.start_next() == store.job(1)
    assert store.engine.work.settle_exception(exception.id, "put_back").ok
    assert store.engine.work.today().needs_you == ()


def test_work_is_found_by_number_name_phone_and_item(store: Store) -> None:
    for words in ("B-1-AA", "maria", "4711", "K7QM", GTIN[1], "SKU-2"):
        assert [job.id for job in store.engine.work.jobs(search=words)] == [JOB], words
    assert store.engine.work.jobs(search="nobody") == []


def test_a_job_of_somebody_else_is_taken_over_with_what_was_done(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.sign_in("lea")
    refused = store.engine.work.accept(JOB)
    assert (refused.ok, refused.notice.code) == (False, "taken")
    assert store.engine.work.take_over(JOB).ok
    assert (store.job().assignee, store.job().lines[0].picked) == ("lea", 1)


def test_an_adjustment_keeps_to_its_limit_and_never_below_zero(store: Store) -> None:
    stock = store.engine.stock_work
    assert stock.adjust("SKU-1", Bucket.SELLABLE, -6, "theft").notice.code == "below_zero"
    assert stock.adjust("SKU-1", Bucket.SELLABLE, 21, "found").notice.code == "ask_a_lead"
    assert stock.adjust("SKU-1", Bucket.DAMAGED, 1, "sale").notice.code == "nothing_to_adjust"
    store.sign_in("lea")
    assert stock.adjust("SKU-1", Bucket.SELLABLE, 21, "found").ok


def test_screens_hear_of_what_they_listen_to(store: Store) -> None:
    heard: list[str] = []
    stop = store.engine.subscribe(lambda: heard.append("jobs"), Topic.JOBS)
    store.engine.subscribe(lambda: heard.append("stock"), Topic.STOCK)
    store.engine.work.scan(JOB, GTIN[1])
    assert heard == ["jobs"]
    stop()
    store.engine.work.scan(JOB, GTIN[1])
    store.engine.stock_work.adjust("SKU-1", Bucket.SELLABLE, 1, "found")
    assert heard == ["jobs", "stock"]


def test_the_frame_knows_who_and_where_and_what_waits(store: Store) -> None:
    store.engine.work.scan(JOB, GTIN[1])
    store.engine.set(theme="dark")
    state = store.engine.app_state()
    assert (state.node_name, state.person, state.theme, state.sync.waiting) == ("Springfield", "Anna", "dark", 1)


async def test_items_are_found_by_code_word_and_variant(store: Store) -> None:
    store.network.heal()
    store.server.put("item", "SKU-1", an_item(1, variant="L red", barcodes=("ALT-1",)))
    store.server.put("item", "SKU-3", an_item(3, name="Shirt 1", variant="S"))
    assert await store.sync()
    lookup = store.engine.lookup
    assert [item.sku for item in lookup.items_by_code("alt-1")] == ["SKU-1"]
    assert lookup.items_by_code(GTIN[1]) == []
    assert [item.sku for item in lookup.search_items("red shi")] == ["SKU-1"]
    item = lookup.item("SKU-1")
    assert item is not None
    assert [other.sku for other, _ in lookup.variants(item)] == ["SKU-3"]
