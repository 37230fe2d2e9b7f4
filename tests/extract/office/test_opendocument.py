"""OpenDocument: texts, spreadsheets, presentations."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from prismd.domain import Extraction
from prismd.errors import EncryptedDocument, ExtractError

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
        "svg": "svg-compatible",
        "presentation": "presentation",
        "meta": "meta",
        "manifest": "manifest",
    }.items()
)
NAMESPACES += ' xmlns:dc="http://purl.org/dc/elements/1.1/"'


def package(kind: str, body: str, **parts: str) -> bytes:
    """A document of a kind, such as ``text``, around the XML of its body."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        for name, xml in {"content": content(kind, body), **parts}.items():
            archive.writestr(name if "/" in name else f"{name}.xml", xml)
    return made.getvalue()


def content(kind: str, body: str) -> str:
    return (
        f"<office:document-content {NAMESPACES}><office:automatic-styles>"
        '<style:style style:name="P1" style:family="paragraph"'
        ' style:parent-style-name="Title"/></office:automatic-styles>'
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
        "</office:document-content>"
    )


TEXT = """
<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
<text:p text:style-name="P1">The Title</text:p>
<text:table-of-content><text:index-body><text:p>Part 1</text:p></text:index-body>
</text:table-of-content>
<text:h text:outline-level="1">Part</text:h>
<text:section><text:p>One<text:s text:c="2"/>two<text:tab/>three<text:note><text:note-citation>1
</text:note-citation><text:note-body><text:p>The note.</text:p></text:note-body></text:note>
<office:annotation><dc:creator>Ann</dc:creator><text:p>Why?</text:p></office:annotation> end
<draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box></draw:frame></text:p>
</text:section>
<text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b</text:p>
</text:list-item></text:list></text:list-item></text:list>
<text:h text:outline-level="2">Table</text:h>
<table:table><table:table-header-rows><table:table-row>
<table:table-cell table:number-columns-spanned="2"><text:p>wide</text:p></table:table-cell>
<table:covered-table-cell/></table:table-row></table:table-header-rows><table:table-row>
<table:table-cell><text:p>c</text:p></table:table-cell><table:table-cell><text:p>
<draw:frame><svg:desc>A duck</svg:desc></draw:frame></text:p></table:table-cell>
</table:table-row></table:table>
"""
STYLES = (
    f"<office:document-styles {NAMESPACES}><office:master-styles><style:master-page>"
    "<style:header><text:p>Confidential</text:p></style:header></style:master-page>"
    "<style:master-page><style:header><text:p>Confidential</text:p></style:header>"
    "</style:master-page></office:master-styles></office:document-styles>"
)
META = (
    f"<office:document-meta {NAMESPACES}><office:meta><dc:title>Named</dc:title>"
    "<meta:initial-creator>Ann</meta:initial-creator></office:meta></office:document-meta>"
)


def test_a_text_keeps_headings_lists_tables_notes_and_comments(
    read: Read, outline: Outline
) -> None:
    extraction = read("a.odt", package("text", TEXT, styles=STYLES, meta=META))
    assert extraction.title == "Named"
    assert extraction.metadata == {"author": "Ann"}
    squeezed = [(k, p, " ".join(t.split(" "))) for k, p, t in outline(extraction)]
    part = "The Title > Part"
    assert squeezed == [
        ("note", "", "Confidential"),
        ("heading", "", "The Title"),
        ("heading", "The Title", "Part"),
        ("paragraph", part, "One  two\tthree[1]\n end"),
        ("paragraph", part, "in a box"),
        ("list", part, "- a\n  - b"),
        ("heading", part, "Table"),
        ("table", f"{part} > Table", "| wide |  |\n| --- | --- |\n| c | A duck |"),
        ("note", f"{part} > Table", "[1] The note."),
        ("note", f"{part} > Table", "Comment by Ann: Why?"),
    ]


SHEET = """
<table:table table:name="Ducks">
<table:table-row><table:table-cell><text:p>Day</text:p></table:table-cell>
<table:table-cell><text:p>Share</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="date" office:date-value="2024-03-01">
<office:annotation><text:p>a Friday</text:p></office:annotation><text:p>01.03.24</text:p>
</table:table-cell><table:table-cell office:value="0.5"><text:p>50 %</text:p></table:table-cell>
</table:table-row>
<table:table-row table:number-rows-repeated="1048000">
<table:table-cell table:number-columns-repeated="16384"/></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell office:value="7.0"/>
<table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell>
</table:table-row>
</table:table>
"""


def test_a_spreadsheet_is_read_as_it_is_shown(read: Read, outline: Outline) -> None:
    assert outline(read("a.ods", package("spreadsheet", SHEET))) == [
        ("heading", "", "Ducks"),
        ("table", "Ducks", "| Day | Share |\n| --- | --- |\n| 2024-03-01 | 50 % |"),
        ("table", "Ducks", "| 7 | x | x |\n| --- | --- | --- |\n| 7 | x | x |"),
        ("note", "Ducks", "Comment: a Friday"),
    ]


