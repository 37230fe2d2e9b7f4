"""DOCX: the document in its order, with its headings, lists, tables and notes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.steps import listening

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]


def saved(document: Any) -> bytes:
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def with_parts(data: bytes, change: Callable[[str, bytes], bytes], **added: bytes) -> bytes:
    """The package with its parts changed, and some added (``__`` stands for a slash)."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
        for name, content in added.items():
            target.writestr(name.replace("__", "/") + ".xml", content)
    return made.getvalue()


def body(xml: str) -> bytes:
    """A document whose body is given as XML."""
    document = docx.Document()
    for element in parse_xml(f"<w:body {nsdecls('w', 'r')}>{xml}</w:body>"):
        document.element.body.insert(-1, element)
    return saved(document)


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def test_headings_paragraphs_lists_and_tables_in_order(read: Read, outline: Outline) -> None:
    document = docx.Document()
    document.add_heading("The Title", 0)
    document.add_heading("Part", 1)
    document.add_paragraph("Before the table.")
    table = document.add_table(2, 2)
    for n, cell in enumerate(table._cells):
        cell.text = f"cell {n}"
    document.add_paragraph("After it.")
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("two", style="List Bullet")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    document.add_heading("Sub", 2)
    document.core_properties.author = "Ann"
    document.core_properties.subject = "S"
    extraction = read("a.docx", saved(document))
    assert outline(extraction) == [
        ("heading", "", "The Title"),
        ("heading", "The Title", "Part"),
        ("paragraph", "The Title > Part", "Before the table."),
        ("table", "The Title > Part", "| cell 0 | cell 1 |\n| --- | --- |\n| cell 2 | cell 3 |"),
        ("paragraph", "The Title > Part", "After it."),
        ("list", "The Title > Part", "- one\n- two\n1. first\n2. second"),
        ("heading", "The Title > Part", "Sub"),
    ]
    assert extraction.title == "The Title"
    assert extraction.metadata["author"] == "Ann"
    assert extraction.metadata["subject"] == "S"


