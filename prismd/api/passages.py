"""``GET /passages/{id}``: one passage, word for word, with what stands around it."""

from __future__ import annotations

import re

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api.description import between, described
from prismd.api.files import find_citation, in_range
from prismd.api.services import Api, ApiRequest, api_of
from prismd.domain import DocumentType, Locator
from prismd.errors import RequestError
from prismd.place import rounded
from prismd.store import passages
from prismd.store.citations import KeptCitation
from prismd.store.passages import NumberedPassage, Surroundings
from prismd.timing import iso_time

_CHUNK_ID = re.compile(r"chunk-([1-9][0-9]{0,17})")
_MAX_AROUND = 10


class PassageText(Struct, frozen=True):
    """A passage: its words, its place, and its range of the document's text in code points."""

    chunk_id: str
    text: str
    locator: Locator
    heading: tuple[str, ...]
    char_start: int
    char_end: int


class PassageDetail(PassageText, frozen=True, kw_only=True):
    """A passage with its file and its neighbours; ``quote`` is what a citation cites of it."""

    file_id: str
    path: str
    title: str
    type: DocumentType
    media_type: str
    sha256: str
    modified_at: str
    quote: str | None
    before: tuple[PassageText, ...]
    after: tuple[PassageText, ...]


@get(
    "/passages/{passage_id:str}",
    operation_class=described(parameters={"around": between(0, _MAX_AROUND, 1)}),
    summary="One passage and what stands around it",
)
async def get_passage(
    request: ApiRequest, passage_id: FromPath[str], around: FromQuery[int] = 1
) -> PassageDetail:
    """The passage of a ``chunk_id``, or of a ``citation_id``, with ``around`` on either side."""
    api = api_of(request)
    in_range(around, 0, _MAX_AROUND, "around")
    cited, number = None, _CHUNK_ID.fullmatch(passage_id)
    if number is None:
        cited = await find_citation(api, passage_id)
    found = await api.offload.read(
        lambda: _look_up(api, int(number[1]) if number else None, cited, around)
    )
    if found is None:
        raise RequestError(
            "what was cited is not in the index any more; search again for what there is now"
            if cited
            else "there is no passage of this id, or not any more; search again for a new one",
            status=404,
            code="passage_not_found",
            param="passage_id",
        )
    return _detail(found, cited)


def _look_up(
    api: Api, number: int | None, cited: KeptCitation | None, around: int
) -> Surroundings | None:
    database = api.services.database
    if cited is not None:
        place = (cited.sha256, cited.start, cited.end)
        number = database.read(lambda connection: passages.holding(connection, *place))
    if number is None:
        return None
    wanted = number
    return database.read(lambda connection: passages.surroundings(connection, wanted, around))


def _detail(found: Surroundings, cited: KeptCitation | None) -> PassageDetail:
    hit = found.hit
    own = _text(NumberedPassage(hit.passage_id, hit.passage))
    return PassageDetail(
        own.chunk_id,
        own.text,
        own.locator,
        own.heading,
        own.char_start,
        own.char_end,
        file_id=f"file-{hit.file_id}",
        path=hit.path,
        title=hit.title,
        type=hit.type,
        media_type=hit.media_type,
        sha256=hit.sha256,
        modified_at=iso_time(hit.modified_at),
        quote=cited.quote if cited else None,
        before=tuple(map(_text, found.before)),
        after=tuple(map(_text, found.after)),
    )


def _text(numbered: NumberedPassage) -> PassageText:
    passage = numbered.passage
    return PassageText(
        f"chunk-{numbered.id}",
        passage.text,
        rounded(passage.locator),
        passage.heading,
        passage.start,
        passage.end,
    )


ROUTES: list[HTTPRouteHandler] = [get_passage]
