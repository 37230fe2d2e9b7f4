"""What a file is: by content first, by name second."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest

from prismd.errors import EncryptedDocument, ExtractError, UnsupportedMedia
from prismd.extract.detect import describe, detect, identify

Write = Callable[[str, bytes | str], Path]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"


def pdf() -> bytes:
    with pymupdf.open() as document:
        document.new_page()
        return bytes(document.tobytes())


def package(**parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in parts.items():
            archive.writestr("[Content_Types].xml" if name == "types" else name, content)
    return made.getvalue()


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a", "a.docx"])
def test_a_pdf_is_one_under_any_name(write: Write, name: str) -> None:
    assert identify(write(name, pdf())) == "application/pdf"
    assert identify(write(name, b"\r\n\x00" + pdf())) == "application/pdf"


def test_a_pdf_after_junk_is_one_by_its_name(write: Write) -> None:
    assert identify(write("a.pdf", b"junk from a mailer\n" * 5 + pdf())) == "application/pdf"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", "just text\n", "text/plain"),
        ("a.md", "# About\nA file begins with %PDF-1.4\n", "text/markdown"),
        ("a.txt", "<!-- x --><!DOCTYPE html><p>hi", "text/html"),
        ("a", "<?xml version='1.0'?>\n<html><p>hi", "text/html"),
        ("a.html", "<p>fragment", "text/html"),
        ("a.xhtml", "<html/>", "application/xhtml+xml"),
        ("a.php", "<html><?php echo 1 ?>", "text/x-source-code"),
        ("a.py", "x = 1\n", "text/x-source-code"),
        ("Makefile", "all:\n\ttrue\n", "text/x-source-code"),
        ("README", "read me\n", "text/plain"),
        ("a.log", "line\n", "text/plain"),
        ("a.unheard-of", "text\n", "text/plain"),
        ("a.json", "{}\n", "application/json"),
        ("a.csv", "a,b\n", "text/csv"),
        ("a.jpg", "text, not a picture\n", "text/plain"),
        ("A.MD", "text\n", "text/markdown"),
    ],
)
def test_texts_are_told_apart(write: Write, name: str, content: str, expected: str) -> None:
    assert identify(write(name, content)) == expected


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        (f"{WORD}.document.main+xml", f"{WORD}.document"),
        (f"{WORD}.template.main+xml", f"{WORD}.template"),
        (
            "application/vnd.ms-word.document.macroEnabled.main+xml",
            "application/vnd.ms-word.document.macroEnabled.12",
        ),
        (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ],
)
def test_office_packages_are_told_apart_by_their_parts(
    write: Write, main: str, expected: str
) -> None:
    content = package(types=f"<Types><Override ContentType='{main}'/></Types>")
    assert identify(write("a.zip", content)) == expected


def test_other_packages_name_themselves(write: Write) -> None:
    odt = "application/vnd.oasis.opendocument.text"
    assert identify(write("a.docx", package(mimetype=odt))) == odt
    assert identify(write("a.docx", package(other="x"))) == "application/zip"


def test_a_torn_package_goes_to_the_reader_that_its_name_says(write: Write) -> None:
    assert identify(write("a.docx", package(types="x" * 900)[:300])) == f"{WORD}.document"


def test_an_encrypted_office_document_says_so(write: Write) -> None:
    content = OLE + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(EncryptedDocument, match="password"):
        identify(write("a.docx", content))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photo.txt", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)), "JPEG images"),
        ("a.doc", OLE + b"\x00" * 99 + "WordDocument".encode("utf-16-le"), "old Word documents"),
        ("a.xls", OLE + b"\x00" * 99, "old Excel workbooks"),
        ("a.zip", package(other="x"), "ZIP archives"),
        ("a.eml", b"From: me\n\nhello\n", "e-mail messages"),
        ("a.rtf", b"{\\rtf1 hello}", "RTF documents"),
        ("a.bin", bytes(range(256)) * 9, "unknown binary format"),
        ("a.txt", bytes(range(256)) * 9, "unknown binary format"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(
    write: Write, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(UnsupportedMedia, match=f"{words}.* not read by this version; ") as error:
        detect(write(name, content))
    assert error.value.code == "unsupported"
    assert error.value.skip


@pytest.mark.parametrize(
    ("name", "words"), [("image/x-portable-bitmap", "PORTABLE-BITMAP images"), ("a/b", "B files")]
)
def test_any_type_can_be_described(name: str, words: str) -> None:
    assert describe(name) == words


def test_a_file_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="cannot be opened") as error:
        detect(tmp_path / "gone.txt")
    assert error.value.code == "unreadable"
    assert error.value.transient
