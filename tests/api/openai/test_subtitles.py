"""What is said as subtitles that fit on a screen, and are read by who reads subtitles."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pysubs2
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.openai.subtitles import Cue, cues, srt, vtt
from prismd.extract.base import ExtractOptions
from prismd.extract.text.subtitles import SubtitleExtractor
from prismd.models.base import Segment, SpokenWord


def segment(text: str, start_s: float = 0.0, word_s: float = 0.4, space: str = " ") -> Segment:
    words = text.split()
    spoken = tuple(
        SpokenWord(start_s + n * word_s, start_s + (n + 1) * word_s, word)
        for n, word in enumerate(words)
    )
    return Segment(start_s, start_s + len(words) * word_s, space.join(words), spoken)


LONG = segment(
    "There was an old man who lived in a shoe and had so many books that he did not know what to"
    " do with them until one day he found somebody to read them all to him.",
    word_s=0.3,
)


def test_a_long_sentence_is_cut_between_words_in_parts_that_can_be_read() -> None:
    found = cues([LONG])
    assert " ".join(line for cue in found for line in cue.lines) == LONG.text
    assert len(found) == 2
    for cue in found:
        assert len(cue.lines) == 2
        assert all(len(line) <= 42 for line in cue.lines)
        assert cue.end_ms - cue.start_ms <= 7000
    assert abs(len(found[0].lines[0]) - len(found[0].lines[1])) < 15


def test_what_is_said_slowly_is_not_shown_for_long() -> None:
    found = cues([segment("one two three four five six", word_s=3.0)])
    assert all(cue.end_ms - cue.start_ms <= 9000 for cue in found)
    assert len(found) >= 3


def test_wide_signs_take_twice_the_room() -> None:
    said = segment(
        " ".join("今日は庭で緑茶を飲みながら本を読みましたそして明日も晴れるでしょう" * 2), space=""
    )
    found = cues([said])
    assert "".join(line for cue in found for line in cue.lines) == said.text
    assert all(len(line) <= 21 for cue in found for line in cue.lines)


def test_a_segment_without_words_stays_whole() -> None:
    assert cues([Segment(1.0, 2.0, "all of it")]) == [Cue(1000, 2000, ("all of it",))]


def test_the_clock_counts_hours() -> None:
    said = [Segment(3723.4567, 3725.0, "late")]
    assert srt(said) == "1\n01:02:03,457 --> 01:02:05,000\nlate\n\n"
    assert vtt(said) == "WEBVTT\n\n01:02:03.457 --> 01:02:05.000\nlate\n\n"


def test_signs_of_markup_stay_signs(tmp_path: Path) -> None:
    said = [Segment(0.0, 1.0, r"a < b & {\i1} --> c")]
    assert "a &lt; b &amp; {\\i1} --&gt; c" in vtt(said)
    path = tmp_path / "signs.vtt"
    path.write_text(vtt([Segment(0.0, 1.0, "if a < b & c > d")]), encoding="utf-8")
    read = SubtitleExtractor().extract(path, "text/vtt", ExtractOptions())
    assert read.text == "if a < b & c > d"


TEXTS = st.lists(
    st.text(st.characters(categories=["Ll", "Lo"]), min_size=1, max_size=60),
    min_size=1,
    max_size=60,
)


@given(st.lists(TEXTS, max_size=4), st.floats(0.001, 5.0))
def test_nothing_is_lost_and_times_go_forward(said: list[list[str]], word_s: float) -> None:
    segments, at_s = [], 0.0
    for words in said:
        segments.append(segment(" ".join(words), at_s, word_s))
        at_s = segments[-1].end_s
    found = cues(segments)
    joined = "".join("".join(cue.lines) for cue in found).replace(" ", "")
    assert joined == "".join(segment.text for segment in segments).replace(" ", "")
    assert all(cue.start_ms < cue.end_ms for cue in found)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(found))
    for form, written in (("srt", srt(segments)), ("vtt", vtt(segments))):
        assert len(pysubs2.SSAFile.from_string(written, format_=form)) == len(found)
