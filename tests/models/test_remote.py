from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from prismd.errors import ModelError
from prismd.models.base import Message, Sampling, Tool, ToolCall
from prismd.models.fake import FakeEmbedder
from prismd.models.remote import EstimatedTokens, RemoteEmbedder, RemoteGenerator
from prismd.models.remote_chat import CallParts
from prismd.models.remote_http import RemoteEngine
from tests.models.openai_server import OpenAIServer

HELLO = [Message("system", "Be brief."), Message("user", "one two three four")]


def generator(server: OpenAIServer, *, key_env: str = "", timeout_s: float = 30) -> RemoteGenerator:
    return RemoteGenerator(RemoteEngine(server.base_url, "some-model", key_env, timeout_s))


def embedder(server: OpenAIServer, dim: int = 64) -> RemoteEmbedder:
    return RemoteEmbedder(
        RemoteEngine(server.base_url, "some-embedder"), dim=dim, query_prefix="query: "
    )


def test_the_request_says_all_that_was_asked(openai_server: OpenAIServer) -> None:
    sampling = Sampling(max_tokens=9, temperature=0.5, top_p=0.9, seed=4, stop=("END",))
    list(generator(openai_server).generate(HELLO, sampling))
    body = openai_server.requests[0]["body"]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one two three four"},
    ]
    wanted = {"model": "some-model", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9}
    wanted |= {"seed": 4, "stop": ["END"], "stream": True}
    assert {name: body[name] for name in wanted} == wanted


CALL = ToolCall("call_1", "ring", '{"times": 2}')
RING = Tool("ring", "Rings the bell", {"type": "object", "properties": {"times": {}}})


def test_tools_and_calls_are_sent_as_openai_has_them(openai_server: OpenAIServer) -> None:
    turns = [*HELLO, Message("assistant", "", (CALL,)), Message("tool", "rung", (), "call_1")]
    sampling = Sampling(tools=(RING,), parallel_tool_calls=False)
    list(generator(openai_server).generate(turns, sampling))
    body = openai_server.requests[0]["body"]
    function = {"name": "ring", "arguments": '{"times": 2}'}
    assert body["messages"][2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "rung", "tool_call_id": "call_1"},
    ]
    described = {"name": "ring", "description": "Rings the bell", "parameters": RING.parameters}
    assert body["tools"] == [{"type": "function", "function": described}]
    assert body["tool_choice"] == "auto"
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ({"tool_choice": "required"}, "required"),
        ({"tool_choice": "none"}, "none"),
        (
            {"tool_choice": "required", "tool_name": "ring"},
            {"type": "function", "function": {"name": "ring"}},
        ),
    ],
)
def test_the_choice_of_tools_is_passed_on(
    openai_server: OpenAIServer, choice: dict[str, Any], sent: object
) -> None:
    list(generator(openai_server).generate(HELLO, Sampling(tools=(RING,), **choice)))
    assert openai_server.requests[0]["body"]["tool_choice"] == sent


@pytest.mark.parametrize(
    ("schema", "kind"),
    [({"type": "object"}, "json_object"), ({"type": "object", "title": "A"}, "json_schema")],
)
def test_the_form_of_the_answer_is_passed_on(
    openai_server: OpenAIServer, schema: dict[str, Any], kind: str
) -> None:
    list(generator(openai_server).generate(HELLO, Sampling(response_schema=schema)))
    sent = openai_server.requests[0]["body"]["response_format"]
    assert sent["type"] == kind
    assert sent.get("json_schema", {"schema": schema})["schema"] == schema


def test_calls_that_end_with_stop_are_calls_all_the_same(openai_server: OpenAIServer) -> None:
    openai_server.behaviour.stops_behind_calls = True
    question = [Message("user", 'call ring {"times": 2}')]
    *calls, last = generator(openai_server).generate(question, Sampling(tools=(RING,)))
    assert [delta.tool_call for delta in calls] == [CALL]
    assert last.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        ([[{"index": 0, "id": "a", "function": {"name": "ring", "arguments": '{"x'}}],
          [{"index": 0, "function": {"arguments": '": 1}'}}]], [("a", "ring", '{"x": 1}')]),
        ([[{"index": 1, "id": "b", "function": {"name": "two"}}],
          [{"index": 0, "id": "a", "function": {"name": "one"}}]],
         [("a", "one", "{}"), ("b", "two", "{}")]),
        ([[{"id": "a", "function": {"name": "ring", "arguments": {"x": 1}}}]],
         [("a", "ring", '{"x":1}')]),
        ([None, [], "x", [3], [{}], [{"function": None}], [{"function": {"arguments": "x"}}]], []),
    ],
)  # fmt: skip
def test_calls_are_put_together_from_any_pieces(
    pieces: list[Any], calls: list[tuple[str, str, str]]
) -> None:
    parts = CallParts()
    for piece in pieces:
        parts.add(piece)
    assert [(call.id, call.name, call.arguments) for call in parts.calls()] == calls


def test_a_call_without_id_gets_one() -> None:
    parts = CallParts()
    parts.add([{"function": {"name": "ring"}}])
    assert parts.calls()[0].id.startswith("call_")


def test_the_counts_are_the_servers(openai_server: OpenAIServer) -> None:
    *pieces, last = generator(openai_server).generate(HELLO, Sampling())
    assert "".join(piece.text for piece in pieces) == "one two three four "
    assert (last.finish_reason, last.prompt_tokens, last.completion_tokens) == ("stop", 7, 4)


