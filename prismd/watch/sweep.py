"""Brings the rows of one root to what is on disk, folder by folder.

A folder that lists as it did last time costs neither the database nor the patterns anything, so
a sweep of everything is cheap enough to be made every few minutes. Nothing here reads a file's
content.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping

from prismd.disk.looking import bare_mount_point, device_of
from prismd.paths.opening import is_within, parent
from prismd.store import files, folders, obstacles
from prismd.store.database import Database
from prismd.store.doubts import doubts
from prismd.store.files import Known, Root
from prismd.watch.errand import Errand
from prismd.watch.findings import Findings, is_gone
from prismd.watch.listing import Listing, list_folder, read_ignore_file
from prismd.watch.mounts import Mounts
from prismd.watch.pulse import Pulse
from prismd.watch.rules import IGNORE_FILE, Patterns, Rules, Scope
from prismd.watch.seen import Abandoned, Seen, Sweep
from prismd.watch.standing import is_mounted, is_noted, mount_point, note, noted_point

log = logging.getLogger(__name__)

_BATCH = 2_000


class Sweeper:
    """Sweeps one root, and remembers what it has seen; for one thread.

    Args:
        database: Open for writing.
        root: The folder.
        rules: What of it is looked at.
        mounts: The mount points as they are now; none unless given.
        pulse: Tells whether the disk answers; its own unless given.
    """

    def __init__(
        self,
        database: Database,
        root: Root,
        rules: Rules,
        mounts: Callable[[], Mounts] = Mounts,
        pulse: Pulse | None = None,
    ) -> None:
        self.pulse = pulse or Pulse()
        """Tells whether the disk answers."""
        self._errand = Errand(database, root, self.pulse)
        self._root = root
        self.rules = rules
        """What is looked at; may be set by any thread, and counts from the next sweep on."""
        self._mounts = mounts
        self._no_disk: frozenset[bytes] = frozenset()
        self._patterns = Patterns(root.path, rules)
        self._path = os.fsencode(root.path)
        self._seen: dict[bytes, Seen] = {}
        self._unreadable: set[bytes] = set()
        self._unplugged: dict[bytes, set[int]] = {}
        self._left: set[bytes] = set()
        self._unsure: set[bytes] = set()
        self._doubted = 0
        self.generation = 0
        """Another after every sweep that found other folders than the one before."""

    @property
    def seen(self) -> Mapping[bytes, Seen]:
        """The folders that were looked into, as of the last sweep."""
        return self._seen

    def sweep(self) -> Sweep:
        """Bring the rows of the root to what is on disk, and queue what is to be read.

        A root that is not there is marked offline, and nothing of it is forgotten.

        Raises:
            StoreError: Nothing can be written.
            Abandoned: It was given up, or the root was removed.
        """
        return self._sweep(None)

    def look_at(self, paths: Iterable[bytes]) -> Sweep:
        """As ``sweep``, for the surroundings of paths at which something may have changed."""
        if self._path not in self._seen:
            return self.sweep()
        dirty: set[bytes] = set()
        for path in paths:
            if path in self._seen:
                dirty.add(path)  # and what is around it: it may be another folder by now
            nearest = path
            while nearest != self._path and (nearest == path or nearest not in self._seen):
                nearest = parent(nearest)
                if not nearest.startswith(self._path):
                    nearest = self._path
            dirty.add(nearest)
        return self._sweep(dirty)

    def relist(self, folders_: Iterable[bytes]) -> Sweep:
        """As ``sweep``, for some of the folders that were seen."""
        return self._sweep({folder for folder in folders_ if folder in self._seen})

    def doubtful(self) -> set[bytes]:
        """The folders that have to be looked at again, though nothing may be told of them."""
        self._heed_doubts()
        self._unsure &= self._seen.keys()
        return self._unsure - self._unreadable

    def is_offline(self) -> bool:
        """Whether the root is taken for one that is not there, by a sweep or by a reader."""
        root = self._errand.read(lambda c: files.root(c, self._root.id))
        return root is not None and root.state == "offline"

    def set_offline(self) -> None:
        """Have it taken for one that is not there, until the next sweep; for any thread."""
        self._errand.set_offline()

    def abandon(self) -> None:
        """Give up the sweep in hand, and every later one; for any thread."""
        self._errand.call_off()

    def _sweep(self, dirty: set[bytes] | None) -> Sweep:
        self._no_disk = self._mounts().no_disk
        if self.rules != self._patterns.rules:
            self._patterns = Patterns(self._root.path, self.rules)
        root = self._errand.read(lambda c: files.root(c, self._root.id))
        if root is None or root.path != self._root.path:
            raise Abandoned
        self._heed_doubts()
        device = self._device_of(root)
        if device is None:
            self._seen.clear()
            self._errand.write(lambda c: files.set_root_state(c, root.id, "offline"))
            return Sweep(root, offline=True)
        self._note(root, device)
        if dirty is None and self._errand.read(lambda c: obstacles.stand_in(c, root.id)):
            # What files wait for may be over: a disk in it is back, say.
            self._errand.write(lambda c: obstacles.look_soon(c, root.id))
        findings = Findings(self._errand)
        try:
            self._walk(findings, dirty)
            self._forget(findings, root, device)
        except BaseException:
            self._seen.clear()  # what was not written down has to be found once more
            raise
        return Sweep(
            root,
            files=self._errand.read(lambda c: files.count(c, root.id)),
            added=findings.added,
            changed=findings.changed,
            moved=findings.moved,
            compared=findings.compared,
            removed=findings.removed,
            unreadable=tuple(sorted(map(os.fsdecode, self._unreadable))),
            unplugged=sum(map(len, self._unplugged.values())),
        )

    def _heed_doubts(self) -> None:
        """Have everything compared once more where others took files out of the index."""
        doubted = self._errand.read(lambda c: doubts(c, self._root.id))
        if doubted != self._doubted:
            self._doubted = doubted
            for folder in self._seen:
                self._doubt(folder)

    def _device_of(self, root: Root) -> int | None:
        """The file system that the root is on; None where its own is not there.

        Where all files have gone together with their disk, its empty mount point is left.
        """
        device = device_of(self._path)
        if device is None or root.device in (0, device):
            return device
        # The disk is asked outside of the read: of those there are few, and it may not answer.
        known, point = self._errand.read(
            lambda c: (list(folders.below(c, self._path)), noted_point(c, root))
        )
        if is_mounted(root, point) or not known:
            return device
        return None if all(self._is_gone(path) for path, _ in known) else device

    def _is_gone(self, path: bytes) -> bool:
        self._errand.heard()
        return is_gone(path, self._path)

    def _note(self, root: Root, device: int) -> None:
        point = mount_point(self._path)
        noted = self._errand.read(lambda c: is_noted(c, root, point))
        if root.state == "offline" or root.device != device or not noted:
            self._errand.write(lambda c: note(c, root, device, point))

    # Walking

    def _walk(self, findings: Findings, dirty: set[bytes] | None) -> None:
        visited: set[bytes] = set()
        self._left.clear()
        pending: list[tuple[bytes, Scope | None]] = [(self._path, self._patterns.outermost)]
        if dirty is not None:  # the outer ones first: by them others may be excluded, or gone
            pending = [(path, None) for path in sorted(dirty, reverse=True)]
        while pending:
            self._errand.heard()
            folder, outer = pending.pop()
            if outer is None:
                if folder not in self._seen or is_within(folder, self._left):
                    continue
                outer = self._seen[folder].outer
            visited.add(folder)
            pending += self._visit(folder, outer, findings, full=dirty is None)
            if len(findings) >= _BATCH:
                findings.write()
        findings.write()
        gone = {path for path in self._seen if is_within(path, self._left)} if self._left else set()
        if dirty is None:
            gone |= self._seen.keys() - visited
            self._unreadable &= visited
        for path in gone:
            del self._seen[path]
            self.generation += 1

    def _visit(
        self, folder: bytes, outer: Scope, findings: Findings, *, full: bool
    ) -> list[tuple[bytes, Scope]]:
        """Bring one folder up to date; gives the folders in it that are to be visited."""
        try:
            listing = list_folder(folder, self._errand.heard)
        except (FileNotFoundError, NotADirectoryError):
            self._leave(folder, findings.missing)
            self._doubt(parent(folder))
            return []
        except OSError as error:
            return self._pass_over(folder, error)
        self._left.discard(folder)
        before = self._seen.get(folder)
        state = hash((listing.fingerprint, listing.device, listing.inode, outer.key))
        prefix = folder.rstrip(b"/") + b"/"
        if before is not None and before.state == state:
            inner = before.inner
            taken = {
                name
                for name in listing.folders
                if prefix + name in self._seen or prefix + name in self._unreadable
            }
        else:
            try:
                inner = self._inner(folder, listing, outer)
            except OSError as error:  # nobody can say what is excluded
                self._watch_only(folder, listing, outer)
                return self._pass_over(folder, error)
            taken = {name for name in listing.folders if self._takes(inner, prefix + name)}
            # What lies in them may have been told of as well, and be new to the index.
            others = {prefix + name for name in listing.folders if name not in taken}
            self._left |= others & self._seen.keys()
            self._compare(prefix, listing, inner, taken, findings)
            self._see(folder, Seen(listing.inode, state, outer, inner, listing.odd_names))
        self._unreadable.discard(folder)
        self._unsure.discard(folder)
        return [
            (prefix + name, inner)
            for name in taken
            if full or not self._is_known(prefix + name, listing.folders[name], inner)
        ]

    def _takes(self, scope: Scope, folder: bytes) -> bool:
        return folder not in self._no_disk and self._patterns.takes_folder(scope, folder)

    def _see(self, folder: bytes, now: Seen) -> None:
        before = self._seen.get(folder)
        if before is None or (before.inode, before.odd_names) != (now.inode, now.odd_names):
            self.generation += 1
        self._seen[folder] = now

    def _watch_only(self, folder: bytes, listing: Listing, outer: Scope) -> None:
        """Have changes in a folder told, though it was not looked through."""
        if folder not in self._seen:
            self._see(folder, Seen(listing.inode, None, outer, outer, listing.odd_names))

    def _pass_over(self, folder: bytes, error: OSError) -> list[tuple[bytes, Scope]]:
        """Leave a folder as the index has it, until it can be looked through."""
        if folder not in self._unreadable:
            log.warning("%s: cannot be looked through (%s)", os.fsdecode(folder), error)
        self._unreadable.add(folder)
        self._doubt(folder)
        return []

    def _is_known(self, folder: bytes, inode: int, outer: Scope) -> bool:
        """Whether a folder is the one that was looked into, under the same patterns."""
        seen = self._seen.get(folder)
        return seen is not None and seen.inode == inode and seen.outer.key == outer.key

    def _inner(self, folder: bytes, listing: Listing, outer: Scope) -> Scope:
        """The patterns that count in a folder.

        Raises:
            OSError: Its ignore file cannot be read.
        """
        path = folder.rstrip(b"/") + b"/" + IGNORE_FILE
        if all(entry.path != path for entry in listing.files):
            return outer
        return self._patterns.below(outer, folder, read_ignore_file(path))

    def _compare(
        self,
        prefix: bytes,
        listing: Listing,
        inner: Scope,
        taken: set[bytes],
        findings: Findings,
    ) -> None:
        known = self._errand.read(lambda c: folders.children(c, prefix))
        for entry in listing.files:
            self._errand.heard()
            row = known.files.pop(entry.path, None)
            if not self._patterns.takes_file(inner, entry.path):
                if row is not None:
                    findings.excluded[entry.path] = row
            elif row is None:
                findings.new(entry)
            elif not row.matches(entry):
                findings.differs(row.id, entry)
            elif (row.device, row.ctime_ns) != (entry.device, entry.ctime_ns):
                findings.same(row.id, entry)
        # What cannot be seen is not gone.
        hidden = {name for name in listing.folders if prefix + name in self._no_disk}
        hidden.update(listing.unreadable)
        for path, row in known.files.items():
            if path[len(prefix) :] not in hidden:
                findings.missing[path] = row
        for name in known.folders - taken - hidden:
            excluded = name in listing.folders
            self._leave(prefix + name, findings.excluded if excluded else findings.missing)

    # Forgetting

    def _leave(self, folder: bytes, why: dict[bytes, Known]) -> None:
        """Note all files of a folder as gone, or as excluded."""
        why.update(self._errand.read(lambda c: list(folders.below(c, folder))))
        self._left.add(folder)

    def _doubt(self, folder: bytes) -> None:
        """Have a folder compared once more, whether or not it lists as before."""
        if (seen := self._seen.get(folder)) is not None:
            self._seen[folder] = seen._replace(state=None)
            self._unsure.add(folder)

    def _forget(self, findings: Findings, root: Root, device: int) -> None:
        """Remove what is missing for certain, and what is excluded."""
        for plugged in list(self._unplugged):
            self._errand.heard()
            if device_of(plugged) != device:
                del self._unplugged[plugged]
        gone: list[tuple[bytes, Known]] = []
        for path, row in findings.missing.items():
            if not self._is_gone(path) and findings.is_spelled_so(path):
                self._doubt(parent(path))  # it came back
            elif row.device not in (root.device, device) and (
                point := bare_mount_point(path, device)
            ):
                self._unplugged.setdefault(point, set()).add(row.id)
            else:
                gone.append((path, row))
        self._errand.heard()
        if gone and device_of(self._path) != device:
            self._seen.clear()  # its disk has gone meanwhile, and with it what seems to be missing
            gone = []
        findings.remove([*gone, *findings.excluded.items()])
