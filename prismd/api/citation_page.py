"""``GET /c/{citation_id}``: a cited place, for people."""

from __future__ import annotations

from html import escape

import msgspec
import numpy as np
from litestar import Response, route
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from prismd.api import content
from prismd.api.description import TEXT, described
from prismd.api.files import find_citation
from prismd.api.lines import Line, lines_around
from prismd.api.pages import PAGE_CSP, page
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.standing import Standing, held
from prismd.domain import ImageLocator, PageLocator, TextLocator, TimeLocator
from prismd.layout import locate
from prismd.place import clock
from prismd.store import documents
from prismd.store.citations import KeptCitation
from prismd.store.listing import FileRecord

_NO_LINES = np.empty(0, np.int64)

_PLAYED = frozenset(
    {"audio/mpeg", "audio/wav", "audio/mp4", "audio/aac", "audio/ogg", "audio/opus", "audio/flac"}
    | {"video/mp4", "video/webm", "video/ogg"}
)
"""What the browsers that are met most play, as far as the kind of file tells."""


class _Cited(msgspec.Struct, frozen=True):
    kept: KeptCitation
    file: FileRecord | None
    standing: Standing
    content: documents.Content | None


@route(
    "/c/{citation_id:str}",
    http_method=content.READING,
    operation_class=described(only_also=True, also={"text/html; charset=utf-8": TEXT}),
    summary="A cited place, for people",
)
async def citation_page(request: ApiRequest, citation_id: FromPath[str]) -> Response[bytes]:
    """The place with the quote marked, and whether the file is still what was cited."""
    api = api_of(request)
    kept = await find_citation(api, citation_id)
    cited = await api.offload.file(lambda: _look_up(api, kept))
    # A browser writes the title of a page into its history.
    discreet = api.services.database.encrypted or not api.services.history.kept
    return Response(
        page("Citation" if discreet else kept.title, _body(cited)),
        media_type=MediaType.HTML,
        headers={"content-security-policy": PAGE_CSP},
    )


def _look_up(api: Api, kept: KeptCitation) -> _Cited:
    database = api.services.database
    found = database.read(lambda connection: documents.content(connection, kept.sha256))
    lined = found if found is not None and found.layout.kind in ("text", "time") else None
    now = held(database, kept.sha256, kept.path)
    return _Cited(kept, now.file, now.standing, lined)


def _body(cited: _Cited) -> str:
    kept = cited.kept
    path = cited.file.path if cited.file else kept.path
    parts = [
        f"<h1>{escape(kept.title)}</h1>",
        f'<p class="path">{escape(path)}{escape(_place(kept))}</p>',
        _note(cited.standing),
        f"<blockquote><mark>{escape(kept.quote)}</mark></blockquote>" if kept.quote else "",
    ]
    if cited.file is not None:
        parts.append(_shown(kept, cited.file))
    if cited.content is not None:
        parts.append(_table(cited.content, lines_around(cited.content.text, kept.start, kept.end)))
    if cited.file is not None:
        parts.append(f'<p><a href="/files/file-{cited.file.id}/content">The whole file</a></p>')
    return "\n".join(part for part in parts if part)


def _shown(kept: KeptCitation, file: FileRecord) -> str:
    """The page or picture with the place marked, or a player at the second."""
    locator, address = kept.locator, f"/files/file-{file.id}"
    if isinstance(locator, PageLocator | ImageLocator):
        what = f"Page {locator.page}" if isinstance(locator, PageLocator) else "The picture"
        alt = f"{what}, the quote marked" if kept.quote else what
        source = f"{address}/preview?citation={kept.id}"
        return f'<p><img src="{escape(source)}" alt="{escape(alt)}"></p>'
    if isinstance(locator, TimeLocator) and file.type == "audio":
        return _player(locator, file, f"{address}/content")
    return ""


def _player(place: TimeLocator, file: FileRecord, address: str) -> str:
    """A player at the second, and what to do where the browser is not made for such a file."""
    element = "video" if file.media_type.startswith("video/") else "audio"
    source = escape(f"{address}#t={place.start_s:.2f}")
    player = f'<{element} controls preload="metadata" src="{source}"></{element}>'
    if file.media_type in _PLAYED:
        return player
    return (
        f'{player}\n<p class="note" role="note">Your browser may not play this kind of file'
        f' ({escape(file.media_type)}). <a href="{escape(address)}" download>Open the file</a> in a'
        f" program that does, at {clock(place.start_s)}.</p>"
    )


def _place(kept: KeptCitation) -> str:
    locator = kept.locator
    if isinstance(locator, PageLocator):
        return f", page {locator.page}"
    if isinstance(locator, TimeLocator):
        return f", {clock(locator.start_s)} to {clock(locator.end_s)}"
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


def _table(content: documents.Content, lines: list[Line]) -> str:
    rows = "".join(
        f"<tr><td>{_label(content, line)}</td><td>{escape(line.before)}"
        + (f"<mark>{escape(line.marked)}</mark>" if line.marked else "")
        + f"{escape(line.after)}</td></tr>"
        for line in lines
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _label(content: documents.Content, line: Line) -> str:
    """The number of a line, or when it is said; nothing for one without words."""
    if content.layout.kind == "text":
        return str(line.number)
    if not line.before and not line.marked:
        return ""
    place = locate(content.layout, _NO_LINES, line.start, line.start + 1)
    return clock(place.start_s) if isinstance(place, TimeLocator) else ""


ROUTES: list[HTTPRouteHandler] = [citation_page]