def test_the_key_is_read_from_the_named_variable(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai_server.behaviour.key = "secret"
    with pytest.raises(ModelError, match=r"Incorrect API key.*api_key_env"):
        list(generator(openai_server).generate(HELLO, Sampling()))
    monkeypatch.setenv("MY_KEY", "secret")
    assert list(generator(openai_server, key_env="MY_KEY").generate(HELLO, Sampling()))


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (400, {"error": {"message": "context length exceeded"}}, "context length exceeded"),
        (404, {"detail": "model not found"}, r"model not found.*\[generation\] base_url"),
        (429, {"error": "slow down"}, "slow down.*try again later"),
        (500, "plain", "status 500: plain"),
    ],
)
def test_a_refusal_is_told_with_its_reason(
    openai_server: OpenAIServer, status: int, error: object, told: str
) -> None:
    openai_server.behaviour.status, openai_server.behaviour.error = status, error
    with pytest.raises(ModelError, match=told):
        list(generator(openai_server).generate(HELLO, Sampling()))


def test_no_redirect_is_followed(openai_server: OpenAIServer) -> None:
    with OpenAIServer() as elsewhere:
        openai_server.behaviour.redirect = f"{elsewhere.base_url}/chat/completions"
        with pytest.raises(ModelError, match="redirects, which is not followed"):
            list(generator(openai_server).generate(HELLO, Sampling()))
        openai_server.behaviour.redirect = f"{elsewhere.base_url}/embeddings"
        with pytest.raises(ModelError, match="redirects, which is not followed"):
            embedder(openai_server).embed_query("x")
        assert elsewhere.requests == []


def test_an_error_within_the_stream_is_told(openai_server: OpenAIServer) -> None:
    openai_server.behaviour.stream_error = True
    with pytest.raises(ModelError, match="out of memory"):
        list(generator(openai_server).generate(HELLO, Sampling()))


def test_an_answer_without_its_end_is_an_error(openai_server: OpenAIServer) -> None:
    openai_server.behaviour.break_off = True
    with pytest.raises(ModelError, match="broke off"):
        list(generator(openai_server).generate(HELLO, Sampling()))


def test_a_silent_server_is_given_up(openai_server: OpenAIServer) -> None:
    openai_server.behaviour.silent = True
    with pytest.raises(ModelError, match=r"silent for 0\.1 s"):
        list(generator(openai_server, timeout_s=0.1).generate(HELLO, Sampling()))


def test_closing_hangs_up(openai_server: OpenAIServer) -> None:
    openai_server.behaviour.hold = True
    generation = generator(openai_server).generate(HELLO, Sampling())
    assert next(generation).text == "one "
    generation.close()
    assert openai_server.hung_up.wait(30)


@pytest.mark.parametrize("how", ["hold", "silent"])
def test_closing_from_another_thread_wakes_the_reader(
    openai_server: OpenAIServer, how: str
) -> None:
    setattr(openai_server.behaviour, how, True)
    generation = generator(openai_server, timeout_s=300).generate(HELLO, Sampling())
    reader = threading.Thread(target=lambda: list(generation))
    reader.start()
    assert openai_server.arrived.wait(30)
    generation.close()
    reader.join(30)
    assert not reader.is_alive()


def test_a_password_in_the_address_is_told_to_nobody(free_port: int) -> None:
    engine = RemoteEngine(f"http://anna:secret@127.0.0.1:{free_port}/v1", "m")
    with pytest.raises(ModelError, match=f"127.0.0.1:{free_port}: not reachable") as error:
        list(RemoteGenerator(engine).generate(HELLO, Sampling()))
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_names_the_setting(free_port: int) -> None:
    engine = RemoteEngine(f"http://127.0.0.1:{free_port}/v1", "m")
    with pytest.raises(ModelError, match=r"not reachable.*\[generation\] base_url"):
        list(RemoteGenerator(engine).generate(HELLO, Sampling()))
    with pytest.raises(ModelError, match=r"not reachable.*\[embedding\] base_url"):
        RemoteEmbedder(engine, dim=3).embed_query("x")


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://host/v1", "http://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ModelError, match="not an address"):
        RemoteGenerator(RemoteEngine(address, "m"))


@pytest.mark.parametrize("how", ["base64", "reverse"])
def test_vectors_are_right_however_they_are_sent(openai_server: OpenAIServer, how: str) -> None:
    setattr(openai_server.behaviour, how, True)
    texts = ["one text", "another", "a third one"]
    got = embedder(openai_server).embed_passages(texts)
    assert np.allclose(got, FakeEmbedder().embed_passages(texts), atol=1e-6)


def test_texts_go_in_batches_of_sixty_four(openai_server: OpenAIServer) -> None:
    texts = [f"text {n}" for n in range(130)]
    got = embedder(openai_server).embed_passages(texts)
    assert [len(request["body"]["input"]) for request in openai_server.requests] == [64, 64, 2]
    assert np.allclose(got, FakeEmbedder().embed_passages(texts), atol=1e-6)


def test_the_prefix_goes_before_queries(openai_server: OpenAIServer) -> None:
    embedder(openai_server).embed_query("what")
    assert openai_server.requests[0]["body"]["input"] == ["query: what"]


def test_vectors_of_another_width_are_refused(openai_server: OpenAIServer) -> None:
    with pytest.raises(ModelError, match="64 dimensions, expected 32"):
        embedder(openai_server, dim=32).embed_query("x")


def test_a_missing_vector_is_refused(openai_server: OpenAIServer) -> None:
    openai_server.behaviour.drop = True
    with pytest.raises(ModelError, match="gave 1 vectors for 2 texts"):
        embedder(openai_server).embed_passages(["a", "b"])


def test_estimated_tokens_cut_words_in_fours() -> None:
    assert EstimatedTokens().offsets("ab  abcdefghi").tolist() == [
        [0, 2],
        [4, 8],
        [8, 12],
        [12, 13],
    ]
