"""Chat requests to what is to be done: a question for the files, or a prompt for the generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from prismd.answer.answering import Question
from prismd.answer.conversation import resolve
from prismd.api.openai import bare, cited, wire
from prismd.api.openai.completion import Item, Work
from prismd.api.openai.model_names import (
    PRISM,
    PRISM_RAW,
    PRISM_SOURCES,
    no_generator,
    refused,
    unknown_model,
)
from prismd.api.openai.narrowing import Narrowing
from prismd.api.openai.parts import SentPicture, in_words, pictures_of, view
from prismd.api.openai.sampling import sampling_of
from prismd.api.openai.tools import (
    check_outcomes,
    refuse_forced_call,
    refuse_old_functions,
    with_tools,
)
from prismd.api.openai.turns import turn_of
from prismd.api.services import ApiSettings, Services
from prismd.api.wire import filters_of
from prismd.models.base import Message
from prismd.search.query import combine


def plan(
    request: wire.ChatRequest,
    services: Services,
    settings: ApiSettings,
    narrowing: Narrowing | None = None,
) -> Work:
    """Check a request and say what it takes to answer it.

    Args:
        request: What is asked.
        services: What answers it.
        settings: Of the API.
        narrowing: What narrows the search beside the request's own ``prism`` field.

    Raises:
        RequestError: It cannot be answered as asked.
    """
    _refuse_what_would_change_the_answer(request)
    generator = services.generator
    sent = pictures_of(request.messages)
    if request.model in (PRISM, PRISM_SOURCES):
        return _plan_cited(request, sent, services, settings, narrowing or Narrowing())
    if request.model == PRISM_RAW or (generator and request.model == generator.name):
        if generator is None:
            raise no_generator(settings)
        sampling = with_tools(sampling_of(request, settings.sampling), request)
        turns = _turns(request)
        check_outcomes(turns)
        if not sent:
            return lambda: bare.write(generator, turns, sampling)
        return lambda: bare.write(
            generator, _turns(request, in_words(sent, view(sent, services))), sampling
        )
    raise unknown_model(request.model)


def _turns(
    request: wire.ChatRequest, shown: Mapping[str, str] | None = None
) -> tuple[Message, ...]:
    return tuple(turn_of(number, message, shown) for number, message in enumerate(request.messages))


def _refuse_what_would_change_the_answer(request: wire.ChatRequest) -> None:
    if request.n not in (None, 1):
        raise refused("n", f"{request.n} answers to one question are not given; leave it at 1")
    if request.logprobs or request.top_logprobs:
        raise refused("logprobs", "probabilities of tokens are not given; leave it out")
    refuse_old_functions(request)
    cited = request.model in (PRISM, PRISM_SOURCES)
    if cited:
        refuse_forced_call(request)
    elif not request.messages:
        raise refused("messages", "is empty; send at least one")
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return
    if cited:
        raise refused(
            "response_format",
            f"a cited answer is text; ask the model {PRISM_RAW!r} for {wanted.type}",
        )
    if wanted.type == "json_schema" and (
        wanted.json_schema is None or wanted.json_schema.schema is None
    ):
        raise refused("response_format.json_schema.schema", "is missing; give a JSON schema")


def _plan_cited(
    request: wire.ChatRequest,
    sent: tuple[SentPicture, ...],
    services: Services,
    settings: ApiSettings,
    narrowing: Narrowing,
) -> Work:
    options = request.prism or wire.PrismOptions()
    if options.engine == "generative" and services.generator is None:
        raise no_generator(settings)
    turns = _turns(request)
    last = max((n for n, turn in enumerate(turns) if turn.role == "user"), default=-1)
    newest = tuple(picture for picture in sent if picture.turn == last)
    # Those of an earlier turn may be asked about once more: the last ones alone.
    before = () if newest else tuple(item for item in sent if item.turn == sent[-1].turn)
    resolve(turns, pictured=bool(newest))  # an empty question is refused before anything is sent
    sampling = sampling_of(request, settings.sampling)
    question = Question(
        turns=turns,
        filters=combine(
            combine(
                filters_of(options, "prism."),
                filters_of(options.filters, "prism.filters."),
            ),
            narrowing.filters,
        ),
        limit=options.limit or narrowing.limit or settings.search_limit,
        engine=options.engine,
        sampling=None if sampling == settings.sampling else sampling,
    )
    listed = request.model == PRISM_SOURCES
    explain = bool(options.explain)

    def work() -> Iterator[Item]:
        pictured = replace(
            question, pictures=view(newest, services), pictures_before=view(before, services)
        )
        return cited.cite(pictured, services, settings.base_url, listed=listed, explain=explain)

    return work
