"""``status --follow``: over a real daemon that goes and comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import ExitStack
from typing import Any

from websockets.sync.client import connect

from prismd.api.hub import LARGEST_CROWD
from prismd.cli.following import in_one_line
from prismd.cli.standing import in_hand
from prismd.running import waiting
from tests.cli.harness import Place

PATIENCE_S = 120


def next_message(following: subprocess.Popen[str]) -> Any:
    assert following.stdout is not None
    return json.loads(following.stdout.readline())


def interrupted(following: subprocess.Popen[str]) -> str:
    """End it as Ctrl-C does; gives what else it said."""
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=PATIENCE_S)
    assert err == ""
    assert following.returncode == 0
    return out


def test_without_a_daemon_there_is_nothing_to_follow(place: Place) -> None:
    for options in ([], ["--json"]):
        said = place.run("status", "--follow", *options, exit_code=3)
        assert "no prismd is running" in said


def test_one_that_waits_for_its_key_is_told_of_as_by_every_command(place: Place) -> None:
    place.data_dir.mkdir()
    with waiting(place.data_dir) as tell:
        tell("the stick is not there")
        for command in (["status", "--follow"], ["pause"]):
            said = place.run(*command, exit_code=1)
            assert f"(process {os.getpid()}, which goes on by itself" in said
            assert "once it is there): the stick is not there" in said


def test_it_goes_on_when_the_daemon_is_back(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    with place.daemon() as daemon:
        daemon.await_idle()
        following = place.start("status", "--follow", "--json")
        first = next_message(following)
        assert (first["seq"], first["type"]) == (1, "snapshot")
        assert first["status"]["files"]["completed"] == 1
    with place.daemon() as daemon:
        daemon.await_idle()
        message = next_message(following)
        while message["type"] != "snapshot":
            message = next_message(following)
        assert message["seq"] == 1
        interrupted(following)


def test_who_is_one_too_many_is_told_so(place: Place) -> None:
    with place.daemon() as daemon, ExitStack() as crowd:
        for _ in range(LARGEST_CROWD):
            client = crowd.enter_context(
                connect(
                    f"ws://127.0.0.1:{place.port}/ws",
                    additional_headers={"Authorization": daemon.client.headers["Authorization"]},
                    proxy=None,
                    open_timeout=PATIENCE_S,
                )
            )
            client.recv()
        said = place.run("status", "--follow", exit_code=3)
        assert f"{LARGEST_CROWD} clients listen already" in said


def test_a_person_is_told_in_lines(place: Place) -> None:
    with place.daemon() as daemon:
        daemon.await_idle()
        following = place.start("status", "--follow")
        assert following.stdout is not None
        assert following.stdout.readline() == ("idle: 0 of 0 files, 0 of 0 passages embedded\n")
        place.write("broken.pdf", "%PDF-1.7\nnothing of a PDF follows")
        daemon.client.post("/rescan").raise_for_status()
        lines: list[str] = []
        while not lines or not lines[-1].startswith("failed"):
            lines.append(following.stdout.readline())
        assert lines[-1] == f"failed     {place.folder / 'broken.pdf'} (broken)\n"
        assert f"folder     {place.folder}: 1 new\n" in lines
    while "prismd is away; waiting for it" not in lines[-1]:
        lines.append(following.stdout.readline())
    interrupted(following)


FULL = {"part": "reading", "message": "the disk is full"}
STATUS: dict[str, Any] = {
    "state": "indexing",
    "files": {"total": 9, "pending": 3, "processing": 1},
    "passages": 20,
    "passages_embedded": 11,
    "eta_s": 75.0,
    "faults": [],
    "config_fault": "",
    "current": [{"path": "/a\n.pdf", "stage": "extracting", "done": 2, "total": 8, "eta_s": 6.0}],
}


def test_how_it_stands_fits_on_one_line_and_steers_no_terminal() -> None:
    assert in_one_line(STATUS) == (
        "indexing: 5 of 9 files, 11 of 20 passages embedded; 1 min 15 s left;"
        " /a\ufffd.pdf (extracting 2 of 8, 6 s left)"
    )


def test_what_is_not_known_is_not_told() -> None:
    status = {**STATUS, "eta_s": None, "current": [], "faults": [FULL]}
    assert in_one_line(status).endswith("passages embedded; the disk is full")
    assert in_one_line({**status, "config_fault": "config.toml: no table"}).endswith(
        "; the disk is full; config.toml: no table"
    )
    assert in_one_line({**status, "config_fault": "the disk is full"}).endswith(
        "passages embedded; the disk is full"
    )
    assert in_hand({**STATUS["current"][0], "eta_s": None}).endswith("(extracting 2 of 8)")
