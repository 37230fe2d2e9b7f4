"""SRT, VTT and SSA: what is shown, with its seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.domain import Extraction, TimeLocator
from prismd.errors import ExtractError
from prismd.layout import line_index, locate

Read = Callable[..., Extraction]

SRT = """1
00:00:01,000 --> 00:00:03,500
<i>Hello</i> there.

2
00:00:04,000 --> 00:00:06,000
{\\an8}You &amp; I
are bold.

3
00:01:00,000 --> 00:01:02,000
Later.
"""
VTT = """WEBVTT - A talk

NOTE nobody sees this

intro
00:01.000 --> 00:03.500 align:start
<v Roger Bingham>We are in <00:02.000>New York

01:00:03.500 --> 01:00:05.500
Bye
"""
SSA = """[Script Info]
Title: My Film
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:01.00,0:00:02.00,Default,Ann,0,0,0,,{\\b1}Hi\\Nthere
"""


def seconds(extraction: Extraction, words: str) -> tuple[float, float]:
    start = extraction.text.index(words)
    lines = line_index(extraction.text)
    place = locate(extraction.layout, lines, start, start + len(words), ())
    assert isinstance(place, TimeLocator)
    return place.start_s, place.end_s


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.srt", SRT, "Hello there. You & I are bold.\n\nLater."),
        ("a.vtt", VTT, "Roger Bingham: We are in New York\n\nBye"),
        ("a.ass", SSA, "Ann: Hi there"),
    ],
)
def test_what_is_shown_is_read_without_marks(
    read: Read, name: str, content: str, text: str
) -> None:
    extraction = read(name, content)
    assert extraction.text == text
    assert extraction.layout.kind == "time"


def test_words_lead_to_their_seconds(read: Read) -> None:
    assert seconds(read("a.srt", SRT), "You & I") == (4, 6)
    assert seconds(read("a.srt", SRT), "there. You & I") == (1, 6)
    assert seconds(read("a.vtt", VTT), "Bye") == (3603.5, 3605.5)
    assert read("a.srt", SRT).layout.duration_s == 62


def test_a_line_that_is_shown_again_is_there_once(read: Read) -> None:
    cues = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\nsame\n\n" for n in (1, 2, 3))
    extraction = read("a.srt", cues)
    assert extraction.text == "same"
    assert seconds(extraction, "same") == pytest.approx((1, 3.9))


def test_a_film_has_its_title(read: Read) -> None:
    assert read("a.ass", SSA).title == "My Film"


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass"])
def test_a_text_under_a_false_name_is_a_text(read: Read, name: str) -> None:
    extraction = read(name, "Just some words.\n")
    assert extraction.text == "Just some words.\n"
    assert extraction.layout.kind == "text"


@settings(deadline=None)  # the first file of a kind imports its reader
@given(
    st.sampled_from(["a.srt", "a.vtt", "a.ass"]),
    st.text(max_size=40),
    st.sampled_from([SRT, VTT, SSA]),
    st.integers(0, 300),
)
def test_no_text_upsets_it(read: Read, name: str, junk: str, source: str, at: int) -> None:
    try:
        read(name, source[:at] + junk + source[at:]).text.encode()
    except ExtractError as error:
        assert error.code in {"empty", "unsupported", "broken"}


@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_only_styled_subtitles_have_signs_for_line_ends(read: Read, name: str) -> None:
    source = SRT if name == "a.srt" else VTT
    words = "Open C:\\new\\home"
    text = read(name, source.replace("Later.", words).replace("Bye", words)).text
    assert words in text


def test_signs_for_line_ends_and_spaces_are_read_in_styled_subtitles(read: Read) -> None:
    assert read("a.ass", SSA.replace("Hi\\Nthere", "Hi\\nmy\\hfriend")).text == "Ann: Hi my friend"


def test_drawn_shapes_are_no_words(read: Read) -> None:
    drawn = SSA.splitlines()[-1].replace("{\\b1}Hi\\Nthere", "{\\an7\\p1}m 0 0 l 10 10{\\p0}")
    assert read("a.ass", SSA + drawn + "\n").text == "Ann: Hi there"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.ass", "{\\p0" * 400_000),
        ("a.srt", "{\\" * 1_000_000),
        ("a.vtt", ("<v" + " " * 9000) * 99),
    ],
)
def test_marks_that_do_not_end_are_gone_through_once(read: Read, name: str, words: str) -> None:
    source = {"a.ass": SSA, "a.srt": SRT, "a.vtt": VTT}[name]
    for before in ("there.", "there", "Bye"):
        if before in source:
            source = source.replace(before, f"{words}{before}", 1)
            break
    assert "there" in read(name, source).text or "Bye" in read(name, source).text
