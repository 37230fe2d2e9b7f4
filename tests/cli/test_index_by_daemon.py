"""``prismd index`` beside a daemon, by what the daemon says of itself."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from prismd.cli.index_by_daemon import follow_to_end
from prismd.errors import PrismdError
from prismd.progress.trouble import NEEDED
from tests.cli.harness import Place

ROOT = {"path": "/docs", "state": "watching", "detail": "", "failing": False}
DONE: dict[str, Any] = {
    "state": "idle",
    "looking": False,
    "paused": None,
    "files": {"total": 2, "pending": 0, "processing": 0},
    "left": 0,
    "passages": 2,
    "passages_embedded": 2,
    "faults": [],
    "fault": "",
    "config_fault": "",
    "roots": [ROOT],
    "waiting": [],
    "models": {"embedding": {"state": "loaded"}},
}
BUSY = {**DONE, "state": "indexing", "left": 1}


def saying(*told: dict[str, Any]) -> tuple[Callable[[], dict[str, Any]], list[dict[str, Any]]]:
    left = list(told)
    return lambda: left.pop(0), left


def fault(part: str) -> dict[str, Any]:
    return {"fault": "it fails", "faults": [{"part": part, "message": "it fails"}]}


@pytest.mark.parametrize("part", ["pictures", "pausing", "tending the index"])
def test_what_needs_no_part_that_fails_goes_to_its_end(
    part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    look, left = saying({**BUSY, **fault(part)}, {**DONE, **fault(part)})
    follow_to_end(look, quiet=False)
    assert left == []
    assert capsys.readouterr().out == "Up to date.\n"


@pytest.mark.parametrize("part", NEEDED)
def test_what_keeps_everything_from_going_on_ends_it(part: str) -> None:
    look, _ = saying({**BUSY, **fault("pictures")}, {**BUSY, **fault(part)})
    with pytest.raises(PrismdError, match="it fails"):
        follow_to_end(look, quiet=True)


def test_a_file_that_is_put_off_for_long_is_nothing_that_a_pause_keeps() -> None:
    files = {"total": 2, "pending": 1, "processing": 0}
    look, _ = saying({**DONE, "state": "paused", "paused": {"by": "you"}, "files": files})
    follow_to_end(look, quiet=True)


def test_a_folder_that_cannot_be_looked_through_is_told_and_is_no_success() -> None:
    failing = {**ROOT, "path": "/other", "detail": "it could not be looked through (why)"}
    failing["failing"] = True
    look, _ = saying({**DONE, "roots": [ROOT, failing]})
    with pytest.raises(PrismdError) as raised:
        follow_to_end(look, quiet=True)
    assert str(raised.value) == "/other: it could not be looked through (why)"


def test_a_pass_beside_a_paused_prismd_whose_index_is_locked_has_an_end(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    with place.daemon() as daemon:
        daemon.await_idle()
        place.run("pause")
        backup = sqlite3.connect(place.data_dir / "prism.db", isolation_level=None)
        with contextlib.closing(backup):
            backup.execute("BEGIN IMMEDIATE")
            place.write("b.txt", "The walrus sleeps on the ice.")
            said = place.run("index", exit_code=1)
            assert f"{place.folder}: it could not be looked through (" in said
            assert "is locked" in said
        place.run("resume")
        assert place.run("index").endswith("Up to date.\n")
        assert daemon.finds("walrus") == ["b.txt"]
