"""What a process does whose index is encrypted: nothing of it reaches the disk by another way.

What is read by way of files lies in memory meanwhile, and a crash leaves no image of the memory.
Swap space and hibernation are the system's: whoever encrypts an index encrypts those too.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import resource
import shutil
import stat
import tempfile
from pathlib import Path

import psutil

from prismd.errors import StoreError

log = logging.getLogger(__name__)

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_before: dict[Path, str | None] = {}
"""What TMPDIR was, by the folder that took its place."""
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - checked to be in memory, and ours


def begin(data_dir: Path) -> Path:
    """Keep what this process and its children write for a while in memory, and no core dumps.

    To be called before there are children; twice does no harm.

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
    _make(folder)
    _before.setdefault(folder, os.environ.get("TMPDIR"))
    # Both this process and those that it starts take it for what they would put elsewhere.
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    return folder


def end(folder: Path) -> None:
    """Remove the folder of ``begin``; for the process that indexes, when its children are gone."""
    before = _before.pop(folder, None)
    if before is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = before
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)


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
