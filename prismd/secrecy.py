"""What a process does whose index is encrypted: nothing of it reaches the disk by another way.

What is read by way of files lies in memory meanwhile, and a crash leaves no image of the memory.
Swap space and hibernation are the system's: whoever encrypts an index encrypts those too.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import resource
import shutil
import stat
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import psutil

from prismd.errors import StoreError

log = logging.getLogger(__name__)

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - checked to be in memory, and ours


@dataclass
class _Use:
    """What this process has of a folder: its lock, how often, and what TMPDIR was before."""

    lock: int
    before: str | None
    times: int = 0


_uses: dict[Path, _Use] = {}
_guard = threading.Lock()


def begin(data_dir: Path) -> Path:
    """Keep what this process and its children write for a while in memory, and no core dumps.

    To be called before there are children; as often as ``end``.

    Args:
        data_dir: The index.

    Returns:
        The folder for temporary files, the user's alone, the same for every process with that
        index. Where the system has none in memory (macOS), it is one on the disk.

    Raises:
        StoreError: The folder is somebody else's.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    folder = folder_of(data_dir)
    if folder is None:
        folder = data_dir / "slots"
        log.warning(
            "this system has no folder in memory: attachments of mails and uploads pass through"
            " private files on the disk while they are read"
        )
    with _guard:
        if (use := _uses.get(folder)) is None:
            use = _uses[folder] = _Use(_shared(folder), os.environ.get("TMPDIR"))
        use.times += 1
        # Both this process and those that it starts take it for what they would put elsewhere.
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    return folder


def end(folder: Path) -> None:
    """Have done with the folder of ``begin``, when this process's children are gone.

    Whoever is the last of all processes removes it, with what one that was killed has left there.
    """
    with _guard:
        use = _uses[folder]
        use.times -= 1
        if use.times:
            return
        del _uses[folder]
        if use.before is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = use.before
        tempfile.tempdir = None
        try:
            fcntl.flock(use.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # another process has it still
        finally:
            os.close(use.lock)


def _shared(folder: Path) -> int:
    """Make the folder, and have it together with others; gives the lock, held until it is closed.

    Raises:
        StoreError: The folder is somebody else's.
    """
    while True:
        # Whoever was the last before may remove it at any moment until it is locked.
        with contextlib.suppress(FileNotFoundError):
            _make(folder)
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_SH)
                if os.path.samestat(os.fstat(lock), folder.lstat()):
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


def folder_of(data_dir: Path) -> Path | None:
    """Where in memory the folder of an index is, or is to be; None where none can be."""
    base = memory_folder()
    if base is None:
        return None
    real = os.fsencode(os.path.realpath(data_dir))
    return base / f"prismd-{os.getuid()}-{hashlib.sha256(real).hexdigest()[:16]}"


def memory_folder() -> Path | None:
    """The user's own folder in memory with the most room, or the system's; None without one."""
    kinds = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    found = []
    for name in (os.environ.get("XDG_RUNTIME_DIR", ""), _SHARED_MEMORY):
        path = Path(os.path.realpath(name)) if name else None
        if path is None or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            continue
        mount = next((above for above in (path, *path.parents) if str(above) in kinds), None)
        if mount is not None and kinds[str(mount)] in _IN_MEMORY:
            found.append(path)
    return max(found, key=lambda path: shutil.disk_usage(path).free, default=None)


def _make(folder: Path) -> None:
    """Make a folder in a place where others may make some, too."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise StoreError(
            f"{folder}: is to hold what is read of an encrypted index, but is not yours alone;"
            " remove it"
        )
