"""What a sweep has found, written down in batches."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from functools import partial

import apsw

from prismd.disk.looking import is_there
from prismd.paths.opening import lstat, lstat_within
from prismd.store import files, folders
from prismd.store.files import Entry, Known, Root, entry_of
from prismd.watch.errand import Errand
from prismd.watch.spelling import is_spelled_so, same_but_for_spelling

_BATCH = 2_000


class Findings:
    """Differences between the disk and the rows of a root.

    Args:
        errand: By which both are asked about the root.
    """

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._root = errand.root
        self._new: list[Entry] = []
        self._changed: dict[int, Entry] = {}
        self._same: list[tuple[int, Entry]] = []
        self.missing: dict[bytes, Known] = {}
        self.excluded: dict[bytes, Known] = {}
        self.added = self.changed = self.moved = self.compared = self.removed = 0

    def new(self, entry: Entry) -> None:
        """A file that the index does not know at its path."""
        self._new.append(entry)

    def differs(self, file_id: int, entry: Entry) -> None:
        """A file that may have another content by now, and so may its other names.

        Of those nothing is told: an event names only the one by which it was written.
        """
        self._changed[file_id] = entry
        others = self._errand.read(lambda c: folders.with_identity(c, entry.device, entry.inode))
        for path, row in others:
            if row.id == file_id:
                continue
            self._errand.heard()
            with contextlib.suppress(OSError):
                other = entry_of(path, lstat(path))
                if (other.device, other.inode) == (entry.device, entry.inode):
                    self._changed.setdefault(row.id, other)

    def same(self, file_id: int, entry: Entry) -> None:
        """A file that is what it was, on a disk that has another number."""
        self._same.append((file_id, entry))

    def __len__(self) -> int:
        return len(self._new) + len(self._changed) + len(self._same)

    def write(self) -> None:
        """Write down what is new and what differs; what is missing waits for the end.

        A new file that stood elsewhere until now keeps its row, and with it all that was read.
        Where its folder was moved, everything about it is as it was. Moved by itself, it could
        be another file that was given the same number and time, and is hashed to make sure.

        Raises:
            StoreError: It cannot be written down.
            Abandoned: The root was removed, or its sweep given up.
        """
        pairs, new = self._pair()
        moved = [(row.id, entry) for row, entry in pairs]
        compared = [(row.id, entry) for row, entry in pairs if row.ctime_ns != entry.ctime_ns]
        changed, same = list(self._changed.items()), self._same

        def record(connection: apsw.Connection) -> int:
            forgotten = files.move(connection, self._root.id, moved)
            forgotten += files.change(connection, [*changed, *compared])
            forgotten += files.recognise(connection, same)
            # A reader may have looked for one while it was elsewhere for a moment. What other
            # roots have forgotten they look for themselves.
            ours = [entry for entry in forgotten if _holds(self._root, entry.path)]
            files.add(connection, self._root.id, ours)
            return files.add(connection, self._root.id, new)

        if moved or new or changed or same:
            self.added += self._errand.write(record)
        self.moved += len(moved)
        self.compared += len(compared)
        self.changed += len(changed)
        self._new, self._changed, self._same = [], {}, []

    def _pair(self) -> tuple[list[tuple[Known, Entry]], list[Entry]]:
        """New files that are known ones from another path, with what is known, and the others."""
        moved: list[tuple[Known, Entry]] = []
        new: list[Entry] = []
        # One whose name another file has by now keeps the name, and not the content.
        taken = {*self._changed, *(file_id for file_id, _ in self._same)}
        for entry in self._new:
            known = self._errand.read(
                lambda c, e=entry: folders.with_identity(c, e.device, e.inode)  # type: ignore[misc]
            )
            for path, row in known:
                if row.id not in taken and row.looks_like(entry) and self._moved(path, entry):
                    taken.add(row.id)
                    moved.append((row, entry))
                    break
            else:
                new.append(entry)
        return moved, new

    def _moved(self, path: bytes, entry: Entry) -> bool:
        """Whether a file surely stands at another path by now, and not at this one as well."""
        root = self._root_of(path)
        self._errand.heard()
        if root not in (None, self._root) and not is_there(root):
            return False  # what is on a disk that is away is not gone
        if is_gone(path, os.fsencode(root.path) if root is not None else b"/", entry.inode):
            return True
        return same_but_for_spelling(path, entry.path) and not self.is_spelled_so(path)

    def is_spelled_so(self, path: bytes) -> bool:
        """Whether a file stands at a path under this very name."""
        return is_spelled_so(path, os.fsencode(self._root.path), self._errand.heard)

    def _root_of(self, path: bytes) -> Root | None:
        """The root that a path is in; None where it has been removed."""
        if _holds(self._root, path):
            return self._root
        roots = self._errand.read(files.roots)
        return next((root for root in roots if _holds(root, path)), None)

    def remove(self, gone: Sequence[tuple[bytes, Known]]) -> None:
        """Forget files, unless they have been found elsewhere meanwhile.

        Raises:
            StoreError: They cannot be forgotten.
            Abandoned: The root was removed, or its sweep given up.
        """
        for start in range(0, len(gone), _BATCH):
            some = gone[start : start + _BATCH]  # others may write in between
            self.removed += self._errand.write(partial(_forget, gone=some))


def _holds(root: Root, path: bytes) -> bool:
    return path.startswith(os.fsencode(root.path).rstrip(b"/") + b"/")


def _forget(connection: apsw.Connection, gone: Sequence[tuple[bytes, Known]]) -> int:
    still = [row.id for path, row in gone if _stands_at(connection, path, row.id)]
    files.remove(connection, still)
    return len(still)


def _stands_at(connection: apsw.Connection, path: bytes, file_id: int) -> bool:
    row = folders.at(connection, path)
    return row is not None and row.id == file_id


def is_gone(path: bytes, root: bytes, inode: int | None = None) -> bool:
    """Whether surely no regular file stands at a path any more.

    What a link below the root leads to does not stand there.

    Args:
        path: The path.
        root: That of the root it is in.
        inode: Any other file than this one counts as none.
    """
    try:
        found = lstat_within(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # it cannot be seen now
    if not stat.S_ISREG(found.st_mode):
        return True
    return inode is not None and entry_of(path, found).inode != inode
