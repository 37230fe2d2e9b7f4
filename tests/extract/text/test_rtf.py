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


@pytest.mark.parametrize(
    "hostile",
    [
        *(r"{\f0\fnil a;}", r"{\f0", r"\f0 ", r"{\f0\fcharset0 "),
    ],
)
def test_a_font_table_without_end_is_gone_through_once(read: Read, hostile: str) -> None:
    fonts = r"{\fonttbl" + hostile * 150_000
    fonts += "}" * (fonts.count("{") - fonts.count("}"))
    assert read("a.rtf", r"{\rtf1 before " + fonts + " after}").text == "before  after"


def test_links_that_do_not_end_are_gone_through_once(read: Read) -> None:
    assert read("a.rtf", r"{\rtf1 before " + r"{\field{\*\fldinst{" * 60_000).text == "before"


def test_each_font_has_its_own_charset(read: Read) -> None:
    fonts = r"{\fonttbl{\f0\fnil Plain;}{\f1\froman\fcharset204{\*\panose 02}Times;}}"
    source = r"{\rtf1\ansicpg1252" + fonts + r"{\f0 caf\'e9} {\f1 \'cf\'f0\'e8}}"
    assert read("a.rtf", source).text == "café При"


def test_several_links_in_a_line_keep_their_own_targets(read: Read) -> None:
    link = r'{\field{\*\fldinst{HYPERLINK "http://%s"}}{\fldrslt{\ul %s}}}'
    source = r"{\rtf1 " + link % ("x.org", "one") + " and " + link % ("y.org", "two") + "}"
    assert read("a.rtf", source).text == 'one("http://x.org") and two("http://y.org")'
