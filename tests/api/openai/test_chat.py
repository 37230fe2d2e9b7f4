"""Chat completions, mostly through the official client, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from prismd.models.fake import FakeGenerator
from tests.api.harness import LEASE, TOKEN, Live, ask, events, live_server
from tests.api.openai.official import client_of

DEPOSIT = "How much is the deposit that the tenants pay?"


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a generator, which says what the lease says."""
    generator = FakeGenerator(echo=LEASE[0])
    with live_server(tmp_path_factory.mktemp("writing"), generator=generator) as live:
        yield live


def test_the_official_client_gets_a_cited_answer(live: Live) -> None:
    with client_of(live) as client:
        reply = client.chat.completions.create(
            model="prism", messages=[{"role": "user", "content": DEPOSIT}]
        )
    choice = reply.choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    text = choice.message.content
    assert text is not None
    assert text.startswith(LEASE[0])
    extra: Any = reply.model_extra
    [record] = extra["prism"]["citations"]
    assert record["quote"] == LEASE[0]
    assert record["locator"]["kind"] == "page"
    assert record["locator"]["page"] == 1
    assert record["path"].endswith("/Lease.pdf")
    assert text[record["char_start"] : record["char_end"]] == LEASE[0]
    assert choice.message.annotations is not None
    annotation = choice.message.annotations[0].url_citation
    assert (annotation.start_index, annotation.end_index) == (0, len(LEASE[0]))
    assert annotation.url == record["url"] == extra["citations"][0]
    assert extra["search_results"][0].keys() == {"title", "url", "snippet", "date"}
    noted = {"citations", "grounding", "query", "engine", "timings_ms", "warnings", "searched"}
    assert extra["prism"].keys() == noted
    assert (extra["prism"]["grounding"], extra["prism"]["searched"]) == ("supported", "meaning")
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.usage.completion_tokens > len(LEASE[0].split())


