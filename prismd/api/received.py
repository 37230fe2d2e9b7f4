"""Files that came with a request, kept for as long as it lasts and by no name of their own."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from prismd.api.multipart import Part
from prismd.api.offload import Offload
from prismd.errors import RequestError

_BLOCK_BYTES = 1 << 20


class ReceivedFile:
    """A temporary file that only this user can read.

    On Linux no folder has it: however prismd ends, nothing is left behind. Other processes of the
    same user reach it through this one. Elsewhere it has a name, which goes when it is closed.

    Attributes:
        path: By which this process and its children open it, until it is closed.
        size_bytes: As far as it has been written.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        if sys.platform == "linux":
            self._file = tempfile.TemporaryFile(prefix="prismd-", buffering=0)  # noqa: SIM115
            self.path = Path(f"/proc/{os.getpid()}/fd/{self._file.fileno()}")
        else:
            self._file = tempfile.NamedTemporaryFile(prefix="prismd-", buffering=0)  # noqa: SIM115
            self.path = Path(self._file.name)

    def write(self, block: bytes) -> None:
        """Add bytes. Blocks.

        Raises:
            RequestError: The disk is full.
        """
        view = memoryview(block)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise RequestError(
                f"the file cannot be kept while it is read ({error.strerror}); make room in"
                f" {tempfile.gettempdir()}, or set TMPDIR to a folder that has some",
                status=503,
                code="disk_full",
            ) from error
        self.size_bytes += len(block)

    def close(self) -> None:
        """Give the file up; also twice."""
        self._file.close()


async def receive(part: Part, offload: Offload) -> ReceivedFile:
    """Take in a file of a form, which whoever gets it must close.

    Raises:
        RequestError: It is too large, or the disk is full.
        ClientGone: The client went away.
    """
    file = ReceivedFile()
    try:
        block = bytearray()
        async for chunk in part.chunks():
            block += chunk
            if len(block) >= _BLOCK_BYTES:
                await offload.keep(partial(file.write, bytes(block)))
                block.clear()
        await offload.keep(partial(file.write, bytes(block)))
    except BaseException:
        file.close()
        raise
    return file
