"""``search``, ``ask``, ``files``, ``errors`` and ``status``, with a daemon and without."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from prismd.store import files
from prismd.store.database import Database
from tests.building import entry
from tests.cli.harness import COMMAND, Daemon, Place

TRAIN = "The train from Porto to Lisbon leaves at 09:47."
COMMANDS = {
    "search": ["search", "--explain", "-n", "2", "train", "to", "Lisbon"],
    "search, filtered": ["search", "--type", "document", "path:*.pdf deposit train"],
    "search, nothing found": ["search", "--folder", "nowhere", "train"],
    "ask": ["ask", "the", "train", "from", "Porto", "leaves"],
    "ask, refused": ["ask", "who is the king of Denmark"],
    "files": ["files"],
    "status": ["status"],
}
PASSING = {
    *("query_time", "timings_ms", "created", "id", "started_at", "index_bytes", "running"),
    *("embeddings_computed", "rate_files_per_s", "rate_embeddings_per_s", "eta_s", "indexed_at"),
}


def lasting(value: Any) -> Any:
    """What of an output is the same at every moment."""
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in PASSING}
    return [lasting(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """What each command prints as JSON without a daemon, and with one on the same index."""
    place = Place(tmp_path_factory.mktemp("both"))
    place.write_sample()
    place.run("index", place.folder)
    commands = [[*command, "--json"] for command in COMMANDS.values()]
    alone = place.run_at_once(commands)
    with place.daemon() as daemon:
        daemon.await_idle()
        asked = place.run_at_once(commands)
    outputs = zip(map(json.loads, alone), map(json.loads, asked), strict=True)
    return dict(zip(COMMANDS, outputs, strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_json_is_the_same_with_a_daemon_and_without(
    both: dict[str, tuple[Any, Any]], name: str
) -> None:
    alone, asked = both[name]
    assert lasting(alone) == lasting(asked)


def test_search_prints_results_with_place_and_text(both: dict[str, tuple[Any, Any]]) -> None:
    best = both["search"][0]["results"][0]
    assert best["metadata"]["text"] == TRAIN
    assert best["metadata"]["path"].endswith("/page.html")
    assert best["metadata"]["locator"]["kind"] == "text"


def test_filters_narrow_as_options_and_in_the_query(both: dict[str, tuple[Any, Any]]) -> None:
    results = both["search, filtered"][0]["results"]
    assert results
    assert {Path(result["metadata"]["path"]).name for result in results} == {"Lease.pdf"}


def test_explain_and_limit_reach_the_search(both: dict[str, tuple[Any, Any]]) -> None:
    results = both["search"][0]["results"]
    assert len(results) == 2
    assert all(result["explanation"] for result in results)


def test_nothing_found_is_an_empty_list(both: dict[str, tuple[Any, Any]]) -> None:
    assert both["search, nothing found"][0]["results"] == []


def test_an_answer_cites_file_place_and_words(both: dict[str, tuple[Any, Any]]) -> None:
    reply = both["ask"][0]
    assert TRAIN in reply["choices"][0]["message"]["content"]
    (citation,) = reply["prism"]["citations"]
    assert citation["quote"] == TRAIN
    assert citation["path"].endswith("/page.html")
    assert citation["support"] == "exact"


def test_a_refusal_cites_nothing(both: dict[str, tuple[Any, Any]]) -> None:
    reply = both["ask, refused"][0]
    assert reply["prism"]["grounding"] == "none"
    assert reply["prism"]["citations"] == []


def test_files_are_listed_with_their_states(both: dict[str, tuple[Any, Any]]) -> None:
    states = {Path(item["path"]).name: item["state"] for item in both["files"][0]}
    assert states == {
        "Lease.pdf": "completed",
        "Tax notes.md": "completed",
        "broken.pdf": "failed",
        "empty.txt": "skipped",
        "meter.py": "completed",
        "page.html": "completed",
    }


def test_the_status_has_the_shape_of_the_design(both: dict[str, tuple[Any, Any]]) -> None:
    alone, asked = both["status"]
    assert alone["running"] is False
    assert asked["running"] is True
    for status in (alone, asked):
        assert status.keys() >= {
            *("state", "version", "files", "passages", "passages_embedded"),
            *("embeddings_computed", "current", "rate_files_per_s", "eta_s", "roots", "models"),
            *("rate_embeddings_per_s", "stale", "index_bytes"),
        }
        assert status["files"] == {
            "total": 6,
            "pending": 0,
            "processing": 0,
            "completed": 4,
            "failed": 1,
            "skipped": 1,
            "quarantined": 0,
        }
        assert status["passages"] == status["passages_embedded"] > 0
        assert status["roots"][0].keys() == {
            *("path", "state", "files", "detail", "failing", "pending", "eta_s", "configured")
        }
        assert status["models"]["embedding"].keys() == {"name", "state", "detail"}


# For people


def test_results_are_printed_with_place_likeness_and_text(served: Daemon) -> None:
    shown = served.place.run("search", "train", "to", "Lisbon").splitlines()
    assert shown[0].startswith(f"1. {served.place.folder}/page.html, line 1  (0.")
    assert shown[1] == f"   {TRAIN}"


def test_nothing_found_is_said_in_words(served: Daemon) -> None:
    assert served.place.run("search", "--folder", "nowhere", "train") == "Nothing found.\n"


def test_an_answer_is_printed_with_its_citations(served: Daemon) -> None:
    shown = served.place.run("ask", "tenants", "pay", "a", "deposit")
    answer, citation, path, quote = (line for line in shown.splitlines() if line)
    assert answer.endswith("[1]")
    assert citation == "[1] Lease.pdf, page 1  (exact)"
    assert path.strip() == str(served.place.folder / "Lease.pdf")
    assert quote.strip().startswith("> The tenants pay a deposit of 2850 pounds")


def test_a_refusal_is_said_in_words(served: Daemon) -> None:
    shown = served.place.run("ask", "who is the king of Denmark")
    assert shown == "Your files do not contain an answer to this.\n"


def test_without_the_model_of_meaning_every_answer_says_so(place: Place) -> None:
    wordy = {"PRISMD_MODELS_EMBEDDING": "bge-small-en-v1.5"}  # none is in this place's home
    place.write_sample()
    place.run("index", place.folder, env=wordy)
    asked = [["search", "train"], ["ask", "who is the king of Denmark"]]
    found, refused = place.run_at_once([[*each, "--json"] for each in asked], env=wordy)
    told = (
        "searched by words alone, not by meaning: bge-small-en-v1.5 is not installed; run `prismd"
        " models pull bge-small-en-v1.5`"
    )
    assert json.loads(found)["warnings"] == [told]
    assert json.loads(refused)["prism"]["warnings"] == [told]
    started = place.start(*asked[1], env=wordy)
    out, err = started.communicate(timeout=120)
    assert err == f"Warning: {told}\n"
    assert out.startswith("No answer was found by the words of your question alone; your files may")


def test_files_are_narrowed(served: Daemon) -> None:
    listed = served.place.json("files", "--state", "completed", "--match", "Tax")
    assert [Path(item["path"]).name for item in listed] == ["Tax notes.md"]


def test_errors_are_listed_with_their_reasons(served: Daemon) -> None:
    printed, shown = served.place.run_at_once([["errors", "--json"], ["errors"]])
    errors = {Path(item["path"]).name: item["error"]["code"] for item in json.loads(printed)}
    assert errors == {"broken.pdf": "broken", "empty.txt": "empty"}
    assert f"failed      {served.place.folder}/broken.pdf\n            broken.pdf: " in shown
    assert shown.endswith("\n2 files\n")


def test_the_status_is_printed(served: Daemon, indexed: Place) -> None:
    shown = served.place.run("status").splitlines()
    assert shown[0].endswith(": idle")
    assert "files      6 in all, 4 completed, 1 failed, 1 skipped" in shown
    assert f"folder     {served.place.folder} (watching, 6 files)" in shown
    assert indexed.run("status").splitlines()[0].endswith(": not running")


@pytest.mark.parametrize("with_daemon", [False, True])
def test_what_cannot_be_asked_is_told(served: Daemon, indexed: Place, with_daemon: bool) -> None:
    place = served.place if with_daemon else indexed
    wrong = [["search", "--after", "tomorrow", "train"], ["search", " "]]
    date, query = place.run_at_once(wrong, exit_code=2)
    assert "after: 'tomorrow' is not a date" in date
    assert "query: says nothing to look for" in query
    said = place.run("ask", "--engine", "generative", "train", exit_code=1)
    assert "no model that writes is installed" in said


def test_without_an_index_every_command_that_needs_one_names_the_way(place: Place) -> None:
    named = ["ask x", "status", "backup x", "check", "retry", "reindex --all"]
    for said in place.run_at_once((command.split() for command in named), exit_code=1):
        assert said == (
            f"prismd: {place.data_dir}/prism.db: no index here yet; 'prismd run FOLDER' makes it\n"
        )
    assert not place.data_dir.exists()


def test_a_reader_that_goes_away_leaves_no_trace(place: Place) -> None:
    database = Database(place.data_dir)
    many = [entry(f"/somewhere/{'x' * 80}/{n}.txt") for n in range(3_000)]
    database.write(lambda c: files.add(c, None, many))
    database.close()
    with subprocess.Popen(
        [*COMMAND, "files"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=place.environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"pending     /somewhere/")
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(60)


def test_long_lists_are_whole(place: Place) -> None:
    database = Database(place.data_dir)
    many = [entry(f"/somewhere/{n}.txt") for n in range(1_203)]
    database.write(lambda c: files.add(c, None, many))
    database.close()
    listed = place.json("files")
    assert {item["path"] for item in listed} == {f"/somewhere/{n}.txt" for n in range(1_203)}
    assert len(listed) == 1_203


def test_names_do_not_steer_the_terminal(place: Place) -> None:
    place.write("\x1b[31mred\nname.txt", "The ferry sails at noon.\x1b[2J")
    place.run("index", place.folder)
    commands = [["files"], ["search", "ferry"], ["ask", "the ferry sails"]]
    for shown in place.run_at_once(commands):
        assert "\x1b" not in shown
        assert "\ufffd[31mred\ufffdname.txt" in shown


@pytest.mark.parametrize("command", [["search", "ferry"], ["ask", "the ferry sails"]])
def test_an_index_of_another_model_is_told_on_standard_error(
    place: Place, command: list[str]
) -> None:
    place.write("ferry.txt", "The ferry sails at noon.")
    place.run("index", place.folder)
    database = Database(place.data_dir)
    rename = "UPDATE spaces SET key = replace(key, '\"fake\"', '\"older\"')"
    database.write(lambda c: c.execute(rename))
    database.close()
    process = place.start(*command)
    out, err = process.communicate(timeout=60)
    assert "prismd reindex --stale" in err
    assert "Warning" not in out
    assert "ferry.txt" in out
