"""The configuration read once more by the running daemon."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.building import wait_until
from tests.cli.harness import COMMAND, CONFIG, Daemon, Place, hours_of_later


def folder(path: Path, more: str = "") -> str:
    return f'\n[[folders]]\npath = "{path}"\n{more}\n'


def by_command(daemon: Daemon) -> Any:
    return daemon.place.json("config", "reload")


def by_signal(daemon: Daemon) -> Any:
    """Reload by SIGHUP; what came of it is asked of the status."""
    before = daemon.place.log.read_text().count("was read once more")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.place.log.read_text().count("was read once more") > before)
    return None


@pytest.fixture
def more(place: Place) -> Path:
    """A second folder, with a text and a table in it."""
    made = place.root / "more"
    made.mkdir()
    (made / "b.txt").write_text("The zeppelin lands at dusk.")
    (made / "c.md").write_text("The balloon rises at dawn.")
    return made


@pytest.mark.parametrize("reload", [by_command, by_signal])
def test_folders_come_and_go(place: Place, more: Path, reload: Callable[[Daemon], Any]) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.config.write_text(CONFIG + folder(place.folder))
    with place.daemon(folders=[]) as daemon:
        daemon.await_idle()
        place.config.write_text(CONFIG + folder(more))
        told = reload(daemon)
        if told is not None:
            assert told["added"] == [str(more)]
            assert told["removed"] == [{"path": str(place.folder), "files": 1}]
        wait_until(lambda: daemon.finds("zeppelin") == ["b.txt"])
        assert daemon.finds("ferry") == []
        assert [root["path"] for root in daemon.status()["roots"]] == [str(more)]
        # What comes later is seen in the one and not in the other.
        place.write("d.txt", "The ferry sails at noon.")
        (more / "e.txt").write_text("The tram leaves at nine.")
        wait_until(lambda: daemon.finds("tram") == ["e.txt"])
        assert daemon.finds("ferry") == []


def test_changed_patterns_forget_and_read_what_they_name(place: Place, more: Path) -> None:
    place.config.write_text(CONFIG + folder(more, 'exclude = ["*.md"]'))
    with place.daemon(folders=[]) as daemon:
        daemon.await_idle()
        assert daemon.finds("balloon") == []
        place.config.write_text(CONFIG + folder(more, 'exclude = ["*.txt"]'))
        assert by_command(daemon)["applied"] == [f"folders.{more}.exclude"]
        wait_until(lambda: daemon.finds("balloon") == ["c.md"])
        wait_until(lambda: daemon.finds("zeppelin") == [])
        place.config.write_text(CONFIG + folder(more, "poll = true"))
        by_command(daemon)
        wait_until(lambda: daemon.finds("zeppelin") == ["b.txt"])
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "polling")
        place.config.write_text(CONFIG + folder(more))
        by_command(daemon)
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "watching")


def test_a_broken_file_changes_nothing_and_is_told_until_it_is_mended(
    place: Place, more: Path
) -> None:
    good = CONFIG + folder(more)
    place.config.write_text(good)
    with place.daemon(folders=[]) as daemon:
        daemon.await_idle()
        place.config.write_text(CONFIG + "[search]\ncandidates = 0\n")
        answer = daemon.client.post("/config/reload")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_config")
        wrong = "config.toml: [search] candidates: 0 given; give a whole number from 1 to 4096"
        assert answer.json()["error"]["message"] == wrong
        assert daemon.status()["fault"] == (
            f"{wrong}; until that is mended, the settings of before hold"
        )
        assert daemon.finds("zeppelin") == ["b.txt"]

        place.config.write_text(CONFIG + folder(more) + folder(place.root / "gone"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "gone: there is no such folder" in daemon.status()["fault"])
        assert "ERROR the configuration is not taken" in place.log.read_text()
        # The command needs no sound file to reach the daemon; a pass is not kept from its end.
        env = {"PRISMD_CONFIG": str(place.root / "sound.toml")}
        (place.root / "sound.toml").write_text(good)
        said = place.run("config", "reload", exit_code=2, env=env)
        assert said == (
            f"prismd: {place.root}/gone: there is no such folder; correct or remove it\n"
        )
        assert place.run("index", env=env).endswith("Up to date.\n")

        place.config.write_text(CONFIG + folder(more) + folder(place.root / "bell\\u0007"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "bell\u0007" in daemon.status()["fault"])
        assert "bell\ufffd: there is no such folder" in place.run("status", env=env)

        place.config.write_text(good)
        assert place.run("config", "reload") == f"{place.config}: read.\nNothing has changed.\n"
        assert daemon.status()["fault"] == ""
        assert daemon.finds("zeppelin") == ["b.txt"]


def test_an_emptied_file_is_refused_and_keeps_what_was_read(place: Place, more: Path) -> None:
    good = CONFIG + folder(more)
    place.config.write_text(good)
    with place.daemon(folders=[]) as daemon:
        daemon.await_idle()
        place.config.write_text("")
        answer = daemon.client.post("/config/reload")
        assert answer.status_code == 400
        assert "config.toml: says nothing any more" in answer.json()["error"]["message"]
        status = daemon.status()
        assert "says nothing any more" in status["config_fault"]
        assert [root["path"] for root in status["roots"]] == [str(more)]
        assert daemon.finds("zeppelin") == ["b.txt"]
        place.config.write_text(good)
        assert by_command(daemon)["removed"] == []
        assert daemon.status()["config_fault"] == ""


def test_what_waits_for_a_restart_is_named_until_it_is_taken_back(place: Place) -> None:
    with place.daemon() as daemon:
        daemon.await_idle()
        place.config.write_text(
            CONFIG.replace("workers = 1", "workers = 2")
            + "[server]\nmax_body_mb = 7\n[search]\nlimit = 3\nrrf_k = 11\n[log]\nlevel='debug'\n"
        )
        told = by_command(daemon)
        waiting = ["server.max_body_mb", "index.workers", "search.limit"]
        assert told["applied"] == ["search.rrf_k", "log.level"]
        assert told["after_restart"] == waiting
        assert daemon.status()["after_restart"] == waiting
        assert f"settings   after a restart: {', '.join(waiting)}" in place.run("status")
        place.config.write_text(CONFIG)
        assert by_command(daemon)["applied"] == ["search.rrf_k", "log.level"]
        assert daemon.status()["after_restart"] == []
        assert by_command(daemon)["applied"] == []


def test_the_way_it_was_started_goes_before_the_file(place: Place) -> None:
    with place.daemon() as daemon:  # with PRISMD_PORT, and a folder as an argument
        place.config.write_text(CONFIG + "[server]\nport = 7001\n")
        told = by_command(daemon)
        assert (told["applied"], told["after_restart"], told["removed"]) == ([], [], [])


def test_changed_chunking_is_stale_at_once_and_redone_only_when_asked(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon from the old pier. " * 30)
    with place.daemon() as daemon:
        daemon.await_idle()
        before = daemon.status()["passages"]
        place.config.write_text(CONFIG + "[chunking]\ntarget_tokens = 32\noverlap_tokens = 0\n")
        said = place.run("config", "reload")
        assert "changed    chunking.target_tokens\n" in said
        assert "stale      1 documents made by another version or other chunk sizes" in said
        assert "'prismd reindex --stale'" in said
        daemon.await_idle()
        assert daemon.status()["passages"] == before
        place.run("reindex", "--stale")
        wait_until(lambda: daemon.status()["passages"] > before)
        daemon.await_idle()
        assert daemon.status()["stale"] == []


def test_a_schedule_holds_as_soon_as_it_is_read(place: Place) -> None:
    with place.daemon() as daemon:
        daemon.await_idle()
        place.config.write_text(CONFIG + hours_of_later())
        by_command(daemon)
        wait_until(lambda: daemon.status()["state"] == "paused")
        place.config.write_text(CONFIG)
        by_command(daemon)
        wait_until(lambda: daemon.status()["state"] == "idle")


def test_without_a_daemon_it_ends_with_3(place: Place) -> None:
    said = place.run("config", "reload", exit_code=3)
    assert said.startswith(f"prismd: no prismd is running for {place.data_dir}")


def test_a_closed_terminal_ends_what_was_started_in_it(place: Place) -> None:
    ours, its = os.openpty()
    assert stat.S_ISCHR(os.fstat(its).st_mode)
    process = subprocess.Popen(
        # Who runs the tests may have done so by nohup, which a daemon of theirs would heed.
        [sys.executable, "-c", "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_DFL);"
         f" os.login_tty({its}); os.execv({COMMAND[0]!r},"
         f" {[*COMMAND, 'run', str(place.folder)]!r})"],
        pass_fds=[its],
        env=place.environment(),
    )  # fmt: skip
    os.close(its)
    daemon, shown = Daemon(place, process), bytearray()

    def is_read_once_more() -> bool:
        shown.extend(os.read(ours, 4096))  # which may end in the middle of a line
        return b"was read once more" in shown

    try:
        daemon.await_health()
        process.send_signal(signal.SIGHUP)  # the terminal is there: this one is ours
        wait_until(is_read_once_more)
        assert daemon.client.get("/health").is_success
    finally:
        os.close(ours)
    assert process.wait(60) == 0
    daemon.end()
