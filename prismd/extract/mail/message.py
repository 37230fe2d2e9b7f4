"""Messages as they come: mailboxes cut into messages, headers and bodies decoded."""

from __future__ import annotations

import email
import email.header
import email.utils
import re
from binascii import Error as BinasciiError
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.message import Message
from pathlib import Path

from prismd.extract.decode import decode

_FROM_LINE = re.compile(rb"From \S+[^\r\n]*\d\d:\d\d|From \S+\s*$")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_BYTE_COUNT = re.compile(rb"\A\s*\d+\s*\r?\n(?=[A-Za-z][\w-]*:)")
_FLOWED = re.compile(r"(?<=[^\s-]) \n(?=[^\s>])")
_SAMPLE_BYTES = 1 << 16
_TELLING_BYTES = 32
_BOM = b"\xef\xbb\xbf"


def parse_message(data: bytes) -> Message:
    """Read a message; whatever is wrong in it, there is one.

    What Apple Mail puts around a message (its size before it, a property list behind) is no
    part of it.
    """
    data = data.removeprefix(_BOM)
    if counted := _BYTE_COUNT.match(data):
        size = int(counted[0])
        data = data[counted.end() : counted.end() + size]
    return email.message_from_bytes(data.lstrip(b"\r\n"))


def mailbox_messages(path: Path) -> Iterator[tuple[int, bytes]]:
    """The messages of a mailbox in the mbox format, each with where in the file it ends.

    The standard library's reader opens mailboxes for writing, and takes any line that begins
    with "From " for the start of a message.
    """
    with path.open("rb") as file:
        # Lines by themselves would take many times as much memory.
        message = bytearray()
        after_empty = True
        at = 0
        for line in file:
            if after_empty and line.startswith(b"From ") and _FROM_LINE.match(line):
                if message:
                    yield at, _unquoted(message)
                message.clear()
            else:
                message += line
            at += len(line)
            after_empty = not line.strip()
        if message.strip():
            yield at, _unquoted(message)


def _unquoted(message: bytearray) -> bytes:
    return _QUOTED_FROM.sub(rb"\1", bytes(message))


def header(message: Message, name: str) -> str:
    """A header as it is read: in one line, decoded; empty when there is none."""
    for key, raw in message.raw_items():
        if key.lower() == name:
            return decode_words(str(raw))
    return ""


def decode_words(raw: str) -> str:
    """Decode the encoded words of a header; raw bytes in it are decoded by guess."""
    text = " ".join(_guessed(raw.encode("utf-8", "surrogateescape")).split())
    try:
        pieces = email.header.decode_header(text)
    except (HeaderParseError, BinasciiError, ValueError):
        return text
    decoded = (
        piece if isinstance(piece, str) else _decode_as(piece, charset or "raw-unicode-escape")
        for piece, charset in pieces
    )
    return " ".join("".join(decoded).split())


def _decode_as(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset)
    except (LookupError, ValueError):
        return _guessed(data)


def _guessed(data: bytes) -> str:
    """Decode what is not in the encoding that it says; a few letters tell nothing of another."""
    if sum(byte > 127 for byte in data[:_SAMPLE_BYTES]) >= _TELLING_BYTES:
        return decode(data)[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def content(part: Message) -> bytes:
    """The bytes of a part, without their transfer encoding."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def text_of(part: Message) -> str:
    """A text part's text; the charset that it names is believed where it fits."""
    data = content(part)
    charset = str(part.get_content_charset() or "")
    text = _decode_as(data, charset or "us-ascii")
    # What is not text for a database, such as half of a surrogate pair, is not text here.
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", " ")
    flowed = str(part.get_param("format", "")).lower() == "flowed"
    return _FLOWED.sub(" ", text) if flowed else text


def file_name(part: Message) -> str:
    """The name that an attachment has; empty when it has none."""
    try:
        name = part.get_filename() or ""
    except (LookupError, ValueError, TypeError):
        name = ""
    return decode_words(str(name)).replace("\\", "/").rpartition("/")[2].strip()


def sent_at(message: Message) -> str:
    """When a message was sent, ISO 8601; empty when it does not say."""
    try:
        return email.utils.parsedate_to_datetime(header(message, "date")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
