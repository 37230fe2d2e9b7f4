"""Vector stores: the watched folders and the uploads, by OpenAI's own client and by others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import VectorStore

from prismd.models.fake import FakeEmbedder
from tests.api.harness import TOKEN, Live, live_server, wait_until
from tests.building import put

DEPOSIT = "The tenants pay a deposit of 2850 pounds before the keys are handed over."


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The sample in one folder, other files about the same in a second one, and an upload."""
    with live_server(tmp_path_factory.mktemp("stores")) as live:
        other = live.stack.folder.parent / "letters"
        other.mkdir()
        for number in range(5):
            (other / f"letter {number}.txt").write_text(f"The deposit of {number} pounds. " * 3)
            os.utime(other / f"letter {number}.txt", (1_700_000_000 + number,) * 2)
        write_picture(other / "red.png")
        added = live.client.post("/roots", json={"path": str(other)})
        assert added.status_code == 201, added.text
        live.stack.index()
        put(
            live.stack.database,
            "/uploads/terms.txt",
            "An uploaded deposit of 17 pounds.",
            embedder=FakeEmbedder(),
        )
        yield live


def write_picture(path: Path) -> None:
    """A picture of one colour."""
    from PIL import Image

    Image.new("RGB", (64, 64), (255, 0, 0)).save(path)


@pytest.fixture(scope="module")
def client(stores: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{stores.url}/v1",
        api_key=TOKEN,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as made:
        yield made


def store_named(client: openai.OpenAI, name: str) -> VectorStore:
    return next(store for store in client.vector_stores.list() if store.name == name)


def path_of(result: Any) -> Path:
    return Path(result.attributes["path"])


def paths(found: Any) -> list[str]:
    return [path_of(result).name for result in found.data]


def test_each_folder_is_a_store_and_the_uploads_are_one(
    stores: Live, client: openai.OpenAI
) -> None:
    listed = {store.name: store for store in client.vector_stores.list()}
    assert set(listed) == {"files", "letters", "Uploads"}
    files = listed["files"]
    assert files.metadata == {"path": str(stores.stack.folder)}
    assert files.file_counts.model_dump() == {
        "in_progress": 0,
        "completed": 4,
        "failed": 1,
        "cancelled": 1,
        "total": 6,
    }
    assert files.status == "completed"
    assert files.usage_bytes == sum(p.stat().st_size for p in stores.stack.folder.iterdir())
    assert files.last_active_at is not None and files.last_active_at >= files.created_at > 0
    assert listed["Uploads"].id == "vs_uploads"
    assert listed["Uploads"].file_counts.completed == 1
    assert client.vector_stores.retrieve(files.id) == files


def test_the_list_of_stores_has_pages(client: openai.OpenAI) -> None:
    newest_first = [store.id for store in client.vector_stores.list(limit=1)]
    assert len(set(newest_first)) == 3  # the client asked for page after page
    oldest_first = client.vector_stores.list(order="asc")
    assert [store.id for store in oldest_first.data] == newest_first[::-1]
    assert (oldest_first.has_more, oldest_first.first_id) == (False, newest_first[-1])  # type: ignore[attr-defined]
    before = client.vector_stores.list(before=newest_first[2], limit=1)
    assert [store.id for store in before.data] == [newest_first[1]]
    assert before.has_more


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "vs_nothing"}, "after"),
        ({"before": "file-1"}, "before"),
    ],
)
def test_a_page_that_is_none_is_refused(stores: Live, params: dict[str, Any], param: str) -> None:
    refused = stores.client.get("/vector_stores", params=params)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


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
    for key, value in (result.attributes or {}).items():
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


def test_files_are_listed_by_status_and_page_by_page(stores: Live, client: openai.OpenAI) -> None:
    store = store_named(client, "files").id
    listed = list(client.vector_stores.files.list(store, limit=2))  # the client follows the pages
    assert len(listed) == 6
    ids = [file.id for file in listed]
    assert ids == sorted(ids, key=lambda id_: int(id_[5:]), reverse=True)
    oldest = client.vector_stores.files.list(store, order="asc", limit=2, after=ids[-1])
    assert [file.id for file in oldest.data] == ids[::-1][1:3]
    assert oldest.has_more
    before = client.vector_stores.files.list(store, order="asc", before=ids[0], limit=1)
    assert [file.id for file in before.data] == [ids[1]]

    def named(**params: Any) -> dict[str, Any]:
        found = client.vector_stores.files.list(store, **params).data
        return {str((file.attributes or {})["filename"]): file for file in found}

    [(broken, failed)] = named(filter="failed").items()
    assert (broken, failed.status, failed.last_error.code) == (
        "broken.pdf",
        "failed",
        "invalid_file",
    )
    [(empty, skipped)] = named(filter="cancelled").items()
    assert (empty, skipped.status) == ("empty.txt", "cancelled")
    assert set(named(filter="completed")) == {"Lease.pdf", "Tax notes.md", "page.html", "meter.py"}
    assert named(filter="in_progress") == {}