def test_merged_cells_are_written_once_and_inner_tables_kept(read: Read) -> None:
    document = docx.Document()
    table = document.add_table(2, 3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(0, 2).merge(table.cell(1, 2)).text = "tall"
    table.cell(1, 0).text = "a|b"
    inner = table.cell(1, 1).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"
    text = read("a.docx", saved(document)).text
    assert text == "| wide |  | tall |\n| --- | --- | --- |\n| a\\|b | x ; y |  |"


def test_insertions_are_kept_and_deletions_are_not(read: Read) -> None:
    xml = (
        f"<w:p>{run('one ')}<w:ins w:id='1'>{run('new ')}</w:ins>"
        f"<w:del w:id='2'><w:r><w:delText>old </w:delText></w:r></w:del>"
        f"<w:moveFrom w:id='3'>{run('moved ')}</w:moveFrom>"
        f"<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden </w:t></w:r>"
        f"<w:hyperlink r:id='x'>{run('link')}</w:hyperlink></w:p>"
    )
    assert read("a.docx", body(xml)).text == "one new link"


def test_fields_show_their_result_and_breaks_their_kind(read: Read) -> None:
    xml = (
        "<w:p><w:r><w:fldChar w:fldCharType='begin'/><w:instrText>PAGE</w:instrText></w:r>"
        f"{run('7')}<w:r><w:tab/><w:t>a</w:t><w:br/><w:t>b</w:t></w:r>"
        f"<w:sdt><w:sdtContent>{run(' in')}</w:sdtContent></w:sdt></w:p>"
        f"<w:sdt><w:sdtContent><w:p>{run('control')}</w:p></w:sdtContent></w:sdt>"
    )
    assert read("a.docx", body(xml)).text == "7\ta\nb in\n\ncontrol"


def test_a_text_box_is_read_once(read: Read) -> None:
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    box = f"<w:txbxContent><w:p>{run('boxed')}</w:p></w:txbxContent>"
    xml = (
        f"<w:p>{run('around')}<w:r><mc:AlternateContent xmlns:mc='{mc}'>"
        f"<mc:Choice Requires='wps'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )
    assert read("a.docx", body(xml)).text == "around\n\nboxed"


def test_headers_and_footers_are_notes_and_said_once(read: Read, outline: Outline) -> None:
    document = docx.Document()
    document.add_paragraph("Body.")
    document.sections[0].header.paragraphs[0].text = "The header"
    document.sections[0].footer.paragraphs[0].text = "The footer"
    document.add_section()
    document.sections[1].header.is_linked_to_previous = False
    document.sections[1].header.paragraphs[0].text = "The header"
    assert outline(read("a.docx", saved(document))) == [
        ("note", "", "The header"),
        ("paragraph", "", "Body."),
        ("note", "", "The footer"),
    ]


def test_footnotes_and_comments_follow_with_their_marks(read: Read, outline: Outline) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Text")
    reference: Any = parse_xml(f"<w:r {nsdecls('w')}><w:footnoteReference w:id='5'/></w:r>")
    paragraph._p.append(reference)
    document.add_comment(paragraph.runs, text="Look here", author="Ann")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    part = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    content = f"<w:footnote w:id='5'><w:p>{run('Note.')}</w:p></w:footnote>"
    note = f"<w:footnotes {nsdecls('w')}>{content}</w:footnotes>"

    def change(name: str, content: bytes) -> bytes:
        if name == "word/_rels/document.xml.rels":
            link = f"<Relationship Id='rF' Type='{kind}' Target='footnotes.xml'/></Relationships>"
            return content.replace(b"</Relationships>", link.encode())
        if name == "[Content_Types].xml":
            override = f"<Override PartName='/word/footnotes.xml' ContentType='{part}'/></Types>"
            return content.replace(b"</Types>", override.encode())
        return content

    data = with_parts(saved(document), change, word__footnotes=note.encode())
    assert outline(read("a.docx", data)) == [
        ("paragraph", "", "Text[1]"),
        ("note", "", "[1] Note."),
        ("note", "", "Comment by Ann: Look here"),
    ]


def test_a_strict_document_is_read_like_any_other(read: Read) -> None:
    document = docx.Document()
    document.add_heading("Strict", 1)

    def change(name: str, content: bytes) -> bytes:
        return content.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        ).replace(
            b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        )

    extraction = read("a.docx", with_parts(saved(document), change))
    assert [(b.kind, extraction.text[b.start : b.end]) for b in extraction.blocks] == [
        ("heading", "Strict")
    ]


def test_entities_are_not_expanded(read: Read, tmp_path: Any) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    document = docx.Document()
    document.add_paragraph("MARK and more")

    def change(name: str, content: bytes) -> bytes:
        if name != "word/document.xml":
            return content
        doctype = f"<!DOCTYPE d [<!ENTITY x SYSTEM 'file://{secret}'>]>".encode()
        head, rest = content.split(b"?>", 1)
        return head + b"?>" + doctype + rest.replace(b"MARK", b"&x;")

    with pytest.raises(ExtractError, match="declares entities") as error:
        read("a.docx", with_parts(saved(document), change))
    assert "the secret" not in str(error.value)


def test_a_document_that_unpacks_to_too_much_is_refused(read: Read) -> None:
    data = with_parts(saved(docx.Document()), lambda _, content: content)
    made = io.BytesIO(data)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/huge.xml", b" " * 40_000_000)
    with pytest.raises(ExtractError, match="beyond the safe limit") as error:
        read("a.docx", made.getvalue())
    assert error.value.code == "too_large"


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_torn_document_is_broken(read: Read, share: float) -> None:
    data = saved(docx.Document())
    with pytest.raises(ExtractError, match="not a readable document") as error:
        read("a.docx", data[: int(share * len(data))])
    assert error.value.code == "broken"


def test_a_document_with_a_broken_part_is_broken(read: Read) -> None:
    def change(name: str, content: bytes) -> bytes:
        return content[:200] if name == "word/document.xml" else content

    with pytest.raises(ExtractError, match="not a readable document"):
        read("a.docx", with_parts(saved(docx.Document()), change))


def test_a_document_without_text_is_empty(read: Read) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.docx", saved(docx.Document()))
    assert error.value.code == "empty"


def test_a_note_within_a_framed_text_is_there_once(read: Read) -> None:
    note = f'<w:footnotes {nsdecls("w")}><w:footnote w:id="2"><w:p>{run("Said below.")}</w:p>'
    frame = f'<w:tbl><w:tr><w:tc><w:p>{run("Framed")}<w:r><w:footnoteReference w:id="2"/></w:r>'
    data = with_part(body(f"{frame}</w:p></w:tc></w:tr></w:tbl>"), "footnotes", note)
    assert read("a.docx", data).text == "Framed[1]\n\n[1] Said below."


def with_part(data: bytes, kind: str, xml: str) -> bytes:
    """A document with another part, whose end tags are added."""
    place = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    link = f'<Relationship Id="rNew" Type="{place}/{kind}" Target="{kind}.xml"/></Relationships>'
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    named = f'<Override PartName="/word/{kind}.xml" ContentType="{word}.{kind}+xml"/></Types>'

    def change(name: str, data: bytes) -> bytes:
        if name == "word/_rels/document.xml.rels":
            return data.replace(b"</Relationships>", link.encode())
        return data.replace(b"</Types>", named.encode()) if "Content_Types" in name else data

    ends = f"</w:{kind[:-1]}></w:{kind}>"
    return with_parts(data, change, **{f"word__{kind}": (xml + ends).encode()})


def test_frames_within_frames_are_read_once(read: Read) -> None:
    inner = f"<w:p>{run('end')}</w:p>"
    for _ in range(40):
        inner = f"<w:tbl><w:tr><w:tc>{inner}<w:p>{run('x')}</w:p></w:tc></w:tr></w:tbl>"
    text = read("a.docx", body(inner)).text
    assert text.count("end") == 1
    assert text.count("x") == 40


def test_lists_of_absurd_numbers_are_read(read: Read) -> None:
    def change(name: str, data: bytes) -> bytes:
        if name != "word/numbering.xml":
            return data
        level = (
            '<w:lvl w:ilvl="0"><w:start w:val="99999999"/><w:numFmt w:val="lowerLetter"/>'
            f'<w:lvlText w:val="{"%1" * 1000}"/></w:lvl>'
        )
        return (
            f'<w:numbering {nsdecls("w")}><w:abstractNum w:abstractNumId="0">{level}'
            '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
        ).encode()

    item = '<w:p><w:pPr><w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr></w:pPr>{}</w:p>'
    document = docx.Document()
    for n in range(300):
        element = parse_xml(
            item.format(n * (n % 2), run("word")).replace("<w:p>", f"<w:p {nsdecls('w')}>")
        )
        document.element.body.insert(n, element)
    text = read("a.docx", with_parts(saved(document), change)).text
    assert text.count("word") == 300
    assert len(text) < 300 * 400


def test_progress_is_told_as_paragraphs_go_on(read: Read) -> None:
    heard: list[tuple[int, int]] = []
    with listening(lambda done, total: heard.append((done, total))):
        read("a.docx", body(f"<w:p>{run('x')}</w:p>" * 600))
    assert heard == [(0, 600), (256, 600), (512, 600)]


def test_what_a_document_does_not_say_of_itself_is_not_made_up(read: Read) -> None:
    data = with_parts(
        body(f"<w:p>{run('x')}</w:p>"),
        lambda name, data: (
            data.replace(b"/core-properties", b"/other") if name == "_rels/.rels" else data
        ),
    )
    extraction = read("a.docx", data)
    assert (extraction.title, extraction.metadata) == ("", {})


def test_a_style_without_an_id_is_the_base_of_no_other(read: Read) -> None:
    document = docx.Document()
    document.add_paragraph("Just words, no heading.", style="Quote")
    document.add_paragraph("An item.", style="List Bullet")
    nameless = b'<w:style w:type="paragraph"><w:name w:val="heading 1"/></w:style></w:styles>'

    def change(name: str, part: bytes) -> bytes:
        return part.replace(b"</w:styles>", nameless) if name == "word/styles.xml" else part

    made = io.BytesIO()
    document.save(made)
    extraction = read("a.docx", with_parts(made.getvalue(), change))
    assert "heading" not in {block.kind for block in extraction.blocks}
