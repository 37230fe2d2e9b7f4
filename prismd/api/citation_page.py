"""``GET /c/{citation_id}``: a cited place, for people."""

from __future__ import annotations

import os
from html import escape
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from prismd.api import content
from prismd.api.files import find_citation
from prismd.api.pages import PAGE_CSP, page
from prismd.api.services import Api, ApiRequest, api_of
from prismd.domain import PageLocator, TextLocator, TimeLocator
from prismd.errors import RequestError
from prismd.store import documents, files
from prismd.store.citations import KeptCitation
from prismd.store.files import FileRecord

_LINES_AROUND = 6
_LINE_CHARS = 400

Standing = Literal["same", "changed", "gone"]


class Line(msgspec.Struct, frozen=True):
    """A line of a text: its number from 1, and what of it is before, in and after the quote."""

    number: int
    before: str
    marked: str
    after: str


class _Cited(msgspec.Struct, frozen=True):
    kept: KeptCitation
    file: FileRecord | None
    standing: Standing
    text: str | None


@get("/c/{citation_id:str}", summary="A cited place, for people")
async def citation_page(request: ApiRequest, citation_id: FromPath[str]) -> Response[bytes]:
    """The place with the quote marked, and whether the file is still what was cited."""
    api = api_of(request)
    kept = await find_citation(api, citation_id)
    cited = await api.offload.read(lambda: _look_up(api, kept))
    return Response(
        page(kept.title, _body(cited)),
        media_type=MediaType.HTML,
        headers={"content-security-policy": PAGE_CSP},
    )


def _look_up(api: Api, kept: KeptCitation) -> _Cited:
    database = api.services.database
    holding = database.read(lambda connection: files.holding(connection, kept.sha256))
    roots = database.read(files.roots)
    found = database.read(lambda connection: documents.content(connection, kept.sha256))
    text = found.text if found is not None and found.layout.kind == "text" else None
    standing: Standing = "gone"
    for record in sorted(holding, key=lambda record: record.path != kept.path):
        try:
            opened = content.open_inside(record, roots)
        except RequestError:
            continue
        try:
            same = content.is_as_indexed(record, opened)
        finally:
            os.close(opened.fd)
        if same:
            return _Cited(kept, record, "same", text)
        standing = "changed"
    if not holding and _path_is_known(api, kept.path):
        standing = "changed"
    return _Cited(kept, None, standing, text)


def _path_is_known(api: Api, path: str) -> bool:
    query = files.FileQuery(path=path, limit=20)
    records, _ = api.services.database.read(lambda connection: files.listing(connection, query))
    return any(record.path == path for record in records)


def _body(cited: _Cited) -> str:
    kept = cited.kept
    path = cited.file.path if cited.file else kept.path
    parts = [
        f"<h1>{escape(kept.title)}</h1>",
        f'<p class="path">{escape(path)}{escape(_place(kept))}</p>',
        _note(cited.standing),
        f"<blockquote><mark>{escape(kept.quote)}</mark></blockquote>",
    ]
    if cited.file is not None and isinstance(kept.locator, PageLocator):
        source = f"/files/file-{cited.file.id}/preview?citation={kept.id}"
        alt = f"Page {kept.locator.page}, the quote marked"
        parts.append(f'<p><img src="{escape(source)}" alt="{escape(alt)}"></p>')
    elif cited.text is not None:
        parts.append(_table(lines_around(cited.text, kept.start, kept.end)))
    if cited.file is not None:
        parts.append(f'<p><a href="/files/file-{cited.file.id}/content">The whole file</a></p>')
    return "\n".join(part for part in parts if part)


def _place(kept: KeptCitation) -> str:
    locator = kept.locator
    if isinstance(locator, PageLocator):
        return f", page {locator.page}"
    if isinstance(locator, TimeLocator):
        return f", {locator.start_s:.0f} to {locator.end_s:.0f} s"
    if isinstance(locator, TextLocator):
        lines = f", lines {locator.line_start} to {locator.line_end}"
        return " / ".join(["", *locator.heading]) + lines if locator.heading else lines
    return ""


def _note(standing: Standing) -> str:
    if standing == "same":
        return ""
    said = {
        "changed": "This file has changed since it was cited. The quote is from the version that"
        " was cited; it may not be in the file any more.",
        "gone": "The file that was cited is not there any more. The quote was kept.",
    }[standing]
    return f'<p class="note" role="note">{escape(said)}</p>'


def lines_around(text: str, start: int, end: int) -> list[Line]:
    """The lines of a range of a text and a few around it; long ones are cut. Pure."""
    first = text.count("\n", 0, start)
    at = text.rfind("\n", 0, start) + 1
    for _ in range(_LINES_AROUND):
        if at == 0:
            break
        at = text.rfind("\n", 0, at - 1) + 1
        first -= 1
    lines, beyond, number = [], 0, first + 1
    while at <= len(text) and beyond <= _LINES_AROUND:
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        low, high = min(max(start, at), stop), max(min(end, stop), at)
        high = max(low, high)
        lines.append(
            Line(number, _tail(text[at:low]), text[low:high], _head(text[high:stop]))
            if low < high
            else Line(number, _head(text[at:stop]), "", "")
        )
        beyond += stop >= end
        at, number = stop + 1, number + 1
    return lines


def _head(text: str) -> str:
    return text if len(text) <= _LINE_CHARS else text[:_LINE_CHARS] + " …"


def _tail(text: str) -> str:
    return text if len(text) <= _LINE_CHARS else "… " + text[-_LINE_CHARS:]


def _table(lines: list[Line]) -> str:
    rows = "".join(
        f"<tr><td>{line.number}</td><td>{escape(line.before)}"
        + (f"<mark>{escape(line.marked)}</mark>" if line.marked else "")
        + f"{escape(line.after)}</td></tr>"
        for line in lines
    )
    return f"<table><tbody>{rows}</tbody></table>"


ROUTES: list[HTTPRouteHandler] = [citation_page]
