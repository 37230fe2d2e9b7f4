"""Holds the disk against the index: what is new, changed, moved or gone becomes jobs.

A sweep walks a root and compares what it finds with the files' rows. Nothing here reads a
file's content.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import msgspec
import pathspec

from prismd.store import files
from prismd.store.database import Database
from prismd.store.files import Entry, Known, Root, entry_of

log = logging.getLogger(__name__)

IGNORE_FILE = b".prismignore"
JUNK = (
    ".git/",
    ".hg/",
    ".svn/",
    ".cache/",
    ".venv/",
    ".tox/",
    ".mypy_cache/",
    ".Trash*/",
    ".DS_Store",
    "node_modules/",
    "bower_components/",
    "__pycache__/",
    "site-packages/",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    "lost+found/",
    "Thumbs.db",
    "desktop.ini",
    "~$*",
    "*~",
    "*.swp",
    "*.tmp",
    "*.part",
    "*.crdownload",
    "*.pyc",
)
_BATCH = 2_000
_IGNORE_FILE_BYTES = 1 << 20


class Rules(msgspec.Struct, frozen=True):
    """What of a root is looked at. Patterns are those of ``.gitignore``.

    ``include``, when not empty, names the only files taken. ``never`` are absolute paths that
    are left out whatever the patterns say (prismd's own data directory).
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    junk: bool = True
    never: tuple[str, ...] = ()


class Sweep(msgspec.Struct, frozen=True):
    """What a sweep of one root found."""

    root: Root
    files: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unreadable: tuple[str, ...] = ()
    offline: bool = False

    @property
    def jobs(self) -> int:
        """How many files are to be read now."""
        return self.added + self.changed


class Walk:
    """Walks a root, keeping account of the folders that could not be read."""

    def __init__(self, root: str, rules: Rules) -> None:
        self._root = os.fsencode(root)
        self._rules = rules
        self._include = pathspec.GitIgnoreSpec.from_lines(rules.include) if rules.include else None
        self._never = {os.fsencode(path) for path in rules.never}
        self.unreadable: list[bytes] = []

    def entries(self) -> Iterator[Entry]:
        """Every regular file that the rules take.

        Links are not followed: what they lead to is either in a root, and found there, or
        outside, and nobody's business.
        """
        exclude = [*(JUNK if self._rules.junk else ()), *self._rules.exclude]
        spec = (b"", pathspec.GitIgnoreSpec.from_lines(exclude))
        pending: list[tuple[bytes, tuple[tuple[bytes, pathspec.GitIgnoreSpec], ...]]] = [
            (self._root, (spec,))
        ]
        while pending:
            folder, specs = pending.pop()
            try:
                with os.scandir(folder) as found:
                    children = sorted(found, key=lambda child: child.name)
            except OSError as error:
                log.warning("%s: cannot be listed (%s)", os.fsdecode(folder), error.strerror)
                self.unreadable.append(folder)
                continue
            specs = self._with_ignore_file(folder, children, specs)
            for child in children:
                if not self._takes(child, specs):
                    continue
                if child.is_dir(follow_symlinks=False):
                    pending.append((child.path, specs))
                elif entry := self._entry(child):
                    yield entry

    def _with_ignore_file(
        self,
        folder: bytes,
        children: Sequence[os.DirEntry[bytes]],
        specs: tuple[tuple[bytes, pathspec.GitIgnoreSpec], ...],
    ) -> tuple[tuple[bytes, pathspec.GitIgnoreSpec], ...]:
        # A FIFO of this name would be waited on for ever, and a link leads anywhere.
        found = [child for child in children if child.name == IGNORE_FILE]
        if not found or not found[0].is_file(follow_symlinks=False):
            return specs
        try:
            with Path(os.fsdecode(found[0].path)).open("rb") as file:
                text = file.read(_IGNORE_FILE_BYTES).decode("utf-8", "replace")
            own = pathspec.GitIgnoreSpec.from_lines(text.splitlines())
        except (OSError, ValueError) as error:
            log.warning("%s: cannot be used (%s)", os.fsdecode(folder + b"/" + IGNORE_FILE), error)
            return specs
        return (*specs, (self._relative(folder), own))

    def _relative(self, path: bytes) -> bytes:
        return path[len(self._root) :].lstrip(b"/")

    def _takes(
        self,
        child: os.DirEntry[bytes],
        specs: tuple[tuple[bytes, pathspec.GitIgnoreSpec], ...],
    ) -> bool:
        if child.path in self._never or child.is_symlink():
            return False
        if child.name.startswith(b".") and not self._rules.hidden:
            return False
        folder = child.is_dir(follow_symlinks=False)
        relative = self._relative(child.path)
        # As with .gitignore, the file nearest to it that says anything of it decides.
        for base, spec in reversed(specs):
            inner = os.fsdecode(relative[len(base) :].lstrip(b"/"))
            excluded = spec.check_file(inner + "/" if folder else inner).include
            if excluded is not None:
                if excluded:
                    return False
                break
        return folder or self._include is None or self._include.match_file(os.fsdecode(relative))

    @staticmethod
    def _entry(child: os.DirEntry[bytes]) -> Entry | None:
        try:
            found = child.stat(follow_symlinks=False)
        except OSError:  # gone since the listing; the next sweep will know
            return None
        if not stat.S_ISREG(found.st_mode):  # FIFOs, sockets and devices are never opened
            return None
        return entry_of(child.path, found)


class _Difference(msgspec.Struct):
    added: list[Entry]
    changed: list[tuple[int, Entry]]
    moved: list[tuple[int, Entry]]
    gone: list[int]


def sweep(database: Database, root: Root, rules: Rules) -> Sweep:
    """Bring the rows of one root to what is on disk, and queue what is to be read.

    A root that is not there is marked offline, and nothing of it is forgotten.
    """
    walk = Walk(root.path, rules)
    known = database.read(lambda c: files.known(c, root.id))
    there = Path(root.path).is_dir()
    total, difference = _compare(walk, known) if there else (0, None)
    if difference is None or _is_empty_mount_point(root, known, total, difference):
        database.write(lambda c: files.set_root_state(c, root.id, "offline"))
        return Sweep(root, offline=True)
    device = entry_of(b"", Path(root.path).stat()).device
    if root.state == "offline" or root.device != device:
        database.write(lambda c: _is_back(c, root, device))
    _apply(database, root, difference)
    return Sweep(
        root,
        files=total,
        added=len(difference.added),
        changed=len(difference.changed),
        moved=len(difference.moved),
        removed=len(difference.gone),
        unreadable=tuple(os.fsdecode(folder) for folder in walk.unreadable),
    )


def _is_empty_mount_point(
    root: Root, known: dict[bytes, Known], total: int, difference: _Difference
) -> bool:
    """Whether all files have gone together with their disk: what an unmounted one leaves.

    A root that is only empty now has the device that it had.
    """
    if not known or total > len(difference.added):  # something known was found again
        return False
    device = entry_of(b"", Path(root.path).stat()).device
    return root.device not in (0, device)


def _is_back(connection: apsw.Connection, root: Root, device: int) -> None:
    files.set_root_state(connection, root.id, "watching")
    files.set_root_device(connection, root.id, device)


def _compare(walk: Walk, known: dict[bytes, Known]) -> tuple[int, _Difference]:
    added: list[Entry] = []
    changed: list[tuple[int, Entry]] = []
    missing = dict(known)
    total = 0
    for entry in walk.entries():
        total += 1
        row = missing.pop(entry.path, None)
        if row is None:
            added.append(entry)
        elif not row.matches(entry):
            changed.append((row.id, entry))
    for folder in walk.unreadable:  # what cannot be seen is not gone
        prefix = folder + b"/"
        missing = {path: row for path, row in missing.items() if not path.startswith(prefix)}
    moved, added = _pair_moves(added, missing)
    taken = {file_id for file_id, _ in moved}
    gone = [row.id for row in missing.values() if row.id not in taken]
    return total, _Difference(added, changed, moved, gone)


def _pair_moves(
    added: list[Entry], missing: dict[bytes, Known]
) -> tuple[list[tuple[int, Entry]], list[Entry]]:
    """A file that went from one path and stands at another with the same identity was moved."""
    by_identity: dict[tuple[int, int, int, int], int] = {
        (row.device, row.inode, row.size_bytes, row.mtime_ns): row.id for row in missing.values()
    }
    moved, new = [], []
    for entry in added:
        identity = (entry.device, entry.inode, entry.size_bytes, entry.mtime_ns)
        file_id = by_identity.pop(identity, None)
        if file_id is None:
            new.append(entry)
        else:
            moved.append((file_id, entry))
    return moved, new


def _apply(database: Database, root: Root, difference: _Difference) -> None:
    # Removals and moves first: they free the paths that new files may now have.
    def first(connection: apsw.Connection) -> None:
        files.remove(connection, difference.gone)
        files.move(connection, difference.moved)

    if difference.gone or difference.moved:
        database.write(first)
    for start in range(0, len(difference.changed), _BATCH):
        part = difference.changed[start : start + _BATCH]
        database.write(lambda c, part=part: files.change(c, part))  # type: ignore[misc]
    for start in range(0, len(difference.added), _BATCH):
        new = difference.added[start : start + _BATCH]
        database.write(lambda c, new=new: files.add(c, root.id, new))  # type: ignore[misc]
