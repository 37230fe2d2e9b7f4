"""Responses through the official client, as it comes, and their shape on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest
from openai.types.responses import Response

from prismd.api.openai.responses.wire import ResponsesRequest
from prismd.models.fake import FakeGenerator
from tests.api.harness import LEASE, TOKEN, Live, live_server
from tests.api.openai.official import client_of

DEPOSIT = "How much is the deposit that the tenants pay?"


def asked(input_: Any = DEPOSIT, **fields: Any) -> dict[str, Any]:
    """The body of a request."""
    return {"model": "prism", "input": input_, **fields}


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a generator, which says what the lease says."""
    generator = FakeGenerator(echo=LEASE[0])
    with live_server(tmp_path_factory.mktemp("writing"), generator=generator) as live:
        yield live


def test_the_official_client_gets_a_cited_answer(live: Live) -> None:
    with client_of(live) as client:
        response = client.responses.create(model="prism", input=DEPOSIT)
    assert response.status == "completed"
    assert response.output_text.startswith(LEASE[0])
    [message] = response.output
    assert message.type == "message"
    assert message.id.startswith("msg_")
    [text] = message.content
    assert text.type == "output_text"
    file, url = text.annotations[:2]
    assert file.type == "file_citation"
    assert (file.filename, file.index) == ("Lease.pdf", len(LEASE[0]))
    assert file.file_id == live.id_of("Lease.pdf")
    assert url.type == "url_citation"
    assert (url.start_index, url.end_index) == (0, len(LEASE[0]))
    extra: Any = response.model_extra
    record = extra["prism"]["citations"][0]
    assert (record["url"], record["file_id"]) == (url.url, file.file_id)
    assert extra["prism"]["grounding"] == "supported"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_the_shape_is_that_of_openai(live: Live) -> None:
    body = asked(
        instructions="Be brief.",
        metadata={"topic": "lease"},
        temperature=0.25,
        max_output_tokens=99,
        user="anna",
        tools=[{"type": "file_search", "vector_store_ids": [], "max_num_results": 3}],
    )
    response = live.client.post("/v1/responses", json=body)
    assert response.status_code == 200
    given = response.json()
    Response.model_validate(given, strict=True)
    own = {"prism", "store"}  # OpenAI sends the latter, though its client does not know it
    assert given.keys() - own <= set(Response.model_fields)
    assert given["object"] == "response"
    assert given["id"].startswith("resp_")
    assert isinstance(given["created_at"], int)
    assert given["instructions"] == "Be brief."
    assert given["metadata"] == {"topic": "lease"}
    assert (given["temperature"], given["max_output_tokens"]) == (0.25, 99)
    assert given["user"] == "anna"
    assert given["text"] == {"format": {"type": "text"}}
    assert given["tools"] == [{"type": "file_search", "vector_store_ids": [], "max_num_results": 3}]
    assert given["error"] is given["incomplete_details"] is given["previous_response_id"] is None
    assert (given["tool_choice"], given["truncation"]) == ("auto", "disabled")
    assert given["parallel_tool_calls"] is given["store"] is True
    assert given["usage"]["input_tokens_details"]["cached_tokens"] == 0
    assert given["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}


def test_with_and_without_the_prefix(live: Live) -> None:
    found = [
        live.client.post(path, json=asked()).json() for path in ("/v1/responses", "/responses")
    ]
    assert found[0]["output"][0]["content"] == found[1]["output"][0]["content"]


@pytest.mark.parametrize(
    "input_",
    [
        [{"role": "user", "content": DEPOSIT}],
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": DEPOSIT}]}],
        [
            {"role": "developer", "content": None},
            {"role": "user", "content": "Whose lease is it?"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "I cannot say.", "annotations": []},
                    {"type": "refusal", "refusal": "No."},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["x"]},
            {"role": "user", "content": DEPOSIT},
        ],
    ],
)
def test_every_form_of_input_is_understood(live: Live, input_: list[Any]) -> None:
    given = live.client.post("/v1/responses", json=asked(input_)).json()
    assert given["output"][0]["content"][0]["text"].startswith(LEASE[0])


