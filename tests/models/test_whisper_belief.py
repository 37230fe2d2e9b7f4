"""What is believed of what a model wrote down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.models.base import Segment, SpokenWord
from prismd.models.whisper_belief import (
    believable,
    certain,
    segments,
    within_speech,
    without_loops,
    without_repeats,
)


def words(text: str, start_s: float = 0.0, step_s: float = 0.5) -> list[SpokenWord]:
    return [
        SpokenWord(start_s + n * step_s, start_s + (n + 1) * step_s, " " + word)
        for n, word in enumerate(text.split())
    ]


def text(said: list[SpokenWord]) -> str:
    return "".join(word.text for word in said).strip()


def test_speech_is_believed_and_what_is_made_of_noise_is_not() -> None:
    assert believable(log_probability=-0.3, no_speech=0.1, compression=1.5)
    assert believable(log_probability=-0.3, no_speech=0.9, compression=1.5)
    assert not believable(log_probability=-0.84, no_speech=0.85, compression=0.3)
    assert not believable(log_probability=-1.9, no_speech=0.1, compression=0.8)
    assert not believable(log_probability=-0.7, no_speech=0.1, compression=12.0)


def test_a_loop_is_kept_once() -> None:
    looped = "so we went home " + "and then we left, " * 9 + "and that was it"
    assert text(without_loops(words(looped))) == "so we went home and then we left, and that was it"


def test_one_word_over_and_over_is_kept_once() -> None:
    assert text(without_loops(words("you " * 30))) == "you"


def test_what_people_repeat_stays() -> None:
    said = "No, no, no, it was again and again very very good"
    assert text(without_loops(words(said))) == said


@given(st.lists(st.sampled_from(["a", "b", "A,", "c"]), max_size=40))
def test_dropping_loops_only_leaves_words_out_and_is_done_at_once(said: list[str]) -> None:
    before = words(" ".join(said))
    after = without_loops(before)
    kept = iter(before)
    assert all(word in kept for word in after)
    assert bool(before) == bool(after)


def test_a_breath_ends_with_its_sentence() -> None:
    made = segments(words("Good morning. How are you? Fine"))
    assert [segment.text for segment in made] == ["Good morning.", "How are you?", "Fine"]
    assert (made[1].start_s, made[1].end_s) == (1.0, 2.5)
    assert [word.text for word in made[1].words] == ["How", "are", "you?"]


def test_a_breath_ends_with_a_pause() -> None:
    made = segments(words("one two") + words("three", start_s=5.0))
    assert [segment.text for segment in made] == ["one two", "three"]


def test_speech_without_sentences_is_cut_all_the_same() -> None:
    made = segments(words("word " * 200))
    assert len(made) > 5
    assert all(segment.end_s - segment.start_s <= 15 for segment in made)


def test_words_of_scripts_without_spaces_are_joined_without() -> None:
    said = [SpokenWord(0, 1, "今日"), SpokenWord(1, 2, "は")]
    assert segments(said)[0].text == "今日は"


def test_words_do_not_reach_into_the_silence_around_speech() -> None:
    said = [SpokenWord(0.0, 1.4, " one"), SpokenWord(1.4, 3.0, " two")]
    fitted = within_speech(said, [(1.0, 2.0), (4.0, 5.0)], padding_s=0.1)
    assert [(word.start_s, word.end_s) for word in fitted] == [(1.1, 1.4), (1.4, 1.9)]


def test_stretches_of_speech_that_touch_have_no_padding_between_them() -> None:
    said = [SpokenWord(1.9, 2.05, " one")]
    fitted = within_speech(said, [(1.0, 2.0), (2.0, 3.0)], padding_s=0.2)
    assert (fitted[0].start_s, fitted[0].end_s) == (1.9, 2.0)


SPANS = st.lists(st.floats(0, 50), min_size=2, max_size=10, unique=True).map(
    lambda borders: list(zip(sorted(borders)[::2], sorted(borders)[1::2], strict=False))
)


@given(SPANS, st.lists(st.tuples(st.floats(0, 60), st.floats(0, 3)), max_size=10))
def test_fitted_words_are_in_order_within_themselves_and_in_speech(
    speech: list[tuple[float, float]], said: list[tuple[float, float]]
) -> None:
    spoken = [SpokenWord(start_s, start_s + long_s, " w") for start_s, long_s in said]
    for word in within_speech(spoken, speech, padding_s=0.15):
        assert word.start_s <= word.end_s
        assert any(first_s <= word.start_s and word.end_s <= last_s for first_s, last_s in speech)


def test_the_same_sentence_over_and_over_is_one() -> None:
    same = [Segment(n, n + 1, "Thank you.") for n in range(6)]
    assert without_repeats(same) == same[:1]
    assert without_repeats(same[:3]) == same[:3]
    other = Segment(9, 10, "Goodbye.")
    assert without_repeats([other, *same, other]) == [other, same[0], other]


def test_an_announcement_every_ten_minutes_stays() -> None:
    announced = [Segment(n * 600.0, n * 600.0 + 2, "Please mind the gap.") for n in range(6)]
    assert without_repeats(announced) == announced


@given(st.lists(st.sampled_from(["a", "b"]), max_size=14), st.integers(0, 14))
def test_what_is_certain_stays_whatever_is_said_next(letters: list[str], cut: int) -> None:
    said = [Segment(n * 2.0, n * 2.0 + 1, letter) for n, letter in enumerate(letters)]
    found = certain(said[:cut])
    assert without_repeats(said)[: len(found)] == found
    assert not said[:cut] or found, "the first is always certain"
