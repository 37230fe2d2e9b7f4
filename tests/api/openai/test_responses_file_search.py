"""The ``file_search`` tool narrows what is searched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.harness import Live
from tests.api.openai.official import client_of
from tests.api.openai.test_responses import DEPOSIT, asked

RECENT = {"type": "gte", "key": "modified_at", "value": "2020-01-01"}


def found(live: Live, **tool: Any) -> list[dict[str, Any]]:
    """What a search that the tool narrows brings to light, all of it."""
    body = asked(
        DEPOSIT,
        tools=[{"type": "file_search", "vector_store_ids": [], **tool}],
        include=["file_search_call.results"],
    )
    response = live.client.post("/v1/responses", json=body)
    assert response.status_code == 200, response.text
    return list(response.json()["output"][0]["results"])


def names(live: Live, **tool: Any) -> set[str]:
    return {result["filename"] for result in found(live, **tool)}


def test_without_narrowing_all_is_searched(live: Live) -> None:
    assert {"Lease.pdf", "Tax notes.md"} <= names(live)


@pytest.mark.parametrize(
    "filters",
    [
        {"type": "eq", "key": "type", "value": "text"},
        {"type": "in", "key": "type", "value": ["text", "image"]},
        {"type": "eq", "key": "filename", "value": "Tax notes.md"},
        {
            "type": "and",
            "filters": [
                {"type": "in", "key": "type", "value": ["text"]},
                {"type": "and", "filters": [RECENT]},
            ],
        },
    ],
)
def test_filters_leave_what_they_name(live: Live, filters: dict[str, Any]) -> None:
    left = names(live, filters=filters)
    assert "Tax notes.md" in left
    assert "Lease.pdf" not in left


def test_a_filter_that_nothing_meets_leaves_nothing(live: Live) -> None:
    assert found(live, filters={"type": "lt", "key": "modified_at", "value": "1990-01-01"}) == []


def test_no_more_than_so_many_are_found(live: Live) -> None:
    assert len(found(live, max_num_results=1)) == 1


def test_what_is_less_similar_than_was_asked_for_is_not_found(live: Live) -> None:
    scores = sorted(result["score"] for result in found(live))
    least = (scores[0] + scores[-1]) / 2
    narrowed = found(live, ranking_options={"ranker": "auto", "score_threshold": least})
    assert [result["score"] for result in narrowed]
    assert all(result["score"] >= least for result in narrowed)
    assert len(narrowed) < len(scores)
    assert found(live, ranking_options={"score_threshold": 1}) == []


def test_an_answer_rests_on_nothing_else(live: Live) -> None:
    tool = {"type": "file_search", "filters": {"type": "eq", "key": "type", "value": "text"}}
    given = live.client.post("/v1/responses", json=asked(DEPOSIT, tools=[tool])).json()
    assert given["output"][1]["content"]
    assert not any("Lease.pdf" in str(note) for note in given["output"][1]["content"])


def test_a_store_is_a_watched_folder(live: Live) -> None:
    stores = live.client.get("/v1/vector_stores").json()["data"]
    with client_of(live) as client:
        response = client.responses.create(
            model="prism",
            input=DEPOSIT,
            tools=[{"type": "file_search", "vector_store_ids": [stores[0]["id"]]}],
        )
    search, message = response.output
    assert search.type == "file_search_call"
    assert message.type == "message"


@pytest.mark.parametrize("ids", [["vs_0"], ["x", "vs_1"], [""], ["vs_1' --"]])
def test_a_store_that_is_not_there_is_not_found(live: Live, ids: list[str]) -> None:
    tool = {"type": "file_search", "vector_store_ids": ids}
    response = live.client.post("/v1/responses", json=asked(DEPOSIT, tools=[tool]))
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == "vector_store_not_found"
    assert error["param"] == "tools[0].vector_store_ids"


DEEP: dict[str, Any] = {"type": "eq", "key": "type", "value": "text"}
for _ in range(12):
    DEEP = {"type": "and", "filters": [DEEP]}


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"filters": {"type": "or", "filters": []}}, "tools[0].filters.filters"),
        ({"filters": {"type": "eq"}}, "tools[0].filters.key"),
        ({"filters": {"type": "in", "key": "type", "value": "text"}}, "tools[0].filters.value"),
        ({"filters": DEEP}, "tools[0].filters" + ".filters[0]" * 7),
        ({"filters": "type:text"}, "tools[0].filters"),
        ({"max_num_results": 0}, "tools[0].max_num_results"),
        ({"max_num_results": 51}, "tools[0].max_num_results"),
        ({"ranking_options": {"score_threshold": 2}}, "tools[0].ranking_options.score_threshold"),
        ({"vector_store_ids": "vs_1"}, "tools[0].vector_store_ids"),
    ],
)
def test_what_cannot_narrow_is_refused_by_name(
    live: Live, tool: dict[str, Any], param: str
) -> None:
    body = asked(DEPOSIT, tools=[{"type": "file_search", **tool}])
    response = live.client.post("/v1/responses", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
