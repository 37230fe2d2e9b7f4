"""Why a file is not read, before anything has been read of it. Pure."""

from __future__ import annotations

import errno

from prismd.errors import ExtractError
from prismd.store.jobs import UNREADABLE
from prismd.wording import shown_name

_OF_THE_DISK = frozenset(
    (
        *(errno.ENOTCONN, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN),
        *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED),
    )
)
_OF_THE_SYSTEM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS))
_OF_THE_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))


def check_size(path: str, size_bytes: int, limit_bytes: int, setting: str) -> None:
    """Refuse what is empty or too large.

    Args:
        path: Of the file.
        size_bytes: Its size.
        limit_bytes: How large it may be.
        setting: The setting of ``[index]`` that says so.

    Raises:
        ExtractError: It is; ``empty`` or ``too_large``.
    """
    name = shown_name(path)
    if size_bytes == 0:
        raise ExtractError(f"{name}: is empty", code="empty", skip=True)
    if size_bytes > limit_bytes:
        raise ExtractError(
            f"{name}: {size_bytes / 1e6:.0f} MB is more than the limit of"
            f" {limit_bytes / 1e6:.0f} MB; raise [index] {setting} and run"
            " 'prismd retry --skipped'",
            code="too_large",
            skip=True,
        )


def is_of_the_disk(error: OSError) -> bool:
    """Whether no file of the same disk can be read: the computer that it belongs to is away."""
    return error.errno in _OF_THE_DISK


def is_of_the_system(error: OSError) -> bool:
    """Whether no file can be read, for room is short."""
    return error.errno in _OF_THE_SYSTEM


def is_of_the_room(error: OSError) -> bool:
    """Whether there is no room for what is put aside while a file is read."""
    return error.errno in _OF_THE_ROOM


def refusal(error: OSError) -> str:
    """Such a refusal, fit to show; the same for every file that it concerns."""
    return f"the system lets nobody read now ({error.strerror})"


def no_room(error: OSError) -> str:
    """That there is no room, fit to show; the same for every file that it concerns."""
    return (
        f"there is no room for what is put aside while files are read ({error.strerror}); free some"
        " disk space"
    )


def unreadable(path: str, error: OSError) -> ExtractError:
    """What the system's refusal means to the user."""
    name = shown_name(path)
    if isinstance(error, PermissionError):
        return ExtractError(
            f"{name}: permission denied; allow prismd's user to read it, then 'prismd retry'",
            code="permission",
        )
    return ExtractError(
        f"{name}: cannot be read ({error.strerror}); 'prismd retry' when it can",
        code=UNREADABLE,
        transient=True,
    )
