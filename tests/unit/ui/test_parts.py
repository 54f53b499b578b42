"""What the parts say, apart from how they look."""

from datetime import UTC, datetime, timedelta

from store_app.assets.make_tones import FOLDER, TONES, samples
from store_app.ui.components.arithmetic import signed
from store_app.ui.components.icon_tile import METHOD_ICONS
from store_app.ui.components.line_row import LineFace, spoken
from store_app.ui.components.sync_pill import sync_face
from store_app.ui.components.time_chip import time_words, urgency
from store_app.ui.components.top_bar import initials
from store_app.ui.state import AppState, Store, Switch, SyncState
from store_app.ui.texts import catalogue
from store_app.ui.theme import Tone

NOW = datetime(2026, 11, 20, 10, 57, tzinfo=UTC)


def plain(words: str) -> str:
    """Without the spaces that only keep words together."""
    return words.replace("\u00a0", " ").replace("\u202f", " ")


def test_time_left_is_calm_then_soon_then_late() -> None:
    due = [NOW + timedelta(hours=2), NOW + timedelta(minutes=12), NOW]
    assert [urgency(at, NOW) for at in due] == [Tone.NEUTRAL, Tone.WARN, Tone.BAD]
    assert [plain(time_words(at, NOW)) for at in due[:2]] == ["2 h left", "12 min left"]
    assert plain(time_words(NOW - timedelta(minutes=4), NOW)) == "4 min late"


def test_the_pill_says_since_when_and_how_many_wait() -> None:
    tone, _, words = sync_face(SyncState(False, NOW, 7), "Europe/Paris")
    assert (tone, plain(words)) == (Tone.WARN, "Offline since 11:57 AM, 7 waiting")


def test_what_needs_a_person_comes_before_the_network() -> None:
    assert sync_face(SyncState(False, NOW, 7, needs_you=1), "UTC")[2] == "Needs you: 1"
    assert sync_face(SyncState(False, NOW, 7, update_needed=True), "UTC")[2] == "Update the app, 7\u00a0waiting"
    assert sync_face(SyncState(), "UTC")[2] == "Online"


def test_a_line_is_one_sentence_for_a_screen_reader() -> None:
    line = LineFace("Jumper", "Navy, M", "A-03-2", 2, 3)
    assert spoken(line) == "Jumper, Navy, M, bin A-03-2, 2 of 3 left"
    assert plain(spoken(LineFace("Loaf", "", "D-1", 0, 2, short=1))) == "Loaf, bin D-1, 1 short"


def test_a_sum_has_true_minus_signs() -> None:
    assert [signed(14, first=True), signed(-3), signed(2), signed(0)] == ["14", "−3", "+2", "0"]


def test_initials_of_one_and_of_many_names() -> None:
    assert [initials("Marie Laurent"), initials("Cher"), initials("Wilhelmina van der Meer")] == ["ML", "C", "WM"]


def test_every_method_with_an_icon_has_a_name() -> None:
    assert {f"method.{method}" for method in METHOD_ICONS} <= set(catalogue("en"))


def test_a_store_tells_only_of_what_changed() -> None:
    store, heard = Store(AppState()), list[AppState]()
    leave = store.subscribe(lambda: heard.append(store.state))
    store.change(node_name="Lyon")
    store.change(node_name="Lyon")
    leave()
    store.change(node_name="Nantes")
    assert [state.node_name for state in heard] == ["Lyon"]


def test_a_switch_tells_only_when_it_is_flipped() -> None:
    switch, heard = Switch(), list[bool]()
    switch.subscribe(lambda: heard.append(switch.on))
    for on in (True, True, False):
        switch.flip(on)
    assert heard == [True, False]


def test_right_rises_and_wrong_falls() -> None:
    assert TONES["right"][0][0] < TONES["right"][1][0]
    assert TONES["wrong"][0][0] > TONES["wrong"][1][0]


def test_each_tone_has_its_file_and_stays_within_sixteen_bits() -> None:
    assert {path.stem for path in FOLDER.glob("*.wav")} == set(TONES)
    assert max(abs(sample) for notes in TONES.values() for sample in samples(notes)) < 32768
