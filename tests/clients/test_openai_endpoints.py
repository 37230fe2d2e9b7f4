"""OpenAI's library for Python beyond chat: responses, vector stores, files and recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building import recording, write_file
from tests.cli.harness import Daemon
from tests.clients.harness import TRAIN, Runtime, assert_cites_the_train

pytestmark = pytest.mark.clients

CITED = f"{TRAIN} [1]"


def test_responses_are_given_whole_as_events_and_kept(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = openai_3.run("openai_responses.py", daemon, tmp_path)
    assert seen["whole"] == seen["deltas"] == seen["final"] == seen["kept"] == CITED
    assert seen["status"] == "completed"
    assert seen["events"] == ["response.created", "response.completed"]
    assert seen["notes"] == len(seen["final annotations"]) > 0
    kinds = {note["type"] for note in seen["annotations"]}
    assert "file_citation" in kinds
    for note in seen["annotations"]:
        if note["type"] == "url_citation":
            assert_cites_the_train(seen["whole"], note["url"], daemon)
    assert seen["total_tokens"] > 0
    assert seen["searched"][-1] == "message"
    assert "file_search_call" in seen["searched"]
    assert seen["followed"]
    assert seen["forgotten"] == "NotFoundError"


def test_langchain_hands_on_the_citations_of_responses(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = openai_3.run("langchain_responses.py", daemon, tmp_path)
    assert seen["whole"] == seen["streamed"] == CITED
    for blocks in (seen["blocks"], seen["streamed blocks"]):
        assert any(block.get("annotations") for block in blocks), blocks


def test_the_ai_sdk_shows_the_sources_of_responses(
    node: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = node.run("ai_sdk.mjs", daemon, tmp_path, {"RESPONSES": "yes"})["seen"]
    assert seen["openai responses"]
    for reply in seen["openai responses"].values():
        assert reply["text"] == CITED
        assert reply["sources"], reply


def test_vector_stores_are_listed_and_searched(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = openai_3.run("openai_stores.py", daemon, tmp_path)
    assert "files" in seen["names"]
    assert seen["same"]
    assert seen["files"] > 3
    first = seen["found"][0]
    assert first["filename"] == "page.html"
    assert TRAIN in first["text"]
    assert 0 < first["score"] <= 1
    assert len(seen["found"]) <= 3
    assert set(seen["narrowed"]) <= {"Tax notes.md", "meter.py"}
    assert seen["narrowed"]
    assert seen["unknown"] == "NotFoundError"


def test_recordings_are_written_down_in_every_format(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    said = recording((0.5, 1.5, "Water the garden."), (2.0, 3.0, "Feed the cat."), seconds=4.0)
    path = write_file(tmp_path / "note.wav", said)
    home = tmp_path / "home"
    home.mkdir()
    seen = openai_3.run("openai_audio.py", daemon, home, {"RECORDING": str(path)})
    text = "Water the garden. Feed the cat."
    assert seen["json"] == seen["text"].strip() == seen["verbose"] == text
    assert "00:00:00,500 --> 00:00:01,500\nWater the garden." in seen["srt"]
    assert seen["vtt"].startswith("WEBVTT")
    assert (
        "00:00:02.000 --> 00:00:03.000\nFeed the cat." in seen["vtt"] or "00:02.000" in seen["vtt"]
    )
    assert seen["duration"] == pytest.approx(4.0, abs=0.1)
    assert [word for word, _, _ in seen["words"]] == text.split()
    assert seen["segments"] == [[0.5, 1.5], [2.0, 3.0]]
    assert seen["refused"] in {400, 415}


def test_files_are_uploaded_found_and_deleted(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = openai_3.run("openai_files.py", daemon, tmp_path)
    sentence = "The cellar key hangs behind the clock."
    assert seen == {
        "filename": "cellar.txt",
        "bytes": len(sentence),
        "same": True,
        "status": "processed",
        "listed": True,
        "content": sentence,
        "answer": f"{sentence} [1]",
        "deleted": True,
        "gone": "NotFoundError",
    }
