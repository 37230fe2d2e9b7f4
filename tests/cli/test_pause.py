"""``prismd pause`` and ``prismd resume``, and what the schedule does beside them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from prismd.cli.index_by_daemon import undone
from prismd.store import facts
from prismd.store.database import Database
from tests.building import wait_until
from tests.cli.harness import CONFIG, Daemon, Place, hours_of_later

LONG = "The archive holds one more sentence about the harbour, number {}.\n\n"


def test_pause_holds_until_resume(served: Daemon) -> None:
    place = served.place
    assert place.run("pause") == "Paused.\n"
    try:
        assert served.status()["state"] == "paused"
        first, second, *_ = place.run("status").splitlines()
        assert first.endswith(": paused")
        assert second == "paused     by you, until you resume; 'prismd resume' goes on"
        assert "09:47" in place.run("search", "train", "to", "Lisbon")
        waiting = place.write("waiting.txt", "The zeppelin lands at dusk.")
        said = place.run("index", place.folder, exit_code=1)
        assert said == (
            "prismd: 1 file still to be read, and prismd is paused; 'prismd resume' goes on\n"
        )
    finally:
        assert place.run("resume") == "Resumed.\n"
    served.await_idle()
    assert served.finds("zeppelin") == ["waiting.txt"]
    waiting.unlink()
    served.client.post("/rescan").raise_for_status()
    wait_until(lambda: served.status()["files"]["total"] == 6)
    served.await_idle()


def test_a_pass_that_a_pause_keeps_from_its_end_says_what_goes_on() -> None:
    status: dict[str, Any] = {
        "paused": {"by": "schedule"},
        "files": {"pending": 2, "processing": 0},
        "left": 0,
        "passages": 5,
        "passages_embedded": 3,
        "models": {"embedding": {"state": "ready"}},
    }
    assert undone(status) == (
        "2 passages still to be embedded, and prismd is paused; 'prismd resume --now' goes on"
    )
    assert not undone({**status, "models": {"embedding": {"state": "missing"}}})
    assert not undone({**status, "passages_embedded": 5})
    assert not undone({**status, "paused": None})


def test_a_pass_goes_to_its_end_while_a_folder_with_files_to_read_is_away(place: Place) -> None:
    with place.daemon() as daemon:
        daemon.await_idle()
        daemon.client.post("/pause").raise_for_status()
        place.write("a.txt", "The ferry sails at noon.")
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: daemon.status()["files"]["pending"] == 1)
        place.folder.rename(place.root / "unplugged")
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "offline")
        daemon.client.post("/resume").raise_for_status()
        assert place.run("index").endswith("Up to date.\n")


@pytest.mark.parametrize("text", ["15", "15x", "x15m", "0m", "-5m", "400d", ""])
def test_what_is_no_time_is_refused(place: Place, text: str) -> None:
    said = place.run("pause", "--for", text, exit_code=2)
    assert "is not a time; give one such as 15m, 1h30m or 2d" in said


def test_a_pause_for_some_time_says_its_end(served: Daemon) -> None:
    try:
        assert served.place.run("pause", "--for", "1h30m").startswith("Paused until ")
        held = served.status()["paused"]
        assert held["by"] == "you"
        assert held["until"] is not None
        assert "paused     by you, until " in served.place.run("status")
    finally:
        served.place.run("resume")
    assert served.status()["paused"] is None


def test_a_pause_for_some_time_outlives_a_restart_and_ends_by_itself(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    with place.daemon() as daemon:
        daemon.client.post("/pause", json={"for_s": 3600}).raise_for_status()
        until = daemon.status()["paused"]["until"]
    with place.daemon() as daemon:
        held = daemon.status()["paused"]
        assert (held["by"], held["until"]) == ("you", pytest.approx(until, abs=1.0))
        daemon.client.post("/pause", json={"for_s": 0.1}).raise_for_status()
        daemon.await_idle()
        assert daemon.status()["paused"] is None
    database = Database(place.data_dir)
    try:
        assert database.read(lambda c: facts.get(c, "paused")) == ""
    finally:
        database.close()


@pytest.mark.parametrize("body", [{"for_s": 0}, {"for_s": -1}, {"for_s": 1e12}, {"for_s": "1h"}])
def test_a_wrong_time_is_refused_by_name(served: Daemon, body: dict[str, object]) -> None:
    answer = served.client.post("/pause", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "for_s")
    assert served.status()["paused"] is None


def test_the_schedule_holds_from_the_start_and_can_be_overridden(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.config.write_text(CONFIG + hours_of_later())
    with place.daemon() as daemon:
        wait_until(lambda: daemon.status()["files"]["pending"] == 1)
        status = daemon.status()
        assert (status["state"], status["paused"]["by"]) == ("paused", "schedule")
        assert status["paused"]["why"].startswith("outside ")
        assert "paused     by [schedule]: outside " in place.run("status")

        said = place.run("resume")
        assert said.startswith("[schedule] holds indexing back: outside ")
        assert said.endswith("'prismd resume --now' goes on all the same.\n")
        assert daemon.status()["state"] == "paused"

        said = place.run("resume", "--now")
        assert said.startswith("Resumed, against [schedule]: outside ")
        daemon.await_idle()
        assert place.states() == {"a.txt": "completed"}
        assert "schedule   overridden as long as this lasts: outside " in place.run("status")
    with place.daemon() as daemon:
        assert daemon.status()["paused"]["by"] == "schedule"


def test_a_pass_that_is_asked_for_heeds_no_schedule(place: Place, tmp_path: Path) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.config.write_text(CONFIG + hours_of_later())
    place.run("index", place.folder)
    assert place.states() == {"a.txt": "completed"}
    with place.daemon() as daemon:
        wait_until(lambda: daemon.status()["state"] == "paused")
        place.write("b.txt", "The zeppelin lands at dusk.")
        assert place.run("index", place.folder).endswith("Up to date.\n")
        assert daemon.finds("zeppelin") == ["b.txt"]
        # And that is all that was asked for.
        status = daemon.status()
        assert (status["paused"]["by"], status["overridden"]) == ("schedule", [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_pass_that_is_ended_leaves_the_schedule_as_it_was(
    place: Place, number: signal.Signals
) -> None:
    place.config.write_text(CONFIG + hours_of_later())
    with place.daemon() as daemon:
        wait_until(lambda: daemon.status()["state"] == "paused")
        place.write("large.txt", "".join(LONG.format(n) for n in range(40_000)))
        process = place.start("index", "--quiet")
        wait_until(lambda: daemon.status()["current"] != [])
        (told,) = daemon.status()["overridden"]
        assert told.startswith("outside ")
        assert told.endswith("(until 'prismd index' ends)")
        process.send_signal(number)
        process.communicate(timeout=60)
        if number == signal.SIGINT:
            assert daemon.status()["paused"]["by"] == "schedule"
        wait_until(lambda: daemon.status()["paused"] is not None)
        assert daemon.status()["overridden"] == []
