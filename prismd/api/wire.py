"""What requests look like. ``null`` stands for "not given"; unknown fields are ignored."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from prismd.answer.conversation import QUESTION_CHARS
from prismd.domain import DocumentType, Filters
from prismd.errors import RequestError

Query = Annotated[str, Meta(max_length=QUESTION_CHARS)]
Limit = Annotated[int, Meta(ge=1, le=100)]
EngineName = Literal["auto", "extractive", "generative"]
RerankName = Literal["auto", "always", "never"]

_TYPES: tuple[str, ...] = get_args(DocumentType)


class FilterFields(Struct, frozen=True):
    """What narrows a search; each may be one value or a list."""

    type: str | list[str] | None = None
    folder: str | list[str] | None = None
    path: str | list[str] | None = None
    after: str | None = None
    before: str | None = None
    language: str | list[str] | None = None


class SearchRequest(FilterFields, frozen=True, kw_only=True):
    """``POST /search``; filters may stand in ``filters`` or beside it.

    ``image`` (a file's id, or a picture as data URL) finds similar pictures, and passages about
    what it shows; ``audio`` (a file's id) finds recordings that sound alike. Either may come with
    a query or without.
    """

    query: Query | None = None
    image: str | None = None
    audio: str | None = None
    limit: Limit | None = None
    filter_type: str | list[str] | None = None
    filters: FilterFields | None = None
    answer: bool | None = None
    engine: EngineName | None = None
    rerank: bool | RerankName | None = None
    explain: bool | None = None


class ReindexRequest(Struct, frozen=True):
    """``POST /reindex``: what is stale, or everything."""

    everything: bool | None = None


class RootRequest(Struct, frozen=True):
    """``POST /roots``: the folder to watch."""

    path: str


class HistoryRequest(Struct, frozen=True):
    """``POST /search/history``: whether what is searched and asked is kept from now on."""

    kept: bool


class PauseRequest(Struct, frozen=True):
    """``POST /pause``: for so long, or until resumed."""

    for_s: Annotated[float, Meta(gt=0, le=366 * 86_400)] | None = None


class ResumeRequest(Struct, frozen=True):
    """``POST /resume``: with ``override`` against the schedule, too."""

    override: bool | None = None


class OverrideRequest(Struct, frozen=True):
    """``POST /override``: against the schedule for so long, or until it is said anew; 0 ends it.

    ``name`` tells it from what others ask for.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    for_s: Annotated[float, Meta(ge=0, le=60)]


class RetryRequest(Struct, frozen=True):
    """``POST /retry``: one file, or every file in these states."""

    file_id: str | None = None
    states: list[Literal["failed", "quarantined", "skipped"]] | None = None


def many(value: str | list[str] | None) -> tuple[str, ...]:
    """One value, several, or none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def filters_of(
    fields: FilterFields | None, param: str, filter_type: str | list[str] | None = None
) -> Filters:
    """Filters of the domain.

    Args:
        fields: As they came.
        param: Name of the field that held them, with its dot, for errors.
        filter_type: A further ``type``; ``all`` narrows nothing.

    Raises:
        RequestError: A type is not one.
    """
    fields = fields or FilterFields()
    types = _types(fields.type, f"{param}type") or _types(filter_type, "filter_type")
    return Filters(
        type=types,
        folder=many(fields.folder),
        path=many(fields.path),
        after=fields.after or "",
        before=fields.before or "",
        language=many(fields.language),
    )


def _types(value: str | list[str] | None, param: str) -> tuple[DocumentType, ...]:
    wanted = [type_.strip().lower() for type_ in many(value) if type_.strip()]
    for type_ in wanted:
        if type_ not in (*_TYPES, "all"):
            raise RequestError(
                f"{param}: {type_[:40]!r} is not a type; allowed are {', '.join(_TYPES)} and all",
                param=param,
                code="invalid_request",
            )
    if "all" in wanted:
        return ()
    return msgspec.convert(tuple(dict.fromkeys(wanted)), tuple[DocumentType, ...])