def test_nulls_and_unknown_fields_are_ignored(live: Live) -> None:
    names = {field.name for field in msgspec.structs.fields(ResponsesRequest)} - {"model", "input"}
    body = {**asked(), **dict.fromkeys([*names, "reasoning", "service_tier"])}
    body |= {"safety_identifier": "x", "max_tool_calls": 3, "stream_options": {"a": 1}}
    assert live.client.post("/v1/responses", json=body).status_code == 200
    nested = asked(
        [{"type": None, "role": "user", "content": DEPOSIT, "id": None, "status": None}],
        text={"format": None, "verbosity": "low"},
        reasoning={"effort": "low"},
        include=["reasoning.encrypted_content"],
        tools=[
            {
                "type": "file_search",
                "vector_store_ids": None,
                "filters": None,
                "max_num_results": None,
                "ranking_options": {"ranker": None, "score_threshold": None},
            }
        ],
    )
    assert live.client.post("/v1/responses", json=nested).status_code == 200


def test_sources_are_listed_for_clients_that_show_only_text(live: Live) -> None:
    given = live.client.post("/v1/responses", json=asked(model="prism+sources")).json()
    assert "**Sources**" in given["output"][0]["content"][0]["text"]


def test_what_the_files_do_not_say_is_refused_in_words_and_in_fields(live: Live) -> None:
    question = "Which vaccinations does zebra Quagga need?"
    given = live.client.post("/v1/responses", json=asked(question)).json()
    assert given["prism"]["grounding"] == "none"
    [text] = given["output"][0]["content"]
    assert "files do not contain" in text["text"]
    assert text["annotations"] == []


def test_prism_options_are_those_of_a_chat(live: Live) -> None:
    options = {"explain": True, "limit": 2, "filters": {"type": "text"}}
    given = live.client.post("/v1/responses", json=asked(prism=options)).json()
    hits = given["prism"]["hits"]
    assert 0 < len(hits) <= 2
    assert not any(hit["path"].endswith("Lease.pdf") for hit in hits)


def test_the_bare_generator_writes(writing: Live) -> None:
    with client_of(writing) as client:
        response = client.responses.create(
            model="prism-raw", input="hello", instructions="Speak.", max_output_tokens=3
        )
        whole = client.responses.create(model="fake", input="hello")
    assert whole.output_text == LEASE[0]
    assert whole.status == "completed"
    assert response.output_text == "The tenants pay"
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    [message] = response.output
    assert message.type == "message"
    assert message.status == "incomplete"
    assert "prism" not in (response.model_extra or {})


@pytest.mark.parametrize(
    "format_",
    [
        {"type": "json_object"},
        {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True},
    ],
)
def test_the_bare_generator_keeps_to_a_format(writing: Live, format_: dict[str, Any]) -> None:
    body = asked("hello", model="prism-raw", text={"format": format_})
    given = writing.client.post("/v1/responses", json=body).json()
    assert given["output"][0]["content"][0]["text"] == "{}"
    assert given["text"]["format"].items() >= format_.items()
    Response.model_validate(given, strict=True)


