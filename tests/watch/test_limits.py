"""When the system tells less than there is: its limits, and a queue that overflows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.building import wait_until
from tests.needing import leave_out
from tests.watch.watching_process import watching_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is of Linux")

_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
_STORM = 50_000
_FOLDERS = 60
_NOTICED_S = 3.0
"""A process that stands still for so long notices it."""


def in_namespace(setting: str, besides: str = "") -> list[str]:
    """A command that runs another under limits of its own; skips where that is not allowed.

    Args:
        setting: Sets the limits.
        besides: What else is run, but not by the trial whether it is allowed.
    """
    shell = shutil.which("sh")
    unshare = shutil.which("unshare")
    if shell is None or unshare is None:
        leave_out("unshare is not installed")
    trial = [unshare, "-Urm", shell, "-c", setting]
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody have a user namespace")
    return [unshare, "-Urm", shell, "-c", f'{setting}; {besides} exec "$@"', "sh"]


def make_folders(folder: Path) -> None:
    for number in range(_FOLDERS):
        (folder / f"f{number}").mkdir(parents=True)


def test_beyond_the_limit_of_watches_folders_are_looked_at_instead(
    tmp_path: Path, data_dir: Path
) -> None:
    folder = tmp_path / "root"
    make_folders(folder)
    limited = in_namespace("echo 40 > /proc/sys/user/max_inotify_watches")
    with watching_process(folder, data_dir, before=limited) as process:
        wait_until(lambda: "looked at every" in process.ask()["detail"])
        state = process.ask()
        assert state["state"] == "watching"
        # One watch of the namespace may be taken by the process itself.
        assert state["detail"].split(" folders ")[0] in ("21 of 61", "22 of 61")
        assert "sudo sysctl fs.inotify.max_user_watches=" in state["detail"]
        for number in range(_FOLDERS):
            (folder / f"f{number}" / f"{number}.txt").write_text("x")
        wait_until(lambda: process.count() == _FOLDERS)
        # A new folder has everything covered anew; that takes no watch from another.
        (folder / "new").mkdir()
        (folder / "new" / "late.txt").write_text("x")
        wait_until(lambda: process.count() == _FOLDERS + 1)
        wait_until(lambda: process.ask()["detail"].split(" of ")[0] in ("22", "23"))


def test_without_any_watch_all_is_looked_at(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "root"
    make_folders(folder)
    limited = in_namespace("echo 0 > /proc/sys/user/max_inotify_instances")
    with watching_process(folder, data_dir, before=limited) as process:
        wait_until(lambda: process.ask()["state"] == "polling")
        assert "all folders are looked at every" in process.ask()["detail"]
        assert "max_user_instances" in process.ask()["detail"]
        (folder / "f7" / "new.txt").write_text("x")
        wait_until(lambda: process.names() == {"new.txt"})
        (folder / "f7" / "new.txt").unlink()
        wait_until(lambda: process.names() == set())


def test_what_was_refused_is_watched_as_soon_as_it_may_be(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "root"
    make_folders(folder)
    raised = tmp_path / "raised"
    setting = "/proc/sys/user/max_inotify_instances"
    later = f"while ! test -e '{raised}'; do sleep 0.1; done; echo 100 > {setting}"
    limited = in_namespace(f"echo 0 > {setting}", f"({later}) <&- >&- 2>&- &")
    with watching_process(folder, data_dir, before=limited, rescan_s=1) as process:
        wait_until(lambda: process.ask()["state"] == "polling")
        raised.touch()
        wait_until(lambda: process.ask() | {"sweeps": 0} == watched())


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def watched() -> dict[str, object]:
    return {"state": "watching", "detail": "", "swept": True, "sweeps": 0}


@pytest.mark.slow
def test_a_storm_that_overflows_the_queue_is_got_over(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "root"
    make_folders(folder)
    with watching_process(folder, data_dir) as process:
        wait_until(lambda: process.ask()["swept"])
        (folder / "before.txt").write_text("x")
        wait_until(lambda: process.names() == {"before.txt"})
        os.kill(process.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: is_stopped(process.pid))
            for number in range(_STORM):
                target = folder / f"f{number % _FOLDERS}" / f"{number}.txt"
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
            # Each file was worth several events; so many are kept, and nobody has read any.
            assert int(_QUEUE.read_text()) < _STORM
            assert is_stopped(process.pid)
            (folder / "before.txt").unlink()
            (folder / "f0").rename(folder / "moved")
            (folder / "moved" / "after.txt").write_text("x")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: process.count() == _STORM + 1, 120)
        names = process.names()
        assert names == {"after.txt", *(f"{number}.txt" for number in range(_STORM))}


def test_few_paths_that_overflow_the_queue_are_got_over(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    with watching_process(folder, data_dir) as process:
        wait_until(lambda: process.ask()["swept"])
        for name in ("a", "b"):
            (folder / name).write_text("x")
        wait_until(lambda: process.names() == {"a", "b"})
        os.kill(process.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: is_stopped(process.pid))
            one, two = (os.open(folder / name, os.O_WRONLY) for name in "ab")
            for _ in range(int(_QUEUE.read_text())):
                os.pwrite(one, b"y", 0)
                os.pwrite(two, b"y", 0)
            os.close(one)
            os.close(two)
            (folder / "unheard").write_text("x")  # there is no room left for it in the queue
            threading.Event().wait(_NOTICED_S)
            assert is_stopped(process.pid)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: process.names() == {"a", "b", "unheard"})
