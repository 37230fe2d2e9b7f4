"""Searches of vector stores, and filters: what they find, what they leave out, what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.harness import Live
from tests.api.openai.storing import store_named

DEPOSIT = "The tenants pay a deposit of 2850 pounds before the keys are handed over."


def path_of(result: Any) -> Path:
    return Path(result.attributes["path"])


def paths(found: Any) -> list[str]:
    return [path_of(result).name for result in found.data]


def test_a_search_finds_nothing_outside_its_store(client: openai.OpenAI) -> None:
    inside = {"files": {"Lease.pdf"}, "letters": {f"letter {n}.txt" for n in range(5)}}
    for name, expected in inside.items():
        store = store_named(client, name)
        found = client.vector_stores.search(store.id, query="deposit pounds").data
        assert {path_of(r).name for r in found if "deposit" in r.content[0].text} == expected
        folder = Path((store.metadata or {})["path"])
        assert {path_of(result).parent for result in found} == {folder}
    assert paths(client.vector_stores.search("vs_uploads", query="deposit")) == ["terms.txt"]


def test_names_and_pictures_are_narrowed_too(client: openai.OpenAI) -> None:
    letters, files = store_named(client, "letters").id, store_named(client, "files").id
    assert "red.png" in paths(client.vector_stores.search(letters, query="red"))
    assert "red.png" not in paths(client.vector_stores.search(files, query="red"))
    assert "Lease.pdf" in paths(client.vector_stores.search(files, query="lease pdf"))
    assert "Lease.pdf" not in paths(client.vector_stores.search(letters, query="lease pdf"))


def test_a_result_says_where_it_stands(client: openai.OpenAI, stores: Live) -> None:
    found = client.vector_stores.search(
        store_named(client, "files").id, query="deposit keys", max_num_results=1
    )
    [result] = found.data
    assert result.content[0].text == DEPOSIT
    assert result.filename == "Lease.pdf"
    assert result.file_id == stores.id_of("Lease.pdf")
    assert 0 < result.score <= 1
    attributes = result.attributes or {}
    assert attributes["page"] == 1
    assert attributes["type"] == "document"
    assert len(attributes) <= 16
    page = found.model_dump()
    assert page["object"] == "vector_store.search_results.page"
    assert page["search_query"] == ["deposit keys"]
    assert (page["has_more"], page["next_page"]) == (False, None)


def test_a_picture_is_told_in_words(client: openai.OpenAI) -> None:
    found = client.vector_stores.search(store_named(client, "letters").id, query="red")
    told = {result.filename: result.content[0].text for result in found}
    assert told["red.png"].startswith("red.png in letters")


def test_filters_narrow_the_retrieval_itself(client: openai.OpenAI) -> None:
    letters = store_named(client, "letters").id

    def found(filters: Any, **more: Any) -> list[str]:
        return paths(
            client.vector_stores.search(letters, query="deposit pounds", filters=filters, **more)
        )

    # The best of all others are before it, and yet it is the one that is found.
    assert found({"type": "eq", "key": "filename", "value": "letter 4.txt"}, max_num_results=1) == [
        "letter 4.txt"
    ]
    assert set(found({"type": "in", "key": "modified_at", "value": [1_700_000_001, 5]})) == {
        "letter 1.txt"
    }
    either = {
        "type": "or",
        "filters": [
            {"type": "gte", "key": "modified_at", "value": 1_700_000_004},
            {
                "type": "and",
                "filters": [
                    {"type": "ne", "key": "filename", "value": "letter 0.txt"},
                    {"type": "lt", "key": "modified_at", "value": 1_700_000_002},
                    {"type": "eq", "key": "type", "value": "text"},
                ],
            },
        ],
    }
    assert {name for name in found(either) if name.endswith(".txt")} == {
        "letter 1.txt",
        "letter 4.txt",
    }
    assert found({"type": "eq", "key": "colour", "value": "red"}) == []


def test_every_attribute_that_is_shown_can_be_filtered_by(client: openai.OpenAI) -> None:
    files = store_named(client, "files").id
    [result] = client.vector_stores.search(files, query=DEPOSIT, max_num_results=1).data
    place = {"page", "chunk_id", "heading"}
    shown = result.attributes or {}
    assert shown.keys() - place
    for key, value in shown.items():
        if key not in place:
            again = client.vector_stores.search(
                files,
                query=DEPOSIT,
                max_num_results=1,
                filters={"type": "eq", "key": key, "value": value},
            )
            assert paths(again) == ["Lease.pdf"], key


def test_several_queries_are_put_together(client: openai.OpenAI) -> None:
    found = client.vector_stores.search(
        store_named(client, "files").id,
        query=["deposit of pounds for the keys", "train to Lisbon", "plum cake"],
        max_num_results=3,
    )
    assert set(paths(found)) == {"Lease.pdf", "page.html", "Tax notes.md"}
    assert found.model_dump()["search_query"][1] == "train to Lisbon"


def test_ranking_options_are_heeded(stores: Live, client: openai.OpenAI) -> None:
    files = store_named(client, "files").id

    def found(**options: Any) -> Any:
        return client.vector_stores.search(
            files,
            query="deposit keys",
            ranking_options=options,  # type: ignore[arg-type]
        ).data

    scores = [result.score for result in found(ranker="auto")]
    assert len(scores) > 1
    most = max(scores)
    assert [result.score for result in found(score_threshold=most)] == [most]
    assert found(score_threshold=1.0) == []
    assert found(ranker="none")
    assert found(ranker="default-2024-11-15")
    with pytest.raises(openai.BadRequestError, match="ranker"):
        found(ranker="magic")


BAD_FILTERS: list[tuple[Any, str]] = [
    ({"type": "like", "key": "type", "value": "x"}, "filters.type"),
    ({"type": "eq", "value": "x"}, "filters.key"),
    ({"type": "eq", "key": "", "value": "x"}, "filters.key"),
    ({"type": "eq", "key": "type"}, "filters.value"),
    ({"type": "eq", "key": "type", "value": ["text"]}, "filters.value"),
    ({"type": "in", "key": "type", "value": "text"}, "filters.value"),
    ({"type": "eq", "key": "type", "value": {"$ne": 1}}, "filters.value"),
    ({"type": "eq", "key": "type", "value": "x" * 5_000}, "filters.value"),
    ({"type": "and", "filters": []}, "filters.filters"),
    ({"type": "or"}, "filters.filters"),
    ({"type": "and", "filters": [{"type": "eq", "key": "a"}]}, "filters.filters[0].value"),
    ({"type": "gt", "key": "modified_at", "value": "lunch"}, "filters.modified_at"),
    ({"type": "in", "key": "type", "value": ["x"] * 1_001}, "filters"),
    (
        {"type": "or", "filters": [{"type": "eq", "key": "type", "value": "x"}] * 101},
        "filters",
    ),
    ("type = 'text'", "filters"),
    ([{"type": "eq", "key": "type", "value": "text"}], "filters"),
]


@pytest.mark.parametrize(("filters", "param"), BAD_FILTERS)
def test_a_filter_that_is_none_is_refused_by_name(stores: Live, filters: Any, param: str) -> None:
    refused = stores.client.post(
        "/v1/vector_stores/vs_uploads/search", json={"query": "x", "filters": filters}
    )
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["param"].startswith(param)


@pytest.mark.parametrize("depth", [8, 9, 500, 100_000])
def test_filters_within_filters_end_somewhere(stores: Live, depth: int) -> None:
    body = '{"type":"and","filters":[' * (depth - 1)
    body += '{"type":"eq","key":"type","value":"text"}' + "]}" * (depth - 1)
    answer = stores.client.post(
        "/v1/vector_stores/vs_uploads/search",
        content=f'{{"query": "deposit", "filters": {body}}}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == (200 if depth == 8 else 400)


HOSTILE = ["' OR 1=1 --", "%", "\u0000", "𝕏" * 100, "file-1' UNION SELECT token", "[*]", "\\"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["eq", "gt", "lt"])
def test_nothing_of_a_filter_becomes_sql(stores: Live, text: str, kind: str) -> None:
    for key, value in ((text, "x"), ("path", text), ("title", text)):
        answer = stores.client.post(
            "/v1/vector_stores/vs_uploads/search",
            json={"query": "deposit", "filters": {"type": kind, "key": key, "value": value}},
        )
        assert answer.status_code == 200, answer.text
        if kind == "eq":
            assert answer.json()["data"] == []


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "1e-999"])
def test_numbers_beyond_all_measure_break_nothing(stores: Live, number: str) -> None:
    answer = stores.client.post(
        "/v1/vector_stores/vs_uploads/search",
        content=f'{{"query":"deposit","filters":{{"type":"lt","key":"size_bytes","value":{number}}}}}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": None}, "query"),
        ({"query": ""}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "type:text"}, "query"),
        ({"query": []}, "query"),
        ({"query": ["deposit", ""]}, "query[1]"),
        ({"query": ["x"] * 17}, "query"),
        ({"query": "x" * 20_001}, "query"),
        ({"query": "x", "max_num_results": 0}, "max_num_results"),
        ({"query": "x", "max_num_results": 51}, "max_num_results"),
        ({"query": "x", "ranking_options": {"score_threshold": 1.1}}, "ranking_options"),
    ],
)
def test_a_search_that_is_none_is_refused(stores: Live, body: Any, param: str) -> None:
    refused = stores.client.post("/vector_stores/vs_uploads/search", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"].startswith(param)


def test_null_stands_for_what_is_not_given(stores: Live) -> None:
    body = dict.fromkeys(("filters", "max_num_results", "ranking_options", "rewrite_query"))
    answer = stores.client.post(
        "/v1/vector_stores/vs_uploads/search", json={"query": "deposit", "unknown": 1, **body}
    )
    assert len(answer.json()["data"]) == 1
