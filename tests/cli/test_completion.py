"""Completion in the shells themselves: their scripts ask the real command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.harness import Place
from tests.needing import leave_out, needs

SHELLS = ("bash", "zsh", "fish")
OFFERED = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
compopt() { echo "compopt ${*: -1}"; }
_prismd_completion prismd
printf '%s\\n' "${COMPREPLY[@]}"
"""


def has_completion(bash: str | None) -> bool:
    """Whether this bash is one that completes by such scripts; that of macOS is too old."""
    if bash is None:
        return False
    program = "(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404 ))"
    return subprocess.run([bash, "-c", program], check=False).returncode == 0


BASH = shutil.which("bash")
needs_bash = needs(has_completion(BASH), "bash 4.4 or newer is needed")


@pytest.fixture
def on_path(tmp_path: Path) -> Path:
    """A folder with a ``prismd`` in it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    command = folder / "prismd"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m prismd "$@"\n')
    command.chmod(0o755)
    return folder


def offered(place: Place, on_path: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words, and that nothing is said beside it."""
    script = place.root / "completion.bash"
    script.write_text(place.run("completion", "bash"))
    path = os.pathsep.join([str(on_path), os.environ["PATH"]])
    done = subprocess.run(
        [str(BASH), "-c", OFFERED, "bash", script, *words],
        cwd=place.root,
        env=place.environment({"PATH": path}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_of_its_shell(place: Place, shell: str) -> None:
    said = place.run("completion", shell)
    assert f"_PRISMD_COMPLETE={shell}_complete" in said
    if (interpreter := shutil.which(shell)) is not None:
        subprocess.run([interpreter, "-n"], input=said, text=True, check=True, timeout=60)


def test_the_script_needs_no_index_and_no_valid_configuration(place: Place) -> None:
    place.config.write_text("nonsense = [")
    assert place.run("completion", "bash").startswith("_prismd_completion()")
    assert not place.data_dir.exists()


@needs_bash
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mod"], ["models"]),
        (["models", "p"], ["pull"]),
        (["search", "--typ"], ["--type"]),
        (["files", "--state", "quar"], ["quarantined"]),
        (["completion", ""], list(SHELLS)),
        (["models", "pull", "whisper-t"], ["whisper-tiny.en"]),
        (["models", "pull", "whisper-tiny.en", "whisper-"], ["whisper-base"]),
        (["add", "/et"], ["compopt dirnames", ""]),
    ],
    ids=" ".join,
)
def test_bash_completes(place: Place, on_path: Path, words: list[str], expected: list[str]) -> None:
    assert offered(place, on_path, "prismd", *words) == expected


@needs_bash
def test_watched_folders_are_completed_and_quoted(place: Place, on_path: Path) -> None:
    spaced = place.root / "Anna's papers, 2024"
    spaced.mkdir()
    place.run("add", place.folder)
    place.run("add", spaced)
    begun = str(place.root)
    quoted = str(spaced).replace(" ", "\\ ").replace("'", "\\'")
    assert offered(place, on_path, "prismd", "remove", begun) == [quoted, str(place.folder)]
    assert offered(place, on_path, "prismd", "remove", f'"{spaced}'[:-3]) == [str(spaced)]
    elsewhere = ["search", "--folder", "/nowhere/at"]
    assert offered(place, on_path, "prismd", *elsewhere) == ["compopt dirnames", ""]


@needs_bash
def test_folders_are_those_of_the_data_directory_that_is_named(
    place: Place, on_path: Path, tmp_path: Path
) -> None:
    place.run("add", place.folder)
    other = tmp_path / "other"
    words = ["--data-dir", str(other), "remove", str(place.root)]
    assert offered(place, on_path, "prismd", *words) == ["compopt dirnames", ""]
    assert not other.exists()


@needs_bash
@pytest.mark.parametrize("words", [["models", "pull", "wh"], ["remove", "/"]], ids=" ".join)
def test_a_wrong_configuration_is_not_said_in_the_middle_of_a_line(
    place: Place, on_path: Path, words: list[str]
) -> None:
    place.config.write_text("nonsense = [")
    expected = [""] if words[0] == "models" else ["compopt dirnames", ""]
    assert offered(place, on_path, "prismd", *words) == expected


def test_fish_completes(place: Place, on_path: Path) -> None:
    if (fish := shutil.which("fish")) is None:
        leave_out("fish is not installed, and scripts/test installs it")
    script = place.root / "completion.fish"
    script.write_text(place.run("completion", "fish"))
    path = os.pathsep.join([str(on_path), os.environ["PATH"]])
    done = subprocess.run(
        [fish, "--no-config", "-c", f"source {script}; complete -C 'prismd models pull whisper-t'"],
        env=place.environment({"PATH": path}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "whisper-tiny.en\tspeech (missing)\n"
