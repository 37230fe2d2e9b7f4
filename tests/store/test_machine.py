"""Any sequence of what can happen to files, held against a model of what must come of it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from prismd.domain import Filters
from prismd.ingest.embedding import open_space
from prismd.models.fake import FakeEmbedder
from prismd.store import counts, documents, files, jobs, lexical, retrieval, vectors
from prismd.store.check import check
from prismd.store.database import Database
from prismd.store.files import Entry
from tests.building import document, embed_waiting, entry

NAMES = st.sampled_from([f"/d/{letter}" for letter in "abcdef"])
SHARED = "A clause that stands in many a contract, word for word" + " and on" * 14 + "."
CONTENTS = st.sampled_from(range(6))


def content(number: int) -> str:
    """Some contents share a passage, one is unreadable (5)."""
    own = f"Only content{number} says so" + " and on" * 13 + "."
    return f"{SHARED}\n\n{own}" if number % 2 else own


class Index(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database = Database(self.folder / "data")
        self.embedder = FakeEmbedder()
        self.space = open_space(self.database, self.embedder)
        self.disk: dict[str, tuple[int, Entry]] = {}
        self.indexed: dict[str, int | None] = {}
        self.queued: set[str] = set()
        self.clock = 0

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def _entry(self, name: str, number: int, inode: int = 0) -> Entry:
        self.clock += 1
        return entry(name, content(number), inode=inode, mtime_s=self.clock)

    def _id(self, name: str) -> int:
        path = name.encode()
        sql = "SELECT id FROM files WHERE path_raw = ?"
        return int(self.database.read(lambda c: c.execute(sql, (path,)).get))

    @rule(name=NAMES, number=CONTENTS)
    def write(self, name: str, number: int) -> None:
        made = self._entry(name, number)
        if name in self.disk:
            id_ = self._id(name)
            self.database.write(lambda c: files.change(c, [(id_, made)]))
        else:
            self.database.write(lambda c: files.add(c, None, [made]))
            self.indexed[name] = None
        self.disk[name] = (number, made)
        self.queued.add(name)

    @precondition(lambda self: self.disk)
    @rule(data=st.data(), to=NAMES)
    def move(self, data: st.DataObject, to: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.disk)))
        if to in self.disk:
            return
        number, old = self.disk.pop(name)
        made = Entry(to.encode(), old.device, old.inode, old.size_bytes, old.mtime_ns, old.ctime_ns)
        id_ = self._id(name)
        self.database.write(lambda c: files.move(c, None, [(id_, made)]))
        self.disk[to] = (number, made)
        self.indexed[to] = self.indexed.pop(name)
        if name in self.queued:
            self.queued.remove(name)
            self.queued.add(to)

    @precondition(lambda self: self.disk)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.disk)))
        id_ = self._id(name)
        self.database.write(lambda c: files.remove(c, [id_]))
        del self.disk[name], self.indexed[name]
        self.queued.discard(name)

    @rule(died=st.booleans(), changed=st.booleans())
    def read_one(self, died: bool, changed: bool) -> None:
        """What a reader does with one file; it may die over it, or the file may change."""
        job = self.database.write(lambda c: jobs.lease(c, "us"))
        assert (job is None) == (not self.queued)
        if job is None:
            return
        assert job.path in self.queued
        number, _ = self.disk[job.path]
        if died:
            assert self.database.write(jobs.recover) == 1
            return
        if changed:
            self.write(job.path, (number + 1) % 6)
        made, passages = document(content(number))

        def finish(connection) -> None:  # type: ignore[no-untyped-def]
            known = documents.find(connection, made.sha256)
            if number == 5:
                if jobs.still_leased(connection, job.file_id, "us"):
                    files.end_without_document(
                        connection, job.file_id, "failed", code="x", message="x", sha256=None
                    )
                return
            id_ = known or documents.replace(connection, made, passages, self.space)
            if jobs.still_leased(connection, job.file_id, "us"):
                files.attach(connection, job.file_id, id_, made.sha256)
            else:
                files.orphan_if_unheld(connection, id_)

        self.database.write(finish)
        if not changed:
            self.indexed[job.path] = None if number == 5 else number
            self.queued.discard(job.path)

    @rule()
    def embed(self) -> None:
        embed_waiting(self.database, self.embedder)
        total, embedded = self.database.read(counts.passages)
        assert total == embedded

    @rule()
    def collect(self) -> None:
        while self.database.write(lambda c: documents.collect_orphans(c, older_than_s=0)):
            pass
        held = {number for number in self.indexed.values() if number is not None}
        sql = "SELECT count(*) FROM documents"
        assert self.database.read(lambda c: c.execute(sql).get) == len(held)

    @invariant()
    def it_is_sound(self) -> None:
        assert check(self.database, repair=False) == []
        assert self.database.read(jobs.outstanding)[0] == len(self.queued)

    @invariant()
    def exactly_what_is_indexed_is_found(self) -> None:
        def find(connection):  # type: ignore[no-untyped-def]
            scope = retrieval.scope(connection, Filters())
            found = {}
            for number in range(6):
                parsed = lexical.parse(f"content{number}")
                ranked = retrieval.by_words(connection, parsed, 50, scope)
                hits = retrieval.hits(connection, [id_ for id_, _ in ranked], scope)
                found[number] = {hit.path for hit in hits.values()}
            return found

        for number, paths in self.database.read(find).items():
            holders = {name for name, held in self.indexed.items() if held == number}
            assert bool(paths) == bool(holders)
            assert paths <= holders

    @invariant()
    def a_text_has_one_vector(self) -> None:
        sql = "SELECT count(*), count(DISTINCT hash) FROM embeddings"
        total, distinct = self.database.read(lambda c: c.execute(sql).fetchone()) or (0, 0)
        assert total == distinct
        flat = f"SELECT count(*) FROM {vectors.flat_name(self.space or 0)}"
        assert self.database.read(lambda c: c.execute(flat).get) == total


Index.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestIndex = Index.TestCase
