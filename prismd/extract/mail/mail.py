"""EML, MSG and MBOX: headers, bodies, and attachments by their own readers."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from pathlib import Path
from typing import ClassVar

from prismd.domain import Extraction, Layout
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import Draft, cut_warning
from prismd.extract.mail import structure
from prismd.extract.mail.attachment import Attachments, Warnings
from prismd.extract.mail.message import (
    file_name,
    header,
    mailbox_messages,
    parse_message,
    sent_at,
    text_of,
)
from prismd.extract.mail.outlook import outlook_message
from prismd.extract.parts import part
from prismd.extract.steps import step, within
from prismd.extract.text.html import parse_html, write_html
from prismd.extract.text.text import paragraphs
from prismd.paths.aside import NO_ROOM

_LEAD = ("from", "to", "cc", "date", "reply-to")
_LEAD_CHARS = 1000
_TOP = 1
_MAX_LEVEL = 9
_TOO_DEEP = "messages within messages are read to a depth of five; what is further in is left out"
_NESTED = f"parts within parts are read to a depth of {structure.MAX_DEPTH}; the rest is left out"

_DEFECTS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What the mail library raises on messages that nobody wrote by hand."""


class MailExtractor:
    """Reads single messages (EML, EMLX, MHTML, MSG) and mailboxes (MBOX)."""

    version: ClassVar[str] = "mail-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a message or a mailbox; see ``Extractor``."""
        draft = Draft(options.max_chars)
        writer = _Writer(draft, options)
        metadata: dict[str, str] = {}
        title = ""
        if media_type == "application/mbox":
            count = writer.mailbox(path, _TOP)
            metadata["messages"] = str(count)
        else:
            message = _one_message(path, media_type)
            title = header(message, "subject")
            metadata = {"author": header(message, "from"), "created": sent_at(message)}
            writer.single(message)
        if not draft.blocks or not writer.has_content:
            raise _nothing(writer.warnings.all)
        cut = (cut_warning(options.max_chars),) if draft.full else ()
        return Extraction(
            text=draft.text,
            blocks=tuple(draft.blocks),
            layout=Layout("text"),
            title=title,
            metadata={key: value for key, value in metadata.items() if value},
            warnings=(*cut, *writer.warnings.all),
            engines=writer.attachments.engines,
        )


