"""EML, MSG and MBOX: headers, bodies, and attachments by their own readers."""

from __future__ import annotations

import mimetypes
import re
import tempfile
from collections.abc import Sequence
from email.message import Message
from pathlib import Path
from typing import ClassVar

from selectolax.lexbor import LexborHTMLParser

from prismd.domain import Extraction, Layout
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions, load_extractor
from prismd.extract.detect import detect
from prismd.extract.draft import Draft, cut_warning
from prismd.extract.mail.message import (
    content,
    file_name,
    header,
    mailbox_messages,
    parse_message,
    sent_at,
    text_of,
)
from prismd.extract.mail.outlook import outlook_message
from prismd.extract.steps import step
from prismd.extract.text.html import write_html
from prismd.extract.text.text import paragraphs

_LEAD = ("from", "to", "cc", "date", "reply-to")
_LEAD_CHARS = 1000
_MAX_LEVEL = 9
_MAX_PARTS_DEPTH = 20
_MAX_ATTACHMENTS = 500
_MAX_ATTACHMENT_BYTES = 64 << 20
_SMALL_PICTURE_BYTES = 16 << 10
_MAX_WARNINGS = 20
_UNSAFE = re.compile(r"[^\w.+ -]|^[.-]+")
_NAME_BYTES = 80
_MAIL = f"{__name__}:MailExtractor"
_ENCRYPTED = frozenset(
    {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
)
_SIGNATURES = frozenset(
    (
        *("application/pgp-signature", "application/pkcs7-signature"),
        *("application/x-pkcs7-signature", "application/pgp-encrypted"),
    )
)

_DEFECTS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What the mail library raises on messages that nobody wrote by hand."""


class MailExtractor:
    """Reads single messages (EML, EMLX, MHTML, MSG) and mailboxes (MBOX)."""

    version: ClassVar[str] = "mail-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a message or a mailbox; see ``Extractor``."""
        draft = Draft(options.max_chars)
        writer = _Writer(draft, options)
        metadata: dict[str, str] = {}
        title = ""
        if media_type == "application/mbox":
            count = writer.mailbox(path, 1)
            metadata["messages"] = str(count)
        else:
            message = _one_message(path, media_type)
            title = header(message, "subject")
            metadata = {"author": header(message, "from"), "created": sent_at(message)}
            writer.message(message, 1)
        if not draft.blocks or not writer.has_content:
            raise ExtractError(
                "there is no message in it; nothing is to be done", code="empty", skip=True
            )
        cut = (cut_warning(options.max_chars),) if draft.full else ()
        return Extraction(
            text=draft.text,
            blocks=tuple(draft.blocks),
            layout=Layout("text"),
            title=title,
            metadata={key: value for key, value in metadata.items() if value},
            warnings=(*cut, *writer.warnings),
        )


class _Writer:
    """Writes messages down, one in another where they are."""

    def __init__(self, draft: Draft, options: ExtractOptions) -> None:
        self.warnings: list[str] = []
        self.has_content = False
        self._draft = draft
        self._options = options
        self._attachments = 0

    def mailbox(self, path: Path, level: int) -> int:
        """Write all messages of a mailbox; gives how many there are."""
        size = path.stat().st_size
        count = 0
        for end, data in mailbox_messages(path):
            if self._draft.full:
                break
            count += 1
            try:
                self.message(parse_message(data), level)
            # One message of a mailbox must not cost the others.
            except (ExtractError, *_DEFECTS) as error:
                self._warn(f"message {count} could not be read ({type(error).__name__})")
            step(end, size)
        return count

    def message(self, message: Message, level: int) -> None:
        """Write a message under its subject."""
        lead = [
            f"{name.title()}: {value[:_LEAD_CHARS]}"
            for name in _LEAD
            if (value := header(message, name))
        ]
        subject = header(message, "subject")
        self.has_content = self.has_content or bool(lead) or bool(subject)
        self._draft.heading(level, subject or "(no subject)")
        self._draft.add("\n".join(lead), "note")
        self._part(message, level)

    def _part(self, part: Message, level: int, depth: int = 0) -> None:
        kind = part.get_content_type()
        children = _children(part)
        if depth > _MAX_PARTS_DEPTH or self._draft.full:
            return
        if kind in _ENCRYPTED and part.get_param("smime-type") != "signed-data":
            self._warn("a message is encrypted; only its headers are indexed")
        elif kind == "multipart/alternative" and children:
            self._alternative(children, level, depth)
        elif kind.startswith("message/") and children:
            self._enclosed(part, children, level)
        elif part.is_multipart():
            for child in children:
                self._part(child, level, depth + 1)
        elif kind in ("text/plain", "text/html") and not _is_attachment(part):
            self._body(part, level)
        elif kind not in _SIGNATURES:
            self._attachment(part, level)

    def _alternative(self, children: Sequence[Message], level: int, depth: int) -> None:
        """Of bodies that say the same the last one, as mail programs do; a poor one is passed by.

        Some senders leave one of the two a stub, or say nothing but that there is another.
        """
        lengths = [_length(child) for child in children]
        chosen = next(n for n in reversed(range(len(children))) if 2 * lengths[n] >= max(lengths))
        for n, child in enumerate(children):
            if n == chosen or not _has_body(child):
                self._part(child, level, depth + 1)

    def _enclosed(self, part: Message, children: Sequence[Message], level: int) -> None:
        """Messages within a message, or the parts of a report on one."""
        if part.get_content_type() != "message/rfc822" or level > _MAX_LEVEL:
            return
        for message in children:
            name = file_name(part) or header(message, "subject") or "message"
            self._draft.heading(level + 1, f"Attachment: {name}")
            self.message(message, level + 2)

    def _body(self, part: Message, level: int) -> None:
        text = text_of(part)
        self.has_content = self.has_content or bool(text.strip())
        # What comes behind an attachment belongs to the message again.
        self._draft.headings.leave(level)
        if part.get_content_type() == "text/html":
            write_html(LexborHTMLParser(text), self._draft, below=level)
            return
        for start, end in paragraphs(text):
            self._draft.add(text[start:end])

    def _attachment(self, part: Message, level: int) -> None:
        """Name an attachment, and write down what is in it, if anything reads it."""
        data = content(part)
        kind = part.get_content_type()
        name = file_name(part) or f"unnamed{mimetypes.guess_extension(kind) or ''}"
        inline = not _is_attachment(part) and part.get("Content-ID") is not None
        if not data or (inline and len(data) < _SMALL_PICTURE_BYTES):
            return  # logos and lines
        self.has_content = True
        self._draft.heading(level + 1, f"Attachment: {name}")
        self._draft.add(f"{name} ({kind}, {_size(len(data))})", "note")
        self._attachments += 1
        if len(data) > _MAX_ATTACHMENT_BYTES:
            self._warn(f"{name}: larger than {_size(_MAX_ATTACHMENT_BYTES)}, only named")
        elif self._attachments > _MAX_ATTACHMENTS:
            self._warn(f"only the first {_MAX_ATTACHMENTS} attachments are read")
        else:
            self._read(name, data, level)

    def _read(self, name: str, data: bytes, level: int) -> None:
        with tempfile.TemporaryDirectory(prefix="prismd-") as folder:
            path = Path(folder, _safe(name))
            try:
                path.write_bytes(data)
                self._read_file(path, level)
            except ExtractError as error:
                if error.code != "empty":
                    self._warn(f"{name}: {error}")
            # A parser may raise anything on a hostile attachment; the message is still good.
            except Exception as error:
                cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                self._warn(f"{name}: its reader failed ({cause}); only its name is indexed")

    def _read_file(self, path: Path, level: int) -> None:
        found = detect(path)
        if found.extractor == _MAIL:
            if level > _MAX_LEVEL:
                return
            if found.name == "application/mbox":
                self.mailbox(path, level + 2)
            else:
                self.message(_one_message(path, found.name), level + 2)
            return
        if found.type == "audio":
            self._warn(
                f"{path.name}: recordings in messages are not transcribed; save it to a file"
            )
            return
        extraction = load_extractor(found).extract(path, found.name, self._options)
        self._draft.embed(extraction.text, extraction.blocks)

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings and len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(warning)


def _one_message(path: Path, media_type: str) -> Message:
    if media_type == "application/vnd.ms-outlook":
        return outlook_message(path)
    return parse_message(path.read_bytes())


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    listed = payload if isinstance(payload, list) else []
    return [child for child in listed if isinstance(child, Message)]


def _is_attachment(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition") or "").partition(";")[0].strip().lower()
    return disposition == "attachment" or bool(file_name(part))


def _has_body(part: Message) -> bool:
    """Whether a part is text, or holds text, to be read as the message itself."""
    return any(
        child.get_content_type() in ("text/plain", "text/html") and not _is_attachment(child)
        for child in part.walk()
    )


def _length(part: Message) -> int:
    """How much there is to read in a part of a message."""
    length = 0
    for child in part.walk():
        kind = child.get_content_type()
        if kind == "text/html":
            draft = Draft(1_000_000)
            write_html(LexborHTMLParser(text_of(child)), draft)
            length += len("".join(draft.text.split()))
        elif kind == "text/plain":
            length += len("".join(text_of(child).split()))
    return length


def _safe(name: str) -> str:
    """A name for a file of our own, from one that anybody may have sent."""
    stem, dot, suffix = _UNSAFE.sub("_", name).rpartition(".")
    return f"{_cut(stem)}{dot}{_cut(suffix)}" or "attachment"


def _cut(text: str) -> str:
    """As much of a text as a file's name has room for: that is counted in bytes."""
    return text.encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore")


def _size(size_bytes: int) -> str:
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    return f"{size_bytes / 1000:.0f} kB" if size_bytes < 1e6 else f"{size_bytes / 1e6:.1f} MB"
