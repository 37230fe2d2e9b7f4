"""Folders that a newcomer may want to have read: those that are there, and how full they are."""

from __future__ import annotations

import configparser
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from prismd.paths.real_path import holds_something, is_folder, real_path
from prismd.watch.mounts import mounts
from prismd.watch.rules import Patterns, Rules

_USUAL: tuple[Callable[[], Path], ...] = (
    platformdirs.user_documents_path,
    platformdirs.user_desktop_path,
    platformdirs.user_downloads_path,
    platformdirs.user_pictures_path,
    platformdirs.user_music_path,
)
"""Named in the user's language by ``user-dirs.dirs``, where there is one."""
_OF_OTHERS = (
    *("Notes", "notes", "Obsidian", "Zettelkasten", "Scans"),
    *("Nextcloud", "ownCloud", "Dropbox", "OneDrive", "Google Drive", "pCloudDrive"),
    *("Library/CloudStorage", "Library/Mobile Documents/com~apple~CloudDocs"),
)
_OBSIDIAN = (".config/obsidian", "Library/Application Support/obsidian")
_MOST = 8


class Suggestion(NamedTuple):
    """A folder that could be read.

    Attributes:
        files: How many files were counted in it; None where nobody counted.
        whole: Whether that is all of them.
    """

    path: Path
    files: int | None = None
    whole: bool = False


def suggestions(home: Path, within_s: float, watched: Sequence[Path] = ()) -> list[Suggestion]:
    """Folders that could be read, no two of which overlap.

    Args:
        home: The user's.
        within_s: How long their files are counted, all together; the first comes first.
        watched: Folders that are read already: none of them, in them or around them is found.
    """
    found = chosen(candidates(home), home, watched)
    end_s = time.monotonic() + within_s
    return [_counted(path, end_s) for path in found]


def candidates(home: Path) -> Iterator[Path]:
    """Places that programs and people keep files in; the likeliest first. None need be there."""
    for place in _USUAL:
        try:
            yield place()
        except (configparser.Error, OSError, ValueError):
            continue  # whoever wrote user-dirs.dirs did so in another way
    yield from (home / name for name in _OF_OTHERS)
    yield from sorted(home.glob("OneDrive - *"))
    for folder in _OBSIDIAN:
        vaults = _read(home / folder / "obsidian.json").get("vaults")
        for vault in vaults.values() if isinstance(vaults, dict) else ():
            yield from _paths([vault])
    yield from _paths(_read(home / ".dropbox" / "info.json").values())


def _read(file: Path) -> dict[str, Any]:
    """What another program has written down; nothing where it is not as expected."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _paths(entries: Iterable[Any]) -> Iterator[Path]:
    for entry in entries:
        path = entry.get("path") if isinstance(entry, dict) else None
        if isinstance(path, str) and os.path.isabs(path):  # noqa: PTH117 - it is none yet
            yield Path(path)


def chosen(places: Iterable[Path], home: Path, watched: Sequence[Path] = ()) -> list[Path]:
    """Those that are there with something in them, none within another, nor around the home.

    Where a disk does not answer, there is nothing.
    """
    found: list[Path] = []
    for place in places:
        path = Path(real_path(place) or "/")  # which is around everything
        overlaps = any(
            path.is_relative_to(other) or other.is_relative_to(path) for other in (*watched, *found)
        )
        if not overlaps and not home.resolve().is_relative_to(path) and _is_of_use(path):
            found.append(path)
    return found[:_MOST]


def _is_of_use(path: Path) -> bool:
    """Whether it can be named to a person, and is there with something in it."""
    # To list it would, on macOS, have the system ask the user.
    look = is_folder if sys.platform == "darwin" else holds_something
    try:
        str(path).encode()  # else it cannot be watched
        return look(path) is True
    except (OSError, ValueError):
        return False


def _counted(path: Path, end_s: float) -> Suggestion:
    # On macOS the system would ask the user first, and a network disk may take its time.
    if sys.platform == "darwin" or mounts().is_silent(os.fsencode(path)):
        return Suggestion(path)
    files, whole = count_files(path, end_s)
    return Suggestion(path, files, whole)


def count_files(folder: Path, end_s: float) -> tuple[int, bool]:
    """How many files would be looked at, and whether all were counted by then.

    Those of the folder itself are, however late it is: that there are some is always known.
    """
    patterns = Patterns(str(folder), Rules())
    scope, waiting, files = patterns.outermost, [os.fsencode(folder)], 0
    is_outermost = True
    while waiting:
        if not is_outermost and time.monotonic() > end_s:
            return files, False
        is_outermost = False
        try:
            with os.scandir(waiting.pop()) as children:
                for child in children:
                    if child.is_dir(follow_symlinks=False):
                        waiting += [child.path] if patterns.takes_folder(scope, child.path) else []
                    elif child.is_file(follow_symlinks=False):
                        files += patterns.takes_file(scope, child.path)
        except OSError:
            continue
    return files, True


def in_words(found: Suggestion) -> str:
    """How full a folder is; pure."""
    if found.files is None:
        return ""
    if not found.whole:
        return f"more than {found.files:,} files" if found.files else ""
    return "1 file" if found.files == 1 else f"{found.files:,} files"
