"""One file: looked at, hashed, read by the parsers, cut into passages, stored; or why not."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import apsw
import msgspec
import numpy as np

from prismd import chunk, transcript
from prismd.chunk import Chunking
from prismd.disk import hash_file, is_there, look
from prismd.domain import Document, Extraction, FileState
from prismd.embedding import EmbeddingLoop
from prismd.errors import ExtractError, PrismdError
from prismd.extract.audio.sound_space import SOUND_SPACE
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.pool import CANCELLED
from prismd.models.base import TokenCounter, Transcriber
from prismd.pictures import Decodes
from prismd.progress import Progress
from prismd.settling import Settling
from prismd.store import documents, files, jobs, vectors
from prismd.store.database import Database
from prismd.store.files import Entry
from prismd.store.jobs import Job
from prismd.unread import check_size, unreadable
from prismd.wording import passage_context, shown_name

log = logging.getLogger(__name__)

_AS_SUCH = ("image", "audio")
"""Types whose files are found as such, whatever words there are in them."""
_LEASE_LOOK_S = 2.0
_RETRY_DELAYS_S = (1.0, 5.0, 30.0)


class Parsers(Decodes, Protocol):
    """What ingestion asks of the pool of parsers."""

    def extract(
        self,
        path: Path,
        options: ExtractOptions,
        on_step: Callable[[int, int], None] | None = None,
    ) -> tuple[MediaType, Extraction]:
        """Read a file; see ``extract.pool.ExtractPool``."""


class IngestSettings(msgspec.Struct, frozen=True):
    """How files are read.

    Attributes:
        max_recording_bytes: As ``max_file_bytes``, for recordings, of which an hour is large.
        ocr_languages: By the path of a watched folder; others go by ``options``.
    """

    workers: int = 2
    max_file_bytes: int = 100_000_000
    max_recording_bytes: int = 4_000_000_000
    attempts: int = 3
    chunking: Chunking = Chunking()
    options: ExtractOptions = ExtractOptions()
    ocr_languages: Mapping[str, tuple[str, ...]] = {}

    def options_for(self, path: str) -> ExtractOptions:
        """How a file of a watched folder is read."""
        for folder, languages in self.ocr_languages.items():
            if path.startswith(folder.rstrip("/") + "/"):
                return msgspec.structs.replace(self.options, ocr_languages=languages)
        return self.options


class FileReader:
    """Reads leased files, each to the end of its job; any number of threads may call it.

    Args:
        database: Open for writing.
        pool: The parsers.
        tokens: Counts tokens for the chunker.
        embedding: Told of new passages; knows which vectors there are.
        settings: How files are read.
        progress: Told of everything that is done.
        stopping: Set when what fails is no more the file's fault: the pool has been closed.
        running: Clear while long work is to be put off.
        stored: Called when a document has been stored.
        transcriber: Writes down what is said; None leaves recordings with their tags.
    """

    def __init__(
        self,
        database: Database,
        pool: Parsers,
        tokens: TokenCounter,
        embedding: EmbeddingLoop,
        settings: IngestSettings,
        progress: Progress,
        stopping: threading.Event,
        running: threading.Event,
        stored: Callable[[], None],
        transcriber: Transcriber | None = None,
    ) -> None:
        self._stored = stored
        self._running = running
        self._transcriber = transcriber
        self._database = database
        self._pool = pool
        self._tokens = tokens
        self._embedding = embedding
        self._settings = settings
        self._progress = progress
        self._stopping = stopping
        self._settling = Settling()

    def read(self, job: Job) -> None:
        """Read a file and end its job, one way or the other.

        Raises:
            PrismdError: Nothing that the file could be blamed for; its lease stands.
        """
        try:
            self._process(job)
        except ExtractError as error:
            if self._stopping.is_set() or error.code == CANCELLED:  # it was not to go on
                self.give_back(job)
            else:
                self._fail(job, error)
        except FileNotFoundError:
            self._gone(job)
        except OSError as error:
            self._fail(job, unreadable(job.path, error))
        except PrismdError:
            raise
        except Exception as error:
            # A fault of ours must cost this file only, and be seen.
            log.exception("a file could not be indexed")
            message = (
                f"{shown_name(job.path)}: prismd failed on it ({type(error).__name__});"
                " please report this"
            )
            self._fail(job, ExtractError(message, code="internal"))

    def _process(self, job: Job) -> None:
        entry = look(job.path)
        if (entry.size_bytes, entry.mtime_ns) != (job.size_bytes, job.mtime_ns):
            self._changed(job, entry)
            return
        if delay_s := self._settling.delay_s(job.file_id, job.path, entry):
            self.give_back(job, delay_s=delay_s)
            return
        if files.is_recording(job.path):
            limit_bytes, setting = self._settings.max_recording_bytes, "max_recording_mb"
        else:
            limit_bytes, setting = self._settings.max_file_bytes, "max_file_mb"
        check_size(job.path, job.size_bytes, limit_bytes, setting)
        self._progress.at(job.owner, "hashing")
        sha256 = hash_file(job.path)
        if self._attach_known(job, entry, sha256):
            return
        media, extraction = self._extract(job)
        self._progress.at(job.owner, "chunking")
        document, passages = self._prepare(job, sha256, media, extraction)
        self._progress.at(job.owner, "storing")
        if (now := look(job.path)) != entry:
            self._changed(job, now)  # the text may be of neither version
            return
        self._store(job, document, passages)

    def _extract(self, job: Job) -> tuple[MediaType, Extraction]:
        options = self._settings.options_for(job.path)
        self._progress.at(job.owner, "extracting")
        media, extraction = self._pool.extract(
            Path(job.path), options, partial(self._progress.at, job.owner, "extracting")
        )
        if extraction.engines.get("ocr"):
            wanted = "+".join(options.ocr_languages)
            engines = {**extraction.engines, documents.OCR_LANGUAGES: wanted}
            extraction = msgspec.structs.replace(extraction, engines=engines)
        if media.type == "audio" and transcript.has_sound(extraction):
            extraction = self._transcribe(job, extraction)
        return media, extraction

    def _transcribe(self, job: Job, extraction: Extraction) -> Extraction:
        transcriber = self._transcriber
        if transcriber is None:
            return transcript.without(extraction)

        def on_step(done_s: float, total_s: float) -> None:
            self._progress.at(job.owner, "transcribing", int(done_s), int(total_s))

        on_step(0.0, extraction.layout.duration_s)
        heard = transcriber.transcribe(
            Path(job.path), on_step=on_step, cancelled=self._is_called_off(job)
        )
        return transcript.merge(extraction, heard, transcriber.name)

    def _is_called_off(self, job: Job) -> Callable[[], bool]:
        """Asks whether a long reading is to end: all of it stops, or the file is another's now."""
        next_look_s = time.monotonic() + _LEASE_LOOK_S

        def called_off() -> bool:
            nonlocal next_look_s
            if self._stopping.is_set() or not self._running.is_set():
                return True
            if time.monotonic() < next_look_s:
                return False
            next_look_s = time.monotonic() + _LEASE_LOOK_S
            return not self._database.read(lambda c: jobs.still_leased(c, job.file_id, job.owner))

        return called_off

    def _changed(self, job: Job, entry: Entry) -> None:
        """Queue a file that changes while it is looked at, later each time."""
        delay_s = self._settling.changed(job.file_id)

        def queue(connection: apsw.Connection) -> None:
            if jobs.still_leased(connection, job.file_id, job.owner):
                files.change(connection, [(job.file_id, entry)])
                jobs.give_back(connection, job.file_id, delay_s=delay_s)

        self._database.write(queue)

    def _gone(self, job: Job) -> None:
        """Forget a file that is not there, unless its whole disk is gone."""
        for root in self._database.read(files.roots):
            if job.path.startswith(root.path.rstrip("/") + "/") and not is_there(root):
                set_offline = partial(files.set_root_state, root_id=root.id, state="offline")
                self._database.write(set_offline)
                self.give_back(job)
                return

        self._settling.done(job.file_id)

        def forget(connection: apsw.Connection) -> None:
            # A sweep may have found by now that it was only moved.
            if jobs.still_leased(connection, job.file_id, job.owner):
                files.remove(connection, [job.file_id])

        self._database.write(forget)

    def _attach_known(self, job: Job, entry: Entry, sha256: str) -> bool:
        if look(job.path) != entry:
            return False  # what was hashed may be of neither version; reading on finds out

        def attach(connection: apsw.Connection) -> bool:
            document_id = documents.find(connection, sha256)
            if document_id is None:
                return False
            if jobs.still_leased(connection, job.file_id, job.owner):
                files.attach(connection, job.file_id, document_id, sha256)
            return True

        known = self._database.write(attach)
        if known:
            self._stored()
            self._done(job, "completed")
        return known

    def _done(self, job: Job, state: FileState, passages: int = 0) -> None:
        self._settling.done(job.file_id)
        self._progress.done(state, job.size_bytes, passages=passages)
        self._progress.trouble("reading")

    def _prepare(
        self, job: Job, sha256: str, media: MediaType, extraction: Extraction
    ) -> tuple[Document, list[documents.IndexedPassage]]:
        passages = chunk.chunk(extraction, self._tokens.offsets, self._settings.chunking)
        if media.type in _AS_SUCH:
            passages = chunk.with_whole(passages, extraction.layout)
        if not passages:
            raise ExtractError(
                f"{shown_name(job.path)}: has no text; nothing in it can be found",
                code="empty",
                skip=True,
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
                hash_of_embedded(extraction.title, passage.heading, passage.text)
                if passage.text
                else b"",
            )
            for passage in passages
        ]
        return document, indexed

    def _store(
        self, job: Job, document: Document, passages: list[documents.IndexedPassage]
    ) -> None:
        packed = documents.pack(document)  # here, so that the writer is not held by it

        def store(connection: apsw.Connection) -> None:
            document_id = documents.replace(connection, packed, passages, self._embedding.space_id)
            keep_sound(connection, document)
            if jobs.still_leased(connection, job.file_id, job.owner):
                files.attach(connection, job.file_id, document_id, document.sha256)
            else:
                files.orphan_if_unheld(connection, document_id)

        self._database.write(store)
        self._done(job, "completed", sum(bool(indexed.passage.text) for indexed in passages))
        self._stored()

    def give_back(self, job: Job, *, delay_s: float = 0.0) -> None:
        """Return a file unread."""
        self._database.write(
            lambda c: jobs.give_back(c, job.file_id, owner=job.owner, delay_s=delay_s)
        )

    def _fail(self, job: Job, error: ExtractError) -> None:
        def record(connection: apsw.Connection) -> FileState | None:
            if not jobs.still_leased(connection, job.file_id, job.owner):
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
            self._done(job, state)
            log.log(logging.DEBUG if error.skip else logging.WARNING, "%s", error)


def keep_sound(connection: apsw.Connection, document: Document) -> None:
    """Keep how a recording sounds, in the space of sounds."""
    sound = document.extraction.sound
    if not sound:
        return
    space_id = vectors.put_space(connection, SOUND_SPACE)
    row = np.frombuffer(sound, "<f4").reshape(1, SOUND_SPACE.dim)
    key = bytes.fromhex(document.sha256)
    vectors.delete(connection, space_id, key)
    vectors.add(connection, space_id, [key], row)


def hash_of_embedded(title: str, heading: tuple[str, ...], text: str) -> bytes:
    """16 bytes that name the text that is embedded for a passage."""
    embedded = chunk.embedding_text(title, heading, text)
    return hashlib.sha256(embedded.encode("utf-8", "replace")).digest()[:16]
