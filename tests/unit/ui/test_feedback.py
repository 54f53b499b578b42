"""Banner, tone and touch go together."""

from store_app.ui.feedback import Feedback, Signal
from store_app.ui.theme import Tone


def test_a_right_scan_shows_green_and_sounds_right() -> None:
    signals = list[Signal]()
    feedback = Feedback(signals.append)
    feedback.right("Jumper, navy", "1 of 3")
    assert feedback.message is not None
    assert (feedback.message.tone, feedback.message.title) == (Tone.OK, "Jumper, navy")
    assert signals == ["right"]


def test_the_same_wrong_scan_twice_is_said_twice() -> None:
    signals = list[Signal]()
    feedback = Feedback(signals.append)
    feedback.wrong("Not in this job")
    first = feedback.message
    feedback.wrong("Not in this job")
    assert feedback.message != first
    assert signals == ["wrong", "wrong"]


def test_an_old_banner_does_not_take_a_new_one_away() -> None:
    feedback = Feedback()
    feedback.right("One")
    assert feedback.message is not None
    first = feedback.message.id
    feedback.note("Two")
    feedback.clear(first)
    assert feedback.message is not None
    assert feedback.message.title == "Two"


def test_listeners_hear_of_each_message_until_they_leave() -> None:
    feedback, heard = Feedback(), list[int]()
    leave = feedback.subscribe(lambda: heard.append(1))
    feedback.right("One")
    leave()
    feedback.right("Two")
    assert len(heard) == 1
