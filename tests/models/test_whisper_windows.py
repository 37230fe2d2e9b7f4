"""How speech is cut into what is heard at once, and which language each part is in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.models.whisper_language import Languages
from prismd.models.whisper_windows import STRETCH_S, keep_back, stretches


def test_near_speech_is_heard_together_and_far_speech_apart() -> None:
    made = stretches([(0, 5), (6, 10), (20, 25)])
    assert [(stretch.start_s, stretch.end_s) for stretch in made] == [(0, 10), (20, 25)]
    assert made[0].speech == ((0, 5), (6, 10))


def test_no_stretch_is_longer_than_what_is_heard_at_once() -> None:
    made = stretches([(n * 10.0, n * 10.0 + 9.5) for n in range(12)])
    assert [len(stretch.speech) for stretch in made] == [2, 2, 2, 2, 2, 2]


def test_speech_without_a_pause_is_cut() -> None:
    made = stretches([(0.0, 100.0)])
    assert len(made) == 4
    assert made[-1].end_s == 100.0


def test_what_is_being_said_at_a_windows_end_waits() -> None:
    assert keep_back([(1, 5), (100, 120)], 120) == ([(1, 5)], 100)


def test_speech_that_has_ended_is_heard() -> None:
    assert keep_back([(1, 5), (100, 110)], 120) == ([(1, 5), (100, 110)], 119.5)


def test_a_silent_window_is_done() -> None:
    assert keep_back([], 120) == ([], 119.5)


def test_a_window_that_is_all_speech_is_cut_at_its_end() -> None:
    assert keep_back([(0, 120)], 120) == ([(0, 120)], 120)


BORDERS = st.lists(st.floats(0, 120), max_size=12, unique=True).map(sorted)


@given(BORDERS)
def test_no_speech_is_lost_or_heard_twice(borders: list[float]) -> None:
    speech = list(zip(borders[::2], borders[1::2], strict=False))
    now, kept_from_s = keep_back(speech, 120.0)
    assert 0 < kept_from_s <= 120
    assert all(end_s <= kept_from_s for _, end_s in now)
    assert all(start_s >= kept_from_s for start_s, _ in speech[len(now) :])
    made = stretches(now)
    assert all(stretch.end_s - stretch.start_s <= STRETCH_S + 1e-6 for stretch in made)
    heard = sum(end_s - start_s for stretch in made for start_s, end_s in stretch.speech)
    assert abs(heard - sum(end_s - start_s for start_s, end_s in now)) < 1e-6


def test_a_short_stretch_goes_with_the_rest() -> None:
    languages = Languages()
    hello = {"en": 0.4, "de": 0.35, "nl": 0.25}
    languages.note(hello, 1.0)
    languages.note({"de": 0.9, "en": 0.1}, 20.0)
    assert languages.choose(hello, 1.0) == "de"


def test_a_long_clear_stretch_speaks_for_itself() -> None:
    languages = Languages()
    languages.note({"de": 0.99, "en": 0.01}, 60.0)
    english = {"en": 0.95, "de": 0.05}
    languages.note(english, 10.0)
    assert languages.choose(english, 10.0) == "en"
    assert languages.choose(english, 2.0) == "de"