def test_a_file_is_found_in_its_own_store_alone(stores: Live, client: openai.OpenAI) -> None:
    store, lease = store_named(client, "files").id, stores.id_of("Lease.pdf")
    file = client.vector_stores.files.retrieve(lease, vector_store_id=store)
    assert (file.status, file.vector_store_id, file.last_error) == ("completed", store, None)
    assert file.usage_bytes == (stores.stack.folder / "Lease.pdf").stat().st_size
    with pytest.raises(openai.NotFoundError, match="not in this store"):
        client.vector_stores.files.retrieve(lease, vector_store_id="vs_uploads")
    for id_ in ("file-99999", "file-0", "nothing"):
        with pytest.raises(openai.NotFoundError):
            client.vector_stores.files.retrieve(id_, vector_store_id=store)


def test_the_text_of_a_file_can_be_had(stores: Live, client: openai.OpenAI) -> None:
    store = store_named(client, "files").id
    content = client.vector_stores.files.content(stores.id_of("page.html"), vector_store_id=store)
    assert "leaves at 09:47" in (content.data[0].text or "")
    with pytest.raises(openai.NotFoundError, match="not a readable PDF"):
        client.vector_stores.files.content(stores.id_of("broken.pdf"), vector_store_id=store)


def test_a_file_that_is_in_its_store_is_attached_already(
    stores: Live, client: openai.OpenAI
) -> None:
    upload = client.vector_stores.files.list("vs_uploads").data[0].id
    attached = client.vector_stores.files.create("vs_uploads", file_id=upload)
    assert (attached.id, attached.status) == (upload, "completed")
    lease = stores.id_of("Lease.pdf")
    with pytest.raises(openai.BadRequestError, match="POST /v1/files"):
        client.vector_stores.files.create("vs_uploads", file_id=lease)
    with pytest.raises(openai.BadRequestError, match="move the file there"):
        client.vector_stores.files.create(store_named(client, "files").id, file_id=upload)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.create("vs_uploads", file_id="file-99999")
    with pytest.raises(openai.BadRequestError, match="its own"):
        client.vector_stores.files.create("vs_uploads", file_id=upload, attributes={"author": "me"})


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "/v1/vector_stores", "POST /roots"),
        ("POST", "/vector_stores", "POST /roots"),
        ("POST", "/v1/vector_stores/{store}", "as its folder is"),
        ("DELETE", "/v1/vector_stores/{store}", "DELETE /roots"),
        ("DELETE", "/v1/vector_stores/vs_uploads", "DELETE /v1/files"),
        ("POST", "/v1/vector_stores/{store}/files/{file}", "cannot be set"),
        ("DELETE", "/v1/vector_stores/{store}/files/{file}", "DELETE /v1/files"),
        ("POST", "/v1/vector_stores/{store}/file_batches", "at once"),
    ],
)
def test_what_would_change_a_store_is_answered_in_words(
    stores: Live, client: openai.OpenAI, method: str, path: str, said: str
) -> None:
    path = path.format(store=store_named(client, "files").id, file=stores.id_of("Lease.pdf"))
    refused = stores.client.request(
        method, path, json={"name": "mine"} if method == "POST" else None
    )
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "unsupported_operation")
    assert said in error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", ""),
        ("DELETE", ""),
        ("GET", "/files"),
        ("POST", "/files"),
        ("POST", "/file_batches"),
        ("GET", "/files/file-1"),
        ("GET", "/files/file-1/content"),
        ("POST", "/search"),
    ],
)
def test_a_store_that_is_not_there_is_not_found(stores: Live, method: str, path: str) -> None:
    body = {"query": "x", "file_id": "file-1"} if method == "POST" else None
    missing = stores.client.request(method, f"/v1/vector_stores/vs_0{path}", json=body)
    error = missing.json()["error"]
    assert (missing.status_code, error["code"]) == (404, "vector_store_not_found")
    assert json.dumps(error).count("vs_0") == 1


def test_a_folder_keeps_its_id_when_it_is_added_anew(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        path = str(live.stack.folder)

        def ids() -> dict[str, str]:
            listed = live.client.get("/v1/vector_stores").json()["data"]
            return {store["metadata"].get("path", ""): store["id"] for store in listed}

        before = ids()
        assert live.client.delete("/roots", params={"path": path}).status_code == 200
        assert set(ids().values()) == {"vs_uploads"}
        other = tmp_path / "other"
        other.mkdir()
        for folder in (other, live.stack.folder):  # the first may get the number of the one before
            assert live.client.post("/roots", json={"path": str(folder)}).status_code == 201
        after = ids()
        assert after[path] == before[path]
        assert after[str(other)] != before[path]
        wait_until(live.stack.folders.watches.swept)
