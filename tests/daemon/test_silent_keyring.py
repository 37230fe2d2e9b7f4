"""A keyring that never answers, for its prompt stands on a screen that nobody looks at."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from prismd.running import find_waiting
from prismd.store import cipher
from prismd.store.database import FILE_NAME
from tests.building import wait_until
from tests.cli.harness import CONFIG, Place
from tests.encryption import file_keyring

Process: TypeAlias = "subprocess.Popen[str]"
WORD = "waiting for the keyring, which may be asking for its password"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of a keyring."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    return keys


@pytest.fixture
def own(place: Place, keys: Path) -> Mapping[str, str]:
    """What makes an encrypted index of a place, with its key in that keyring."""
    place.config.write_text(f"{CONFIG}\n[storage]\nencryption = true\n")
    return file_keyring.variables(keys)


@contextmanager
def started(place: Place, *command: object, env: Mapping[str, str]) -> Iterator[Process]:
    """A command at work, which is not left behind."""
    with place.start(*command, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def said_until(process: Process, word: str) -> str:
    """What a process writes to standard error, up to a line with a word in it."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if word in line:
            return said
    raise AssertionError(f"ended without a word: {said}")


def end(process: Process, by: signal.Signals) -> tuple[str, str]:
    process.send_signal(by)
    return process.communicate(timeout=120)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_who_starts_it_by_hand_is_told_and_can_end_it(
    place: Place, own: Mapping[str, str], keys: Path, by: signal.Signals
) -> None:
    place.run("index", env=own)
    file_keyring.silence(keys)
    with started(place, "run", place.folder, env=own) as process:
        assert "Ctrl-C ends prismd" in said_until(process, WORD)
        wait_until(lambda: find_waiting(place.data_dir) is not None)
        asked = file_keyring.asked(keys)
        # Nobody who asks meanwhile has it ask once more: who it is that waits is known.
        for command in (["status"], ["pause"], ["check"], ["backup", place.root / "copy"]):
            told = place.run(*command, exit_code=1, env=own)
            assert f"waiting for the key of the index (process {process.pid}" in told
        assert "another prismd is using it" in place.run("run", exit_code=1, env=own)
        assert file_keyring.asked(keys) == asked
        assert "stopped" in end(process, by)[1]
        assert process.returncode == 0
    assert find_waiting(place.data_dir) is None


def test_a_key_is_asked_for_once_and_the_next_one_only_when_it_is_needed(
    place: Place, own: Mapping[str, str], keys: Path
) -> None:
    place.write("plan.txt", "The plan is in the drawer.")
    place.run("index", place.folder, env=own)
    before = len(file_keyring.asked(keys))
    for patience in ([], ["--patient"]):
        with started(place, "run", *patience, env=own) as process:
            said_until(process, "serving on")
            end(process, signal.SIGTERM)
    assert len(file_keyring.asked(keys)) == before + 2
    assert "plan.txt" in place.run("search", "drawer", env=own)
    assert len(file_keyring.asked(keys)) == before + 3


def test_commands_say_what_they_wait_for_and_end_by_a_signal(
    place: Place, own: Mapping[str, str], keys: Path
) -> None:
    place.write("plan.txt", "The plan is in the drawer.")
    place.run("index", place.folder, env=own)
    file_keyring.silence(keys)
    commands = (["search", "plan"], ["status"], ["key", "show"], ["decrypt"], ["index"])
    # One after the other: two of them want the lock.
    for command in commands:
        with started(place, *command, env=own) as process:
            said_until(process, WORD)
            _, rest = end(process, signal.SIGINT)
        assert "Traceback" not in rest
        assert process.returncode == 130
    assert cipher.state(place.data_dir / FILE_NAME) == "encrypted"


ASK = """
import sys
from prismd.encryption import asking
asking.BOUND_S, asking._WORD_S = 0.1, 0.05
from prismd.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", [["search", "plan"], ["key", "show"], ["run"]])
def test_nobody_is_waited_for_for_ever(
    place: Place, own: Mapping[str, str], keys: Path, command: list[str]
) -> None:
    place.run("index", place.folder, env=own)
    file_keyring.silence(keys)
    done = subprocess.run(
        [sys.executable, "-c", ASK, *command],
        check=False,
        env=place.environment(own),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert WORD in done.stderr
    assert "no answer within" in done.stderr
    assert "Traceback" not in done.stderr
