"""What a report of a fault needs: figures, and nothing private."""

from __future__ import annotations

from pathlib import Path

import msgspec

from prismd.config.options import Config, Folder, Generation, Models, Server
from prismd.config.shown import shown
from tests.api.harness import TOKEN, Live


def test_it_tells_of_the_process_the_machine_and_the_index(live: Live) -> None:
    told = live.client.get("/debug/stats").raise_for_status().json()
    assert told["version"] == "0.0.1"
    assert told["machine"]["libraries"]["apsw-sqlite3mc"]
    assert told["process"]["resident_bytes"] > told["process"]["own_bytes"] > 1e7
    assert told["process"]["threads"]["prismd-writer"] == 1
    assert told["process"]["open_files"] > 3
    assert told["event_loop"]["lag_ms"] >= 0
    assert told["offload"]["read"] == {"at_work": 1, "most": 8, "waiting": 0}
    assert told["answers"]["transcription"] == {"in_work": 0, "waiting": 0}
    assert told["models"]["embedding"]["state"] == "loaded"
    status = live.client.get("/status").json()
    index = told["index"]
    assert index["database"]["rows"]["files"] == status["files"]["total"]
    assert index["files"]["completed"] == status["files"]["completed"]
    assert index["database"]["highest_ids"]["passages"] >= status["passages"]
    assert index["database"]["pragmas"]["journal_mode"] == "wal"
    assert "ENABLE_FTS5" in index["database"]["compile_options"]
    assert told["roots"] == {status["roots"][0]["state"]: 1}


def test_the_processes_that_read_files_are_among_it(live: Live) -> None:
    told = live.client.get("/debug/stats").json()
    assert {child["module"] for child in told["children"]} >= {"prismd.extract.worker"}
    assert told["workers"]["busy"] + told["workers"]["idle"] >= 1


def test_nothing_private_is_in_it(live: Live) -> None:
    text = live.client.get("/debug/stats").text
    folder = live.stack.folder
    for private in (str(folder), str(Path.home()), str(live.stack.database.path), "Lease", TOKEN):
        assert private not in text, private


def test_settings_are_shown_without_paths_names_and_addresses(tmp_path: Path) -> None:
    config = Config(
        data_dir=tmp_path,
        folders=(Folder(path=tmp_path / "Secret"),),
        server=Server(allowed_hosts=("secret.example",), port=7777),
        models=Models(generation="my-secret-model", dir=tmp_path / "Secret"),
        generation=Generation(base_url="http://secret:1/v1", api_key_env="SECRET_KEY"),
    )
    told = shown(config)
    assert told["server.port"] == 7777
    assert (
        told["server.allowed_hosts"] == told["models.dir"] == told["generation.base_url"] == "set"
    )
    assert told["answer.engine"] == "auto"
    assert told["folders"] == 1
    assert "models.embedding" not in told
    text = msgspec.json.encode(told).decode().lower()
    assert "secret" not in text
    assert str(tmp_path) not in text
