"""Jobs to searchable documents: extract, chunk, store; then embed, in batches across documents.

Words first, meaning next: a document is searchable by its words when its transaction ends; its
vectors follow from a loop of their own, which fills the model's batches from all documents.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import apsw
import msgspec

from prismd import chunk
from prismd.chunk import Chunking
from prismd.domain import Document, Extraction, FileState
from prismd.embedding import IDLE_WAIT_S, EmbeddingLoop
from prismd.errors import ExtractError, StoreError, WorkerError
from prismd.extract.base import ExtractOptions, MediaType
from prismd.models.base import Embedder, TokenCounter
from prismd.progress import Progress
from prismd.store import documents, files, jobs
from prismd.store.database import Database
from prismd.store.files import Entry
from prismd.store.jobs import Job
from prismd.wording import passage_context

log = logging.getLogger(__name__)

_HASH_PIECE_BYTES = 1 << 20
_SETTLE_S = 0.5
_RETRY_DELAYS_S = (1.0, 5.0, 30.0)


class Extracts(Protocol):
    """What ingestion asks of the pool of parsers."""

    def extract(self, path: Path, options: ExtractOptions) -> tuple[MediaType, Extraction]:
        """Read a file; see ``extract.pool.ExtractPool``."""


class IngestSettings(msgspec.Struct, frozen=True):
    """How files are read."""

    workers: int = 2
    max_file_bytes: int = 100_000_000
    attempts: int = 3
    chunking: Chunking = Chunking()
    options: ExtractOptions = ExtractOptions()


class Ingest:
    """Reads what is queued, for as long as it runs.

    Args:
        database: Open for writing.
        pool: The parsers.
        tokens: Counts tokens for the chunker.
        embedder: Makes the vectors; None leaves documents searchable by words alone.
        settings: How files are read.
        progress: Told of everything that is done.
    """

    def __init__(
        self,
        database: Database,
        pool: Extracts,
        tokens: TokenCounter,
        embedder: Embedder | None,
        settings: IngestSettings,
        progress: Progress,
    ) -> None:
        self._database = database
        self._pool = pool
        self._tokens = tokens
        self._settings = settings
        self._progress = progress
        self._owner = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._running = threading.Event()
        self._running.set()
        self._queued = threading.Event()
        self._embedding = EmbeddingLoop(database, embedder, progress, self._stopping, self._running)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Take back what a dead process had in hand, and begin."""
        in_hand = self._database.write(jobs.recover)
        if in_hand:
            log.info("taking back %d files that were in hand when prismd last ended", in_hand)
        loops: list[tuple[str, Callable[[], None]]] = [
            (f"prismd-ingest-{number}", self._read_loop) for number in range(self._settings.workers)
        ]
        loops.append(("prismd-embed", self._embedding.run))
        for name, loop in loops:
            thread = threading.Thread(target=loop, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """Say that jobs were queued."""
        self._queued.set()
        self._embedding.wake()

    def reopen_space(self) -> None:
        """Look again which space new vectors go to, after a reindex changed it."""
        self._embedding.open_space()

    def pause(self) -> None:
        """Start no more work; what is in hand is finished."""
        self._running.clear()
        self._progress.paused = True

    def resume(self) -> None:
        """Go on."""
        self._progress.paused = False
        self._running.set()
        self.wake()

    def stop(self) -> None:
        """End the loops. The pool must be closed first: it may hold one of them."""
        self._stopping.set()
        self._running.set()
        self.wake()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def finish(self) -> None:
        """End a single pass: nothing can move back any more, so what is orphaned goes now."""
        self._embedding.collect(older_than_s=0.0)

    def idle(self) -> bool:
        """Whether nothing is queued, in hand, or waiting to be embedded."""
        queued, _ = self._database.read(jobs.outstanding)
        return not queued and self._embedding.idle()

    # One file

    def _read_loop(self) -> None:
        while True:
            self._running.wait()
            if self._stopping.is_set():
                return
            self._queued.clear()
            try:
                job = self._database.write(lambda c: jobs.lease(c, self._owner))
            except StoreError as error:
                log.error("%s", error)
                self._stopping.wait(IDLE_WAIT_S)
                continue
            if job is None:
                due_s = self._database.read(jobs.next_due_s)
                self._queued.wait(IDLE_WAIT_S if due_s is None else min(due_s, IDLE_WAIT_S))
                continue
            self._read_one(job)

    def _read_one(self, job: Job) -> None:
        self._progress.began(job.file_id, job.path, job.size_bytes)
        try:
            self._process(job)
        except ExtractError as error:
            if self._stopping.is_set():  # the pool was closed under it
                self._give_back(job)
            else:
                self._fail(job, error)
        except FileNotFoundError:
            self._database.write(lambda c: files.remove(c, [job.file_id]))
        except OSError as error:
            self._fail(job, _unreadable(job.path, error))
        except (StoreError, WorkerError) as error:
            # Nothing that a file could be blamed for; all would fail alike.
            log.error("%s", error)
            self._progress.fault = str(error)
            self._stopping.wait(IDLE_WAIT_S)
            self._give_back(job)
        except Exception as error:
            # A fault of ours must cost this file only, and be seen.
            log.exception("a file could not be indexed")
            name = Path(job.path).name
            message = f"{name}: prismd failed on it ({type(error).__name__}); please report this"
            self._fail(job, ExtractError(message, code="internal"))
        finally:
            self._progress.ended(job.file_id)

    def _process(self, job: Job) -> None:
        entry = _look(job.path)
        if (entry.size_bytes, entry.mtime_ns) != (job.size_bytes, job.mtime_ns):
            self._database.write(lambda c: files.change(c, [(job.file_id, entry)]))
            return
        age_s = time.time() - entry.mtime_ns / 1e9
        if 0 <= age_s < _SETTLE_S:
            # It may still be being written; look again when it has been still for a moment.
            delay_s = _SETTLE_S - age_s
            self._database.write(lambda c: jobs.give_back(c, job.file_id, delay_s=delay_s))
            return
        _check_size(job, self._settings.max_file_bytes)
        self._progress.at(job.file_id, "hashing")
        sha256 = _hash(job.path)
        if self._attach_known(job, sha256):
            return
        self._progress.at(job.file_id, "extracting")
        media, extraction = self._pool.extract(Path(job.path), self._settings.options)
        if _look(job.path) != entry:
            self._give_back(job)  # changed meanwhile: the text may be of neither version
            return
        self._progress.at(job.file_id, "chunking")
        document, passages = self._prepare(job, sha256, media, extraction)
        self._progress.at(job.file_id, "storing")
        self._store(job, document, passages)

    def _attach_known(self, job: Job, sha256: str) -> bool:
        def attach(connection: apsw.Connection) -> bool:
            document_id = documents.find(connection, sha256)
            if document_id is None:
                return False
            if jobs.still_leased(connection, job.file_id, self._owner):
                files.attach(connection, job.file_id, document_id, sha256)
            return True

        known = self._database.write(attach)
        if known:
            self._progress.done("completed", job.size_bytes)
        return known

    def _prepare(
        self, job: Job, sha256: str, media: MediaType, extraction: Extraction
    ) -> tuple[Document, list[documents.IndexedPassage]]:
        passages = chunk.chunk(extraction, self._tokens.offsets, self._settings.chunking)
        if not passages:
            name = Path(job.path).name
            raise ExtractError(
                f"{name}: has no text; nothing in it can be found", code="empty", skip=True
            )
        document = Document(
            sha256=sha256,
            type=media.type,
            media_type=media.name,
            size_bytes=job.size_bytes,
            extractor=media.version,
            chunker=self._settings.chunking.tag,
            extraction=extraction,
        )
        indexed = [
            documents.IndexedPassage(
                passage,
                passage_context(extraction.title, passage.heading),
                hash_of_embedded(extraction.title, passage.heading, passage.text),
            )
            for passage in passages
        ]
        return document, indexed

    def _store(
        self, job: Job, document: Document, passages: list[documents.IndexedPassage]
    ) -> None:
        def store(connection: apsw.Connection) -> None:
            document_id = documents.replace(
                connection, document, passages, self._embedding.space_id
            )
            if jobs.still_leased(connection, job.file_id, self._owner):
                files.attach(connection, job.file_id, document_id, document.sha256)
            else:
                files.orphan_if_unheld(connection, document_id)

        self._database.write(store)
        self._progress.done("completed", job.size_bytes, passages=len(passages))
        self._embedding.wake()

    def _give_back(self, job: Job) -> None:
        self._database.write(lambda c: jobs.give_back(c, job.file_id))

    def _fail(self, job: Job, error: ExtractError) -> None:
        def record(connection: apsw.Connection) -> FileState | None:
            if not jobs.still_leased(connection, job.file_id, self._owner):
                return None
            state: FileState = "skipped" if error.skip else "failed"
            if error.transient:
                if job.attempts + 1 < self._settings.attempts:
                    delay_s = _RETRY_DELAYS_S[min(job.attempts, len(_RETRY_DELAYS_S) - 1)]
                    jobs.retry_later(
                        connection,
                        job.file_id,
                        delay_s=delay_s,
                        code=error.code,
                        message=str(error),
                    )
                    return None
                state = "quarantined"
            files.end_without_document(
                connection, job.file_id, state, code=error.code, message=str(error), sha256=None
            )
            return state

        state = self._database.write(record)
        if state is not None:
            self._progress.done(state, job.size_bytes)
            log.log(logging.DEBUG if error.skip else logging.WARNING, "%s", error)


def hash_of_embedded(title: str, heading: tuple[str, ...], text: str) -> bytes:
    """16 bytes that name the text that is embedded for a passage."""
    embedded = chunk.embedding_text(title, heading, text)
    return hashlib.sha256(embedded.encode("utf-8", "replace")).digest()[:16]


def _look(path: str) -> Entry:
    found = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - Path.stat builds a Path per file
    return Entry(os.fsencode(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _hash(path: str) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(_HASH_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _check_size(job: Job, limit_bytes: int) -> None:
    name = Path(job.path).name
    if job.size_bytes == 0:
        raise ExtractError(f"{name}: is empty", code="empty", skip=True)
    if job.size_bytes > limit_bytes:
        raise ExtractError(
            f"{name}: {job.size_bytes / 1e6:.0f} MB is more than the limit of"
            f" {limit_bytes / 1e6:.0f} MB; raise [index] max_file_mb to index it",
            code="too_large",
            skip=True,
        )


def _unreadable(path: str, error: OSError) -> ExtractError:
    name = Path(path).name
    if isinstance(error, PermissionError):
        return ExtractError(
            f"{name}: permission denied; allow prismd's user to read it, then 'prismd retry'",
            code="permission",
        )
    return ExtractError(
        f"{name}: cannot be read ({error.strerror}); 'prismd retry' when it can",
        code="unreadable",
        transient=True,
    )
