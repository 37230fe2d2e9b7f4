"""``GET /citations/{id}`` and ``GET /documents/{sha256}``: places, for programs that show them."""

from __future__ import annotations

import re

import numpy as np
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api.description import between, described
from prismd.api.files import find_citation, in_range
from prismd.api.lines import Line, cut_at, first_around, lines_from, number_at
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.standing import Held, Standing, held
from prismd.domain import LayoutKind, Locator, TimeLocator
from prismd.errors import RequestError
from prismd.layout import locate
from prismd.place import rounded
from prismd.store import documents
from prismd.store.documents import Content
from prismd.wording import sentence_ranges

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_LINES = np.empty(0, np.int64)
_MOST_LINES = 500
_LINES = 40
_LARGEST = 2**31 - 1
_SPOKEN_CHARS = 200_000
"""Of the lines of one answer; four hours of speech."""


class DocumentView(Struct, frozen=True):
    """What of a document can be shown, and where.

    Attributes:
        kind: What places in it are: ``page``, ``image``, ``time`` or ``text``.
        pages: How many; 0 where it has none.
        lines: Of its text.
        duration_s: Of a recording.
        standing: Whether a file still holds it as it was read.
        file_id: Of that file; null unless ``standing`` is ``same``.
        path: Of that file.
    """

    sha256: str
    type: str
    media_type: str
    title: str
    kind: LayoutKind
    pages: int
    lines: int
    duration_s: float
    standing: Standing
    file_id: str | None
    path: str | None


class CitedPlace(Struct, frozen=True):
    """A citation that was handed out.

    Attributes:
        path: Where the file was then.
        char_start: Where the quote begins in the document's text, in code points.
        char_end: Where it ends; the same where a picture or recording is cited as such.
        standing: Whether a file still is what was cited.
        document: Null where the document is not in the index any more.
    """

    citation_id: str
    sha256: str
    path: str
    title: str
    quote: str
    locator: Locator
    char_start: int
    char_end: int
    standing: Standing
    document: DocumentView | None


class SaidSentence(Struct, frozen=True):
    """A sentence of a recording: what of it is before, in and after the range, and its seconds."""

    before: str
    marked: str
    after: str
    start_s: float
    end_s: float


class ShownLine(Struct, frozen=True):
    """A line; a long one is cut, around the range where that lies in it.

    Attributes:
        number: From 1.
        before: What is not in the range, or stands before it.
        marked: What is in the range.
        after: What stands after it.
        start_s: When it is begun, in a recording.
        end_s: When it has been said.
        sentences: Of a recording, what is said in it, uncut and in order; else empty, as in the
            lines behind so much that nobody says it in hours.
    """

    number: int
    before: str
    marked: str
    after: str
    start_s: float | None = None
    end_s: float | None = None
    sentences: tuple[SaidSentence, ...] = ()


class ShownLines(Struct, frozen=True):
    """Some lines of a document, and how many there are in all."""

    data: tuple[ShownLine, ...]
    total: int


@get("/citations/{citation_id:str}", summary="A cited place")
async def get_citation(request: ApiRequest, citation_id: FromPath[str]) -> CitedPlace:
    """The quote and its place, and whether the file is still what was cited."""
    api = api_of(request)
    kept = await find_citation(api, citation_id)
    database = api.services.database
    now = await api.offload.file(lambda: held(database, kept.sha256, kept.path))
    found = await _content(api, kept.sha256)
    return CitedPlace(
        kept.id,
        kept.sha256,
        kept.path,
        kept.title,
        kept.quote,
        rounded(kept.locator),
        kept.start,
        kept.end,
        now.standing,
        _view(kept.sha256, found, now) if found else None,
    )


@get("/documents/{sha256:str}", summary="What can be shown of a document")
async def get_document(request: ApiRequest, sha256: FromPath[str]) -> DocumentView:
    """A document by the hash of its bytes, and whether a file still holds it."""
    api = api_of(request)
    found = await _find(api, sha256)
    now = await api.offload.file(lambda: held(api.services.database, sha256, ""))
    return _view(sha256, found, now)


