"""``/search/history``: what the endpoints that search and answer leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from prismd.search.history import HistorySettings
from tests.api.harness import Live, ask, live_server
from tests.api.test_events import heard, joined, until

TRAIN = "When does the train from Porto to Lisbon leave?"


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(tmp_path_factory.mktemp("history")) as live:
        yield live


def history(live: Live, **params: Any) -> dict[str, Any]:
    live.stack.database.write(lambda c: None)  # what was noted before has been written then
    answer = live.client.get("/search/history", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def switched(live: Live, *, kept: bool) -> tuple[int, dict[str, Any]]:
    answer = live.client.post("/search/history", json={"kept": kept})
    return answer.status_code, answer.json()


def told(live: Live) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["query"]) for entry in history(live)["data"]]


def test_every_way_of_searching_and_asking_is_kept_newest_first(own: Live) -> None:
    client = own.client
    client.post("/search", json={"query": "type:text cake", "filters": {"after": "2001-01-01"}})
    client.post("/search", json={"query": TRAIN, "answer": True, "engine": "extractive"})
    client.post("/v1/chat/completions", json=ask("What is the deposit?"))
    with client.stream(
        "POST", "/v1/chat/completions", json=ask("Where is the cake?", stream=True)
    ) as stream:
        stream.read()
    client.post("/v1/vector_stores/vs_uploads/search", json={"query": ["keys", "locks"]})
    client.post("/search", json={"query": "", "image": "file-1"})  # refused: it is no picture
    assert told(own) == [
        ("search", "locks"),
        ("search", "keys"),
        ("ask", "Where is the cake?"),
        ("ask", "What is the deposit?"),
        ("ask", TRAIN),
        ("search", "type:text cake"),
    ]
    *_, question, first = history(own)["data"]
    assert question["engine"] == "extractive"
    assert question["grounding"] == "supported"
    assert first["filters"] == {"type": ["text"], "after": "2001-01-01"}
    assert (first["engine"], first["grounding"]) == (None, None)
    assert first["hits"] > 0
    assert first["asked_at"].endswith("Z") or "+" in first["asked_at"]
    [keys] = [entry for entry in history(own)["data"] if entry["query"] == "keys"]
    assert keys["filters"] == {"roots": ["uploads"]}


def test_what_is_refused_or_not_a_question_for_the_files_is_not_kept(own: Live) -> None:
    own.client.post("/search", json={"query": ""})
    own.client.post("/v1/embeddings", json={"model": "fake", "input": "private"})
    own.client.post("/v1/rerank", json={"query": "private", "documents": ["x"]})
    assert told(own) == []


def test_it_comes_page_by_page(own: Live) -> None:
    for number in range(5):
        own.client.post("/search", json={"query": f"cake {number}"})
    first = history(own, limit=2)
    assert [entry["query"] for entry in first["data"]] == ["cake 4", "cake 3"]
    assert (first["total"], first["kept"]) == (5, True)
    own.client.post("/search", json={"query": "meanwhile"})
    second = history(own, limit=3, after=first["next"])
    assert [entry["query"] for entry in second["data"]] == ["cake 2", "cake 1", "cake 0"]
    assert history(own, limit=3, after=second["next"])["data"] == []
    assert history(own, kind="ask")["total"] == 0


def test_it_can_be_forgotten(own: Live) -> None:
    for query in ("one", "two", "three"):
        own.client.post("/search", json={"query": query})
    [_, two, _] = history(own)["data"]
    assert own.client.delete(f"/search/history/{two['id']}").json() == {"deleted": 1}
    assert own.client.delete(f"/search/history/{two['id']}").status_code == 404
    assert [query for _, query in told(own)] == ["three", "one"]
    assert own.client.delete("/search/history").json() == {"deleted": 2}
    assert own.client.delete("/search/history").json() == {"deleted": 0}
    assert told(own) == []


def test_nothing_is_kept_when_it_is_switched_off(own: Live) -> None:
    own.stack.services.history.settings = HistorySettings(kept=False)
    own.client.post("/search", json={"query": "cake"})
    own.client.post("/v1/chat/completions", json=ask("What is the deposit?"))
    found = history(own)
    assert (found["data"], found["kept"], found["allowed"]) == ([], False, False)


def test_it_is_switched_off_and_on_from_the_page(own: Live) -> None:
    own.client.post("/search", json={"query": "before"})
    assert switched(own, kept=False) == (200, {"kept": False, "allowed": True})
    own.client.post("/search", json={"query": "private"})
    own.client.post("/v1/chat/completions", json=ask("What is private?"))
    found = history(own)
    assert (found["kept"], [entry["query"] for entry in found["data"]]) == (False, ["before"])
    assert switched(own, kept=True) == (200, {"kept": True, "allowed": True})
    own.client.post("/search", json={"query": "after"})
    assert [query for _, query in told(own)] == ["after", "before"]


def test_what_the_settings_forbid_cannot_be_switched_on(own: Live) -> None:
    own.stack.services.history.settings = HistorySettings(kept=False)
    status, refused = switched(own, kept=True)
    assert (status, refused["error"]["code"]) == (409, "history_off")
    assert "prismd config reload" in refused["error"]["message"]
    assert switched(own, kept=False) == (200, {"kept": False, "allowed": False})
    own.client.post("/search", json={"query": "cake"})
    assert told(own) == []


def test_a_process_that_only_reads_the_index_switches_nothing(own: Live) -> None:
    api = own.app.state.api
    own.app.state.api = replace(api, services=replace(api.services, ingest=None))
    status, refused = switched(own, kept=False)
    assert (status, refused["error"]["code"]) == (503, "not_running")


def cited(live: Live, **params: Any) -> list[dict[str, Any]]:
    live.stack.database.write(lambda c: None)
    answer = live.client.get("/search/cited", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_the_files_that_the_last_answers_cited_are_told_with_the_place_and_its_page(
    own: Live,
) -> None:
    own.client.post("/search", json={"query": "cake"})
    assert cited(own) == []  # found, and not cited
    answered = own.client.post(
        "/search", json={"query": TRAIN, "answer": True, "engine": "extractive"}
    ).json()
    made = answered["citations"][0]
    [place] = cited(own)
    assert place["citation_id"] == made["citation_id"]
    assert (place["title"], place["path"].endswith("page.html")) == (made["title"], True)
    assert own.client.get(place["url"]).status_code == 200
    assert own.client.get(f"/files/{place['file_id']}").json()["path"] == place["path"]
    assert place["asked_at"] == history(own)["data"][0]["asked_at"]
    own.client.post("/v1/chat/completions", json=ask("What is the deposit?"))
    assert len(cited(own)) == 2
    assert cited(own, limit=1)[0]["file_id"] != place["file_id"]


def test_a_file_that_is_forgotten_and_a_history_that_is_are_cited_no_more(own: Live) -> None:
    for question in (TRAIN, "What is the deposit?"):
        asked = {"query": question, "answer": True, "engine": "extractive"}
        own.client.post("/search", json=asked)
    last, first = cited(own)
    own.client.delete(f"/files/{last['file_id']}").raise_for_status()
    assert cited(own) == [first]
    own.client.delete("/search/history")
    assert cited(own) == []


def test_that_other_files_are_cited_is_told_without_a_word_of_them(own: Live) -> None:
    with joined(own) as client:
        heard(client)
        own.client.post("/v1/chat/completions", json=ask("What is the deposit?"))
        event = until(client, lambda message: message["type"] == "cited")[-1]
    assert event.keys() == {"seq", "type"}
    assert own.client.get("/search/cited", headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("limit", [0, 101, "x"])
def test_how_many_are_told_has_its_bounds(live: Live, limit: int | str) -> None:
    refused = live.client.get("/search/cited", params={"limit": limit})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize("body", [{}, {"kept": None}, {"kept": "no"}, {"kept": 0}, [], "off"])
def test_a_switch_that_is_none_is_refused(live: Live, body: Any) -> None:
    assert live.client.post("/search/history", json=body).status_code == 400
    assert history(live)["kept"] is True


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"after": "file-1"}, "after"),
        ({"after": "history-0"}, "after"),
        ({"kind": "answer"}, "kind"),
    ],
)
def test_a_page_that_is_none_is_refused(live: Live, params: Any, param: str) -> None:
    refused = live.client.get("/search/history", params=params)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("entry_id", ["1", "history-", "history-1%20OR%201", "history-" + "9" * 40])
def test_an_id_that_is_none_is_refused(live: Live, entry_id: str) -> None:
    assert live.client.delete(f"/search/history/{entry_id}").status_code == 400
