"""Slots: how many native programs run at once, over processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prismd.extract.slots import slot

HOLD = """
import sys
from prismd.extract.slots import slot
with slot(sys.argv[1], int(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""

TAKE_TURNS = """
import os, sys
from prismd.extract.slots import slot
log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for _ in range(50):
    with slot(sys.argv[1], 1):
        os.write(log, b"(")
        os.write(log, b")")
"""


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_that_share_a_folder_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    children = [python(TAKE_TURNS, str(tmp_path / "slots"), str(log)) for _ in range(3)]
    for child in children:
        child.communicate()
        assert child.returncode == 0
    assert log.read_text() == "()" * 150


def test_a_slot_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    with python(HOLD, str(tmp_path), "1") as holder:
        assert said(holder) == "held"
        holder.kill()
        with slot(str(tmp_path), 1):
            assert holder.wait() < 0


def test_there_are_as_many_slots_as_asked_for(tmp_path: Path) -> None:
    with python(HOLD, str(tmp_path), "2") as first, slot(str(tmp_path), 2):
        assert said(first) == "held"
        with python(HOLD, str(tmp_path), "2") as third:
            # The first one lets go; only then does the third have its turn.
            first.communicate()
            assert said(third) == "held"
            third.communicate()


def test_without_a_folder_the_threads_of_this_process_take_turns() -> None:
    inside = 0
    most = 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with slot("", 2):
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert 1 <= most <= 2


def test_the_folder_is_the_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    with slot(str(folder), 1):
        assert folder.stat().st_mode & 0o077 == 0
        assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
