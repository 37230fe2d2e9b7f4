"""Bytes that other processes of this user can open by a path, though no folder has them.

Whatever reads files takes a path, and is another process. On Linux the bytes are in memory, or on
the disk without a name, and go with this process in whatever way it ends. Elsewhere they are in a
private file, which goes when it is closed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, Self

from prismd.paths.alias import Alias

_PREFIX = "prismd-"


class Openable:
    """Bytes with a path, until they are closed; also as a context.

    Args:
        name: What the file is called; its path says nothing.
        in_memory: Whether they are few enough to be kept there.
        folder: Where a file is made where one is needed; the system's unless given.

    Raises:
        OSError: There is no room.

    Attributes:
        path: By which this process and others open it, until it is closed.
        size_bytes: As far as it has been written.
    """

    def __init__(
        self, name: str = "", *, in_memory: bool = True, folder: Path | None = None
    ) -> None:
        self.size_bytes = 0
        self._file, path = _made(in_memory, folder)
        self.path: Path = Alias.of(path, name) if name else Path(path)

    def write(self, block: bytes) -> None:
        """Add bytes. Blocks.

        Raises:
            OSError: There is no room.
        """
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]
        self.size_bytes += len(block)

    def close(self) -> None:
        """Give the bytes up; also twice."""
        self._file.close()

    def __enter__(self) -> Self:
        """The same."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the bytes up."""
        self.close()


def _made(in_memory: bool, folder: Path | None) -> tuple[IO[Any], str]:
    """A file to write by, without a buffer, and a path to read by."""
    file: Any
    if in_memory and hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(_PREFIX.rstrip("-"), os.MFD_CLOEXEC)
        file = os.fdopen(descriptor, "wb", buffering=0)
    elif not in_memory and sys.platform == "linux":
        file = tempfile.TemporaryFile(prefix=_PREFIX, buffering=0, dir=folder)  # noqa: SIM115
    else:
        if folder is not None:
            folder.mkdir(mode=0o700, exist_ok=True)
        file = tempfile.NamedTemporaryFile(prefix=_PREFIX, buffering=0, dir=folder)  # noqa: SIM115
        return file, file.name
    return file, f"/proc/{os.getpid()}/fd/{file.fileno()}"
