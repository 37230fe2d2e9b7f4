"""What switches and steers prismd, with a daemon and without."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from prismd.store import files
from prismd.store.check import check
from prismd.store.database import Database
from tests.building import wait_until
from tests.cli.harness import Daemon, Place

SMALLER = {"PRISMD_CHUNKING_TARGET_TOKENS": "32", "PRISMD_CHUNKING_OVERLAP_TOKENS": "0"}


# Without a daemon


def test_what_only_a_daemon_can_do_ends_with_3(place: Place) -> None:
    commands = [["pause"], ["resume"], ["token", "--open"]]
    for said in place.run_at_once(commands, exit_code=3):
        assert said == (
            f"prismd: no prismd is running for {place.data_dir}; start it with 'prismd run'\n"
        )


def test_what_failed_is_queued_again(place: Place) -> None:
    place.write("report.pdf", "%PDF-1.7\nnothing of a PDF follows")
    place.run("index", place.folder)
    assert place.states() == {"report.pdf": "failed"}
    assert place.run("retry") == "1 file queued; 'prismd index' or 'prismd run' reads them.\n"
    assert place.states() == {"report.pdf": "pending"}


def test_an_added_folder_is_read_and_a_removed_one_forgotten(place: Place) -> None:
    place.write("sub/a.txt", "The ferry sails at noon.")
    folder = place.folder / "sub"
    said = place.run("add", folder)
    assert said == f"{folder}: will be indexed by 'prismd run' or 'prismd index'.\n"
    place.run("index")
    assert "The ferry sails at noon." in place.run("search", "ferry")

    assert place.run("remove", folder) == f"{folder}: forgotten, with 1 file.\n"
    assert place.run("files") == "No files.\n"
    assert (folder / "a.txt").exists()
    assert "is not watched" in place.run("remove", folder, exit_code=2)


def test_a_folder_of_the_configuration_is_taken_out_there(place: Place) -> None:
    place.config.write_text(f'{place.config.read_text()}\n[[folders]]\npath = "{place.folder}"\n')
    place.run("index")
    said = place.run("remove", place.folder, exit_code=2)
    assert said == (
        f"prismd: {place.folder}: is named in the configuration; take it out there, then"
        " 'prismd config reload'\n"
    )


def test_a_folder_within_another_is_refused(place: Place) -> None:
    (place.folder / "inner").mkdir()
    place.run("add", place.folder)
    assert str(place.folder) in place.run("add", place.folder / "inner", exit_code=2)


def test_changed_chunking_is_shown_and_redone_only_when_asked(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon from the old pier. " * 30)
    place.write("b.txt", "The train leaves at nine.")
    place.run("index", place.folder)
    before = place.json("status")
    assert before["stale"] == []

    done = place.run("index", env=SMALLER)
    commands = [["status", "--json"], ["status"]]
    status, shown = place.run_at_once(commands, env=SMALLER)
    assert json.loads(status)["passages"] == before["passages"]
    (stale,) = json.loads(status)["stale"]
    assert stale["count"] == 2
    assert stale["command"] == "prismd reindex --stale"
    assert "'prismd reindex --stale'" in shown
    assert done.startswith("Nothing has changed")

    assert place.run("reindex", "--stale", env=SMALLER).startswith("2 files queued; 'prismd index'")
    assert place.run("index", env=SMALLER).startswith("2 files read")
    after = place.json("status", env=SMALLER)
    assert after["stale"] == []
    assert after["passages"] > before["passages"]


def leave_out(data_dir: Path, *names: str) -> None:
    """Make an index what a version would have made that did not read such files."""
    database = Database(data_dir)

    def work(connection: Any) -> None:
        for name in names:
            found = connection.execute("SELECT id FROM files WHERE path LIKE ?", (f"%/{name}",)).get
            files.end_without_document(
                connection, found, "skipped", code="unsupported", message="", sha256=None
            )
        connection.execute("DELETE FROM facts WHERE key = 'read_since'")

    database.write(work)
    database.close()


def test_what_an_older_version_left_out_is_shown_and_read_only_when_asked(place: Place) -> None:
    place.write("sailings.csv", "ship,hour\nferry,noon\n")
    place.write("train.rtf", r"{\rtf1 The train leaves at nine.}")
    (place.folder / "no_table.csv").write_bytes(bytes(range(256)) * 9)
    place.run("index", place.folder)
    assert place.states()["no_table.csv"] == "skipped"
    assert place.json("status")["stale"] == []

    leave_out(place.data_dir, "sailings.csv", "train.rtf", "no_table.csv")
    for _ in range(2):
        assert place.run("index").startswith("Nothing has changed")
        (stale,) = place.json("status")["stale"]
        assert (stale["what"], stale["count"]) == ("files", 3)
    assert "3 files left out by a version" in (shown := place.run("status"))
    assert "'prismd reindex --stale'" in shown

    assert place.run("reindex", "--stale").startswith("3 files queued; 'prismd index'")
    place.run("index")
    assert "ferry" in place.run("search", "ferry")
    assert place.states()["no_table.csv"] == "skipped"
    assert place.json("status")["stale"] == []


class _Stranger(BaseHTTPRequestHandler):
    """Answers like prismd, and remembers what it is shown."""

    shown: list[str]

    def do_GET(self) -> None:
        self.shown.append(str(self.headers))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_killed_daemons_port_is_not_trusted_with_the_token(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.run("index", place.folder)
    place.run("token")
    handler = type("Handler", (_Stranger,), {"shown": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        no_process = 2**22 + 1  # beyond the largest id that Linux and macOS give
        (place.data_dir / "daemon.json").write_text(json.dumps({"url": url, "pid": no_process}))
        try:
            assert place.run("status").splitlines()[0].endswith(": not running")
        finally:
            server.shutdown()
            thread.join()
    assert handler.shown == []  # type: ignore[attr-defined]


def test_an_announcement_that_cannot_be_read_is_no_daemon(indexed: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(indexed.data_dir, copy)
    (copy / "daemon.json").write_text("{")
    shown = indexed.run("status", env={"PRISMD_DATA_DIR": str(copy)})
    assert shown.splitlines()[0].endswith(": not running")


# With a daemon


def test_index_within_a_watched_folder_asks_the_daemon(served: Daemon) -> None:
    place = served.place
    fresh = place.write("sub/fresh.txt", "The balloon rises at dawn.")
    said = place.run("index", place.folder / "sub")
    assert said == "The running prismd is looking through its folders.\nUp to date.\n"
    assert served.finds("balloon") == ["fresh.txt"]
    assert place.run("index", "--quiet") == ""
    _take_away(served, fresh)


def test_index_elsewhere_has_it_watched_and_read(served: Daemon, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("The zeppelin rises at dusk.")
    said = served.place.run("index", tmp_path)
    assert said == "The running prismd is looking through its folders.\nUp to date.\n"
    assert served.finds("zeppelin") == ["b.txt"]
    assert str(tmp_path) in [root["path"] for root in served.status()["roots"]]
    served.place.run("remove", tmp_path)


def test_index_around_a_watched_folder_says_what_is_in_the_way(served: Daemon) -> None:
    said = served.place.run("index", served.place.folder.parent, exit_code=2)
    assert f"overlaps the watched folder {served.place.folder}" in said


def test_the_running_daemon_adds_and_removes_folders(served: Daemon, tmp_path: Path) -> None:
    place = served.place
    (tmp_path / "b.txt").write_text("The balloon rises at dawn.")
    said = place.run("add", tmp_path)
    assert said == f"{tmp_path}: watched from now on; 'prismd status' shows how far it is.\n"
    wait_until(lambda: served.finds("balloon") == ["b.txt"])
    assert place.run("remove", tmp_path) == f"{tmp_path}: forgotten, with 1 file.\n"
    assert served.finds("balloon") == []
    assert len(served.status()["roots"]) == 1


def test_retry_and_reindex_are_done_by_the_daemon(served: Daemon) -> None:
    assert served.place.run("retry") == "1 file queued.\n"
    said = served.place.run("reindex", "--stale")
    assert said == "0 files queued; the running prismd reads them now.\n"
    assert served.place.run("reindex", "--all").startswith("4 files queued")
    served.await_idle()
    assert served.status()["files"]["completed"] == 4


def test_check_and_backup_work_beside_the_daemon(served: Daemon, tmp_path: Path) -> None:
    assert served.place.run("check") == "All is well.\n"
    copy = tmp_path / "copy"
    copy.mkdir()
    assert "MB written" in served.place.run("backup", copy)
    database = Database(copy)
    try:
        assert check(database, repair=False) == []
    finally:
        database.close()


def test_the_browser_is_let_in_by_a_link(served: Daemon, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    said = served.place.run("token", "--open", env={"BROWSER": str(browser)})
    url = opened.read_text()
    assert url in said
    assert (served.place.data_dir / "token").read_text().strip() not in said
    answer: Any = served.client.get(url, headers={"Authorization": ""}, follow_redirects=False)
    assert answer.headers["set-cookie"]


def test_where_no_browser_can_be_opened_the_link_is_to_be_opened(served: Daemon) -> None:
    nothing = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    said = served.place.run("token", "--open", env=nothing)
    if sys.platform == "linux":
        assert said.startswith(
            f"Open this in a browser of this computer:\n{served.url}/login?code="
        )
    failing = {"BROWSER": "/nowhere/at/all/browser"}
    started = served.place.start("token", "--open", env=failing)
    out, err = started.communicate(timeout=120)
    assert f"{served.url}/login?code=" in out
    assert "Opening" not in out or "open the link yourself" in err


def _take_away(daemon: Daemon, path: Path) -> None:
    path.unlink()
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: daemon.status()["files"]["total"] == 6)
    daemon.await_idle()


def test_a_folder_that_no_answer_could_name_is_refused(place: Place) -> None:
    odd = os.fsdecode(os.fsencode(place.root) + b"/odd\xff")
    try:
        os.mkdir(odd)  # noqa: PTH102 - a name that is not UTF-8
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    refused = "its name is not UTF-8; rename it, or name the folder that it is in"
    for command in ("add", "run", "index"):
        assert refused in place.run(command, odd, exit_code=2)
    with place.daemon() as daemon:
        for command in ("add", "remove", "index"):
            assert refused in place.run(command, odd, exit_code=2)
        assert [root["path"] for root in daemon.status()["roots"]] == [str(place.folder)]
