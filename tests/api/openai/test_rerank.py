"""``/v1/rerank``, as the clients of Cohere and Jina send it."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.models.fake import FakeReranker
from prismd.models.runner import ModelRunner, RunnerReranker
from tests.api.harness import TOKEN, Live, live_server, wait_until

DOCUMENTS = ["Shares fell on Monday.", "How to cook rice: boil it.", "Rice is a cereal."]
QUERY = "how to cook rice"


def rerank(live: Live, **fields: Any) -> httpx.Response:
    return live.client.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS, **fields})


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_documents_come_in_the_order_in_which_they_answer(live: Live, path: str) -> None:
    body = {"model": "fake", "query": QUERY, "documents": DOCUMENTS}
    answer = live.client.post(path, json=body).json()
    assert [result["index"] for result in answer["results"]] == [1, 2, 0]
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] == pytest.approx(1 / (1 + math.exp(-5)))
    assert answer["model"] == "fake"
    assert answer["id"].startswith("rerank-")
    assert answer["usage"] == {"prompt_tokens": 18, "total_tokens": 18}
    assert all("document" not in result for result in answer["results"])


def test_documents_may_be_objects_and_are_given_back_when_asked_for(live: Live) -> None:
    documents = [DOCUMENTS[0], {"text": DOCUMENTS[1], "title": "Rice"}, {"text": DOCUMENTS[2]}]
    answer = rerank(live, documents=documents, return_documents=True, top_n=2).json()
    assert [result["document"] for result in answer["results"]] == [
        {"text": DOCUMENTS[1]},
        {"text": DOCUMENTS[2]},
    ]


def test_equals_come_in_the_order_of_the_request(live: Live) -> None:
    answer = rerank(live, documents=["rice"] * 5 + ["cook rice"]).json()
    assert [result["index"] for result in answer["results"]] == [5, 0, 1, 2, 3, 4]


def test_what_stands_late_in_a_long_document_is_found(live: Live) -> None:
    long = "chaff " * 3_000 + QUERY
    answer = rerank(live, documents=["how to", long]).json()
    assert answer["results"][0]["index"] == 1
    for limit in ({"max_chunks_per_doc": 1}, {"max_tokens_per_doc": 100}):
        answer = rerank(live, documents=["how to", long], **limit).json()
        assert answer["results"][0]["index"] == 0


def test_null_stands_for_what_is_not_given(live: Live) -> None:
    given = dict.fromkeys(
        ("model", "top_n", "return_documents", "max_chunks_per_doc", "max_tokens_per_doc")
    )
    assert rerank(live, **given, rank_fields=["text"]).status_code == 200
    assert len(rerank(live, top_n=99).json()["results"]) == 3
    assert rerank(live, documents=[""]).json()["results"][0]["index"] == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": ""}, "query"),
        ({"query": "x" * 20_001}, "query"),
        ({"query": None}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": None}, "documents"),
        ({"documents": "rice"}, "documents"),
        ({"documents": ["rice", 7]}, "documents"),
        ({"documents": ["rice", {"image": "x"}]}, "documents[1].text"),
        ({"documents": ["rice"] * 1_001}, "documents"),
        ({"documents": ["rice " * 300] * 1_000, "query": "x " * 400}, "documents"),
        ({"top_n": 0}, "top_n"),
        ({"max_chunks_per_doc": 0}, "max_chunks_per_doc"),
    ],
)
def test_what_cannot_be_ranked_is_refused(live: Live, fields: Any, param: str) -> None:
    refused = rerank(live, **fields)
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["param"].startswith(param)


def test_a_body_beyond_all_measure_is_refused(live: Live) -> None:
    assert rerank(live, documents=["x" * 5_000_000]).status_code == 413


def test_the_model_has_its_name(live: Live) -> None:
    missing = rerank(live, model="rerank-v3.5")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")


class Held(FakeReranker):
    """Waits before it scores, and says for whom it has."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_go = threading.Event()
        self.asked: list[str] = []

    @property
    def name(self) -> str:
        return "held"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(query)
        self.begun.set()
        assert self.may_go.wait(120)
        return super().score(query, texts)


def test_a_cross_encoder_is_listed_and_needed(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        services = live.app.state.api.services
        live.app.state.api = replace(
            live.app.state.api, services=replace(services, reranker=Held())
        )
        listed = {model["id"] for model in live.client.get("/v1/models").json()["data"]}
        assert "held" in listed
        live.app.state.api = replace(live.app.state.api, services=replace(services, reranker=None))
        missing = rerank(live)
        assert missing.status_code == 503
        assert "no model that reranks is installed" in missing.json()["error"]["message"]
        listed = {model["id"] for model in live.client.get("/v1/models").json()["data"]}
        assert "held" not in listed


class Stepwise(FakeReranker):
    """Scores once for each step that it is allowed."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.begun = 0

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.begun += 1
        assert self.steps.acquire(timeout=120)
        return super().score(query, texts)


def test_a_client_that_goes_away_ends_the_work(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        model = Stepwise()
        services = replace(live.app.state.api.services, reranker=model)
        live.app.state.api = replace(live.app.state.api, services=services)
        offload = live.app.state.api.offload
        body = json.dumps({"query": QUERY, "documents": DOCUMENTS * 300}).encode()
        head = (
            f"POST /v1/rerank HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/json\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", live.settings.port)) as wire:
            wire.sendall(head.encode() + body)
            wait_until(lambda: model.begun > 0)
        while offload.uses()["rerank"].at_work:
            # A round through the server's loop, which hears of it at one of them.
            assert live.client.get("/health").is_success
            model.steps.release()
        assert 0 < model.begun < 900 / 8


def test_a_question_from_a_person_goes_first() -> None:
    held = Held()
    runner = ModelRunner("held", held.close)
    person = RunnerReranker(held, runner)
    program = person.for_programs()
    waiting = [
        threading.Thread(target=reranker.score, args=(query, ["x"]))
        for reranker, query in ((program, "first"), (program, "second"), (person, "person"))
    ]
    waiting[0].start()
    assert held.begun.wait(120)
    for number, thread in enumerate(waiting[1:], start=1):
        thread.start()
        wait_until(lambda number=number: len(runner._queue) == number)  # type: ignore[misc]
    held.may_go.set()
    for thread in waiting:
        thread.join()
    assert held.asked == ["first", "person", "second"]
    runner.close()
