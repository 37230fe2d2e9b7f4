"""From cues to text, blocks and seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Block, Extraction, Layout, TimeLocator
from prismd.extract.timed import Cue, compose
from prismd.layout import line_index, locate

MORNING = Cue(
    1.0,
    3.0,
    "Good morning, Ms Reed.",
    ((1.0, 1.4, "Good"), (1.4, 2.0, "morning,"), (2.6, 3.0, "Reed.")),
)


def seconds(text: str, layout: Layout, quote: str) -> tuple[float, float]:
    start = text.index(quote)
    place = locate(layout, line_index(text), start, start + len(quote))
    assert isinstance(place, TimeLocator)
    return round(place.start_s, 3), round(place.end_s, 3)


def paragraphs(text: str, blocks: tuple[Block, ...]) -> list[str]:
    return [text[block.start : block.end] for block in blocks]


def test_a_quoted_word_slices_to_its_seconds() -> None:
    text, _, layout = compose([MORNING])
    assert text == "Good morning, Ms Reed."
    assert seconds(text, layout, "morning") == (1.4, 2.0)
    assert seconds(text, layout, "Good morning, Ms Reed") == (1.0, 3.0)


def test_a_cue_without_words_is_located_as_a_whole() -> None:
    text, _, layout = compose([Cue(4.0, 6.5, "no words here")])
    assert seconds(text, layout, "words") == (4.0, 6.5)


def test_words_that_are_not_in_the_text_leave_the_cue_whole() -> None:
    text, _, layout = compose([Cue(4.0, 6.5, "two words", ((4.0, 5.0, "other"),))])
    assert seconds(text, layout, "two") == (4.0, 6.5)


def test_a_pause_begins_a_paragraph() -> None:
    text, blocks, _ = compose([Cue(0, 1, "One."), Cue(1.5, 2, "Two."), Cue(5, 6, "Three.")])
    assert paragraphs(text, blocks) == ["One. Two.", "Three."]


def test_long_speech_without_a_pause_is_cut_at_sentences() -> None:
    cues = [Cue(n, n + 1, f"This is sentence number {n} of a lecture.") for n in range(60)]
    text, blocks, _ = compose(cues)
    assert len(blocks) > 3
    assert all(part.endswith("lecture.") for part in paragraphs(text, blocks))
    assert max(block.end - block.start for block in blocks) < 800


def test_cues_come_in_the_order_of_time() -> None:
    assert compose([Cue(5, 6, "later"), Cue(4, 5, "sooner")])[0] == "sooner later"


def test_scripts_without_spaces_get_none() -> None:
    assert compose([Cue(0, 1, "今日は"), Cue(1, 2, "晴れ")])[0] == "今日は晴れ"
    assert compose([Cue(0, 1, "안녕"), Cue(1, 2, "하세요")])[0] == "안녕 하세요"


def test_chapters_are_headings_at_the_moment_they_begin() -> None:
    text, blocks, layout = compose(
        [
            Cue(0, 2, "Welcome.", heading=("Part one", "Start")),
            Cue(3, 4, "Bye.", heading=("Part two",)),
        ]
    )
    assert [(block.kind, block.heading) for block in blocks] == [
        ("heading", ()),
        ("heading", ("Part one",)),
        ("paragraph", ("Part one", "Start")),
        ("heading", ()),
        ("paragraph", ("Part two",)),
    ]
    assert seconds(text, layout, "Part two") == (3.0, 3.0)


def test_a_chapter_in_which_nothing_is_said_keeps_its_title_and_all_its_time() -> None:
    text, blocks, layout = compose([Cue(10, 70, "", heading=("Overture",))], duration_s=90)
    assert [block.kind for block in blocks] == ["heading"]
    assert seconds(text, layout, "Overture") == (10.0, 70.0)
    assert layout.duration_s == 90


def test_tags_come_first_and_do_not_stretch_what_is_said_after_them() -> None:
    text, blocks, layout = compose([Cue(2, 3, "Hello.")], lead="Artist: A", duration_s=60)
    assert [block.kind for block in blocks] == ["caption", "paragraph"]
    assert seconds(text, layout, "Artist: A\n\nHello") == (0.0, 3.0)


def test_tags_alone_belong_to_the_whole_recording() -> None:
    text, _, layout = compose([], lead="Artist: A", duration_s=60)
    assert seconds(text, layout, "Artist") == (0.0, 60.0)


def test_nothing_makes_an_empty_text() -> None:
    text, blocks, layout = compose([], duration_s=5)
    assert (text, blocks, layout.duration_s) == ("", (), 5)


WORDS = st.lists(st.text("abc.!é ", min_size=1, max_size=8), min_size=1, max_size=6)


@st.composite
def cues(draw: st.DrawFn) -> Cue:
    start_s = draw(st.floats(0, 500))
    words = [word.strip() for word in draw(WORDS) if word.strip()]
    timed = tuple(
        (start_s + number, start_s + number + 0.5, word) for number, word in enumerate(words)
    )
    heading = draw(st.sampled_from([(), ("A",), ("A", "B"), ("C",), ("",)]))
    with_words = draw(st.booleans())
    return Cue(start_s, start_s + len(words), " ".join(words), timed if with_words else (), heading)


@given(st.lists(cues(), max_size=12), st.sampled_from(["", "Artist: A", "  "]))
def test_whatever_is_said_the_blocks_and_times_hold(said: list[Cue], lead: str) -> None:
    text, blocks, layout = compose(said, lead=lead)
    check(Extraction(text, blocks, layout))
    for cue in said:
        if cue.words:
            assert " ".join(cue.text.split()) in text
    spoken = "".join("".join(cue.text.split()) for cue in sorted(said, key=lambda c: c.start_s))
    body = "".join(
        "".join(text[block.start : block.end].split())
        for block in blocks
        if block.kind == "paragraph"
    )
    assert body == spoken


def check(extraction: Extraction) -> None:
    end = 0
    for block in extraction.blocks:
        assert end <= block.start < block.end <= len(extraction.text)
        end = block.end
        place = locate(extraction.layout, line_index(extraction.text), block.start, block.end)
        assert isinstance(place, TimeLocator)
        assert 0 <= place.start_s <= place.end_s <= extraction.layout.duration_s + 1e-3
