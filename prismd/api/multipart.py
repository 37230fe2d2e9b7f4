"""Forms with files (``multipart/form-data``), taken piece by piece: nothing is held as a whole."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from email.message import Message
from typing import Any, Self

import msgspec
from litestar.types import HTTPScope, Receive
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from prismd.api.errors import ClientGone
from prismd.api.services import ApiRequest
from prismd.errors import RequestError

FIELD_BYTES = 64 << 10
"""Largest text of a field, where nothing else is said."""
_SHOWN_CHARS = 60


class FormLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a form may hold.

    Attributes:
        file_bytes: Bytes of one file.
        parts: Files and fields.
        header_bytes: Bytes of one line of a part's header, which holds the file's name.
        other_bytes: Bytes of all that is no file: fields, headers, boundaries.
        silent_s: How long a client may send nothing; None for any time.
    """

    file_bytes: int
    parts: int = 64
    header_bytes: int = 8 << 10
    other_bytes: int = 1 << 20
    silent_s: float | None = 60.0

    @property
    def body_bytes(self) -> int:
        """Bytes of the whole body, with one file in it."""
        return self.file_bytes + self.other_bytes


class Form:
    """The parts of a form, in the order in which they come; to be gone through once.

    What a part holds must be taken before the next one is asked for; the rest of it is skipped.

    Args:
        request: Whose body nobody has read.
        limits: How much it may hold.

    Raises:
        RequestError: It is no form, or larger than it may be: that is said before it is read.
    """

    def __init__(self, request: ApiRequest, limits: FormLimits) -> None:
        self._receive: Receive = request.receive
        self._limits = limits
        self._left_bytes = limits.body_bytes
        self._more = True
        self._events: deque[MultipartSegment | bytes | bytearray | None] = deque()
        self._part: Part | None = None
        self._parser = _parser(request, limits)
        if _announced_bytes(request.scope) > limits.body_bytes:
            raise too_large(limits)

    def __aiter__(self) -> Self:
        """The form itself."""
        return self

    async def __anext__(self) -> Part:
        """The next part.

        Raises:
            RequestError: The body is no form, cut short, or goes beyond a limit.
            ClientGone: The client went away.
        """
        if self._part is not None:
            async for _ in self._part.chunks():
                pass
        event = await self.next_event()
        if event is None:
            raise StopAsyncIteration
        assert isinstance(event, MultipartSegment)  # noqa: S101 - a part begins with its header
        self._part = Part(self, event, self._limits)
        return self._part

    async def next_event(self) -> MultipartSegment | bytes | bytearray | None:
        """A part's header, a piece of it, or None where a part ends and where the form does."""
        while not self._events:
            if not self._more:
                return None
            self._parse(await self._chunk())
        return self._events.popleft()

    def _parse(self, chunk: bytes) -> None:
        try:
            if chunk and not self._parser.closed:
                self._events.extend(self._parser.parse(chunk))
            if not self._more and not self._parser.closed:
                self._parser.close()
        except ParserLimitReached:
            raise RequestError(
                f"body: the form has more than {self._limits.parts} parts, or a part whose header"
                " is too long; send fewer, and shorter names",
                code="invalid_form",
            ) from None
        except MultipartError as error:
            raise RequestError(
                f"body: the form cannot be read ({error}); have a library write it,"
                " as 'curl --form' does",
                code="invalid_form",
            ) from None

    async def _chunk(self) -> bytes:
        try:
            async with asyncio.timeout(self._limits.silent_s):
                message: Any = await self._receive()
        except TimeoutError:
            raise RequestError(
                f"nothing came for {self._limits.silent_s:g} s; send it again",
                status=408,
                code="timeout",
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        self._left_bytes -= len(chunk)
        if self._left_bytes < 0:
            raise too_large(self._limits)
        return chunk


class Part:
    """A file or a field of a form. Nothing that stands here is to be trusted.

    Attributes:
        name: Of the field.
        filename: As the client calls the file, with whatever is in that; None of a mere field.
        media_type: As the client has it; empty where it says nothing.
    """

    def __init__(self, form: Form, segment: MultipartSegment, limits: FormLimits) -> None:
        self.name = _text(segment.name or "")
        self.filename = _filename(segment)
        self.media_type: str = segment.content_type or ""
        self._form = form
        self._limits = limits
        self._ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """What it holds, piece by piece; what was taken before does not come again.

        Raises:
            RequestError: It is larger than a file may be, or the form is broken.
            ClientGone: The client went away.
        """
        taken_bytes = 0
        while not self._ended:
            event = await self._form.next_event()
            if event is None:
                self._ended = True
                return
            taken_bytes += len(event)
            if taken_bytes > self._limits.file_bytes:
                raise too_large(self._limits)
            yield bytes(event)

    async def text(self, limit_bytes: int = FIELD_BYTES) -> str:
        """What a field says.

        Raises:
            RequestError: It is longer than that, or not UTF-8; or the form is broken.
            ClientGone: The client went away.
        """
        held = bytearray()
        async for chunk in self.chunks():
            held += chunk
            if len(held) > limit_bytes:
                raise self._refused(
                    f"is longer than {limit_bytes:,} bytes; shorten it", 413, "field_too_large"
                )
        try:
            return held.decode()
        except UnicodeDecodeError:
            raise self._refused("is not UTF-8; send text in UTF-8") from None

    def _refused(
        self, message: str, status: int = 400, code: str = "invalid_request"
    ) -> RequestError:
        name = self.name[:_SHOWN_CHARS]
        return RequestError(f"{name}: {message}", status=status, param=name, code=code)


def too_large(limits: FormLimits) -> RequestError:
    """The error of a form that is larger than its file may be."""
    return RequestError(
        f"file: is larger than the {limits.file_bytes:,} bytes that may be sent;"
        " send a smaller file, or raise [server] max_upload_bytes",
        status=413,
        param="file",
        code="file_too_large",
    )


def _parser(request: ApiRequest, limits: FormLimits) -> PushMultipartParser:
    given = request.headers.get("content-type", "")
    kind, options = parse_options_header(given)
    if kind != "multipart/form-data":
        shown = f"{given[:_SHOWN_CHARS]!r} is not read here" if given else "is missing"
        raise RequestError(
            f"Content-Type: {shown}; send multipart/form-data",
            status=415,
            code="unsupported_media_type",
        )
    try:
        return PushMultipartParser(
            options.get("boundary", ""),
            max_segment_count=limits.parts,
            max_header_size=limits.header_bytes,
            header_charset="latin-1",  # so that no name is refused; see _text
        )
    except (MultipartError, UnicodeError):
        raise RequestError(
            "Content-Type: names no boundary between the parts of the form; have a library write"
            " the form and its header",
            code="invalid_form",
        ) from None


def _announced_bytes(scope: HTTPScope) -> int:
    lengths = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def _text(raw: str) -> str:
    """A name in UTF-8 whose bytes were taken for Latin-1; what is not UTF-8 in it is replaced."""
    try:
        return raw.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # written in another way, which the parser knows
        return raw


def _filename(segment: MultipartSegment) -> str | None:
    """The file's name; some clients write it as RFC 2231 has it (``filename*=utf-8''…``)."""
    name: str | None = segment.filename
    given: Any = segment.header("Content-Disposition", "")
    if name is not None:
        return _text(name)
    if "filename*" not in given.lower():
        return None
    message = Message()
    message["content-disposition"] = given
    return message.get_filename()
