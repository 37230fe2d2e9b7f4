"""Disks of a test's own, mounted in a namespace where that needs no privileges."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.harness import COMMAND, Daemon, Place

_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
_CANNOT_BE_HAD = 77
_DETACH = 2


def in_namespace(scene: Callable[[Path], None], folder: Path) -> None:
    """Run a function of a test module where mounting needs no privileges, or skip."""
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
        pytest.skip(f"there is no {error.filename}")
    if probe.returncode:
        pytest.skip(f"nothing can be mounted here: {probe.stderr.strip()}")
    call = f"m.{scene.__name__}(pathlib.Path({str(folder)!r}))"
    code = f"import pathlib, {scene.__module__} as m; {call}"
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*_NAMESPACE, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    if done.returncode == _CANNOT_BE_HAD:
        pytest.skip("no disk that hangs can be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr


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
