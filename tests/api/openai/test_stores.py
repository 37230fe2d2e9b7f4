"""Vector stores: the watched folders and the uploads, by OpenAI's own client and by others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.harness import Live, live_server, wait_until
from tests.api.openai.storing import store_named


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
