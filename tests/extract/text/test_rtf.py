"""RTF: paragraphs, headings, tables, footnotes, any encoding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Extraction
from prismd.errors import ExtractError

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

DOCUMENT = r"""{\rtf1\ansi\ansicpg1252\deff0
{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Times;}}
{\stylesheet{\s1\outlinelevel0 heading 1;}}
{\info{\title The \'dcber Title}{\author Ann}}
{\header\pard head\par}
\pard\s1\outlinelevel0 {\b Heading}\par
\pard First with \u8364? and \u-10179?\u-8704? and \'e9.\par
Text{\super\chftn{\footnote\pard\plain The note.}} goes on.\par
\trowd\intbl A\cell B | b\cell\row\trowd\intbl C\cell D\cell\row
\pard\outlinelevel1 Below\par
\pard {\f1 \'cf\'f0\'e8\'e2\'e5\'f2}\par
{\pict\wmetafile8 """


def test_paragraphs_headings_tables_and_notes_are_read(read: Read, outline: Outline) -> None:
    extraction = read("a.rtf", DOCUMENT + "0123456789abcdef" * 999 + "}}")
    assert extraction.title == "The Über Title"
    assert extraction.metadata == {"author": "Ann"}
    assert outline(extraction) == [
        ("heading", "", "Heading"),
        ("paragraph", "Heading", "First with € and 😀 and é."),
        ("paragraph", "Heading", "Text The note. goes on."),
        ("table", "Heading", "| A | B | b |\n| --- | --- | --- |\n| C | D |  |"),
        ("heading", "Heading", "Below"),
        ("paragraph", "Heading > Below", "Привет"),
    ]


@pytest.mark.parametrize("page", ["1251", "65001", "99999"])
def test_any_code_page_is_taken(read: Read, page: str) -> None:
    words = "Привет" if page == "1251" else "Gruss"
    encoded = words.encode("cp1251")
    assert read(
        "a.rtf", b"{\\rtf1\\ansi\\ansicpg%s " % page.encode() + encoded + b"\\par}"
    ).text == (words)


def test_binary_data_is_cut_out(read: Read) -> None:
    assert read("a.rtf", b"{\\rtf1 before {\\pict\\bin5 {}{}{}after\\par}").text == "before"[:6] + (
        " after"
    )


@pytest.mark.parametrize("content", [r"{\rtf1}", r"{\rtf1 {\pict 00ff}}", "{\\rtf"])
def test_a_document_of_nothing_is_empty(read: Read, content: str) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.rtf", content)
    assert error.value.code == "empty"


@given(st.text("{}\\'u0123456789abf \n?*|rtf", max_size=120))
def test_no_text_upsets_it(read: Read, text: str) -> None:
    try:
        read("a.rtf", "{\\rtf1 x" + text).text.encode()
    except ExtractError as error:
        assert error.code in {"empty", "broken"}
