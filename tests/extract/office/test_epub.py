"""EPUB: chapters in the order of the book, under the titles of its contents."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

import pytest

from prismd.domain import Extraction
from prismd.errors import EncryptedDocument, ExtractError

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
NAV = """<html xmlns:epub="x"><body><nav epub:type="landmarks"><a href="c.xhtml">No</a></nav>
<nav epub:type="toc"><ol><li><a href="a.xhtml">Part &amp; One</a><ol>
<li><a href="b%20b.xhtml#top">Second</a></li></ol></li></ol></nav></body></html>"""
NCX = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "x.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint>
<navLabel><text>Part &amp; One</text></navLabel><content src="a.xhtml"/><navPoint>
<navLabel><text>Second</text></navLabel><content src="b%20b.xhtml#top"/></navPoint></navPoint>
</navMap></ncx>"""
CHAPTERS = {
    "a.xhtml": "<html><head><title/></head><body><h2>Part &amp;  One</h2><p>first words</p>"
    "<h3>Below</h3><p>under it<img alt='A duck' src='x'/></p></body></html>",
    "b b.xhtml": "<html><body><p>second words</p><h1>Own</h1><p>last words</p></body></html>",
    "c.xhtml": "<html><body><p>goes on</p></body></html>",
}


def book(
    contents: str = NAV,
    chapters: Mapping[str, str] = CHAPTERS,
    **parts: str,
) -> bytes:
    """A book of three chapters, the last of which its contents do not name."""
    is_ncx = "<ncx" in contents
    toc_type = "application/x-dtbncx+xml" if is_ncx else "application/xhtml+xml"
    items = "".join(
        f'<item id="i{n}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title>'
        "<dc:creator>Ann</dc:creator><dc:creator>Ben</dc:creator><dc:language>en</dc:language>"
        f'</metadata><manifest>{items}<item id="toc" href="toc" media-type="{toc_type}"'
        f' properties="{"" if is_ncx else "nav"}"/></manifest><spine>{spine}'
        '<itemref idref="i0"/><itemref idref="gone"/></spine></package>'
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("OEBPS/book.opf", opf)
        archive.writestr("OEBPS/toc", contents)
        for name, text in chapters.items():
            archive.writestr(f"OEBPS/{name}", text)
        for name, text in {"container": CONTAINER, **parts}.items():
            archive.writestr(f"META-INF/{name}.xml", text)
    return made.getvalue()


@pytest.mark.parametrize("contents", [NAV, NCX], ids=["epub 3", "epub 2"])
def test_chapters_stand_under_the_contents_titles(
    read: Read, outline: Outline, contents: str
) -> None:
    extraction = read("a.epub", book(contents))
    assert extraction.title == "The Book"
    assert extraction.language == "en"
    assert extraction.metadata == {"author": "Ann, Ben"}
    one = "Part & One"
    assert outline(extraction) == [
        ("heading", "", one),
        ("paragraph", one, "first words"),
        ("heading", one, "Below"),
        ("paragraph", f"{one} > Below", "under it A duck"),
        ("heading", one, "Second"),
        ("paragraph", f"{one} > Second", "second words"),
        ("heading", f"{one} > Second", "Own"),
        ("paragraph", f"{one} > Second > Own", "last words"),
        ("paragraph", f"{one} > Second > Own", "goes on"),
    ]


def test_a_book_without_contents_has_its_chapters_own_headings(
    read: Read, outline: Outline
) -> None:
    written = outline(read("a.epub", book("<html></html>")))
    assert written[:2] == [
        ("heading", "", "Part & One"),
        ("paragraph", "Part & One", "first words"),
    ]


def encryption(method: str) -> str:
    return (
        '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData>'
        f'<e:EncryptionMethod Algorithm="{method}"/></e:EncryptedData></encryption>'
    )


def test_a_copy_protected_book_says_so_but_hidden_fonts_are_no_protection(read: Read) -> None:
    with pytest.raises(EncryptedDocument, match="copy-protected"):
        read("a.epub", book(encryption=encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")))
    fonts = encryption("http://www.idpf.org/2008/embedding")
    assert "first words" in read("a.epub", book(encryption=fonts)).text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (book(chapters={"a.xhtml": "<html><body></body></html>"}), "empty"),
        (book()[:700], "broken"),
        (book(container="<broken", chapters={}), "broken"),
        (book(chapters={"a.xhtml": " " * 20_000_000}), "too_large"),
    ],
    ids=["empty", "torn", "no container", "bomb"],
)
def test_bad_books_say_what_is_wrong(read: Read, content: bytes, code: str) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.epub", content)
    assert error.value.code == code


def test_contents_of_any_depth_are_read(read: Read) -> None:
    nav = "<nav epub:type='toc'>" + "<ol><li><a href='a.xhtml'>Deep</a>" * 20_000
    text = read("a.epub", book(nav)).text
    assert text.startswith("Deep")
    assert "second words" in text