def test_the_asynchronous_client_asks_and_streams(live: Live) -> None:
    async def both() -> tuple[str, str]:
        transport = openai.DefaultAsyncHttpxClient(trust_env=False, timeout=60)
        async with openai.AsyncOpenAI(
            base_url=live.url, api_key=TOKEN, http_client=transport
        ) as client:
            whole = await client.responses.create(model="prism", input=DEPOSIT)
            events = await client.responses.create(model="prism", input=DEPOSIT, stream=True)
            told = [
                event.delta async for event in events if event.type == "response.output_text.delta"
            ]
            return whole.output_text, "".join(told)

    whole, told = asyncio.run(both())
    assert whole == told
    assert whole.startswith(LEASE[0])


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"input": None}, "input", "missing"),
        ({"input": 3}, "input", "3"),
        ({"input": ""}, "input", "empty"),
        ({"input": []}, "input", "empty"),
        ({"input": "x" * 30_000}, "input", "20,000"),
        ({"input": [{"role": "user", "content": " "}]}, "input", "empty"),
        ({"input": [{"content": "x"}]}, "input[0].role", "missing"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role", "wizard"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type", "computer_call"),
        ({"input": [{"type": "function_call"}]}, "input[0].call_id", "missing"),
        ({"input": [{"type": "function_call_output"}]}, "input[0].call_id", "missing"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input[0].content[0].type",
            "input_file",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text",
            "missing",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].image_url",
            "data URL",
        ),
        ({"background": True}, "background", "leave it out"),
        ({"conversation": "conv_1"}, "conversation", "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation", "previous_response_id"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "templates"),
        ({"top_logprobs": 2}, "top_logprobs", "leave it out"),
        ({"include": ["message.output_text.logprobs"]}, "include", "leave it out"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "missing"),
        ({"tools": [{}]}, "tools[0]", "type"),
        ({"tools": [{"type": "file_search"}] * 2}, "tools[1]", "one file_search"),
        ({"tool_choice": "none"}, "tool_choice", "always searches"),
        ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice", "web_search"),
        ({"tool_choice": "maybe"}, "tool_choice", "maybe"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format", "prism-raw"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type", "yaml"),
        ({"temperature": 3}, "temperature", "<= 2"),
        ({"max_output_tokens": 0}, "max_output_tokens", ">= 1"),
        ({"truncation": "some"}, "truncation", "some"),
        ({"metadata": {"a": "x" * 513}}, "metadata[...]", "512"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata", "16"),
        ({"prism": {"filters": {"type": "movie"}}}, "prism.filters.type", "movie"),
        ({"stream": "yes"}, "stream", "yes"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_had_is_refused_by_name(
    live: Live, fields: dict[str, Any], param: str, said: str, stream: bool
) -> None:
    response = live.client.post("/v1/responses", json={**asked(), "stream": stream, **fields})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools[0].type"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
    ],
)
def test_what_the_bare_generator_cannot_do_is_refused_by_name(
    writing: Live, fields: dict[str, Any], param: str
) -> None:
    body = asked("hello", model="prism-raw", **fields)
    response = writing.client.post("/v1/responses", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"model": 1}',
        b'{"model":"prism","input":' + b"[" * 9999,
    ],
)
def test_a_body_that_is_no_request_is_a_400(live: Live, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = live.client.post("/v1/responses", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("depth", [100, 300, 900])
def test_a_deep_schema_is_taken_or_refused(live: Live, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    tool = '{"type":"function","name":"f","parameters":' + deep + "}"
    response = live.client.post(
        "/v1/responses",
        content='{"model":"prism","input":"x","tools":[' + tool + "]}",
        headers={"content-type": "application/json"},
    )
    assert response.status_code in (200, 400)


def test_an_unknown_model_is_not_found(live: Live) -> None:
    with client_of(live) as client, pytest.raises(openai.NotFoundError) as caught:
        client.responses.create(model="gpt-9", input="x")
    assert caught.value.code == "model_not_found"


def test_without_a_generator_its_models_say_how_to_get_one(live: Live) -> None:
    response = live.client.post("/v1/responses", json=asked(model="prism-raw"))
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "no_generator"


@pytest.mark.parametrize("type_", ["web_search", "code_interpreter", "namespace", "custom"])
def test_tools_that_cannot_be_had_are_ignored_where_they_are_only_offered(
    live: Live, type_: str
) -> None:
    tools = [{"type": type_, "name": "shell"}, {"type": "file_search", "vector_store_ids": []}]
    response = live.client.post("/v1/responses", json=asked(tools=tools)).json()
    assert response["status"] == "completed"
    assert [tool["type"] for tool in response["tools"]] == ["file_search"]
