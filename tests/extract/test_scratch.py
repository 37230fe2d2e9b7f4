"""The folder of a process's own for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prismd.extract.scratch import settle, tidy

HOLD = """
import sys, tempfile
from pathlib import Path
from prismd.extract.scratch import settle
folder = settle(sys.argv[1])
with tempfile.NamedTemporaryFile(prefix="letter") as file:
    print(folder, flush=True)
    print(Path(file.name).parent == folder, flush=True)
    sys.stdin.read()
"""


def process(base: Path | str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(base)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(holder: subprocess.Popen[str]) -> Path:
    assert holder.stdout is not None
    folder = Path(holder.stdout.readline().strip())
    assert holder.stdout.readline().strip() == "True"
    return folder


@pytest.fixture(autouse=True)
def keep_tempdir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())


def test_the_folder_is_the_users_alone_and_takes_all_temporary_files(tmp_path: Path) -> None:
    folder = settle(str(tmp_path / "slots"))
    assert folder.parent == tmp_path / "slots"
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.parent.stat().st_mode & 0o077 == 0
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == folder
    assert settle(str(tmp_path / "slots")) == folder


@pytest.mark.parametrize("shared", [True, False], ids=["shared folder", "system's folder"])
def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(
    tmp_path: Path, shared: bool
) -> None:
    arguments = (tmp_path,) if shared else ("",)
    environment = {} if shared else {"TMPDIR": str(tmp_path)}
    with process(*arguments, **environment) as living, process(*arguments, **environment) as other:
        used, left = said(living), said(other)
        other.kill()
        other.communicate()
        assert [path for path in left.iterdir() if path.name.startswith("letter")]
        with process(*arguments, **environment) as later:
            fresh = said(later)
            assert sorted(tmp_path.iterdir()) == sorted([used, fresh])
            assert [path for path in used.iterdir() if path.name.startswith("letter")]
            later.communicate()
        living.communicate()
    assert list(tmp_path.iterdir()) == []


def test_it_is_tidied_of_what_killed_processes_left_and_of_nothing_else(tmp_path: Path) -> None:
    with process(tmp_path) as living, process(tmp_path) as other:
        used, _ = said(living), said(other)
        other.kill()
        other.communicate()
        tidy(tmp_path)
        assert list(tmp_path.iterdir()) == [used]
        living.communicate()
    tidy(tmp_path / "nowhere")


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "slot-0").touch()
    (tmp_path / "prismd-notes").mkdir()
    (tmp_path / "prismd-unfinished-young").mkdir()
    (tmp_path / "prismd-unfinished-old").mkdir()
    os.utime(tmp_path / "prismd-unfinished-old", (0, 0))
    folder = settle(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {
        "slot-0",
        "prismd-notes",
        "prismd-unfinished-young",
        folder.name,
    }


def test_a_folder_that_was_tidied_away_is_made_anew(tmp_path: Path) -> None:
    first = settle(str(tmp_path))
    (first / "alive").unlink()
    first.rmdir()
    again = settle(str(tmp_path))
    assert again.is_dir()
    assert tempfile.gettempdir() == str(again)


def test_all_threads_share_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        folders = set(threads.map(settle, [str(tmp_path)] * 50))
    assert len(folders) == 1
    assert list(tmp_path.iterdir()) == list(folders)