class _Writer:
    """Writes messages down, one in another where they are."""

    def __init__(self, draft: Draft, options: ExtractOptions) -> None:
        self.warnings = Warnings()
        self.attachments = Attachments(draft, options, self.warnings, self._mail_file)
        self.has_content = False
        self._draft = draft
        self._done = self._total = 0

    def single(self, message: Message) -> None:
        """Write a message that is the whole file; each of its parts is a step."""
        self._total = structure.leaves(message)
        self.message(message, _TOP)

    def mailbox(self, path: Path, level: int) -> int:
        """Write all messages of a mailbox; gives how many there are."""
        size = path.stat().st_size
        count = at = 0
        for end, data in mailbox_messages(path):
            if self._draft.full:
                break
            count += 1
            with part() as passed_over, within(at, size):
                if passed_over:
                    self.warnings.add(f"message {count} is left out: {passed_over}")
                else:
                    self._message_of_many(data, count, level)
            at = end
            step(end, size)
        return count

    def _message_of_many(self, data: bytes, number: int, level: int) -> None:
        try:
            self.message(parse_message(data), level)
        except MemoryError:
            raise  # as of an attachment
        # One message of a mailbox must not cost the others.
        except Exception as error:
            if isinstance(error, ExtractError) and error.code in NO_ROOM:
                raise
            self.warnings.add(f"message {number} could not be read ({type(error).__name__})")

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

    def _part(self, found: Message, level: int, depth: int = 0) -> None:
        kind = found.get_content_type()
        children = structure.children(found)
        if self._draft.full:
            return
        if depth > structure.MAX_DEPTH:
            self.warnings.add(_NESTED)
        elif kind in structure.ENCRYPTED and found.get_param("smime-type") != "signed-data":
            self.warnings.add("a message is encrypted; only its headers are indexed")
        elif kind == "multipart/alternative" and children:
            self._alternative(children, level, depth)
        elif children and not kind.startswith("message/"):
            for child in children:
                self._part(child, level, depth + 1)
        elif kind not in structure.SIGNATURES:
            with within(self._done, self._total):
                self._leaf(found, children, level)
            # What is within a part of the file, or within a mailbox, is not counted by itself.
            self._done += level == _TOP
            step(self._done, self._total)

    def _leaf(self, found: Message, children: Sequence[Message], level: int) -> None:
        kind = found.get_content_type()
        try:
            if kind.startswith("message/") and children:
                self._enclosed(found, children, level)
            elif kind in structure.BODIES and not structure.is_attachment(found):
                self._body(found, level)
            elif self.attachments.write(found, level):
                self.has_content = True
        except _DEFECTS as error:
            self.warnings.add(f"a part of type {kind} could not be read ({type(error).__name__})")

    def _alternative(self, children: Sequence[Message], level: int, depth: int) -> None:
        """Of bodies that say the same the last one, as mail programs do; a poor one is passed by.

        Some senders leave one of the two a stub, or say nothing but that there is another; what
        is attached to it is attached to the message.
        """
        lengths = [structure.length(child) for child in children]
        chosen = next(n for n in reversed(range(len(children))) if 2 * lengths[n] >= max(lengths))
        for n, child in enumerate(children):
            if n == chosen or not structure.has_body(child):
                self._part(child, level, depth + 1)
                continue
            for attached in structure.files_in(child):
                self._part(attached, level, depth + 1)

    def _enclosed(self, found: Message, children: Sequence[Message], level: int) -> None:
        """Messages within a message, or a report on one."""
        kind = found.get_content_type()
        if kind in structure.REPORTS:
            for child in children:
                lines = [f"{key}: {header(child, key.lower())}" for key in child]
                self._draft.add("\n".join(lines), "note")
        elif kind not in structure.MESSAGES:
            self.warnings.add(f"a part of type {kind} is not read; save it to a file")
        elif level > _MAX_LEVEL:
            self.warnings.add(_TOO_DEEP)
        else:
            for message in structure.enclosed(found):
                name = file_name(found) or header(message, "subject") or "message"
                self._draft.heading(level + 1, f"Attachment: {name}")
                with part() as passed_over:
                    if passed_over:
                        self.warnings.add(f"{name}: {passed_over}; only its name is indexed")
                    else:
                        self.message(message, level + 2)

    def _body(self, found: Message, level: int) -> None:
        text = text_of(found)
        self.has_content = self.has_content or bool(text.strip())
        # What comes behind an attachment belongs to the message again.
        self._draft.headings.leave(level)
        if found.get_content_type() == "text/html":
            write_html(parse_html(text), self._draft, below=level)
            return
        for start, end in paragraphs(text):
            self._draft.add(text[start:end])

    def _mail_file(self, path: Path, media_type: str, level: int) -> None:
        """Messages that are attached as files."""
        if level > _MAX_LEVEL:
            self.warnings.add(_TOO_DEEP)
        elif media_type == "application/mbox":
            self.mailbox(path, level + 2)
        else:
            self.message(_one_message(path, media_type), level + 2)


def _one_message(path: Path, media_type: str) -> Message:
    if media_type == "application/vnd.ms-outlook":
        return outlook_message(path)
    return parse_message(path.read_bytes())


def _nothing(warnings: Sequence[str]) -> ExtractError:
    if warnings:
        return ExtractError(f"none of it can be read ({warnings[0]}); save it anew")
    return ExtractError("there is no message in it; nothing is to be done", code="empty", skip=True)
