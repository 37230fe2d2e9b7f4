"""Chat requests to what is to be done: a question for the files, or a prompt for the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from prismd.answer import Answering, FullAnswer, Question, resolve
from prismd.api import wire
from prismd.api.completion import Reply, Usage, reply_of, source_list
from prismd.api.interrupt import noted
from prismd.api.services import ApiSettings, Services
from prismd.domain import Answer
from prismd.errors import ModelError, RequestError
from prismd.models.base import Delta, Generator, Message, Sampling
from prismd.query import combine

PRISM = "prism"
PRISM_SOURCES = "prism+sources"
PRISM_RAW = "prism-raw"

Work = Callable[[], Iterator[str | Reply]]
"""Makes text piece by piece, then the whole reply. Blocks."""

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_MAX_STOPS = 4


def plan(request: wire.ChatRequest, services: Services, settings: ApiSettings) -> Work:
    """Check a request and say what it takes to answer it.

    Raises:
        RequestError: It cannot be answered as asked.
    """
    _refuse_what_would_change_the_answer(request)
    generator = services.generator
    turns = tuple(_turn(number, message) for number, message in enumerate(request.messages))
    if request.model in (PRISM, PRISM_SOURCES):
        return _plan_cited(request, turns, services, settings)
    if request.model == PRISM_RAW or (generator and request.model == generator.name):
        if generator is None:
            raise no_generator(settings)
        sampling = _sampling(request, settings.sampling)
        return lambda: _write(generator, turns, sampling)
    raise unknown_model(request.model)


def unknown_model(name: str) -> RequestError:
    """The error of a model that is not there."""
    return RequestError(
        f"model: there is no {name[:80]!r} here; GET /v1/models lists what there is",
        status=404,
        code="model_not_found",
        param="model",
    )


def no_generator(settings: ApiSettings) -> RequestError:
    """The error of a request that needs a generator where none is."""
    return RequestError(
        f"model: no model that writes is installed; run '{settings.generator_command}',"
        f" or ask {PRISM!r}, which quotes your files without one",
        status=503,
        code="no_generator",
        param="model",
    )


def _refuse_what_would_change_the_answer(request: wire.ChatRequest) -> None:
    if request.n not in (None, 1):
        raise _refused("n", f"{request.n} answers to one question are not given; leave it at 1")
    if request.logprobs or request.top_logprobs:
        raise _refused("logprobs", "probabilities of tokens are not given; leave it out")
    if request.tools or request.functions:
        raise _refused(
            "tools" if request.tools else "functions",
            "calling tools belongs to a later version; leave it out",
        )
    cited = request.model in (PRISM, PRISM_SOURCES)
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return
    if cited:
        raise _refused(
            "response_format",
            f"a cited answer is text; ask the model {PRISM_RAW!r} for {wanted.type}",
        )
    if wanted.type == "json_schema" and (
        wanted.json_schema is None or wanted.json_schema.schema is None
    ):
        raise _refused("response_format.json_schema.schema", "is missing; give a JSON schema")


def _turn(number: int, message: wire.ChatMessage) -> Message:
    param = f"messages[{number}]"
    role = _ROLES.get(message.role)
    if role is None or message.tool_calls:
        raise _refused(
            f"{param}.role" if role is None else f"{param}.tool_calls",
            f"{message.role[:40]!r} with tools belongs to a later version;"
            f" allowed are {', '.join(_ROLES)} with text",
        )
    content = message.content
    if content is None or isinstance(content, str):
        return Message(role, content or "")
    parts = [_text(f"{param}.content[{at}]", part) for at, part in enumerate(content)]
    return Message(role, "\n".join(parts))


def _text(param: str, part: wire.ContentPart) -> str:
    if part.type in ("image_url", "input_image", "image"):
        raise _refused(
            f"{param}.type", "questions with images belong to a later version; ask with text"
        )
    if part.type not in ("text", "input_text"):
        raise _refused(f"{param}.type", f"{part.type[:40]!r} is not understood; send text parts")
    return part.text or ""


def _sampling(request: wire.ChatRequest, defaults: Sampling) -> Sampling:
    stops = wire.many(request.stop)
    if len(stops) > _MAX_STOPS:
        raise _refused("stop", f"{len(stops)} sequences are too many; give {_MAX_STOPS} at most")
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


def _refused(param: str, message: str) -> RequestError:
    return RequestError(f"{param}: {message}", param=param, code="unsupported_parameter")


# The bare generator


def _write(
    generator: Generator, turns: tuple[Message, ...], sampling: Sampling
) -> Iterator[str | Reply]:
    written: list[str] = []
    end = Delta("", "stop")
    deltas = noted(generator.generate(turns, sampling))
    try:
        for delta in deltas:
            if delta.text:
                written.append(delta.text)
                yield delta.text
            if delta.finish_reason is not None:
                end = delta
    finally:
        close = getattr(deltas, "close", None)
        if close is not None:
            close()
    yield Reply(
        "".join(written),
        end.finish_reason or "stop",
        _usage(end.prompt_tokens, end.completion_tokens),
    )


# The cited answer


def _plan_cited(
    request: wire.ChatRequest,
    turns: tuple[Message, ...],
    services: Services,
    settings: ApiSettings,
) -> Work:
    options = request.prism or wire.PrismOptions()
    if options.engine == "generative" and services.generator is None:
        raise no_generator(settings)
    resolve(turns)  # an empty question is refused before anything is sent
    sampling = _sampling(request, settings.sampling)
    question = Question(
        turns=turns,
        filters=combine(
            wire.filters_of(options, "prism."),
            wire.filters_of(options.filters, "prism.filters."),
        ),
        limit=options.limit or settings.search_limit,
        engine=options.engine,
        sampling=None if sampling == settings.sampling else sampling,
    )
    listed = request.model == PRISM_SOURCES
    explain = bool(options.explain)
    return lambda: _cite(question, services, settings.base_url, listed=listed, explain=explain)


def _cite(
    question: Question, services: Services, base_url: str, *, listed: bool, explain: bool
) -> Iterator[str | Reply]:
    answer = None
    for piece in stream_of(services.answering, question):
        if isinstance(piece, FullAnswer):
            answer = piece
        else:
            yield piece
    if answer is None:
        raise ModelError("the answer ended without its sources; please report this")
    usage = _usage_of(answer, question.turns, services)
    reply = reply_of(answer, usage, base_url, explain=explain)
    sources = source_list(answer) if listed else ""
    if sources:
        yield sources
        reply = msgspec.structs.replace(reply, text=reply.text + sources)
    yield reply


def stream_of(answering: Answering, question: Question) -> Iterator[str | FullAnswer]:
    """An answer as it is made, which is closed together with what reads it."""
    stream = answering.stream(question)
    try:
        yield from stream
    finally:
        stream.close()


def _usage_of(answer: Answer, turns: tuple[Message, ...], services: Services) -> Usage:
    """The generator's own figures; a quoted answer is counted as the embedder would."""
    if answer.prompt_tokens or answer.completion_tokens:
        return _usage(answer.prompt_tokens, answer.completion_tokens)
    asked = sum(count_tokens(services, turn.content) for turn in turns)
    return _usage(asked, count_tokens(services, answer.text))


def count_tokens(services: Services, text: str) -> int:
    """Tokens of a text by the embedder, or its words where there is none."""
    if services.embedder is None:
        return len(text.split())
    return len(services.embedder.tokens.offsets(text))


def _usage(prompt: int, completion: int) -> Usage:
    return Usage(prompt, completion, prompt + completion)
