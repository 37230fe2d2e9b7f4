"""What a daemon leaves for other commands to find it by, and what is left when it was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prismd.running import announced, find_waiting, waiting

WAITING = "waiting.json"
WAIT = """
import sys, time
from pathlib import Path
from prismd.running import waiting
with waiting(Path(sys.argv[1])) as tell:
    tell("no stick")
    print("told", flush=True)
    time.sleep(3600)
"""


def kill_one_that_waits(folder: Path) -> None:
    """Have a process wait, and be killed while it does."""
    command = [sys.executable, "-c", WAIT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "told\n"
        found = find_waiting(folder)
        process.kill()
    assert found is not None
    assert (found.pid, found.why) == (process.pid, "no stick")


def test_what_is_waited_for_is_known_as_long_as_it_is(tmp_path: Path) -> None:
    assert find_waiting(tmp_path) is None
    with waiting(tmp_path) as tell:
        assert find_waiting(tmp_path) is None
        for why in ("no stick", "no keyring"):
            tell(why)
            for _ in range(2):  # who looks takes nothing away
                found = find_waiting(tmp_path)
                assert found is not None
                assert (found.pid, found.why) == (os.getpid(), why)
    assert find_waiting(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_killed_waits_no_more_whoever_has_its_number_now(tmp_path: Path) -> None:
    kill_one_that_waits(tmp_path)
    left = tmp_path / WAITING
    left.write_text(json.dumps({**json.loads(left.read_bytes()), "pid": os.getpid()}))
    assert find_waiting(tmp_path) is None
    with announced(tmp_path, "http://127.0.0.1:1"):
        assert not left.exists()


def test_one_that_was_killed_keeps_the_next_from_nothing(tmp_path: Path) -> None:
    kill_one_that_waits(tmp_path)
    with waiting(tmp_path) as tell:
        tell("no keyring")
        found = find_waiting(tmp_path)
        assert found is not None
        assert found.pid == os.getpid()


def test_what_cannot_be_told_keeps_nobody_from_waiting(tmp_path: Path) -> None:
    (tmp_path / "waiting.part").mkdir()
    with waiting(tmp_path) as tell:
        tell("no stick")
        assert find_waiting(tmp_path) is None
    (tmp_path / "waiting.part").rmdir()
    with waiting(tmp_path / "gone") as tell:
        tell("no stick")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"pid": "x", "why": 1}'])
def test_what_is_no_announcement_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / WAITING).write_bytes(content)
    assert find_waiting(tmp_path) is None
