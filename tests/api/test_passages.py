"""``GET /passages/{id}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import LEASE, Live, ask, live_server


def read(live: Live, passage_id: str, **params: Any) -> Any:
    response = live.client.get(f"/passages/{passage_id}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def chunk_of(live: Live, query: str) -> str:
    found = live.client.post("/search", json={"query": query, "limit": 1}).json()
    return str(found["results"][0]["chunk_id"])


def test_a_passage_is_read_word_for_word_with_its_neighbours(live: Live) -> None:
    chunk = chunk_of(live, "two months notice in writing")
    passage = read(live, chunk)
    assert passage["chunk_id"] == chunk
    assert passage["text"] == LEASE[1]
    assert passage["locator"]["page"] == 2
    assert passage["file_id"] == live.id_of("Lease.pdf")
    assert passage["quote"] is None
    assert [near["text"] for near in passage["before"]] == [LEASE[0]]
    assert passage["after"] == []


def test_nothing_around_is_read_when_nothing_is_wanted(live: Live) -> None:
    passage = read(live, chunk_of(live, "two months notice in writing"), around=0)
    assert passage["before"] == passage["after"] == []


def test_a_citation_leads_to_the_passage_that_it_quotes(live: Live) -> None:
    asked = ask("How much is the deposit that the tenants pay?")
    reply = live.client.post("/v1/chat/completions", json=asked).json()
    [citation] = reply["prism"]["citations"]
    passage = read(live, citation["citation_id"])
    assert passage["quote"] == citation["quote"]
    assert citation["quote"] in passage["text"]
    assert passage["path"] == citation["path"]


@pytest.mark.parametrize(
    ("passage_id", "status", "code"),
    [
        ("chunk-999999", 404, "passage_not_found"),
        ("chunk-0", 404, "citation_not_found"),
        ("chunk-99999999999999999999", 404, "citation_not_found"),
        ("0123456789abcdef01234567", 404, "citation_not_found"),
        ("' OR 1=1", 404, "citation_not_found"),
    ],
)
def test_what_is_no_passage_is_not_found(
    live: Live, passage_id: str, status: int, code: str
) -> None:
    response = live.client.get(f"/passages/{passage_id}")
    assert response.status_code == status
    assert response.json()["error"]["code"] == code


@pytest.mark.parametrize("around", ["-1", "11", "many"])
def test_a_wrong_number_of_neighbours_is_refused(live: Live, around: str) -> None:
    response = live.client.get("/passages/chunk-1", params={"around": around})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "around"


def test_a_passage_of_a_file_that_is_gone_cannot_be_read(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        asked = ask("How much is the deposit that the tenants pay?")
        reply = live.client.post("/v1/chat/completions", json=asked).json()
        cited = reply["prism"]["citations"][0]["citation_id"]
        chunk = chunk_of(live, "two months notice in writing")
        (live.stack.folder / "Lease.pdf").unlink()
        live.stack.index()
        for passage_id in (cited, chunk):
            response = live.client.get(f"/passages/{passage_id}")
            assert response.status_code == 404
            assert response.json()["error"]["code"] == "passage_not_found"
