"""Request bodies: JSON to wire types, with errors that name the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from prismd.api.services import ApiRequest
from prismd.errors import RequestError

T = TypeVar("T")

CHAT_BODY_BYTES = 4 << 20
"""Largest body of a question; uploads have a limit of their own."""

_PLACE = re.compile(r"(.*) - at `(.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_TOO_LONG = re.compile(r"Expected `str` of length <= (\d+)")
_SHOWN_CHARS = 60


async def decode_body(request: ApiRequest, type_: type[T]) -> T:
    """Read and check a JSON body.

    Raises:
        RequestError: It is not JSON, or a field is missing or wrong; says which, what was given
            and what is allowed.
    """
    media_type = request.headers.get("content-type", "application/json").partition(";")[0]
    if media_type.strip().lower() not in ("application/json", ""):
        raise RequestError(
            f"Content-Type: {media_type[:_SHOWN_CHARS]!r} is not read here; send application/json",
            status=415,
            code="unsupported_media_type",
        )
    return decode(await request.body(), type_)


def decode(body: bytes, type_: type[T]) -> T:
    """Check a JSON body; see ``decode_body``. An empty one counts as an empty object."""
    try:
        return msgspec.json.decode(body or b"{}", type=type_)
    except msgspec.ValidationError as error:
        raise _invalid(body, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(
            f"the body is not JSON in UTF-8 ({error}); send one JSON object", code="invalid_json"
        ) from None


def convert(fields: Mapping[str, Any], type_: type[T]) -> T:
    """Check the fields of a form, whose numbers and truths are text.

    Raises:
        RequestError: A field is missing or wrong; says which, what was given and what is allowed.
    """
    try:
        return msgspec.convert(fields, type_, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(msgspec.json.encode(fields), str(error)) from None


def _invalid(body: bytes, message: str) -> RequestError:
    match = _PLACE.fullmatch(message)
    if match is None:
        missing = re.search(r"required field `(.+?)`", message)
        param = missing[1] if missing else None
        return RequestError(f"body: {message}", param=param, code="invalid_request")
    cause, path = match[1], match[2]
    param = path.removeprefix("$").removeprefix(".") or None
    try:
        told = _told(cause, _given(body, path))
    except (msgspec.DecodeError, LookupError, ValueError, TypeError, RecursionError):
        told = cause
    return RequestError(f"{param or 'body'}: {told}", param=param, code="invalid_request")


def _told(cause: str, given: Any) -> str:
    """What is wrong with what was given, so that a person understands it."""
    if (most := _TOO_LONG.fullmatch(cause)) and isinstance(given, str):
        return f"may have {int(most[1]):,} characters, this one has {len(given):,}; shorten it"
    text = msgspec.json.encode(given).decode()
    return f"{cause} (given: {text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + '…'})"


def _given(body: bytes, path: str) -> Any:
    """What stands at a path of the body."""
    value: Any = msgspec.json.decode(body)
    for name, index in _STEP.findall(path):
        value = value[name] if name else value[int(index)]
    return value
