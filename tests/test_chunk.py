from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.chunk import Chunking, chunk, embedding_text
from prismd.domain import Block, BlockKind, Extraction, Layout, Page, PageLocator, Passage
from prismd.layout import pack
from prismd.models.fake import FakeTokens
from prismd.wording import sentence_ranges

OFFSETS = FakeTokens().offsets
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=30
)
PROSE = st.lists(
    st.sampled_from(
        [
            "One short sentence.",
            "Another, a little longer one, comes here!",
            "Is it? Dr. No.",
            "word " * 50,
            "x" * 300,
            "日本語の文です。次の文。",
            "สวัสดีชาวโลก",
            "\u00e9\u0301 \U0001f600.",
            "3.5 km; e.g. this (and that).",
            "\n",
            "  ",
            "a\tb\tc\n1\t2\t3",
        ]
    )
    | WORDS,
    max_size=8,
).map(" ".join)
KINDS: st.SearchStrategy[BlockKind] = st.sampled_from(
    ["heading", "paragraph", "list", "table", "code", "caption", "note"]
)
HEADINGS = st.lists(st.sampled_from(["A", "B", "C"]), max_size=3).map(tuple)
CHUNKING = Chunking(target_tokens=32, overlap_tokens=8)


@st.composite
def extractions(draw: st.DrawFn) -> Extraction:
    """Blocks with anything in them, with gaps of nothing, on pages or on none."""
    text, blocks, pages = "", [], []
    for number in range(draw(st.integers(0, 3)) or 1):
        page_start = len(text)
        for _ in range(draw(st.integers(0, 4))):
            text += draw(st.sampled_from(["", "\n", "\n\n", " "]))
            start = len(text)
            text += draw(PROSE)
            blocks.append(Block(start, len(text), draw(KINDS), draw(HEADINGS)))
        pages.append(Page(number + 1, page_start, len(text), 600, 800))
    if draw(st.booleans()):
        return Extraction(text, tuple(blocks), Layout("text"))
    return Extraction(text, tuple(blocks), pack("page", [], [], [], pages))


def covered(passages: list[Passage]) -> set[int]:
    return {at for passage in passages for at in range(passage.start, passage.end)}


@settings(max_examples=300, deadline=None)
@given(extractions(), st.integers(1, 40), st.integers(0, 20))
def test_whatever_the_blocks_passages_are_exact_and_lose_nothing(
    extraction: Extraction, target: int, overlap: int
) -> None:
    passages = chunk(extraction, OFFSETS, Chunking(target, overlap))
    text = extraction.text
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert [p.start for p in passages] == sorted(p.start for p in passages)
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text == passage.text.rstrip()
        assert passage.text.strip()
        assert passage.tokens <= max(1.25 * target, target + 1)
    wanted = {
        at
        for block in extraction.blocks
        for at in range(block.start, block.end)
        if not text[at].isspace()
    }
    assert wanted <= covered(passages)


@settings(max_examples=200, deadline=None)
@given(extractions())
def test_no_passage_crosses_a_page(extraction: Extraction) -> None:
    for passage in chunk(extraction, OFFSETS, CHUNKING):
        holding = [
            page
            for page in extraction.layout.pages
            if page.char_start < passage.end and passage.start < page.char_end
        ]
        if extraction.layout.kind == "page":
            assert isinstance(passage.locator, PageLocator)
            assert [page.number for page in holding] == [passage.locator.page]


@settings(max_examples=100, deadline=None)
@given(extractions())
def test_cutting_twice_gives_the_same(extraction: Extraction) -> None:
    first = chunk(extraction, OFFSETS, CHUNKING)
    assert chunk(extraction, OFFSETS, CHUNKING) == first


def of(*blocks: tuple[BlockKind, tuple[str, ...], str]) -> Extraction:
    text, made = "", []
    for kind, heading, words in blocks:
        made.append(Block(len(text), len(text) + len(words), kind, heading))
        text += words + "\n\n"
    return Extraction(text, tuple(made), Layout("text"))


def sentences(count: int, start: int = 0) -> str:
    return " ".join(
        f"Sentence number {n} has exactly eight words here." for n in range(start, start + count)
    )


def test_a_long_paragraph_is_cut_between_sentences_near_the_target() -> None:
    text = sentences(40)
    passages = chunk(of(("paragraph", (), text)), OFFSETS, Chunking(45, 0))
    assert len(passages) == 8
    assert all(passage.text.endswith(".") for passage in passages)
    assert all(passage.tokens == 45 for passage in passages)
    assert " ".join(passage.text for passage in passages) == text


