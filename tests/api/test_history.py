"""``/search/history``: what the endpoints that search and answer leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from prismd.history import HistorySettings
from tests.api.harness import Live, ask, live_server

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
