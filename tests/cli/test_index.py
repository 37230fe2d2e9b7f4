from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from prismd.cli.summary import say_waiting
from prismd.errors import PrismdError
from prismd.store.check import check
from prismd.store.database import Database
from prismd.store.obstacles import Waiting
from tests.building import wait_until
from tests.cli.harness import COMMAND, Place

LONG = "The archive holds one more sentence about the harbour, number {}.\n\n"


def terminal_output(place: Place, *arguments: str) -> str:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=place.environment({"TERM": "xterm", "COLUMNS": "120"}),
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the last one at the other end has closed it
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, shown
    return shown.decode()


def test_a_pass_says_what_it_read_and_what_it_could_not(place: Place) -> None:
    place.write_sample()
    done = place.start("index", place.folder)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0
    assert re.search(r"^6 files read, 0 moved, 0 gone, \d+ passages embedded in ", out)
    assert "4 completed, 1 failed, 1 skipped" in out
    # Once, whatever the log has to say of it.
    assert err.count("broken.pdf: not a readable PDF") == 1


def test_a_second_pass_does_only_what_has_changed(place: Place) -> None:
    unchanged = "The lighthouse stands on the northern pier of the old harbour. " * 20
    place.write("kept.txt", "The ferry sails at noon.")
    place.write("gone.txt", "The zeppelin lands at dusk.")
    moved = place.write("moved.txt", "The balloon rises at dawn.")
    place.write("changed.txt", f"{unchanged}\n\nThe tower is red.")
    variables = {"PRISMD_CHUNKING_TARGET_TOKENS": "64", "PRISMD_CHUNKING_OVERLAP_TOKENS": "0"}
    place.run("index", place.folder, env=variables)

    assert place.run("index", env=variables).startswith("Nothing has changed")

    place.write("changed.txt", f"{unchanged}\n\nThe tower is blue.", age=1)
    (place.folder / "gone.txt").unlink()
    moved.rename(place.folder / "sub.txt")
    said = place.run("index", env=variables)
    assert said.startswith("1 file read, 1 moved, 1 gone, 1 passage embedded in ")
    found = place.json("search", "zeppelin tower ferry", env=variables)["results"]
    texts = " ".join(result["metadata"]["text"] for result in found)
    assert "blue" in texts
    assert "ferry" in texts
    assert "zeppelin" not in texts
    assert "red" not in texts


def test_a_copy_is_told_as_known_and_not_as_read(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.run("index", place.folder)
    place.write("b.txt", "The ferry sails at noon.")
    said = place.run("index")
    assert said.startswith("0 files read, 1 of known content, 0 moved, 0 gone, 0 passages")


def test_quiet_says_nothing_on_standard_error(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    done = place.start("index", "--quiet", place.folder)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 0
    assert not err


def test_on_a_terminal_a_bar_shows_files_passages_and_the_file_in_hand(place: Place) -> None:
    place.write("harbour.txt", "".join(LONG.format(n) for n in range(3_000)))
    shown = terminal_output(place, "index", str(place.folder))
    assert "0/1 files" in shown
    assert re.search(r"\d+/\d+ passages", shown)
    assert "passages/s" in shown
    assert "harbour.txt" in shown
    assert "1 file read" in shown


def test_on_a_terminal_names_stand_as_they_are(place: Place) -> None:
    place.write("harbour [draft].txt", "".join(LONG.format(n) for n in range(3_000)))
    assert "harbour [draft].txt" in terminal_output(place, "index", str(place.folder))


def test_without_weights_words_are_indexed_and_the_way_to_meaning_is_told(place: Place) -> None:
    place.config.write_text("[index]\nworkers = 1\n")
    place.write("a.txt", "The ferry sails at noon.")
    done = place.start("index", place.folder)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert "1 passage, 0 embedded" in out
    assert "prismd models pull bge-small-en-v1.5" in err
    assert "The ferry sails at noon." in place.run("search", "ferry")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_pass_that_is_stopped_loses_nothing(place: Place, number: signal.Signals) -> None:
    for n in range(12):
        place.write(f"small{n}.txt", f"The ferry number {n} sails at noon.")
    # It takes seconds, so that the signal comes while it is in hand.
    place.write("large.txt", "".join(LONG.format(n) for n in range(8_000)))
    process = place.start("index", place.folder)

    def in_hand() -> bool:
        assert process.poll() is None, "it ended before it was stopped"
        return place.states().get("large.txt") == "processing"

    wait_until(in_hand)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "'prismd index' goes on from there" in err

    assert "In the index: 13 completed;" in place.run("index")
    database = Database(place.data_dir)
    try:
        assert check(database, repair=False) == []
    finally:
        database.close()


def test_a_folder_that_is_not_there_is_kept_as_it_was(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.run("index", place.folder)
    place.folder.rename(place.root / "unplugged")
    done = place.start("index")
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0
    assert f"{place.folder}: is not there; kept as it was" in err
    assert "In the index: 1 completed" in out
    assert "The ferry sails" in place.run("search", "ferry")


def test_files_that_the_system_refuses_are_counted_and_the_pass_has_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    full = "the system lets nobody read now (Too many open files)"
    waiting = [
        Waiting("folder", "/usb is not there", 9),
        Waiting("disk", "the disk of /d/stick is not there", 1),
        Waiting("system", full, 2),
    ]
    with pytest.raises(PrismdError) as refused:
        say_waiting(waiting)
    assert str(refused.value) == f"2 files not read: {full}; 'prismd index' tries again"
    assert capsys.readouterr().err == (
        "1 file not read: the disk of /d/stick is not there; read once it is back\n"
    )
    say_waiting(waiting[:2])  # that can be so for months


def test_two_passes_at_once_are_refused(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    database = Database(place.data_dir)  # holds what the first pass holds
    try:
        said = place.run("index", place.folder, exit_code=1)
    finally:
        database.close()
    assert said == (
        f"prismd: {place.data_dir}: another prismd is using it; stop that one, or name another"
        " --data-dir\n"
    )


@pytest.mark.parametrize("below", ["", "below"])
def test_a_data_directory_that_is_a_file_is_told_without_a_trace(place: Place, below: str) -> None:
    taken = place.root / "taken"
    taken.write_text("a file")
    said = place.run(
        "index", place.folder, exit_code=1, env={"PRISMD_DATA_DIR": str(taken / below)}
    )
    assert str(taken) in said
    assert len(said.splitlines()) == 1


def test_a_full_disk_is_told_without_a_trace(indexed: Place) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no disk that is always full")
    with full.open("w") as out:
        done = subprocess.run(
            [*COMMAND, "files"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            env=indexed.environment(),
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