def test_neighbours_overlap_by_whole_sentences_only() -> None:
    text = sentences(40)
    ends = {end for _, end in sentence_ranges(text)}
    starts = {start for start, _ in sentence_ranges(text)}
    passages = chunk(of(("paragraph", (), text)), OFFSETS, Chunking(45, 20))
    for before, after in pairwise(passages):
        assert after.start < before.end
        assert after.start in starts
        assert before.end in ends
        assert len(OFFSETS(text[after.start : before.end])) <= 20
    assert covered(passages) >= {at for at, c in enumerate(text) if not c.isspace()}


def test_a_sentence_longer_than_the_overlap_is_not_repeated() -> None:
    passages = chunk(of(("paragraph", (), sentences(20))), OFFSETS, Chunking(45, 8))
    assert len(passages) > 1
    assert all(a.end <= b.start for a, b in pairwise(passages))


def test_one_huge_word_is_cut_and_nothing_is_lost() -> None:
    word = "x" * 5_000

    def letters(text: str):  # type: ignore[no-untyped-def]
        import numpy as np

        return np.array([(at, at + 1) for at in range(len(text))], np.int32).reshape(-1, 2)

    passages = chunk(of(("paragraph", (), word)), letters, Chunking(64, 16))
    assert "".join(passage.text for passage in passages) == word
    assert all(passage.tokens <= 64 * 1.25 for passage in passages)


def test_a_sentence_without_an_end_is_cut_before_a_word() -> None:
    text = "word " * 1_000
    passages = chunk(of(("paragraph", (), text.strip())), OFFSETS, Chunking(64, 0))
    assert all(set(passage.text.split()) == {"word"} for passage in passages)
    assert sum(len(passage.text.split()) for passage in passages) == 1_000


def test_the_last_passage_is_no_crumb() -> None:
    passages = chunk(of(("paragraph", (), sentences(11))), OFFSETS, Chunking(90, 0))
    assert len(passages) == 1


def test_a_heading_goes_with_what_stands_below_it() -> None:
    passages = chunk(
        of(
            ("paragraph", (), "Before all."),
            ("heading", (), "Part"),
            ("heading", ("Part",), "Chapter"),
            ("paragraph", ("Part", "Chapter"), "Below the chapter."),
            ("heading", ("Part",), "Next"),
            ("paragraph", ("Part", "Next"), "Below the next."),
        ),
        OFFSETS,
        Chunking(64, 0),
    )
    assert [passage.text.split("\n\n") for passage in passages] == [
        ["Before all."],
        ["Part", "Chapter", "Below the chapter."],
        ["Next", "Below the next."],
    ]
    assert passages[1].heading == ("Part", "Chapter")


def test_what_stands_under_another_heading_is_another_passage() -> None:
    passages = chunk(
        of(("paragraph", ("A",), "Under the first."), ("paragraph", ("B",), "Under the second.")),
        OFFSETS,
        Chunking(64, 0),
    )
    assert [(p.heading, p.text) for p in passages] == [
        (("A",), "Under the first."),
        (("B",), "Under the second."),
    ]


def test_a_table_is_cut_between_its_rows() -> None:
    rows = [f"| row {n} | value {n} |" for n in range(60)]
    passages = chunk(of(("table", (), "\n".join(rows))), OFFSETS, Chunking(40, 0))
    assert [row for passage in passages for row in passage.text.split("\n")] == rows


def test_nothing_gives_nothing() -> None:
    for extraction in (of(), of(("paragraph", (), "")), of(("paragraph", (), " \n\t "))):
        assert chunk(extraction, OFFSETS, CHUNKING) == []


@pytest.mark.parametrize(
    ("title", "heading", "text", "expected"),
    [
        ("", (), "Words.", "Words."),
        ("Title", (), "Words.", "Title\nWords."),
        ("Title", ("Part", "Title"), "Words.", "Title > Part\nWords."),
        ("", ("Part",), "bro-\nken", "Part\nbroken"),
    ],
)
def test_a_passage_is_embedded_under_its_title_and_headings(
    title: str, heading: tuple[str, ...], text: str, expected: str
) -> None:
    assert embedding_text(title, heading, text) == expected


def test_a_change_of_version_or_sizes_shows_in_the_tag() -> None:
    assert Chunking(10, 2).tag != Chunking(10, 3).tag != Chunking(11, 3).tag
