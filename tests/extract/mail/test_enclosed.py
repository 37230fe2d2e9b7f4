"""Messages within messages, however they are enclosed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from prismd.domain import Extraction
from tests.extract.mail.writing import message

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]


def test_enclosed_messages_are_read(read: Read, outline: Outline) -> None:
    inner = message("Inner")
    inner.add_attachment("name,n\nduck,1\n", filename="ducks.csv")
    outer = message("Outer")
    outer.add_attachment(inner)
    written = outline(read("a.eml", outer.as_bytes()))
    path = "Outer > Attachment: Inner > Inner"
    assert ("paragraph", path, "Hello Bob,") in written
    assert ("table", f"{path} > Attachment: ducks.csv > name | n", "name,n\nduck,1") in written


def test_a_message_that_comes_as_a_file_is_read_as_a_message(read: Read, outline: Outline) -> None:
    outer = message("Outer")
    outer.add_attachment(
        message("Inner").as_bytes(), maintype="application", subtype="x", filename="old.eml"
    )
    written = outline(read("a.eml", outer.as_bytes()))
    assert ("paragraph", "Outer > Attachment: old.eml > Inner", "Hello Bob,") in written


def test_messages_in_messages_end_somewhere(read: Read) -> None:
    mail = message("bottom")
    for n in range(12):
        outer = message(f"level {n}")
        outer.add_attachment(mail)
        mail = outer
    extraction = read("a.eml", mail.as_bytes())
    assert "level 11" in extraction.text
    assert "bottom" not in extraction.text
    assert "messages within messages" in extraction.warnings[0]


def test_parts_in_parts_end_somewhere(read: Read) -> None:
    mail = message(body="bottom")
    for _ in range(25):
        outer = EmailMessage()
        outer.make_mixed()
        outer.attach(mail)
        mail = outer
    mail["Subject"] = "Top"
    extraction = read("a.eml", mail.as_bytes())
    assert "bottom" not in extraction.text
    (warning,) = extraction.warnings
    assert "to a depth of 20" in warning


def outer_of(kind: str, encoding: str, body: bytes) -> bytes:
    head = f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n"
    return (
        b"From: ann@example.com\nSubject: Outer\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\n\nSee below.\n--b\n" + head.encode() + body + b"\n--b--\n"
    )


QUOTED = """Subject: Inner=
 one
Content-Type: text/plain; charset=3Dutf-8

Gr=C3=BC=C3=9Fe, a long line that goes =
on
"""


@pytest.mark.parametrize(
    ("encoding", "body", "subject", "words"),
    [
        ("base64", base64.encodebytes(message("Inner").as_bytes()), "Inner", "Hello Bob,"),
        ("Base64 ", message("Inner").as_bytes(), "Inner", "Hello Bob,"),
        ("quoted-printable", QUOTED.encode(), "Inner one", "Grüße, a long line that goes on"),
        ("8bit", message("Inner").as_bytes(), "Inner", "Hello Bob,"),
    ],
)
def test_an_enclosed_message_is_read_however_it_is_encoded(
    read: Read, outline: Outline, encoding: str, body: bytes, subject: str, words: str
) -> None:
    written = outline(read("a.eml", outer_of("message/rfc822", encoding, body)))
    assert ("paragraph", f"Outer > Attachment: {subject} > {subject}", words) in written


def test_a_report_on_a_message_is_read(read: Read) -> None:
    report = b"Reporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; bob@example.com\n"
    text = read("a.eml", outer_of("message/delivery-status", "7bit", report)).text
    assert "Final-Recipient: rfc822; bob@example.com" in text


@pytest.mark.parametrize("kind", ["message/partial", "message/external-body"])
def test_what_is_no_message_is_said_to_be_left_out(read: Read, kind: str) -> None:
    extraction = read("a.eml", outer_of(kind, "7bit", b"Subject: x\n\nbody"))
    assert extraction.warnings == (f"a part of type {kind} is not read; save it to a file",)
