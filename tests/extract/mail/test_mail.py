"""EML and MBOX: headers, bodies, attachments by their own readers."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.steps import listening
from prismd.paths.openable import Openable
from tests.extract.mail.writing import message

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]


def report() -> bytes:
    document = docx.Document()
    document.add_heading("Results")
    document.add_paragraph("Ducks are up.")
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


LEAD = (
    "From: Ann Müller <ann@example.com>\nTo: bob@example.com\nDate: Fri, 01 Mar 2024 10:00:00 +0100"
)


def test_a_message_has_its_headers_and_its_text(read: Read, outline: Outline) -> None:
    extraction = read("a.eml", message("Grüße").as_bytes())
    assert extraction.title == "Grüße"
    assert extraction.metadata == {
        "author": "Ann Müller <ann@example.com>",
        "created": "2024-03-01T10:00:00+01:00",
    }
    assert outline(extraction) == [
        ("heading", "", "Grüße"),
        ("note", "Grüße", LEAD),
        ("paragraph", "Grüße", "Hello Bob,"),
        ("paragraph", "Grüße", "> quoted"),
    ]


def test_attachments_are_named_and_read(read: Read, outline: Outline) -> None:
    mail = message()
    data = report()
    mail.add_attachment(
        data,
        maintype="application",
        subtype="octet-stream",
        filename="../../Bericht Übersicht.docx",
    )
    mail.add_attachment(b"\x00\x01\x02" * 99, maintype="application", subtype="x", filename="a.bin")
    extraction = read("a.eml", mail.as_bytes())
    under = "Plans > Attachment: Bericht Übersicht.docx"
    size = f"{len(data) / 1000:.0f} kB"
    assert outline(extraction)[4:] == [
        ("heading", "Plans", "Attachment: Bericht Übersicht.docx"),
        ("note", under, f"Bericht Übersicht.docx (application/octet-stream, {size})"),
        ("heading", under, "Results"),
        ("paragraph", f"{under} > Results", "Ducks are up."),
        ("heading", "Plans", "Attachment: a.bin"),
        ("note", "Plans > Attachment: a.bin", "a.bin (application/x, 297 bytes)"),
    ]
    assert [warning.partition(":")[0] for warning in extraction.warnings] == ["a.bin"]


@pytest.mark.parametrize("name", ["\U00020000" * 85 + ".bin", "注" * 80 + "." + "注" * 80])
def test_the_longest_names_of_attachments_are_no_harm(read: Read, name: str) -> None:
    mail = message()
    mail.add_attachment(b"Seven lines of text.", maintype="text", subtype="plain", filename=name)
    extraction = read("a.eml", mail.as_bytes())
    assert "Hello Bob" in extraction.text


def test_one_message_that_cannot_be_read_costs_no_other(read: Read) -> None:
    separator = b"From ann@example.com Fri Mar  1 10:00:00 2024\n"
    bad = b'Subject: Bad\nContent-Type: text/plain; charset="\x00"\n\nWords.\n\n'
    deep = b"Subject: Deep\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(1500)
    )
    mailbox = b"\n".join(separator + each for each in (bad, deep, message("Two").as_bytes()))
    extraction = read("Inbox", mailbox)
    assert "Hello Bob" in extraction.text
    assert extraction.metadata["messages"] == "3"
    assert "message 2 could not be read" in extraction.warnings[-1]


def test_attachments_leave_nothing_behind(read: Read) -> None:
    mail = message()
    mail.add_attachment(b"broken", maintype="x", subtype="y", filename="a.pdf")
    mail.add_attachment(report(), maintype="x", subtype="y", filename="a.docx")
    assert "Ducks are up." in read("a.eml", mail.as_bytes()).text
    assert [path.name for path in Path(tempfile.gettempdir()).iterdir()] == ["alive"]


def test_a_disk_without_room_is_no_fault_of_the_mail(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Openable.write

    def full(held: Openable, data: bytes) -> None:
        if held.path.name == "a.docx":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(held, data)

    monkeypatch.setattr(Openable, "write", full)
    inner = message()
    inner.add_attachment(report(), maintype="x", subtype="y", filename="a.docx")
    outer = message()
    outer.add_attachment(inner.as_bytes(), maintype="x", subtype="y", filename="inner.eml")
    mailbox = b"From ann@example.com Fri Mar  1 10:00:00 2024\n" + outer.as_bytes()
    with pytest.raises(ExtractError, match=r"the disk is full, .*; free some") as error:
        read("Inbox", mailbox)
    assert error.value.transient


def test_progress_counts_the_parts_of_a_mail_and_the_bytes_of_a_mailbox(read: Read) -> None:
    mail = message()
    for n in range(3):
        rows = "name,n\n" + "duck,1\n" * 9
        mail.add_attachment(rows, filename=f"{n}.csv")
    heard: list[tuple[int, int]] = []
    with listening(lambda done, total: heard.append((done, total))):
        read("a.eml", mail.as_bytes())
    assert [(done, total) for done, total in dict.fromkeys(heard) if done] == [
        (1, 4),
        (2, 4),
        (3, 4),
        (4, 4),
    ]
    data = b"From ann@example.com Fri Mar  1 10:00:00 2024\n" + mail.as_bytes() + b"\n"
    heard.clear()
    with listening(lambda done, total: heard.append((done, total))):
        read("Inbox", data * 2)
    assert list(dict.fromkeys(heard)) == [
        (0, 2 * len(data)),
        (len(data), 2 * len(data)),
        (2 * len(data), 2 * len(data)),
    ]
    assert len(heard) >= 8, "each part of each mail is progress"


def test_of_two_bodies_that_say_the_same_the_richer_is_read(read: Read, outline: Outline) -> None:
    mail = message(body="Dear Bob, ducks are up this year.")
    html = "<p>Dear Bob, ducks are <b>up</b> this year.<table><tr><td>1<td>2</table>"
    mail.add_alternative(html, subtype="html")
    assert [text for _, _, text in outline(read("a.eml", mail.as_bytes()))[2:]] == [
        "Dear Bob, ducks are up this year.",
        "| 1 | 2 |\n| --- | --- |",
    ]


def test_a_body_that_is_a_stub_is_passed_by(read: Read) -> None:
    mail = message(body="Dear Bob, ducks are up this year, and so are geese.")
    mail.add_alternative("<p>See plain", subtype="html")
    text = read("a.eml", mail.as_bytes()).text
    assert "geese" in text
    assert "See plain" not in text


def test_a_mailbox_has_a_heading_for_each_message(read: Read, outline: Outline) -> None:
    separator = b"From ann@example.com Fri Mar  1 10:00:00 2024\n"
    first = message("One", "From here on.\n\n>From the start.\n\nFrom now on, no more.\n")
    mailbox = separator + first.as_bytes() + b"\n" + separator + message("Two").as_bytes()
    extraction = read("Inbox", mailbox)
    assert extraction.metadata == {"messages": "2"}
    assert [(kind, path, text) for kind, path, text in outline(extraction) if text != LEAD] == [
        ("heading", "", "One"),
        ("paragraph", "One", "From here on."),
        ("paragraph", "One", "From the start."),
        ("paragraph", "One", "From now on, no more."),
        ("heading", "", "Two"),
        ("paragraph", "Two", "Hello Bob,"),
        ("paragraph", "Two", "> quoted"),
    ]


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ("Content-Type: text/plain; charset=no-such", "Grüße aus Zürich".encode(), "Grüße aus"),
        ("Content-Type: text/plain; charset=us-ascii", "Größe".encode("cp1252"), "Größe"),
        ("Content-Type: text/plain; charset=utf-8", "Größe".encode("cp1252"), "Größe"),
        ("Content-Type: text/plain; charset=utf-16", b"even", "even"),
        ("Content-Transfer-Encoding: base64", b"SGVsbG8g!!d29ybGQ", "Hello world"),
        ("Content-Transfer-Encoding: quoted-printable", b"caf=C3=A9 =ZZ", "café"),
        ("Content-Type: text/plain; format=flowed", b"one \ntwo\nthree", "one two\nthree"),
        ("Content-Type: nonsense", b"still there", "still there"),
    ],
)
def test_wrong_encodings_lose_nothing(read: Read, headers: str, body: bytes, words: str) -> None:
    mail = f"From: a@b\nSubject: x\nMIME-Version: 1.0\n{headers}\n\n".encode() + body + b"\n"
    assert words in read("a.eml", mail).text


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle", "Grüße an alle"),
        (b"=?utf-8?B?R3LDvMOfZQ==?=\n =?utf-8?B?IGFu?=", "Grüße an"),
        (b"=?no-such?q?abc?=", "abc"),
        (b"=?utf-8?B?!!!?=", ""),
        ("Größe".encode("cp1252"), "Größe"),
        ("Größe".encode(), "Größe"),
    ],
)
def test_headers_are_decoded_as_far_as_can_be(read: Read, subject: bytes, expected: str) -> None:
    title = read("a.eml", b"From: a@b\nSubject: " + subject + b"\n\nbody\n").title
    assert expected in title


def test_small_pictures_in_the_text_are_not_named(read: Read) -> None:
    mail = message()
    mail.add_alternative("<p>Hello Bob, quoted<img src='cid:logo'>", subtype="html")
    html = list(mail.iter_parts())[1]
    assert isinstance(html, EmailMessage)
    html.add_related(b"GIF89a" + bytes(99), "image", "gif", cid="<logo>")
    assert "Attachment" not in read("a.eml", mail.as_bytes()).text


def attach_picture(mail: EmailMessage, disposition: str, size: int) -> None:
    mail.add_attachment(b"GIF89a" + bytes(size), "image", "gif", filename="image001.gif")
    part = list(mail.iter_attachments())[-1]
    part.replace_header("Content-Disposition", f"{disposition}; filename=image001.gif")
    part["Content-ID"] = "<image001>"


@pytest.mark.parametrize(
    ("disposition", "size", "named"),
    [("inline", 700, False), ("inline", 20_000, True), ("attachment", 700, True)],
)
def test_a_logo_that_has_a_name_is_a_logo_all_the_same(
    read: Read, disposition: str, size: int, named: bool
) -> None:
    mail = message()
    attach_picture(mail, disposition, size)
    assert ("Attachment: image001.gif" in read("a.eml", mail.as_bytes()).text) is named


def test_a_small_file_that_is_no_picture_is_no_logo(read: Read) -> None:
    mail = message()
    mail.add_attachment("name,n\nduck,1\n", filename="ducks.csv", disposition="inline", cid="<d>")
    assert "duck,1" in read("a.eml", mail.as_bytes()).text


def test_what_is_attached_to_the_body_that_is_passed_by_is_read(
    read: Read, outline: Outline
) -> None:
    mail = message(body="Dear Bob, ducks are up this year, and so are geese.")
    mail.add_alternative("<p>See plain", subtype="html")
    html = list(mail.iter_parts())[1]
    assert isinstance(html, EmailMessage)
    html.make_mixed()
    html.add_attachment("name,n\n" + "duck,1\n" * 20, filename="ducks.csv")
    written = outline(read("a.eml", mail.as_bytes()))
    assert ("paragraph", "Plans", "Dear Bob, ducks are up this year, and so are geese.") in written
    assert ("heading", "Plans", "Attachment: ducks.csv") in written
    assert "See plain" not in {text for _, _, text in written}


def test_of_many_warnings_the_rest_are_counted(read: Read) -> None:
    mail = message()
    for n in [*range(25), 24, 24]:
        mail.add_attachment(b"\0\1\2", maintype="application", subtype="x", filename=f"{n}.bin")
    warnings = read("a.eml", mail.as_bytes()).warnings
    assert len(warnings) == 21
    assert warnings[-1] == "and 5 more warnings"


def test_an_encrypted_message_is_found_by_its_headers(read: Read) -> None:
    mail = message("Secret", None)
    mail["Content-Type"] = "application/pkcs7-mime; smime-type=enveloped-data"
    extraction = read("a.eml", mail.as_bytes() + b"\nMIIB")
    assert extraction.text == f"Secret\n\n{LEAD}"
    assert "encrypted" in extraction.warnings[0]


def test_what_apple_mail_adds_is_left_out(read: Read) -> None:
    mail = message().as_bytes()
    assert "plist" not in read("a.emlx", b"%d\n" % len(mail) + mail + b"<plist></plist>").text


def test_a_message_beyond_the_limit_is_cut(read: Read) -> None:
    extraction = read("a.eml", message(body="word " * 999).as_bytes(), max_chars=300)
    assert len(extraction.text) <= 300
    assert extraction.warnings == ("only its first 300 characters are indexed",)


@settings(deadline=None)  # the first file under another name imports another reader
@given(st.binary(max_size=300), st.integers(0, 500))
def test_no_bytes_upset_it(read: Read, junk: bytes, at: int) -> None:
    mail = message()
    mail.add_attachment("name,n\nduck,1\n", filename="ducks.csv")
    data = mail.as_bytes()
    try:
        extraction = read("a.eml", data[:at] + junk + data[at:])
    except ExtractError as error:
        assert error.code in {"empty", "unsupported", "broken"}
    else:
        extraction.text.encode()
