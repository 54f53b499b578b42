"""Live frames: one scan per code in view, and a look that varies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from store_app.scanning.camera import WEDGE_WINDOW_MS, CameraLoop, fresh
from store_app.scanning.decoder import Read

ONE, TWO = Read("4006381333931", "EAN13"), Read("96385074", "EAN8")


def test_a_second_read_inside_the_window_is_one_scan() -> None:
    loop = CameraLoop()
    assert loop.taken([ONE], 0) == [ONE]
    assert loop.taken([ONE], 699) == []
    assert loop.taken([ONE, TWO], 800) == [TWO]


def test_a_code_counts_again_after_it_was_out_of_view() -> None:
    loop = CameraLoop()
    loop.taken([ONE], 0)
    assert loop.taken([], 400) == []
    assert loop.taken([ONE], 700) == [ONE]


@given(st.lists(st.integers(1, 699), min_size=1, max_size=100))
def test_a_code_held_in_view_is_one_scan_however_long(gaps: list[int]) -> None:
    loop, now, scans = CameraLoop(), 0, 0
    for gap in gaps:
        now += gap
        scans += len(loop.taken([ONE], now))
    assert scans == 1


def test_a_scanner_that_types_is_never_taken_for_a_repeat() -> None:
    new, seen = fresh([ONE, ONE], window_ms=WEDGE_WINDOW_MS, now_ms=5, seen={})
    assert (new, seen) == ([ONE, ONE], {})


def test_what_was_seen_long_ago_is_forgotten() -> None:
    _, seen = fresh([TWO], window_ms=700, now_ms=10_000, seen={ONE.text: 0})
    assert set(seen) == {TWO.text}


def test_every_fifth_frame_is_looked_at_whole() -> None:
    loop = CameraLoop()
    assert [loop.next_look().centre for _ in range(10)] == [True, True, True, True, False] * 2


def test_ten_frames_without_a_read_ask_for_a_hard_look() -> None:
    loop = CameraLoop()
    hard = []
    for now in range(21):
        hard.append(loop.next_look().hard)
        loop.taken([], now)
    assert [frame for frame, was_hard in enumerate(hard) if was_hard] == [10, 20]
    loop.taken([ONE], 30)
    assert not loop.next_look().hard
