"""What is attached to a message: named, and read by the reader of its own kind."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from email.message import Message
from pathlib import Path

from prismd.domain import Extraction
from prismd.errors import NO_OCR, ExtractError
from prismd.extract.base import ExtractOptions, MediaType, load_extractor
from prismd.extract.detect import detect
from prismd.extract.draft import Draft
from prismd.extract.mail.message import content, file_name
from prismd.extract.mail.structure import is_logo
from prismd.extract.parts import MOST_BEFORE_BARE, bare, part
from prismd.extract.scratch import room, settle
from prismd.paths.aside import NO_ROOM
from prismd.paths.openable import Openable

_MAIL_MODULE = "prismd.extract.mail.mail:"
_MAX_ATTACHMENTS = 500
_MAX_BYTES = 64 << 20
_MAX_WARNINGS = 20
_UNSAFE = re.compile(r"[^\w.+ -]|^[.-]+")
_NAME_BYTES = 80
_OCR = "ocr"

ReadMail = Callable[[Path, str, int], None]
"""Writes down a message or a mailbox in a file: its path, its media type, the level above."""


class Warnings:
    """What is told of a mail: each thing once, and no more than a person will read."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def add(self, warning: str) -> None:
        """Tell something."""
        self._told.setdefault(warning)

    @property
    def all(self) -> tuple[str, ...]:
        """All of them; the last one counts those that are left out."""
        shown, more = tuple(self._told)[:_MAX_WARNINGS], len(self._told) - _MAX_WARNINGS
        return (*shown, f"and {more} more warnings") if more > 0 else shown


class Attachments:
    """Writes down what is attached.

    Args:
        draft: Where to.
        options: How files are read.
        warnings: Told of what is not read, and why.
        read_mail: Reads messages that are attached as files.
    """

    def __init__(
        self, draft: Draft, options: ExtractOptions, warnings: Warnings, read_mail: ReadMail
    ) -> None:
        self.engines: dict[str, str] = {}
        self._draft = draft
        self._options = options
        self._warnings = warnings
        self._read_mail = read_mail
        self._count = 0

    def write(self, attached: Message, level: int) -> bool:
        """Name an attachment, and write down what is in it, if anything reads it.

        Returns:
            Whether there is anything, and it is more than a logo.
        """
        data = content(attached)
        kind = attached.get_content_type()
        name = file_name(attached) or f"unnamed{mimetypes.guess_extension(kind) or ''}"
        if not data or is_logo(attached, name, len(data)):
            return False
        self._draft.heading(level + 1, f"Attachment: {name}")
        self._draft.add(f"{name} ({kind}, {_size(len(data))})", "note")
        self._count += 1
        if len(data) > _MAX_BYTES:
            self._warnings.add(f"{name}: larger than {_size(_MAX_BYTES)}, only named")
        elif self._count > _MAX_ATTACHMENTS:
            self._warnings.add(f"only the first {_MAX_ATTACHMENTS} attachments are read")
        else:
            self._read(name, data, level)
        return True

    def _read(self, name: str, data: bytes, level: int) -> None:
        with part() as passed_over:
            if passed_over:
                self._warnings.add(f"{name}: {passed_over}; only its name is indexed")
            elif bare():
                self._warnings.add(
                    f"its attachments are only named: more than {MOST_BEFORE_BARE} of them hang "
                    "or crash their readers"
                )
            else:
                self._try(name, data, level)

    def _try(self, name: str, data: bytes, level: int) -> None:
        try:
            with room(), Openable(_safe(name), folder=settle(self._options.slots_dir)) as held:
                held.write(data)
                self._read_file(name, held.path, level)
        except ExtractError as error:
            if error.code in NO_ROOM:
                raise
            if error.code == NO_OCR:
                self.engines[_OCR] = ""
            if error.code != "empty":
                self._warnings.add(f"{name}: {error}")
        except MemoryError:
            raise  # parsers keep what they took: the mail is read anew, without this
        # A parser may raise anything on a hostile attachment; the message is still good.
        except Exception as error:
            cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            self._warnings.add(f"{name}: its reader failed ({cause}); only its name is indexed")

    def _read_file(self, name: str, path: Path, level: int) -> None:
        found = detect(path)
        if _is_mail(found):
            self._read_mail(path, found.name, level)
        elif found.type == "audio":
            self._warnings.add(
                f"{name}: recordings in messages are not transcribed; save it to a file"
            )
        else:
            extraction = load_extractor(found).extract(path, found.name, self._options)
            self._draft.embed(extraction.text, extraction.blocks)
            self._take_over(name, extraction, found)

    def _take_over(self, name: str, extraction: Extraction, found: MediaType) -> None:
        """What is said of an attachment goes for the whole; what one was read without counts."""
        for role, engine in extraction.engines.items():
            if self.engines.get(role) != "":
                self.engines[role] = engine
        for warning in extraction.warnings:
            self._warnings.add(f"{name}: {warning}")
        # Of a picture by itself the note on it is enough; here there is no place for one.
        if extraction.engines.get(_OCR) == "" and found.type == "image":
            self._warnings.add(
                f"{name}: the text on it is not read, because Tesseract is not installed; "
                "install it, then run `prismd reindex --stale`"
            )


def _is_mail(found: MediaType) -> bool:
    return found.extractor.startswith(_MAIL_MODULE)


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
