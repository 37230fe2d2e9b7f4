"""Jobs to searchable documents: extract, chunk, store; then embed, in batches across documents.

Words first, meaning next: a document is searchable by its words when its transaction ends; its
vectors follow from a loop of their own, which fills the model's batches from all documents.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from functools import partial

from prismd.disk.asking import GivenUp
from prismd.disk.source import clear_held
from prismd.errors import PrismdError, StoreError
from prismd.ingest.embedding import IDLE_WAIT_S, EmbeddingLoop
from prismd.ingest.pictures import PictureLoop
from prismd.ingest.readers import Lane, Reader, Readers
from prismd.ingest.reading import FileReader, IngestSettings, Parsers
from prismd.models.base import Embedder, ImageEmbedder, TokenCounter, Transcriber
from prismd.progress.progress import Progress
from prismd.progress.trouble import READING, READING_RECORDINGS
from prismd.schedule.holding import Holds
from prismd.store import jobs, uploads
from prismd.store.database import Database
from prismd.store.jobs import Job

log = logging.getLogger(__name__)


class Ingest:
    """Reads what is queued, for as long as it runs.

    Args:
        database: Open for writing.
        pool: The parsers.
        tokens: Counts tokens for the chunker.
        embedder: Makes the vectors; None leaves documents searchable by words alone.
        settings: How files are read.
        progress: Told of everything that is done.
        transcriber: Writes down what is said; None leaves recordings with their tags.
        images: Makes the vectors of pictures; None leaves them to their words.
    """

    def __init__(
        self,
        database: Database,
        pool: Parsers,
        tokens: TokenCounter,
        embedder: Embedder | None,
        settings: IngestSettings,
        progress: Progress,
        transcriber: Transcriber | None = None,
        images: ImageEmbedder | None = None,
    ) -> None:
        self._database = database
        self._workers = settings.workers
        self._progress = progress
        self._held: deque[Job] = deque()
        self._unwritten: set[str] = set()
        """The parts that are in trouble because the index could not be written."""
        self._stopping = threading.Event()
        self._running = threading.Event()
        self.holds = Holds(database, self._running, progress)
        self._queued = threading.Event()
        self._queued_slow = threading.Event()
        self._readers = Readers(database, progress, self.wake, silent_s=settings.silent_s)
        self._embedding = EmbeddingLoop(database, embedder, progress, self._stopping, self._running)
        self._pictures = PictureLoop(
            database,
            images,
            pool,
            progress,
            self._stopping,
            self._running,
            self._embedding.idle,
            self._readers.shuns,
        )
        self._reader = FileReader(
            database,
            pool,
            tokens,
            self._embedding,
            settings,
            progress,
            self._stopping,
            self._running,
            self._wake_embedding,
            transcriber,
        )
        self._embeds = threading.Thread(
            target=self._embedding.run, name="prismd-embed", daemon=True
        )

    def start(self, *, heed_pause: bool = True) -> None:
        """Take back what a dead process had in hand, and begin.

        Args:
            heed_pause: Begin paused if it was paused; a single pass that a person asks for is
                done all the same.
        """
        in_hand = self._database.write(jobs.recover)
        self._database.write(uploads.discard_unfinished)
        clear_held(self._database.path.parent)
        if heed_pause:
            self.holds.recall()
        if in_hand:
            log.info("taking back %d files that were in hand when prismd last ended", in_hand)
        lanes = [Lane(f"ingest-{number}", self._read_loop) for number in range(self._workers)]
        # Recordings take minutes: they have a reader of their own, and no other file waits.
        lanes.append(Lane("ingest-slow", partial(self._read_loop, slow=True)))
        lanes.append(Lane("pictures", lambda reader: self._pictures.run()))
        self._readers.start(lanes)
        self._embeds.start()

    def wake(self) -> None:
        """Say that jobs were queued."""
        self._queued.set()
        self._queued_slow.set()
        self._wake_embedding()

    def _wake_embedding(self) -> None:
        self._embedding.wake()
        self._pictures.wake()

    def reopen_space(self) -> None:
        """Look again which spaces new vectors go to, after a reindex changed them."""
        self._embedding.open_space()
        self._pictures.open_spaces()

    def follow(self, settings: IngestSettings) -> None:
        """Read by these settings from the next file on; the workers stay as many as they are."""
        self._reader.follow(settings)

    def pause(self) -> None:
        """Start no more work until resumed; see ``Holds.pause``."""
        self.holds.pause()

    def resume(self) -> None:
        """Go on."""
        self.holds.resume()

    def stop(self) -> None:
        """End the loops. The pool must be closed first: it may hold one of them.

        A disk that does not answer holds nobody up for more than some seconds.
        """
        self._stopping.set()
        self.holds.end()
        self.wake()
        self._readers.stop()
        if self._embeds.is_alive():
            self._embeds.join()

    def finish(self) -> None:
        """End a single pass: nothing can move back any more, so what is orphaned goes now."""
        self._embedding.collect(older_than_s=0.0)

    def alive(self) -> bool:
        """Whether all of its threads run, which only a fault of ours ends before ``stop``."""
        return self._embeds.is_alive() and self._readers.alive()

    def idle(self) -> bool:
        """Whether nothing is in hand, or waiting to be read or embedded.

        What is being written all the time, and so was put off for long, is not waited for.
        """
        reading = self._database.read(jobs.any_outstanding)
        return not reading and self._embedding.idle() and self._pictures.idle()

    @property
    def pictures(self) -> PictureLoop:
        """What gives pictures their vectors."""
        return self._pictures

    # One file

    def _read_loop(self, reader: Reader, *, slow: bool = False) -> None:
        queued = self._queued_slow if slow else self._queued
        part = READING_RECORDINGS if slow else READING
        while True:
            self._progress.await_turn(self._running, part)
            if self._stopping.is_set():
                return
            queued.clear()
            try:
                self._return_held()
                job = self._database.write(lambda c: jobs.lease(c, uuid.uuid4().hex, slow=slow))
                if part in self._unwritten:
                    self._went_on(part)  # whatever else it needs, the index can be written
                if job is not None:
                    self._read_one(reader, job, part)
                    continue
                if not self._database.read(lambda c: jobs.any_outstanding(c, slow=slow)):
                    self._went_on(part)  # what was in trouble has gone, or is put off
                due_s = self._database.read(lambda c: jobs.next_due_s(c, slow=slow))
                queued.wait(IDLE_WAIT_S if due_s is None else min(due_s, IDLE_WAIT_S))
            except GivenUp:
                raise
            except Exception as error:
                # Nothing that a file could be blamed for (a full disk, no worker, no model), or
                # a fault of ours; the loop must outlive both, or nothing is read any more.
                self._failed(part, error)
                self._stopping.wait(IDLE_WAIT_S)

    def _failed(self, part: str, error: Exception) -> None:
        if isinstance(error, StoreError):
            self._unwritten.add(part)
        else:
            self._unwritten.discard(part)
        self._progress.trouble(part, error)

    def _went_on(self, part: str) -> None:
        self._unwritten.discard(part)
        self._progress.trouble(part)

    def _read_one(self, reader: Reader, job: Job, part: str) -> None:
        self._progress.began(job.owner, job.shown_path, job.size_bytes)
        reader.job, done = job, False
        try:
            if not self._readers.put_off(job):
                self._reader.read(job)
                self._went_on(part)
            done = True
        finally:
            self._progress.ended(job.owner)
            if not done:
                self._held.append(job)  # its lease goes back as soon as that can be written

    def _return_held(self) -> None:
        while True:
            try:
                job = self._held.popleft()
            except IndexError:  # another loop may have taken the last one
                return
            try:
                self._reader.give_back(job)
            except PrismdError:
                self._held.append(job)
                raise
