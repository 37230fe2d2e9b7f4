"""How a generator is to write, as a request has it."""

from __future__ import annotations

import msgspec

from prismd.api.openai import wire
from prismd.api.openai.model_names import refused
from prismd.api.wire import many
from prismd.models.base import Sampling

_MAX_STOPS = 4


def sampling_of(request: wire.ChatRequest, defaults: Sampling) -> Sampling:
    """The settings of the request, and the defaults for what it leaves out.

    Raises:
        RequestError: Too many texts are to end it.
    """
    stops = many(request.stop)
    if len(stops) > _MAX_STOPS:
        raise refused("stop", f"{len(stops)} sequences are too many; give {_MAX_STOPS} at most")
    given = {
        "max_tokens": request.max_completion_tokens or request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": tuple(stop for stop in stops if stop) or None,
        "response_schema": _schema(request.response_format),
    }
    known = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(defaults, **known)


def _schema(wanted: wire.ResponseFormat | None) -> dict[str, object] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_schema" and wanted.json_schema is not None:
        return wanted.json_schema.schema
    return {"type": "object"}
