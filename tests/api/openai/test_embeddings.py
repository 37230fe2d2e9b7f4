"""Embeddings and the list of models."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from prismd.models.fake import FakeEmbedder, FakeGenerator
from tests.api.harness import TOKEN, Live, live_server

TEXTS = ["a deposit of 2850 pounds", "the train to Lisbon", "plum cake"]


def vectors_of(live: Live, **fields: Any) -> list[Any]:
    response = live.client.post("/v1/embeddings", json={"model": "fake", **fields})
    assert response.status_code == 200, response.text
    return [item["embedding"] for item in response.json()["data"]]


def test_the_official_client_gets_vectors_in_the_order_of_its_texts(live: Live) -> None:
    with openai.OpenAI(
        base_url=f"{live.url}/v1",
        api_key=TOKEN,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as client:
        reply = client.embeddings.create(model="fake", input=TEXTS)
    assert [item.index for item in reply.data] == [0, 1, 2]
    expected = FakeEmbedder().embed_passages(TEXTS)
    np.testing.assert_allclose([item.embedding for item in reply.data], expected, atol=1e-6)
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == 11
    assert reply.model == "fake"


def test_base64_is_little_endian_float32(live: Live) -> None:
    [packed] = vectors_of(live, input=TEXTS[0], encoding_format="base64")
    [plain] = vectors_of(live, input=TEXTS[0], encoding_format="float")
    np.testing.assert_array_equal(
        np.frombuffer(base64.b64decode(packed), "<f4"), np.array(plain, np.float32)
    )


def test_queries_are_embedded_as_queries(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def as_query(text: str) -> Any:
        return np.eye(64, dtype=np.float32)[5]

    monkeypatch.setattr(live.stack.services.embedder, "embed_query", as_query)
    [query] = vectors_of(live, input=TEXTS[0], input_type="query")
    assert query[5] == 1.0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"input": ""}, "empty"),
        ({"input": []}, "empty"),
        ({"input": ["a", ""]}, "empty"),
        ({"input": [1, 2, 3]}, "check_embedding_ctx_length=False"),
        ({"input": [[1, 2], [3]]}, "check_embedding_ctx_length=False"),
        ({"input": [{"a": 1}]}, "list of texts"),
        ({"input": 7}, "input"),
        ({"input": ["a"] * 2049}, "2048"),
        ({"input": "a", "dimensions": 32}, "64"),
        ({"input": "a", "encoding_format": "hex"}, "hex"),
        ({"input": "a", "input_type": "poem"}, "poem"),
    ],
)
def test_what_cannot_be_embedded_is_refused(live: Live, fields: dict[str, Any], said: str) -> None:
    response = live.client.post("/v1/embeddings", json={"model": "fake", **fields})
    assert response.status_code == 400
    assert said in json.dumps(response.json()["error"])


def test_the_models_own_dimension_may_be_named(live: Live) -> None:
    assert len(vectors_of(live, input="a", dimensions=64)[0]) == 64


def test_another_embedding_model_is_not_found(live: Live) -> None:
    response = live.client.post("/v1/embeddings", json={"model": "ada", "input": "a"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


def test_the_list_names_what_can_be_asked(live: Live) -> None:
    for prefix in ("/v1", ""):
        listed = live.client.get(f"{prefix}/models").json()
        assert [model["id"] for model in listed["data"]] == [
            "prism",
            "prism+sources",
            "fake",
            "fake-image",
            "whisper-1",
        ]
        one = live.client.get(f"{prefix}/models/prism+sources").json()
        assert one == listed["data"][1]


@pytest.mark.parametrize("name", ["nothing", "prism-raw", "..%2f..%2fetc", "a/b", "%00"])
def test_a_model_that_is_not_there_is_not_found(live: Live, name: str) -> None:
    response = live.client.get(f"/v1/models/{name}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] in ("model_not_found", "not_found")


def test_with_a_generator_its_models_are_listed(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, generator=FakeGenerator()) as live:
        listed = live.client.get("/v1/models").json()["data"]
        assert [model["id"] for model in listed] == [
            "prism",
            "prism+sources",
            "prism-raw",
            "fake",
            "fake-image",
            "whisper-1",
        ]


def test_without_an_embedder_it_says_so(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, embedder=False) as live:
        response = live.client.post("/v1/embeddings", json={"model": "fake", "input": "a"})
        assert response.status_code == 503
        assert "no embedding model" in response.json()["error"]["message"]
        assert live.client.get("/status").json()["state"] == "idle"
