"""What the tools are asked; mistakes are told in words. Pure.

The docstrings and descriptions here are what an agent reads to choose a tool and to fill it in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from prismd.api.mcp.schemas import schema_of
from prismd.domain import DocumentType, FileState
from prismd.errors import RequestError

T = TypeVar("T", bound=Struct)

_SEARCH_LIMIT = 10
_FILES_LIMIT = 50
_PASSAGE_CHARS = 20_000
_SHOWN_CHARS = 60
_PLACE = re.compile(r"(.*) - at `\$\.?(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")

Types = Annotated[
    list[DocumentType],
    Meta(
        description="Only these kinds: 'document' (PDF, Word, slides, sheets, mail, e-books),"
        " 'text' (plain text, Markdown, HTML, code), 'image', 'audio' (sound and video). Leave"
        " out for all."
    ),
]


class FilterArguments(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What narrows a search; all that are given must hold."""

    type: Types = []
    folder: Annotated[
        list[str],
        Meta(description="Only files below a folder of this name or path, such as 'tax'."),
    ] = []
    path: Annotated[
        list[str], Meta(description="Only files whose path fits this glob, such as '*.pdf'.")
    ] = []
    after: Annotated[
        str, Meta(description="Only files changed on or after this date, as 2024-01-31.")
    ] = ""
    before: Annotated[
        str, Meta(description="Only files changed before this date, as 2024-01-31.")
    ] = ""
    language: Annotated[
        list[str], Meta(description="Only texts in this language: ISO 639-1, such as 'de'.")
    ] = []


class SearchArguments(FilterArguments, frozen=True, kw_only=True):
    """Arguments of ``search``."""

    query: Annotated[
        str,
        Meta(
            min_length=1,
            description="What to look for: key words or a question, in any language. Words in"
            " double quotes are found as they stand.",
        ),
    ]
    limit: Annotated[
        int, Meta(ge=1, le=50, description="How many passages at most, best first.")
    ] = _SEARCH_LIMIT


class AskArguments(FilterArguments, frozen=True, kw_only=True):
    """Arguments of ``ask``."""

    question: Annotated[
        str,
        Meta(
            min_length=1,
            description="One complete question that can be understood by itself; earlier turns"
            " of the conversation are not known here.",
        ),
    ]


class PassageArguments(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of ``read_passage``."""

    id: Annotated[
        str,
        Meta(
            min_length=1,
            description="The passage_id of a search result (chunk-12), or the citation_id of a"
            " source of an answer.",
        ),
    ]
    around: Annotated[
        int, Meta(ge=0, le=10, description="How many neighbouring passages on either side.")
    ] = 1
    max_chars: Annotated[
        int,
        Meta(
            ge=200,
            le=100_000,
            description="The most characters of text in all; neighbours are cut first.",
        ),
    ] = _PASSAGE_CHARS


class FilesArguments(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of ``list_files``."""

    q: Annotated[str, Meta(description="Only paths that hold this text, in any case.")] = ""
    state: Annotated[
        list[FileState],
        Meta(
            description="Only files in these states; 'completed' ones can be searched, 'failed',"
            " 'quarantined' and 'skipped' ones say why not."
        ),
    ] = []
    type: Types = []
    limit: Annotated[int, Meta(ge=1, le=200, description="How many files a page has.")] = (
        _FILES_LIMIT
    )
    after: Annotated[
        str,
        Meta(description="Where the page begins: 'next' of the page before; none for the first."),
    ] = ""


class StatusArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``status``: none."""


def arguments(given: Mapping[str, Any] | None, type_: type[T]) -> T:
    """Check arguments. ``null`` stands for "not given", a single value for a list of one.

    Raises:
        RequestError: One is missing, wrong or unknown; says which, and what is allowed.
    """
    lists = {
        name for name, schema in schema_of(type_)["properties"].items() if schema["type"] == "array"
    }
    values = {
        name: [value] if name in lists and not isinstance(value, list) else value
        for name, value in (given or {}).items()
        if value is not None
    }
    try:
        # Models write numbers as text now and then.
        return msgspec.convert(values, type_, strict=False)
    except msgspec.ValidationError as error:
        raise _mistaken(str(error), values, type_) from None


def _mistaken(message: str, values: Mapping[str, Any], type_: type[Struct]) -> RequestError:
    allowed = ", ".join(type_.__struct_fields__) or "none"
    if match := _UNKNOWN.match(message):
        return RequestError(
            f"{match[1][:_SHOWN_CHARS]}: is not an argument of this tool; allowed are: {allowed}"
        )
    if match := _MISSING.match(message):
        return RequestError(f"{match[1]}: is missing; give it")
    if match := _PLACE.fullmatch(message):
        name = match[2].partition("[")[0]
        shown = str(values.get(name, ""))
        cut = shown[:_SHOWN_CHARS] + ("…" if len(shown) > _SHOWN_CHARS else "")
        return RequestError(f"{name}: {match[1]}{_choice(name, type_)} (given: {cut})")
    return RequestError(f"the arguments are wrong: {message}")


def _choice(name: str, type_: type[Struct]) -> str:
    """What may stand in an argument that has a few values only."""
    schema = schema_of(type_)["properties"].get(name, {})
    values = schema.get("items", schema).get("enum")
    return f"; allowed are {', '.join(values)}" if values else ""
