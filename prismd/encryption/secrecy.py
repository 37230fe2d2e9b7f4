"""What a process does whose index is encrypted: nothing of it reaches the disk by another way.

What is read by way of files lies in memory meanwhile, and a crash leaves no image of the memory.
Swap space and hibernation are the system's: whoever encrypts an index encrypts those too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prismd.encryption.discretion import Told, own
from prismd.errors import StoreError
from prismd.paths import aside
from prismd.paths.own_folder import OwnFolder, make, remove_left, sweep

log = logging.getLogger(__name__)

ROOM_BYTES = 100_000_000
"""So much is to have room as a rule."""
NOWHERE = (
    "this system has no folder in memory: attachments of mails, uploads, and recordings that are"
    " sent pass through private files on the disk while they are read"
)

_PREFIX = "prismd-aside-"
_NOTES = "slots"
"""Of the data directory: links to the folders in use; the folders where none are in memory."""
_COREDUMP_FILTER = Path("/proc/self/coredump_filter")


@dataclass
class _Use:
    """What this process has put aside for one index, where that is noted, how often it began."""

    folder: OwnFolder
    note: Path
    before: Mapping[str, str]
    """The variables of the process as they were without any use."""
    times: int = 1


_uses: dict[Path, _Use] = {}
_guard = threading.Lock()


def begin(data_dir: Path, room_bytes: int = ROOM_BYTES, *, tells: bool = True) -> Path:
    """Keep what this process and its children write for a while in memory, and no core dumps.

    To be called before there are children; as often as ``end``. What processes that are gone left
    is removed.

    Args:
        data_dir: The index.
        room_bytes: How large a file may be that is put aside.
        tells: Log it where the system has no folder in memory, or a small one.

    Returns:
        A folder of this process for temporary files, the user's alone. Where the system has none
        in memory (macOS), it is one on the disk.

    Raises:
        StoreError: None can be made.
    """
    leave_no_image()
    data_dir = Path(os.path.realpath(data_dir))
    with _guard:
        if (use := _uses.get(data_dir)) is not None:
            use.times += 1
            return use.folder.path
        before = next((other.before for other in _uses.values()), None) or dict(os.environ)
        places = list(aside.in_memory(aside.candidates(before)))
        place = aside.choose(places, room_bytes)
        if tells:
            _tell(place, room_bytes)
        _sweep(data_dir, places)
        folder = _made(place.folder if place is not None else data_dir / _NOTES)
        _uses[data_dir] = _Use(folder, _noted(folder.path, data_dir), before)
        # Both this process and those that it starts take it for what they would put elsewhere.
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder.path)
        return folder.path


def end(folder: Path) -> None:
    """Have done with the folder of ``begin``, when this process's children are gone."""
    with _guard:
        data_dir, use = next(item for item in _uses.items() if item[1].folder.path == folder)
        use.times -= 1
        if use.times:
            return
        del _uses[data_dir]
        use.folder.remove()
        with contextlib.suppress(OSError):
            use.note.unlink()
        _restore(use.before)


def in_use(data_dir: Path, *, by_others: bool = False) -> list[Path]:
    """The folders of processes that have put something aside for an index, or left it there.

    Args:
        data_dir: The index.
        by_others: Without that of this process.
    """
    with _guard:  # one that is beginning has a note before it is known for our own
        own = {use.note.name for use in _uses.values()} if by_others else set()
        notes = sorted((data_dir / _NOTES).glob(f"{_PREFIX}*"))
    folders = (Path(os.path.realpath(note)) for note in notes if note.name not in own)
    return [folder for folder in folders if folder.is_dir()]


def leave_no_image() -> None:
    """Keep what is in the memory of this process, and of those that it starts, out of core dumps.

    A limit of their size alone does not: the system does not heed it where it hands them to a
    program. So nothing is put into them either, which children inherit whatever they run. That is
    why ``PR_SET_DUMPABLE`` is not set: what is run next clears it, and without it the children
    cannot open what this process holds in memory for them (see ``openable``).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    with contextlib.suppress(OSError):  # there is none on other systems
        _COREDUMP_FILTER.write_text("0", encoding="ascii")


def _tell(place: aside.Place | None, room_bytes: int) -> None:
    if place is None:
        log.warning("%s", own(NOWHERE))
    elif place.total_bytes < room_bytes:
        log.warning(
            "%s holds %s, and an upload may have %s: what is larger is refused; %s",
            *(Told(told, told) for told in _few(place, room_bytes)),
        )


def _few(place: aside.Place, room_bytes: int) -> tuple[str, ...]:
    sizes = (aside.told_bytes(size) for size in (place.total_bytes, room_bytes))
    return str(place.point), *sizes, aside.larger(place.point)


def _restore(before: Mapping[str, str]) -> None:
    """Have temporary files where they were before, or where another index has them."""
    left = next(iter(_uses.values()), None)
    if left is not None:
        tempfile.tempdir = os.environ["TMPDIR"] = str(left.folder.path)
        return
    tempfile.tempdir = None
    if "TMPDIR" in before:
        os.environ["TMPDIR"] = before["TMPDIR"]
    else:
        os.environ.pop("TMPDIR", None)


def _made(base: Path) -> OwnFolder:
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        return make(base, _PREFIX)
    except OSError as error:
        raise StoreError(
            f"{base}: what is read of the encrypted index cannot be put aside there"
            f" ({error.strerror}); make room, or set TMPDIR to a folder of another tmpfs"
        ) from error


def _noted(folder: Path, data_dir: Path) -> Path:
    """Note where the folder is: if this process is killed, the next may look elsewhere."""
    note = data_dir / _NOTES / folder.name
    with contextlib.suppress(OSError):  # nothing can be written there, or it is that folder
        note.parent.mkdir(mode=0o700, exist_ok=True)
        note.symlink_to(folder)
    return note


def _sweep(data_dir: Path, places: Iterable[aside.Place]) -> None:
    """Remove what processes that are gone have left, wherever it is."""
    for place in places:
        sweep(place.folder, _PREFIX)
    notes = data_dir / _NOTES
    for note in notes.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not note.is_symlink():
                continue
            if (folder := note.readlink()).name == note.name:
                remove_left(folder)
            if not folder.exists():
                note.unlink()
    sweep(notes, _PREFIX)
