"""A disk, and a prismd that watches two folders of it: run, killed, started, held against it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import apsw

from prismd.chunk import Chunking
from prismd.ingest.crew import Ingest
from prismd.ingest.reading import IngestSettings, Parsers
from prismd.models.fake import FakeEmbedder, FakeTokens
from prismd.progress.progress import Progress
from prismd.store import files, jobs
from prismd.store.check import check
from prismd.store.database import Database
from prismd.watch import Rules, sweep
from prismd.watch.events import Events, SystemEvents
from prismd.watch.inotify import WatchLimit
from prismd.watch.mounts import Mounts
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching
from tests.building import wait_until
from tests.watch.counting import Counting, Noting, WallClock
from tests.watch.disk import Disk
from tests.watch.expected import Held, held, walk
from tests.watch.tally import TALLY
from tests.watch.told import Lossy, Told
from tests.watch.watched import unprivileged

_SETTINGS = IngestSettings(workers=1, chunking=Chunking(target_tokens=16, overlap_tokens=0))
_NEVER_S = 1e6
_PATIENCE_S = 40.0


class World:
    """Folders ``one`` and ``two``, which are watched, and ``out``, which is not.

    Args:
        parsers: Shared with other worlds.
        textless: Hashes of contents of which no document is made.
        always_reading: Whether files are read while the disk changes, or only when it is quiet,
            which makes a program do the same each time.
        system_events: Whether the system tells what changes, and not the program.
    """

    def __init__(
        self,
        parsers: Parsers,
        textless: frozenset[str],
        *,
        always_reading: bool = False,
        system_events: bool = False,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="prismd-world-"))
        self.folder.chmod(0o755)
        base = self.folder / "disk"
        self.tops = [os.fsencode(base / name) for name in ("one", "two", "out")]
        self.roots = self.tops[:2]
        for top in self.tops:
            Path(os.fsdecode(top)).mkdir(parents=True)
        self.disk = Disk(base, self._happened)
        self._data = self.folder / "data"
        self._parsers = parsers
        self._textless = textless
        self._always_reading = always_reading or system_events
        self._system_events = system_events
        self.clock = WallClock()
        self._patched = patch.object(time, "time", self.clock.now)
        self._patched.start()
        self.rules = Rules()
        self._fresh = 0
        self.lossy = False
        """Whether some event was lost since everything was looked through last."""
        self.excluding = False
        """Whether other files may have been left out since the last quiet point."""
        self.clock_set = False
        """Whether the clock was set since then: what no file holds is not kept for its while."""
        self.away: dict[bytes, set[bytes]] = {}
        """Roots that are not there, with what was known of them when they went."""
        self.events: dict[bytes, Told] = {}
        self.heard: dict[bytes, Lossy] = {}
        self.start()

    def _happened(self, folder: int, name: bytes) -> None:
        for told in self.events.values():
            told.happened(folder, name)

    # prismd

    def start(self) -> None:
        """Start prismd, which may not read everything."""
        self.counting, self.embedder = Counting(self._parsers), Noting()
        self.database = Database(self._data)
        _open_readers(self.database)
        for root in self.roots:
            path = os.fsdecode(root)
            self.database.write(lambda c, p=path: files.add_root(c, p, "config"))  # type: ignore[misc]
        with unprivileged(self.folder):
            self.ingest = self._ingest(self.database, self.counting)
            if self._always_reading:
                self.ingest.start()
            self.watching = Watching(
                self.database,
                lambda root: self.rules,
                WatchSettings(rescan_s=_NEVER_S, poll_s=0.0),
                lambda found: self.ingest.wake(),
                events_of=self._events_of,
                find_mounts=Mounts,
            )
            self.watching.start()
        self.lossy = False
        if not self._always_reading:
            self.hear()

    def _events_of(self, root: bytes) -> Events:
        if self._system_events:
            self.heard[root] = Lossy(SystemEvents(root, WatchLimit()))
            return self.heard[root]
        self.events[root] = Told()
        return self.events[root]

    def _ingest(self, database: Database, parsers: Parsers) -> Ingest:
        return Ingest(database, parsers, FakeTokens(), self.embedder, _SETTINGS, Progress())

    def end(self) -> None:
        """End prismd; what it was told, and had not looked into, it will never hear of again."""
        self.watching.stop()
        if self._always_reading:
            self.ingest.stop()
        self.database.close()
        self.events.clear()

    def die(self) -> None:
        """End prismd with files in hand, as ``kill -9`` would."""
        for _ in range(2):
            self.database.write(lambda c: jobs.lease(c, "dead"))
        self.end()

    def close(self) -> None:
        """Leave nothing behind."""
        try:
            self.end()
        finally:
            self._patched.stop()
            shutil.rmtree(self.folder)

    # Roots that go and come

    def take_away(self, root: bytes) -> None:
        """Take a root away, as an unplugged disk."""
        if self.excluding:
            # What was left out a moment ago is being forgotten, and rightly so.
            wait_until(self.watching.swept, _PATIENCE_S)
            for told in self.events.values():
                told.settle()
        with unprivileged(self.folder):
            stands = walk(root, self.rules).files
        self.away[root] = stands.keys() & held(self.database).keys()
        Path(os.fsdecode(root)).rename(os.fsdecode(root) + ".away")

    def bring_back(self, root: bytes) -> None:
        Path(os.fsdecode(root) + ".away").rename(os.fsdecode(root))
        del self.away[root]
        self.lossy = True  # nobody tells what happens at a root that is not there

    # Quiet points

    def hear(self) -> None:
        """Deliver everything that is still to be told, and have it looked into."""
        for told in self.events.values():
            batch, told.kept = told.kept, []
            told.deliver(batch)
        for _ in range(2):  # what moves between roots is found from either side
            for told in self.events.values():
                told.settle()

    def settle(self) -> list[str]:
        """Come to a quiet point: everything is told, or looked through, and read.

        Returns:
            What was done twice.
        """
        if self._system_events:
            self._await_events()
        if self._always_reading:
            # A reader that found a file away for a moment may forget it late.
            self.hear()
            self._read_all()
            self.lossy = True
        self.hear()
        if self.lossy:
            self.watching.rescan()
            wait_until(self.watching.swept, _PATIENCE_S)
            self.hear()
        self.lossy = self.excluding = False
        documents, vectors = self._known()
        read, embedded = len(self.counting.read), len(self.embedder.hashes)
        jumped = self._read_all() or self.clock_set
        self.clock_set = False
        if self._always_reading or jumped:
            return []
        new = [hash_ for hash_ in self.counting.read[read:] if hash_ not in self._textless]
        computed = self.embedder.hashes[embedded:]
        twice = {
            "the same content was read twice": len(new) > len(set(new)),
            "content that was known was read again": documents & set(new),
            "the same text was embedded twice": len(computed) > len(set(computed)),
            "text that had a vector was embedded again": vectors & set(computed),
        }
        return [fault for fault, found in twice.items() if found]

    def _await_events(self) -> None:
        """Without a sweep, unless an event was lost on purpose, the index has to come right."""
        for lossy in self.heard.values():
            self.lossy = self.lossy or lossy.lost > 0
            lossy.fault, lossy.lost = "", 0
        self.ingest.resume()
        if not self.lossy:
            wait_until(self._holds_what_is_on_disk, _PATIENCE_S)

    def _holds_what_is_on_disk(self) -> bool:
        if not self._is_idle(self.ingest):
            return False
        with unprivileged(self.folder):
            on_disk = [walk(root, self.rules) for root in self.roots if root not in self.away]
        hidden = [path for each in on_disk for path in each.hidden]
        wanted = {path for each in on_disk for path in each.files}
        index = {path for path in held(self.database) if not self._is_hidden(path, hidden)}
        return index == wanted

    def _known(self) -> tuple[set[str], set[bytes]]:
        return self.database.read(
            lambda c: (
                {str(row[0]) for row in c.execute("SELECT sha256 FROM documents")},
                {bytes(row[0]) for row in c.execute("SELECT hash FROM embeddings")},
            )
        )

    def _read_all(self) -> bool:
        """Have everything read; whether the clock had to be set forward for it."""
        before_s = self.clock.ahead_s
        if self._always_reading:
            self.ingest.resume()
            wait_until(lambda: self._is_idle(self.ingest), _PATIENCE_S)
        else:
            self.ingest = self._ingest(self.database, self.counting)
            self._run(self.ingest)
        return self.clock.ahead_s != before_s

    def _run(self, ingest: Ingest) -> None:
        with unprivileged(self.folder):
            ingest.start()
        try:
            ingest.resume()
            wait_until(lambda: self._is_idle(ingest), _PATIENCE_S)
        finally:
            ingest.stop()

    def _is_idle(self, ingest: Ingest) -> bool:
        """Whether all is read; what waits for its time has it come at once."""
        due_s = self._due_s()
        if ingest.idle() and due_s is None:
            return True
        if due_s:
            if due_s > _PATIENCE_S:  # the clock was set back, which is heeded within a second
                self.database.write(jobs.hurry)
            else:
                self.clock.ahead_s += due_s
            ingest.wake()
        return False

    def _due_s(self) -> float | None:
        return self.database.read(jobs.next_due_s)

    # Verdict

    def differences(self) -> list[str]:
        """How the index differs from a fresh one over the same disk; to be asked when quiet."""
        with unprivileged(self.folder):
            on_disk = {root: walk(root, self.rules) for root in self.roots if root not in self.away}
        fresh = self._fresh_index()
        index = held(self.database)
        TALLY.quiet += 1
        TALLY.files += len(index)
        found = [str(finding) for finding in check(self.database, repair=False)]
        for root, before in self.away.items():
            kept = {path for path in index if path.startswith(root + b"/")}
            found += [f"{path!r}: forgotten while its root was away" for path in before - kept]
        hidden = [path for each in on_disk.values() for path in each.hidden]
        hashes = {path: hash_ for each in on_disk.values() for path, hash_ in each.files.items()}
        shown = {path: row for path, row in index.items() if not self._is_hidden(path, hidden)}
        for path in sorted(fresh.keys() | shown.keys() | hashes.keys()):
            found += _difference(path, shown.get(path), fresh.get(path), hashes)
        return found

    def _is_hidden(self, path: bytes, hidden: Sequence[bytes]) -> bool:
        return any(path.startswith(root + b"/") for root in self.away) or any(
            path == what or path.startswith(what + b"/") for what in hidden
        )

    def _fresh_index(self) -> dict[bytes, Held]:
        self._fresh += 1
        data = self.folder / f"fresh{self._fresh}"
        database = Database(data)
        _open_readers(database)
        try:
            for root in self.roots:
                if root not in self.away:
                    path = os.fsdecode(root)
                    row = database.write(lambda c, p=path: files.add_root(c, p, "config"))  # type: ignore[misc]
                    with unprivileged(self.folder):
                        sweep(database, row, self.rules)
            parsers_ = Counting(self._parsers)
            ingest = Ingest(database, parsers_, FakeTokens(), FakeEmbedder(), _SETTINGS, Progress())
            with unprivileged(self.folder):
                ingest.start()
            try:
                wait_until(lambda: self._is_idle_fresh(ingest, database), _PATIENCE_S)
            finally:
                ingest.stop()
            return held(database)
        finally:
            database.close()
            shutil.rmtree(data)

    def _is_idle_fresh(self, ingest: Ingest, database: Database) -> bool:
        if ingest.idle():
            return True
        if database.read(jobs.next_due_s):
            database.write(jobs.hurry)
            ingest.wake()
        return False

    def orphans(self) -> list[str]:
        """Documents that no file holds, when all that can be collected has been."""
        self._ingest(self.database, self.counting).finish()
        sql = "SELECT sha256 FROM documents WHERE id NOT IN (SELECT document_id FROM files"
        rows = self.database.read(
            lambda c: c.execute(sql + " WHERE document_id IS NOT NULL)").fetchall()
        )
        findings = check(self.database, repair=False)
        return [f"document {row[0]} is held by nobody" for row in rows] + list(map(str, findings))


def _difference(
    path: bytes, row: Held | None, fresh: Held | None, hashes: dict[bytes, str | None]
) -> Iterator[str]:
    if row != fresh:
        yield f"{path!r}: index {row}, fresh {fresh}"
    if (row is not None) != (path in hashes):
        yield f"{path!r}: on disk {path in hashes}, in the index {row is not None}"
    elif row is not None and row.sha256 is not None and row.sha256 != hashes[path]:
        yield f"{path!r}: holds {row.sha256}, the disk {hashes[path]}"


def _open_readers(database: Database, count: int = 4) -> None:
    """Have every connection open its files now, for threads that may not do so later."""

    def open_next(connection: apsw.Connection) -> None:
        connection.execute("SELECT count(*) FROM roots").fetchall()
        _open_readers(database, count - 1)

    if count:
        database.read(open_next)