def test_endless_repetitions_are_bounded(read: Read) -> None:
    cell = '<table:table-cell table:number-columns-repeated="99999999"><text:p>x</text:p>'
    row = f'<table:table-row table:number-rows-repeated="99999999">{cell}</table:table-cell>'
    sheet = f"<table:table>{row}</table:table-row></table:table>"
    assert len(read("a.ods", package("spreadsheet", sheet)).text) < 5_000_000


SLIDES = """
<draw:page><draw:frame svg:y="5cm"><draw:text-box><text:p>below</text:p></draw:text-box>
</draw:frame><draw:frame svg:y="9cm" presentation:class="title"><draw:text-box>
<text:p>Plans</text:p></draw:text-box></draw:frame><draw:g svg:y="1cm"><draw:custom-shape>
<text:p>above</text:p></draw:custom-shape></draw:g>
<presentation:notes><draw:frame presentation:class="notes"><draw:text-box><text:p>say it</text:p>
</draw:text-box></draw:frame></presentation:notes></draw:page>
<draw:page><draw:frame><draw:text-box><text:list><text:list-item><text:p>point</text:p>
</text:list-item></text:list></draw:text-box></draw:frame></draw:page>
"""


def test_a_presentation_is_read_slide_by_slide(read: Read, outline: Outline) -> None:
    extraction = read("a.odp", package("presentation", SLIDES))
    assert extraction.title == "Plans"
    assert outline(extraction) == [
        ("heading", "", "Slide 1: Plans"),
        ("paragraph", "Slide 1: Plans", "above"),
        ("paragraph", "Slide 1: Plans", "below"),
        ("note", "Slide 1: Plans", "say it"),
        ("heading", "", "Slide 2"),
        ("list", "Slide 2", "- point"),
    ]


def test_an_encrypted_document_says_so(read: Read) -> None:
    manifest = f"<manifest:manifest {NAMESPACES}><manifest:encryption-data/></manifest:manifest>"
    with pytest.raises(EncryptedDocument, match="password"):
        read("a.odt", package("text", TEXT, **{"META-INF/manifest.xml": manifest}))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (package("text", ""), "empty"),
        (package("text", "<text:p>torn"), "broken"),
        (package("text", "<text:section>" * 999 + "</text:section>" * 999), "broken"),
        (package("text", "", content=" "), "broken"),
        (package("text", f"<text:p>{' ' * 20_000_000}</text:p>"), "too_large"),
    ],
    ids=["empty", "torn", "deep", "blank", "bomb"],
)
def test_bad_documents_say_what_is_wrong(read: Read, content: bytes, code: str) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.odt", content)
    assert error.value.code == code


def test_entities_are_not_expanded(read: Read) -> None:
    xml = content("text", "<text:p>seen &x; too</text:p>")
    doctype = '<!DOCTYPE d [<!ENTITY x "the entity">]>'
    extraction = read("a.odt", package("text", "", content=doctype + xml))
    assert "seen" in extraction.text
    assert "the entity" not in extraction.text


def test_frames_within_frames_are_read_once(read: Read) -> None:
    inner = "<text:p>end</text:p>"
    for _ in range(30):
        inner = (
            f"<table:table><table:table-row><table:table-cell><text:p>x</text:p>{inner}"
            "</table:table-cell></table:table-row></table:table>"
        )
    text = read("a.odt", package("text", inner)).text
    assert text.count("end") == 1
    assert text.count("x") == 30


@pytest.mark.parametrize(
    "cell",
    [
        '<table:table-cell table:number-columns-repeated="1023"/><table:table-cell>',
        '<table:table-cell table:number-columns-repeated="1000">',
    ],
)
def test_rows_and_cells_repeated_without_end_are_bounded(read: Read, cell: str) -> None:
    row = f'<table:table-row table:number-rows-repeated="1000">{cell}<text:p>{"w " * 900}</text:p>'
    rows = f"{row}</table:table-cell></table:table-row><table:table-row/>" * 600
    extraction = read("a.ods", package("spreadsheet", f"<table:table>{rows}</table:table>"))
    assert len(extraction.text) <= 20_000_000
    assert extraction.text.count("w w") > 600


def test_a_narrow_row_is_repeated_as_often_as_it_says(read: Read) -> None:
    row = '<table:table-row table:number-rows-repeated="900"><table:table-cell><text:p>a</text:p>'
    rest = '</table:table-cell><table:table-cell table:number-columns-repeated="16383"/>'
    sheet = f"<table:table>{row}{rest}</table:table-row></table:table>"
    assert read("a.ods", package("spreadsheet", sheet)).text.split().count("a") == 900
