"""Whatever goes wrong, in OpenAI's envelope and with the right status; to people, as a page."""

from __future__ import annotations

import logging
import traceback
import uuid
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, ValidationException

from prismd.api.pages import PAGE_CSP, error_page, wants_page
from prismd.encryption.discretion import own
from prismd.errors import (
    EncryptedDocument,
    ExtractCrash,
    ExtractError,
    ExtractTimeout,
    ModelError,
    PrismdError,
    PromptTooLong,
    RequestError,
    StoreError,
    WorkerError,
)

log = logging.getLogger(__name__)


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong; ``message`` is for people, ``code`` for programs."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorEnvelope(msgspec.Struct, frozen=True):
    """OpenAI's envelope."""

    error: ErrorBody


class BusyError(RequestError):
    """Too much is in work; ``retry_after_s`` says when to come back."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, status=429, code="too_many_requests", retry_after_s=retry_after_s)


class EndingError(RequestError):
    """The process ends; ``retry_after_s`` says when one that was started again may be there."""

    def __init__(self) -> None:
        super().__init__(
            "prismd is ending; try again when it runs again",
            status=503,
            code="ending",
            retry_after_s=5,
        )


class ClientGone(Exception):
    """The client went away; nobody reads the answer."""


_TYPES = {403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_WORDS = {
    404: "there is nothing here; GET /schema/openapi.json describes what there is",
    405: "this method is not allowed here; see the Allow header",
    413: "the request's body is too large",
}
_CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_UNAVAILABLE: dict[type[Exception], str] = {
    ModelError: "model_unavailable",
    StoreError: "store_unavailable",
    WorkerError: "worker_unavailable",
}
_CLIENT_GONE = 499


def envelope(
    status: int, message: str, *, code: str | None = None, param: str | None = None
) -> ErrorEnvelope:
    """The envelope of an error, its ``type`` by its status."""
    server = status >= 500
    kind = "server_error" if server else _TYPES.get(status, "invalid_request_error")
    # It may name a folder whose name is not UTF-8, which JSON has no way to write down.
    message = message.encode("utf-8", "replace").decode()
    return ErrorEnvelope(ErrorBody(message, kind, param, code or _CODES.get(status)))


def describe(error: Exception) -> tuple[int, ErrorEnvelope, dict[str, str]]:
    """Status, envelope and headers of an error; what is unforeseen gets an id and is logged."""
    if isinstance(error, RequestError):
        status = 400 if error.status == 422 else error.status
        after_s = error.retry_after_s
        headers = {} if after_s is None else {"retry-after": str(after_s)}
        return status, envelope(status, str(error), code=error.code, param=error.param), headers
    if isinstance(error, HTTPException):
        return _of_framework(error)
    if isinstance(error, ExtractError):
        status = _status_of_extraction(error)
        return status, envelope(status, str(error), code=error.code), {}
    if isinstance(error, PromptTooLong):
        return 400, envelope(400, str(error), code="context_length_exceeded", param="messages"), {}
    for kind, code in _UNAVAILABLE.items():
        if isinstance(error, kind):
            return 503, envelope(503, str(error), code=code), {}
    if isinstance(error, PrismdError):
        return 400, envelope(400, str(error)), {}
    return 500, _unforeseen(error), {}


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The handler of every exception that leaves a route, or that kept one from being found."""
    if isinstance(error, ClientGone):
        return Response(b"", status_code=_CLIENT_GONE, media_type=MediaType.TEXT)
    status, body, headers = describe(error)
    sent = request.headers
    if wants_page(
        request.method,
        sent.get("accept", ""),
        sent.get("sec-fetch-mode", ""),
        bears_token="authorization" in sent or "x-api-key" in sent,
    ):
        return Response(
            error_page(body.error.code, body.error.message),
            status_code=status,
            headers={**headers, "content-security-policy": PAGE_CSP},
            media_type=MediaType.HTML,
        )
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type=MediaType.JSON,
    )


def _of_framework(error: HTTPException) -> tuple[int, ErrorEnvelope, dict[str, str]]:
    status = error.status_code
    if status >= 500:
        return 500, _unforeseen(error), {}
    message, param = _WORDS.get(status, error.detail), None
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        param = str(first.get("key", "")) or None
        message = f"{param}: {first.get('message', error.detail)}"
    headers = {name: str(value) for name, value in (error.headers or {}).items()}
    return status, envelope(status, message, param=param), headers


def _status_of_extraction(error: ExtractError) -> int:
    if isinstance(error, ExtractTimeout | ExtractCrash) or error.transient:
        return 503
    return 415 if error.skip or isinstance(error, EncryptedDocument) else 422


def _unforeseen(error: Exception) -> ErrorEnvelope:
    error_id = uuid.uuid4().hex[:12]
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
    # The message of an unforeseen error may hold text of a document: at debug only.
    log.error("error %s: %s at %s", own(error_id), own(type(error).__name__), own(place))
    log.debug("error %s", own(error_id), exc_info=error)
    return envelope(
        500,
        f"prismd failed on this request; its log says more under error {error_id}",
        code="internal_error",
    )
