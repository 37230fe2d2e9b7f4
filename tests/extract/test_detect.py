"""What a file is: by content first, by name second."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest

from prismd.errors import EncryptedDocument, ExtractError, UnsupportedMedia
from prismd.extract.detect import detect, identify
from prismd.extract.naming import describe
from tests.extract.compound import Tree, compound_file

Write = Callable[[str, bytes | str], Path]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OFFICE = "application/vnd.openxmlformats-officedocument"
WORD = f"{OFFICE}.wordprocessingml"


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
        ("a.ipynb", "{}\n", "application/x-ipynb+json"),
        ("a.csv", "a,b\n", "text/csv"),
        ("a.tsv", "a\tb\n", "text/tab-separated-values"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nhi\n", "application/x-subrip"),
        ("a.txt", "WEBVTT\n\n00:01.000 --> 00:02.000\nhi\n", "text/vtt"),
        ("a.txt", "{\\rtf1 hello}", "application/rtf"),
        ("a.eml", "From: me\n\nhello\n", "message/rfc822"),
        ("Inbox", "From a@b Mon Jan  1 10:00:00 2024\nSubject: x\n\nhi\n", "application/mbox"),
        ("a.txt", "Subject: x\nX-Y: z\n w\nDate: today\n\nhi\n", "message/rfc822"),
        ("a.txt", "To: the reader\nDear reader,\nDate: none\n", "text/plain"),
        ("notes.md", "From a@b Mon Jan  1 10:00:00 2024\nSubject: x\n", "text/markdown"),
        ("a.ics", "BEGIN:VCALENDAR\n", "text/plain"),
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
        (f"{OFFICE}.spreadsheetml.sheet.main+xml", f"{OFFICE}.spreadsheetml.sheet"),
        (
            "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
            "application/vnd.ms-excel.sheet.macroEnabled.12",
        ),
        (f"{OFFICE}.presentationml.slideshow.main+xml", f"{OFFICE}.presentationml.slideshow"),
        ("application/x.presentationml.of-tomorrow", f"{OFFICE}.presentationml.presentation"),
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
    assert identify(write("a.zip", package(**{"META-INF/container.xml": "<x/>"}))) == (
        "application/epub+zip"
    )


def test_a_torn_package_goes_to_the_reader_that_its_name_says(write: Write) -> None:
    assert identify(write("a.docx", package(types="x" * 900)[:300])) == f"{WORD}.document"


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("WordDocument", "application/msword"),
        ("PowerPoint Document", "application/vnd.ms-powerpoint"),
        ("__properties_version1.0", "application/vnd.ms-outlook"),
        ("Workbook", "application/vnd.ms-excel"),
        ("Something", "application/x-ole-storage"),
    ],
)
def test_old_office_files_with_a_broken_directory_are_told_apart_by_their_names(
    write: Write, stream: str, expected: str
) -> None:
    assert identify(write("a", OLE + b"\x00" * 600 + stream.encode("utf-16-le"))) == expected


ENCRYPTED = {"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y"}
MESSAGE = {"__properties_version1.0": b"x", "__substg1.0_1000001F": b"y"}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"1Table": b"x", "WordDocument": b"x"}, "application/msword"),
        ({"Current User": b"x", "PowerPoint Document": b"x"}, "application/vnd.ms-powerpoint"),
        ({"Workbook": b"x"}, "application/vnd.ms-excel"),
        ({"WORKBOOK": b"x"}, "application/vnd.ms-excel"),
        ({"Book": b"x"}, "application/vnd.ms-excel"),
        (MESSAGE, "application/vnd.ms-outlook"),
        ({"VisioDocument": b"x"}, "application/vnd.visio"),
        ({"Contents": b"x", "Quill": {"QuillSub": b"x"}}, "application/vnd.ms-publisher"),
        ({"Something": b"x"}, "application/x-ole-storage"),
        ({"Workbook": b"x", "MBD0001": {"WordDocument": b"x"}}, "application/vnd.ms-excel"),
        ({**MESSAGE, "__attach": {"WordDocument": b"x"}}, "application/vnd.ms-outlook"),
        ({**MESSAGE, "__attach": ENCRYPTED}, "application/vnd.ms-outlook"),
        ({**MESSAGE, "__attach": {"file": compound_file(ENCRYPTED)}}, "application/vnd.ms-outlook"),
        ({"WordDocument": "Workbook".encode("utf-16-le")}, "application/msword"),
    ],
)
def test_old_office_files_are_told_apart_by_what_stands_in_their_root(
    write: Write, tree: Tree, expected: str
) -> None:
    assert identify(write("a", compound_file(tree))) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.vsd", "application/vnd.visio"), ("a.pub", "application/vnd.ms-publisher")],
)
def test_an_old_office_file_that_tells_nothing_is_what_its_name_says(
    write: Write, name: str, expected: str
) -> None:
    assert identify(write(name, compound_file({"Something": b"x"}))) == expected


def test_a_new_office_document_within_an_old_container_is_encrypted(write: Write) -> None:
    with pytest.raises(EncryptedDocument, match="password"):
        identify(write("a.docx", compound_file(ENCRYPTED)))


def test_a_text_of_countless_remarks_is_told_at_once(write: Write) -> None:
    assert identify(write("a.txt", "<!--" + "-->  <!--" * 7000)) == "text/plain"


@pytest.mark.parametrize("name", ["a.txt", "a.jpg", "a", "a.pdf", "a.mp3"])
def test_a_picture_is_one_under_any_name(write: Write, name: str) -> None:
    content = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
    assert identify(write(name, content)) == "image/png"
    assert detect(write(name, content)).type == "image"


def test_a_binary_file_that_tells_nothing_is_what_its_name_says(write: Write) -> None:
    noise = bytes(range(128, 256)) + bytes(range(128))
    assert identify(write("a.JPG", noise)) == "image/jpeg"
    assert identify(write("a.flac", noise)) == "audio/flac"
    assert identify(write("a.csv", noise)) == "application/octet-stream"


def test_sound_alone_in_a_container_for_films_is_sound_by_its_name(write: Write) -> None:
    content = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x01moov" * 9
    assert identify(write("a.m4a", content)) == "audio/mp4"
    assert identify(write("a.mp4", content)) == "video/mp4"


def test_an_encrypted_office_document_says_so(write: Write) -> None:
    content = OLE + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(EncryptedDocument, match="password"):
        identify(write("a.docx", content))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.psd", b"8BPS\x00\x01" + bytes(range(256)), "ADOBE.PHOTOSHOP images"),
        ("a.doc", OLE + b"\x00" * 99 + "WordDocument".encode("utf-16-le"), "old Word documents"),
        ("a.zip", package(other="x"), "ZIP archives"),
        ("a.ppt", OLE + b"\x00" * 99, "old PowerPoint presentations"),
        ("a.pub", compound_file({"Quill": {"x": b"x"}}), "Publisher documents"),
        ("a.vsd", compound_file({"VisioDocument": b"x"}), "old Visio drawings"),
        ("a.ps", b"%!PS-Adobe-3.0\nshowpage\n", "PostScript files"),
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


def test_a_text_may_begin_with_any_number_of_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "late.txt"
    path.write_text("\n" * 300_000 + "The walrus is at home.")
    assert detect(path).name == "text/plain"
    path.write_text("\n" * 300_000)
    with pytest.raises(ExtractError, match="empty"):
        detect(path)