@pytest.mark.parametrize("engine", ["extractive", "generative"])
def test_a_stream_says_the_same_as_the_whole(writing: Live, engine: str) -> None:
    with client_of(writing) as client:
        whole = client.chat.completions.create(
            model="prism",
            messages=[{"role": "user", "content": DEPOSIT}],
            extra_body={"prism": {"engine": engine}},
        )
        chunks = list(
            client.chat.completions.create(
                model="prism",
                messages=[{"role": "user", "content": DEPOSIT}],
                stream=True,
                extra_body={"prism": {"engine": engine}},
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    whole_extra, last_extra = whole.model_extra, chunks[-1].model_extra
    assert whole_extra is not None
    assert last_extra is not None
    assert last_extra["citations"] == whole_extra["citations"]
    assert last_extra["prism"]["citations"] == whole_extra["prism"]["citations"]
    assert last_extra["prism"]["engine"] == engine


def test_the_stream_keeps_the_protocol(live: Live) -> None:
    body = ask(DEPOSIT, stream=True, stream_options={"include_usage": True})
    with live.client.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        found = events(response)
    assert found.pop() == "[DONE]"
    assert len({event["id"] for event in found}) == 1
    assert {event["object"] for event in found} == {"chat.completion.chunk"}
    usage = found.pop()
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] > 0
    assert all(event["usage"] is None for event in found)
    choices = [event["choices"][0] for event in found]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert all("content" in choice["delta"] for choice in choices)
    assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * (len(choices) - 1)
    assert choices[-1]["finish_reason"] == "stop"
    with_annotations = [at for at, choice in enumerate(choices) if "annotations" in choice["delta"]]
    assert with_annotations == [len(choices) - 2]
    own = {"prism", "citations", "search_results"}
    assert own <= found[-1].keys()
    assert not any(own & event.keys() for event in found[:-1])


def test_without_include_usage_no_chunk_has_usage(live: Live) -> None:
    with live.client.stream(
        "POST", "/v1/chat/completions", json=ask(DEPOSIT, stream=True)
    ) as response:
        found = events(response)
    assert len(found) > 2
    assert not any("usage" in event for event in found[:-1])
    assert all(event["choices"] for event in found[:-1])


def test_the_asynchronous_client_streams(live: Live) -> None:
    async def stream() -> str:
        transport = openai.DefaultAsyncHttpxClient(trust_env=False, timeout=60)
        async with openai.AsyncOpenAI(
            base_url=live.url, api_key=TOKEN, http_client=transport
        ) as client:
            chunks = await client.chat.completions.create(
                model="prism", messages=[{"role": "user", "content": DEPOSIT}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    assert asyncio.run(stream()).startswith(LEASE[0])


def test_sources_are_listed_for_clients_that_show_only_text(live: Live) -> None:
    plain = live.client.post("/v1/chat/completions", json=ask(DEPOSIT)).json()
    body = ask(DEPOSIT, model="prism+sources")
    listed = live.client.post("/v1/chat/completions", json=body).json()
    text, base = (one["choices"][0]["message"]["content"] for one in (listed, plain))
    url = listed["citations"][0]
    assert text == f"{base}\n\n**Sources**\n\n- [1] [Lease.pdf]({url}), page 1"
    with live.client.stream(
        "POST", "/v1/chat/completions", json={**body, "stream": True}
    ) as response:
        found = events(response)
    assert "".join(event["choices"][0]["delta"]["content"] for event in found[:-1]) == text


def test_what_the_files_do_not_say_is_refused_in_words_and_in_fields(live: Live) -> None:
    body = ask("Which vaccinations does zebra Quagga need?")
    reply = live.client.post("/v1/chat/completions", json=body).json()
    assert reply["prism"]["grounding"] == "none"
    assert reply["prism"]["citations"] == reply["citations"] == []
    assert reply["choices"][0]["message"]["annotations"] == []
    assert "files do not contain" in reply["choices"][0]["message"]["content"]


@pytest.mark.parametrize("nested", [True, False])
def test_filters_narrow_what_is_answered_from(live: Live, nested: bool) -> None:
    filters = {"type": "text"}
    body = ask(DEPOSIT, prism={"filters": filters} if nested else filters)
    reply = live.client.post("/v1/chat/completions", json=body).json()
    whole = live.client.post("/v1/chat/completions", json=ask(DEPOSIT)).json()
    assert "Lease.pdf" in {result["title"] for result in whole["search_results"]}
    assert "Lease.pdf" not in {result["title"] for result in reply["search_results"]}


def test_explain_shows_how_the_hits_came_by_their_place(live: Live) -> None:
    body = ask(DEPOSIT, prism={"explain": True, "limit": 2})
    hits = live.client.post("/v1/chat/completions", json=body).json()["prism"]["hits"]
    assert len(hits) == 2
    assert hits[0]["explanation"]["lexical_rank"] == 1


def test_text_parts_are_joined_and_nulls_and_extras_ignored(live: Live) -> None:
    body = {
        "model": "prism",
        "messages": [
            {"role": "developer", "content": None, "name": "x"},
            {"role": "user", "content": [
                {"type": "text", "text": "How much is the deposit"},
                {"type": "text", "text": "that the tenants pay?"},
            ]},
        ],
        "temperature": None, "stream": None, "stop": None, "n": 1, "tools": None,
        "user": "someone", "store": True, "reasoning_effort": "low", "prism": None,
        "response_format": {"type": "text"}, "logprobs": False, "metadata": {"a": "b"},
    }  # fmt: skip
    reply = live.client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200
    assert reply.json()["choices"][0]["message"]["content"].startswith(LEASE[0])


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"n": 2}, "n", "leave it at 1"),
        ({"logprobs": True}, "logprobs", "leave it out"),
        ({"top_logprobs": 3}, "logprobs", "leave it out"),
        ({"functions": [{"name": "f"}]}, "functions", "send tools"),
        ({"tool_choice": "required"}, "tool_choice", "prism-raw"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice", "raw"),
        ({"response_format": {"type": "json_object"}}, "response_format", "prism-raw"),
        ({"response_format": {"type": "yaml"}}, "response_format.type", "yaml"),
        ({"temperature": 3}, "temperature", "<= 2"),
        ({"temperature": "hot"}, "temperature", "hot"),
        ({"max_tokens": 0}, "max_tokens", ">= 1"),
        ({"seed": 10**30}, "seed", "int"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "4"),
        ({"messages": []}, "messages", "empty"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages", "empty"),
        ({"messages": "hello"}, "messages", "hello"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role", "allowed are"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages", "empty"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]},
            "messages[0].tool_calls[0].function.name",
            "missing",
        ),
        ({"messages": [{"content": "x"}]}, "messages[0]", "role"),
        ({"prism": {"limit": 0}}, "prism.limit", ">= 1"),
        ({"prism": {"engine": "best"}}, "prism.engine", "best"),
        ({"prism": {"filters": {"type": "movie"}}}, "prism.filters.type", "movie"),
        ({"prism": {"after": "lunch"}}, "after", "2024-01-31"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url",
            "url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
            "messages[0].content[0].type",
            "hologram",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_would_change_the_answer_is_refused_by_name(
    live: Live, fields: dict[str, Any], param: str, said: str, stream: bool
) -> None:
    body = {**ask(DEPOSIT), "stream": stream, **fields}
    response = live.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"model": 1}', b"null"])
def test_a_body_that_is_no_request_is_a_400(live: Live, body: bytes) -> None:
    response = live.client.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_an_unknown_model_is_not_found(live: Live) -> None:
    with client_of(live) as client, pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("fields", [{"model": "prism-raw"}, {"prism": {"engine": "generative"}}])
def test_without_a_generator_its_models_say_how_to_get_one(
    live: Live, fields: dict[str, Any]
) -> None:
    response = live.client.post("/v1/chat/completions", json={**ask("hello"), **fields})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "no_generator"
    assert "prismd models pull" in response.json()["error"]["message"]


@pytest.mark.parametrize("model", ["prism-raw", "fake"])
def test_the_bare_generator_writes(writing: Live, model: str) -> None:
    body = ask("hello", model=model)
    reply = writing.client.post("/v1/chat/completions", json=body).json()
    assert reply["choices"][0]["message"]["content"] == LEASE[0]
    assert reply["usage"]["completion_tokens"] == len(LEASE[0].split())
    assert not {"prism", "citations", "search_results"} & reply.keys()
    with writing.client.stream(
        "POST", "/v1/chat/completions", json={**body, "stream": True}
    ) as response:
        found = events(response)
    text = "".join(event["choices"][0]["delta"]["content"] for event in found[:-1])
    assert text == LEASE[0]


def test_sampling_reaches_the_generator(writing: Live) -> None:
    body = ask("hello", model="prism-raw", max_tokens=3)
    reply = writing.client.post("/v1/chat/completions", json=body).json()
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["choices"][0]["message"]["content"] == "The tenants pay"
    newer = writing.client.post("/v1/chat/completions", json={**body, "max_completion_tokens": 2})
    assert newer.json()["choices"][0]["message"]["content"] == "The tenants"
    stopped = {**ask("hello", model="prism-raw"), "stop": " deposit"}
    reply = writing.client.post("/v1/chat/completions", json=stopped).json()
    assert reply["choices"][0]["message"]["content"] == "The tenants pay a"
    assert reply["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    ],
)
def test_the_bare_generator_keeps_to_a_schema(writing: Live, wanted: dict[str, Any]) -> None:
    body = ask("hello", model="prism-raw", response_format=wanted)
    reply = writing.client.post("/v1/chat/completions", json=body).json()
    assert reply["choices"][0]["message"]["content"] == "{}"


def test_a_schema_format_without_schema_is_refused(writing: Live) -> None:
    body = ask("hello", model="prism-raw", response_format={"type": "json_schema"})
    response = writing.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    assert "schema" in response.json()["error"]["message"]
