"""``POST /search``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prismd.api.search import source_info
from prismd.domain import ImageLocator, TimeLocator
from tests.api.harness import LEASE, Live, ask, live_server


def found(live: Live, query: str, **fields: Any) -> Any:
    response = live.client.post("/search", json={"query": query, **fields})
    assert response.status_code == 200, response.text
    return response.json()


def test_results_have_the_shape_of_the_guide(live: Live) -> None:
    reply = found(live, "deposit of the tenants", limit=2)
    assert len(reply["results"]) == 2
    first = reply["results"][0]
    assert first["metadata"]["text"] == LEASE[0]
    assert first["metadata"]["source_info"] == {"type": "document", "page": 1}
    assert first["metadata"]["locator"]["kind"] == "page"
    assert first["metadata"]["file_id"] == live.id_of("Lease.pdf")
    assert 0 <= first["similarity"] <= 1
    assert first["chunk_id"].startswith("chunk-")
    assert reply["query_time"] > 0
    assert reply["response"] is None
    assert reply["citations"] == []
    assert "explanation" not in first


def test_a_query_that_is_too_long_is_refused_in_words(live: Live) -> None:
    reply = live.client.post("/search", json={"query": "x" * 100_000})
    assert reply.status_code == 400
    assert reply.json()["error"]["message"] == (
        "query: may have 20,000 characters, this one has 100,000; shorten it"
    )


def test_what_was_no_filter_is_told_with_the_results(live: Live) -> None:
    reply = found(live, "type:nonsense deposit")
    assert reply["results"]
    (told,) = reply["warnings"]
    assert told.startswith("type:nonsense: was looked for as a word, not as a filter; types are ")


def test_without_a_model_of_meaning_it_says_that_words_alone_were_looked_for(
    tmp_path: Path,
) -> None:
    question = "How much is the deposit that the tenants pay?"
    with live_server(tmp_path, embedder=False) as live:
        for fields in ({"answer": False}, {"answer": True}):
            assert found(live, question, **fields)["searched"] == "words"
        reply = live.client.post("/v1/chat/completions", json=ask(question)).json()
        assert reply["prism"]["searched"] == "words"


def test_results_come_in_the_order_of_the_search_itself(live: Live) -> None:
    direct = live.stack.services.search.search("the train or the cake", limit=5)
    reply = found(live, "the train or the cake", limit=5)
    assert [result["chunk_id"] for result in reply["results"]] == [
        f"chunk-{hit.passage_id}" for hit in direct.hits
    ]


def test_an_answer_comes_with_its_citations(live: Live) -> None:
    reply = found(live, "How much is the deposit that the tenants pay?", answer=True, limit=1)
    assert reply["response"].startswith(LEASE[0])
    assert (reply["grounding"], reply["searched"]) == ("supported", "meaning")
    [citation] = reply["citations"]
    assert citation["citation_number"] == citation["n"] == 1
    assert citation["text_preview"] == citation["quote"] == LEASE[0]
    assert citation["source_info"] == {"type": "document", "page": 1}
    assert len(reply["results"]) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"filter_type": "text"},
        {"filter_type": ["text", "audio"]},
        {"filters": {"type": "text"}},
        {"type": ["text"]},
        {"filters": {"path": "*.md"}},
        {"path": "*.md"},
    ],
)
def test_filters_narrow_wherever_they_stand(live: Live, fields: dict[str, Any]) -> None:
    reply = found(live, "deposit tenants tax cake", **fields)
    types = {result["metadata"]["source_info"]["type"] for result in reply["results"]}
    assert types == {"text"}


@pytest.mark.parametrize("fields", [{"filter_type": "all"}, {"filter_type": None}, {"type": ""}])
def test_what_names_no_type_narrows_nothing(live: Live, fields: dict[str, Any]) -> None:
    types = {
        result["metadata"]["source_info"]["type"]
        for result in found(live, "deposit tenants tax cake", **fields)["results"]
    }
    assert types == {"document", "text"}


def test_filters_may_be_written_in_the_query(live: Live) -> None:
    reply = found(live, "type:text deposit tax")
    assert reply["query"] == "deposit tax"
    assert {r["metadata"]["source_info"]["type"] for r in reply["results"]} == {"text"}


def test_explain_and_rerank(live: Live) -> None:
    with_reranker = found(live, "deposit tenants", explain=True, rerank=True)["results"]
    without = found(live, "deposit tenants", explain=True, rerank=False)["results"]
    assert with_reranker[0]["explanation"]["rerank_score"] > 0
    assert all("rerank_score" not in result["explanation"] for result in without)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": ""}, "query"),
        ({"query": "  \n"}, "query"),
        ({"query": "type:image folder:tax"}, "query"),
        ({"query": 5}, "query"),
        ({}, "query"),
        ({"query": "x", "limit": 0}, "limit"),
        ({"query": "x", "limit": 101}, "limit"),
        ({"query": "x", "filter_type": "movie"}, "filter_type"),
        ({"query": "x", "filters": {"type": "movie"}}, "filters.type"),
        ({"query": "x", "filters": {"after": "lunch"}}, "after"),
        ({"query": "x", "rerank": "sometimes"}, "rerank"),
        ({"query": "x" * 100_001}, "query"),
    ],
)
def test_a_wrong_field_is_named(live: Live, fields: dict[str, Any], param: str) -> None:
    response = live.client.post("/search", json=fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_form_is_not_read(live: Live) -> None:
    response = live.client.post("/search", data={"query": "deposit"})
    assert response.status_code == 415
    assert "application/json" in response.json()["error"]["message"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(min_size=1, max_size=60))
def test_no_query_is_more_than_a_bad_request(live: Live, query: str) -> None:
    response = live.client.post("/search", json={"query": query, "answer": len(query) % 2 == 0})
    assert response.status_code in (200, 400), response.text


@pytest.mark.parametrize(
    "fields",
    [
        {"after": "9999-12-31"},
        {"before": "0001-01-01"},
        {"folder": ["a"] * 3000},
        {"path": ["*"] * 3000},
        {"path": "["},
        {"path": "*" * 60_000},
        {"folder": "\0"},
        {"language": ["x"] * 3000},
    ],
)
def test_no_filter_is_more_than_a_bad_request(live: Live, fields: dict[str, Any]) -> None:
    response = live.client.post("/search", json={"query": "deposit", **fields})
    assert response.status_code in (200, 400), response.text


@pytest.mark.parametrize(
    "query", ['"', "C++", "a-b OR NEAR(", "'; DROP TABLE passages; --", "\\ud800", "\u202e", "\0"]
)
def test_hostile_queries_are_just_words(live: Live, query: str) -> None:
    assert live.client.post("/search", json={"query": query}).status_code in (200, 400)


def test_a_lone_surrogate_is_no_json(live: Live) -> None:
    response = live.client.post("/search", content=b'{"query": "\\ud800"}')
    assert response.status_code in (200, 400)


def test_places_in_recordings_and_images_have_their_short_form() -> None:
    assert source_info("audio", TimeLocator(1.5, 2.0)).timestamp == 1.5
    boxes = ((1.0, 2.0, 3.0, 4.0),)
    assert source_info("image", ImageLocator(boxes, 10, 10)).image_region == boxes


def test_a_question_beyond_the_limit_is_refused_by_name(live: Live) -> None:
    for answer in (False, True):
        body = {"query": "x" * 20_001, "answer": answer}
        response = live.client.post("/search", json=body)
        assert response.status_code == 400
        assert "20,000" in response.json()["error"]["message"]
    response = live.client.post("/v1/chat/completions", json=ask("x " * 10_001))
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "messages"
    assert "20,000" in response.json()["error"]["message"]


def test_an_index_of_another_model_is_told_everywhere(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        rename = "UPDATE spaces SET key = replace(key, '\"fake\"', '\"older\"')"
        live.stack.database.write(lambda c: c.execute(rename))
        question = "How much is the deposit that the tenants pay?"
        chat = live.client.post("/v1/chat/completions", json=ask(question)).json()
        for warnings in (
            found(live, question)["warnings"],
            found(live, question, answer=True)["warnings"],
            chat["prism"]["warnings"],
        ):
            assert "prismd reindex --stale" in warnings[0]
            assert "older" in warnings[0]
