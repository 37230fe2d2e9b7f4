"""Files that came with a request, kept for as long as it lasts and by no name of their own."""

from __future__ import annotations

import errno
import tempfile
from functools import partial
from pathlib import Path

from prismd.api.multipart import Part
from prismd.api.offload import Offload
from prismd.errors import RequestError
from prismd.paths.aside import place_of, shortage
from prismd.paths.openable import Openable

_BLOCK_BYTES = 1 << 20


async def receive(part: Part, offload: Offload) -> Openable:
    """Take in a file of a form, which whoever gets it must close.

    Raises:
        RequestError: It is too large, or there is no room for it.
        ClientGone: The client went away.
    """
    file = Openable(in_memory=False)
    try:
        block = bytearray()
        async for chunk in part.chunks():
            block += chunk
            if len(block) >= _BLOCK_BYTES:
                await offload.keep(partial(_write, file, bytes(block)))
                block.clear()
        await offload.keep(partial(_write, file, bytes(block)))
    except BaseException:
        file.close()
        raise
    return file


def _write(file: Openable, block: bytes) -> None:
    try:
        file.write(block)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        found = shortage(place_of(Path(tempfile.gettempdir())))
        raise RequestError(
            f"the file cannot be kept while it is read ({error.strerror}): {found}",
            status=503,
            code=found.code,
        ) from error
