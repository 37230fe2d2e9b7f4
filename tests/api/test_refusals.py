"""What is answered while another program, or the disk, keeps the index from being written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from prismd.store.database import Database
from tests.api.harness import Live, ask, live_server


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server over the sample that these tests have for themselves."""
    with live_server(tmp_path_factory.mktemp("own")) as live:
        yield live


@contextlib.contextmanager
def unwritable(database: Database) -> Iterator[None]:
    """Have another program keep the index from being written."""
    database.run_outside_transaction(lambda c: c.set_busy_timeout(10))
    other = apsw.Connection(str(database.path))
    other.set_busy_timeout(60_000)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def test_what_would_change_the_index_is_refused_with_the_remedy(own: Live, tmp_path: Path) -> None:
    with unwritable(own.stack.database):
        answers = [
            own.client.post("/retry", json={}),
            own.client.post("/roots", json={"path": str(tmp_path)}),
            own.client.delete("/roots", params={"path": str(own.stack.folder)}),
        ]
        for answer in answers:
            assert answer.status_code == 503, answer.text
            error = answer.json()["error"]
            assert error["code"] == "store_unavailable"
            assert "is locked by" in error["message"]
            assert "let that finish, or end it" in error["message"]


def test_questions_are_answered_with_citations_all_the_same(own: Live) -> None:
    with unwritable(own.stack.database):
        found = own.client.post("/search", json={"query": "train to Lisbon"}).raise_for_status()
        assert found.json()["results"]
        answer = own.client.post("/v1/chat/completions", json=ask("When is the tax return due?"))
        assert answer.raise_for_status().json()["prism"]["citations"]
        assert own.client.get("/status").is_success


def test_pause_and_resume_take_effect_and_say_that_they_will_not_be_remembered(own: Live) -> None:
    with unwritable(own.stack.database):
        paused = own.client.post("/pause").raise_for_status().json()
        assert paused["paused"]["by"] == "you"
        assert "a restart would forget it" in paused["note"]
        assert own.stack.services.progress.fault_of("pausing") == paused["note"]
        assert "is locked by" in own.client.get("/status").json()["fault"]
    resumed = own.client.post("/resume").raise_for_status().json()
    assert (resumed["paused"], resumed["note"]) == (None, "")
    assert own.stack.services.progress.fault_of("pausing") == ""
