"""Outlook's messages (MSG) by olefile, made into messages as they go over the net."""

from __future__ import annotations

import datetime
import email.utils
import struct
from collections.abc import Iterator
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import olefile

from prismd.extract.compound import check_compound
from prismd.extract.damage import broken
from prismd.extract.decode import decode

_SUBJECT, _BODY, _HTML = "0037", "1000", "1013"
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = "0C1A", "0C1F", "5D01"
_TO, _CC = "0E04", "0E03"
_DATA, _FILE_NAME, _SHORT_NAME, _MIME, _CONTENT_ID = "3701", "3707", "3704", "370E", "3712"
_TIMES = (0x00390040, 0x0E060040)
_PROPERTIES = "__properties_version1.0"
_OUTER_HEADER_BYTES, _INNER_HEADER_BYTES = 32, 24
_MAX_STREAM_BYTES = 64 << 20
_MAX_DEPTH = 4
_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)


def outlook_message(path: Path) -> Message:
    """Read a message with its body and attachments.

    Raises:
        ExtractError: It cannot be read (code ``broken``).
    """
    check_compound(path)
    try:
        with olefile.OleFileIO(str(path)) as file:
            return _Reader(file).message("", 0)
    except (
        *(OSError, ValueError, IndexError, struct.error),
        *(TypeError, AttributeError, OverflowError, RecursionError),
    ) as error:
        raise broken(f"{type(error).__name__}: {error}") from error


class _Reader:
    def __init__(self, file: olefile.OleFileIO[Any]) -> None:
        self._file = file

    def message(self, folder: str, depth: int) -> Message:
        """The message in a folder of the file; the outermost is in its root."""
        made = MIMEMultipart("mixed")
        for name, value in self._headers(folder, depth):
            if value:
                made[name] = " ".join(value.split())
        bodies = MIMEMultipart("alternative")
        if text := self._text(folder, _BODY):
            bodies.attach(MIMEText(text, "plain", "utf-8"))
        if html := self._text(folder, _HTML):
            bodies.attach(MIMEText(html, "html", "utf-8"))
        made.attach(bodies)
        for part in self._attachments(folder, depth):
            made.attach(part)
        return made

    def _headers(self, folder: str, depth: int) -> Iterator[tuple[str, str]]:
        address = self._text(folder, _SENDER_SMTP) or self._text(folder, _SENDER_ADDRESS)
        name = self._text(folder, _SENDER_NAME)
        yield "Subject", self._text(folder, _SUBJECT)
        # An address of Exchange's own ("/O=...") says nothing to people.
        yield "From", f"{name} <{address}>" if "@" in address and address != name else name
        yield "To", self._text(folder, _TO)
        yield "Cc", self._text(folder, _CC)
        yield "Date", self._sent(folder, depth)

    def _attachments(self, folder: str, depth: int) -> Iterator[Message]:
        for attached in self._folders(folder, "__attach_version1.0_"):
            inner = f"{attached}/__substg1.0_{_DATA}000D"
            if self._file.exists(inner):
                if depth < _MAX_DEPTH:
                    yield MIMEMessage(self.message(inner, depth + 1))
                continue
            kind, _, subtype = (self._text(attached, _MIME) or "application/x").partition("/")
            part = MIMEBase(kind, subtype or "octet-stream")
            part.set_payload(self._bytes(f"{attached}/__substg1.0_{_DATA}0102"))
            name = self._text(attached, _FILE_NAME) or self._text(attached, _SHORT_NAME)
            identity = self._text(attached, _CONTENT_ID)
            part.add_header(
                "Content-Disposition", "inline" if identity else "attachment", filename=name
            )
            if identity:
                part["Content-ID"] = " ".join(identity.split())
            yield part

    def _folders(self, folder: str, start: str) -> list[str]:
        above = folder.split("/") if folder else []
        found = {
            "/".join(entry[: len(above) + 1])
            for entry in self._file.listdir(streams=True, storages=True)
            if entry[: len(above)] == above
            and len(entry) > len(above)
            and entry[len(above)].startswith(start)
        }
        return sorted(found)

    def _text(self, folder: str, tag: str) -> str:
        stem = f"{folder}/__substg1.0_{tag}" if folder else f"__substg1.0_{tag}"
        if data := self._bytes(f"{stem}001F"):
            return data.decode("utf-16-le", "replace").rstrip("\x00")
        return decode(self._bytes(f"{stem}001E") or self._bytes(f"{stem}0102"))[0].rstrip("\x00 ")

    def _bytes(self, name: str) -> bytes:
        if not self._file.exists(name) or self._file.get_size(name) > _MAX_STREAM_BYTES:
            return b""
        with self._file.openstream(name) as stream:
            return bytes(stream.read())

    def _sent(self, folder: str, depth: int) -> str:
        """When the message was sent, or else delivered, as mail has it."""
        data = self._bytes(f"{folder}/{_PROPERTIES}" if folder else _PROPERTIES)
        start = _INNER_HEADER_BYTES if depth else _OUTER_HEADER_BYTES
        values = {
            tag: ticks
            for tag, _, ticks in struct.iter_unpack(
                "<IIQ", data[start : len(data) - (len(data) - start) % 16]
            )
        }
        ticks = next((values[tag] for tag in _TIMES if values.get(tag)), 0)
        try:
            moment = _EPOCH + datetime.timedelta(microseconds=ticks // 10)
        except OverflowError:
            return ""
        return email.utils.format_datetime(moment) if ticks else ""