@get(
    "/documents/{sha256:str}/lines",
    operation_class=described(
        parameters={
            "first": {"type": "integer", "minimum": 1, "maximum": _LARGEST},
            "limit": between(1, _MOST_LINES, _LINES),
            "start": between(0, _LARGEST, 0),
            "end": between(0, _LARGEST, 0),
            "page": between(0, _LARGEST, 0),
        }
    ),
    summary="Lines of a document's text",
)
async def get_lines(
    request: ApiRequest,
    sha256: FromPath[str],
    first: FromQuery[int | None] = None,
    limit: FromQuery[int] = _LINES,
    start: FromQuery[int] = 0,
    end: FromQuery[int] = 0,
    page: FromQuery[int] = 0,
) -> ShownLines:
    """Lines from ``first`` on, with the range from ``start`` to ``end`` marked.

    Without ``first`` they begin a few lines before the range.
    The range is in code points of the text, as ``char_start`` and ``char_end`` are everywhere.
    With ``page``, the lines of that page alone, counted from its first.
    """
    in_range(1 if first is None else first, 1, _LARGEST, "first")
    in_range(limit, 1, _MOST_LINES, "limit")
    for name, value in (("start", start), ("end", end), ("page", page)):
        in_range(value, 0, _LARGEST, name)
    api = api_of(request)
    found = await _find(api, sha256)
    return await api.offload.read(lambda: _lines(found, first, limit, (start, end), page))


async def _find(api: Api, sha256: str) -> Content:
    found = await _content(api, sha256) if _SHA256.fullmatch(sha256) else None
    if found is None:
        raise RequestError(
            "there is no document of this hash, or not any more; GET /files lists what there is",
            status=404,
            code="document_not_found",
            param="sha256",
        )
    return found


async def _content(api: Api, sha256: str) -> Content | None:
    database = api.services.database
    return await api.offload.read(
        lambda: database.read(lambda connection: documents.content(connection, sha256))
    )


def _view(sha256: str, found: Content, now: Held) -> DocumentView:
    return DocumentView(
        sha256,
        found.type,
        found.media_type,
        found.title,
        found.layout.kind,
        len(found.layout.pages),
        number_at(found.text, len(found.text)),
        found.layout.duration_s,
        now.standing,
        f"file-{now.file.id}" if now.file else None,
        now.file.path if now.file else None,
    )


def _lines(
    found: Content, first: int | None, limit: int, marked: tuple[int, int], page: int
) -> ShownLines:
    text, offset = found.text, 0
    if page:
        on_page = next((each for each in found.layout.pages if each.number == page), None)
        offset = on_page.char_start if on_page else len(text)
        text = text[offset : on_page.char_end] if on_page else ""
    start, end = (max(0, each - offset) for each in marked)
    first = first_around(text, start) if first is None else first
    lines = lines_from(text, first, limit, start, end)
    # A line of subtitles may be of any length, whoever has written it.
    until = (lines[0].start if lines else 0) + _SPOKEN_CHARS
    shown = tuple(_shown(found, line, (start, end), said=line.end <= until) for line in lines)
    return ShownLines(shown, number_at(text, len(text)))


def _shown(found: Content, line: Line, marked: tuple[int, int], *, said: bool) -> ShownLine:
    if not said or found.layout.kind != "time" or line.start == line.end:
        return ShownLine(line.number, line.before, line.marked, line.after)
    ranges = sentence_ranges(found.text[line.start : line.end])
    sentences = tuple(
        _said(found, line.start + start, line.start + end, marked) for start, end in ranges
    )
    place = _when(found, line.start, line.end)
    return ShownLine(
        line.number, line.before, line.marked, line.after, place.start_s, place.end_s, sentences
    )


def _said(found: Content, start: int, end: int, marked: tuple[int, int]) -> SaidSentence:
    place = _when(found, start, end)
    return SaidSentence(*cut_at(found.text, start, end, *marked), place.start_s, place.end_s)


def _when(found: Content, start: int, end: int) -> TimeLocator:
    place = locate(found.layout, _NO_LINES, start, end)
    assert isinstance(place, TimeLocator)  # noqa: S101 - of a layout of kind time
    return TimeLocator(round(place.start_s, 3), round(place.end_s, 3))


ROUTES: list[HTTPRouteHandler] = [get_citation, get_document, get_lines]
