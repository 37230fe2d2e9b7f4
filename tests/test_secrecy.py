from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd import secrecy
from prismd.errors import StoreError

BEGUN = """
import os, resource, sys, tempfile
from pathlib import Path
from prismd import secrecy
folder = secrecy.begin(Path(sys.argv[1]))
assert secrecy.begin(Path(sys.argv[1])) == folder
assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(folder)
assert folder.stat().st_mode & 0o077 == 0
print(folder)
if sys.argv[2:]:
    Path(tempfile.mkdtemp(), "letter").touch()
    tempfile.mkstemp()
    secrecy.end(folder)
    assert folder.exists()
    assert tempfile.gettempdir() == str(folder)
    secrecy.end(folder)
    assert not folder.exists()
    assert Path(tempfile.gettempdir()).is_dir()
"""

HOLDING = """
import sys
from pathlib import Path
from prismd import secrecy
folder = secrecy.begin(Path(sys.argv[1]))
print(folder, flush=True)
sys.stdin.readline()
secrecy.end(folder)
print("ended", flush=True)
"""

AGAIN_AND_AGAIN = """
import sys
from pathlib import Path
from prismd import secrecy
for number in range(200):
    folder = secrecy.begin(Path(sys.argv[1]))
    held = folder / f"{sys.argv[2]}-{number}"
    held.touch()
    assert held.exists()
    secrecy.end(folder)
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="folders in memory are Linux's")


def begun(data_dir: Path, *more: str, **environment: str) -> Path:
    told = subprocess.run(
        [sys.executable, "-c", BEGUN, str(data_dir), *more],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(told.stdout.strip())


@linux
def test_what_is_put_aside_lies_in_memory_in_one_folder_for_all_processes(tmp_path: Path) -> None:
    folder = begun(tmp_path / "data")
    assert folder == begun(tmp_path / "data")
    assert folder != begun(tmp_path / "other", "end")
    base = secrecy.memory_folder()
    assert base is not None
    assert folder.parent == base
    assert not (tmp_path / "data").exists()
    begun(tmp_path / "data", "end", TMPDIR=str(tmp_path))
    assert not folder.exists()


@contextlib.contextmanager
def holding(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun, and ends in order when it is told to."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process


def ended(process: subprocess.Popen[str]) -> None:
    out, _ = process.communicate("\n")
    assert out == "ended\n"


@linux
def test_the_last_of_several_processes_removes_it(tmp_path: Path) -> None:
    folder = secrecy.folder_of(tmp_path)
    assert folder is not None
    with holding(tmp_path) as one, holding(tmp_path) as other:
        (folder / "of one").touch()
        ended(other)
        assert (folder / "of one").exists()
        ended(one)
    assert not folder.exists()


@linux
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = secrecy.folder_of(tmp_path)
    assert folder is not None
    with holding(tmp_path) as killed:
        (folder / "letter").touch()
        killed.kill()
    assert (folder / "letter").exists()
    with holding(tmp_path) as process:
        ended(process)
    assert not folder.exists()


@linux
def test_nobody_loses_it_who_begins_while_another_ends(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", AGAIN_AND_AGAIN, str(tmp_path), str(number)])
        for number in range(4)
    ]
    assert [process.wait() for process in processes] == [0] * 4
    folder = secrecy.folder_of(tmp_path)
    assert folder is not None
    assert not folder.exists()


@linux
def test_a_runtime_folder_that_is_on_a_disk_is_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert secrecy.memory_folder() != tmp_path


def test_without_a_folder_in_memory_it_is_a_private_one_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(secrecy, "memory_folder", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        folder = secrecy.begin(tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    assert folder.parent == tmp_path / "data"
    assert folder.stat().st_mode & 0o077 == 0
    secrecy.end(folder)
    assert os.environ["TMPDIR"] == str(tmp_path)
    assert "private files on the disk" in caplog.text


@linux
@pytest.mark.parametrize("kind", ["open to all", "a link", "a file"])
def test_a_folder_that_somebody_else_prepared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = begun(tmp_path / "data", "end")
    if kind == "open to all":
        folder.mkdir()
        folder.chmod(0o755)
    elif kind == "a link":
        folder.symlink_to(tmp_path)
    else:
        folder.touch()
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        with pytest.raises(StoreError, match="not yours alone"):
            secrecy.begin(tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
        folder.rmdir() if folder.is_dir() and not folder.is_symlink() else folder.unlink()
