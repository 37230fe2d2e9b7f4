"""Disks of a test's own, mounted in a namespace where that needs no privileges."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.harness import COMMAND, Daemon, Place
from tests.needing import leave_out

_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
_CANNOT_BE_HAD = 77
_DETACH = 2


Scene = Callable[[Path], None]
"""A function of a test module, which is given an empty folder."""


def in_namespace(scene: Scene, folder: Path) -> None:
    """Run a scene where mounting needs no privileges, or skip."""
    with _begin(scene, folder) as process:
        _await_end(process)


class Scenes:
    """Scenes that go on at the same time, each where mounting needs no privileges.

    For those that mostly wait: for a disk, say, until it is known not to answer.

    Args:
        scenes: Each is begun at once, in a folder of its own.
        folder: An empty one, in which those are made.
    """

    def __init__(self, scenes: Sequence[Scene], folder: Path) -> None:
        self._begun: dict[Scene, subprocess.Popen[str]] = {}
        for scene in scenes:
            own = folder / scene.__name__
            own.mkdir()
            self._begun[scene] = _begin(scene, own)

    def see(self, scene: Scene) -> None:
        """Wait for the end of a scene, which must be a good one, or skip."""
        _await_end(self._begun[scene])

    def close(self) -> None:
        """End those that nobody has waited for."""
        for process in self._begun.values():
            with process:
                process.terminate()


def _begin(scene: Scene, folder: Path) -> subprocess.Popen[str]:
    if sys.platform != "linux":
        pytest.skip("namespaces of mounts are Linux's")
    try:
        probe = subprocess.run(
            [*_NAMESPACE, "mount", "-t", "tmpfs", "none", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        leave_out(f"there is no {error.filename}")
    if probe.returncode:
        pytest.skip(f"nothing can be mounted here: {probe.stderr.strip()}")
    call = f"m.{scene.__name__}(pathlib.Path({str(folder)!r}))"
    # Ended in the middle, it takes its daemon with it.
    ends = "signal.signal(signal.SIGTERM, signal.default_int_handler)"
    code = f"import pathlib, signal, {scene.__module__} as m; {ends}; {call}"
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [*_NAMESPACE, sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )


def _await_end(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate()
    if process.returncode == _CANNOT_BE_HAD:
        pytest.skip("no disk that hangs can be mounted here")
    assert process.returncode == 0, said


@contextlib.contextmanager
def hung(folder: Path) -> Iterator[None]:
    """Have a folder hang whoever looks at it, for as long as the context lasts.

    For scenes that run ``in_namespace``: where that cannot be had, the scene is skipped.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        sys.exit(_CANNOT_BE_HAD)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"nobody", os.fsencode(folder), b"fuse.nobody", 0, options.encode()):
        sys.exit(_CANNOT_BE_HAD)
    try:
        yield
    finally:
        os.close(device)  # from now on it gives an error instead
        libc.umount2(os.fsencode(folder), _DETACH)


def mount(folder: Path, *options: str) -> None:
    """Mount an empty disk."""
    subprocess.run(["mount", "-t", "tmpfs", *options, "none", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Have a disk mounted otherwise."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def bind(source: Path, folder: Path) -> None:
    """Have a folder at another place, too."""
    subprocess.run(["mount", "--bind", str(source), str(folder)], check=True)


def unmount(folder: Path) -> None:
    """Take away a disk, whoever uses it."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free_bytes(folder: Path) -> int:
    """The room that is left on a disk."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def gone_read_only(folder: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have a folder as it is for a process whose disk went read-only while it had files open.

    No disk can be remounted so while a file is open for writing: only the system itself does that,
    to a disk with faults. What it comes to is made up of two parts: nobody can open a file to
    write it, and what the process writes to the files that it has open is refused.
    """
    bind(folder, folder)
    remount(folder, "bind,ro")
    limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may have been stopped
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        unmount(folder)


@contextlib.contextmanager
def heard_daemon(place: Place, said: list[str]) -> Iterator[Daemon]:
    """A running daemon over the folder of a place, whose log goes to no file.

    Args:
        place: Where it runs.
        said: Gets the lines of its log.
    """
    with subprocess.Popen(
        [*COMMAND, "run", str(place.folder)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=place.environment(),
    ) as process:
        assert process.stderr is not None
        lines = process.stderr
        hearing = threading.Thread(target=lambda: said.extend(map(bytes.decode, lines)))
        hearing.start()
        place.log.touch()
        daemon = Daemon(place, process)
        try:
            daemon.await_health()
            yield daemon
        finally:
            daemon.end()
            hearing.join()
