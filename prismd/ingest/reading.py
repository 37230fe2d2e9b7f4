"""One file: looked at, hashed, read by the parsers, cut into passages, stored; or why not."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import apsw
import msgspec

from prismd.chunk import Chunking
from prismd.disk.source import Source, source_of
from prismd.domain import Document, Extraction, FileState
from prismd.encryption import discretion
from prismd.errors import CANCELLED, ExtractError, PrismdError
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.pieces import Piece
from prismd.ingest import transcript
from prismd.ingest.composing import compose, keep_sound
from prismd.ingest.embedding import EmbeddingLoop
from prismd.ingest.in_hand import InHand
from prismd.ingest.pictures import Decodes
from prismd.ingest.readers import SILENT_S
from prismd.ingest.settling import Settling
from prismd.ingest.unreached import Unreached
from prismd.ingest.unread import check_size, unreadable
from prismd.models.base import TokenCounter, Transcriber
from prismd.paths.aside import NO_ROOM, place_of, shortage
from prismd.progress.progress import Progress
from prismd.store import documents, files, jobs, obstacles
from prismd.store.database import Database
from prismd.store.files import Entry
from prismd.store.jobs import Job
from prismd.store.order import is_recording
from prismd.wording import shown_name

log = logging.getLogger(__name__)

_RETRY_DELAYS_S = (1.0, 5.0, 30.0)
_KEPT_FROM_ROOM = NO_ROOM | {CANCELLED}


class Parsers(Decodes, Protocol):
    """What ingestion asks of the pool of parsers."""

    def extract(
        self,
        path: Path,
        options: ExtractOptions,
        on_step: Callable[[int, int], None] | None = None,
        *,
        known: Sequence[Piece] = (),
        on_piece: Callable[[Piece], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[MediaType, Extraction]:
        """Read a file; see ``extract.pool.ExtractPool``."""


class IngestSettings(msgspec.Struct, frozen=True):
    """How files are read.

    Attributes:
        silent_s: A disk that has not answered for so long is one that does not answer.
        max_recording_bytes: As ``max_file_bytes``, for recordings, of which an hour is large.
        ocr_languages: By the path of a watched folder; others go by ``options``.
    """

    workers: int = 2
    max_file_bytes: int = 100_000_000
    max_recording_bytes: int = 4_000_000_000
    attempts: int = 3
    silent_s: float = SILENT_S
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
        self._unreached = Unreached(database)

    def follow(self, settings: IngestSettings) -> None:
        """Read by these settings from the next file on."""
        self._settings = settings

    def read(self, job: Job) -> None:
        """Read a file and end its job, one way or the other.

        Raises:
            PrismdError: Nothing that the file could be blamed for; its lease stands.
        """
        try:
            try:
                self._process(job)
            except ExtractError as error:
                self._blame(job, error)
        except OSError as error:
            if self._unreached.end(job, error):
                self._settling.done(job.file_id)
            else:
                self._fail(job, unreadable(job.path, error))
        except PrismdError:
            raise
        except Exception as error:
            # A fault of ours must cost this file only, and be seen.
            log.exception("%s could not be indexed", discretion.file("a file", job.file_id))
            message = (
                f"{shown_name(job.path)}: prismd failed on it ({type(error).__name__});"
                " please report this"
            )
            self._fail(job, ExtractError(message, code="internal"))
        if (obstacle_id := job.obstacle_id) is not None:
            self._database.write(lambda c: obstacles.go_on(c, obstacle_id, job.file_id))

    def _blame(self, job: Job, error: ExtractError) -> None:
        """Fail a file, if it is to blame: it can still be read, and is what it was.

        Raises:
            OSError: It cannot be read.
        """
        if self._stopping.is_set() or error.code == CANCELLED:  # it was not to go on
            self.give_back(job)
            return
        if error.code in NO_ROOM:
            folder = self._settings.options.slots_dir or tempfile.gettempdir()
            self._unreached.wait_for_room(job, str(shortage(place_of(Path(folder)))))
            return
        source = source_of(self._database, job.path)
        now = source.look()
        if (now.size_bytes, now.mtime_ns) != (job.size_bytes, job.mtime_ns):
            self._changed(job, now)
            return
        if not error.skip:
            try:
                source.sha256(self._stopping.is_set)  # its disk may fail, or be gone
            except ExtractError:
                self.give_back(job)
                return
        self._fail(job, error)

    def _process(self, job: Job) -> None:
        source = source_of(self._database, job.path)
        entry = source.look()
        if (entry.size_bytes, entry.mtime_ns) != (job.size_bytes, job.mtime_ns):
            self._changed(job, entry)
            return
        if source.settles:
            delay_s = self._settling.delay_s(job.file_id, job.path, entry)
            if delay_s:
                self.give_back(job, delay_s=delay_s)
                return
        if is_recording(job.path):
            limit_bytes, setting = self._settings.max_recording_bytes, "max_recording_mb"
        else:
            limit_bytes, setting = self._settings.max_file_bytes, "max_file_mb"
        check_size(job.path, job.size_bytes, limit_bytes, setting)
        self._progress.at(job.owner, "hashing")
        hand = InHand(self._database, job, entry, self._stopping, self._running)
        sha256 = source.sha256(hand.is_called_off)
        self._reached(job)  # not before: what opens may still not be given out
        if self._attach_known(job, source, entry, sha256):
            return
        with source.readable() as path, hand.in_pieces(sha256), self._wanting_room(job):
            media, extraction = self._extract(job, path, hand)
        self._progress.at(job.owner, "chunking")
        chunking = self._settings.chunking  # once: the settings may be replaced meanwhile
        document, passages = compose(job, sha256, media, extraction, self._tokens, chunking)
        self._progress.at(job.owner, "storing")
        if (now := source.look()) != entry:
            self._changed(job, now)  # the text may be of neither version
            return
        self._store(job, document, passages)

    def _extract(self, job: Job, path: Path, hand: InHand) -> tuple[MediaType, Extraction]:
        options = self._settings.options_for(job.path)
        known = hand.sound(options.max_chars) if self._transcriber is not None else None
        media, extraction = known or self._parse(job, path, hand, options)
        if extraction.engines.get("ocr"):
            wanted = "+".join(options.ocr_languages)
            engines = {**extraction.engines, documents.OCR_LANGUAGES: wanted}
            extraction = msgspec.structs.replace(extraction, engines=engines)
        if media.type == "audio" and transcript.has_sound(extraction):
            if known is None and self._transcriber is not None:
                hand.keep_sound(options.max_chars, media, extraction)
            extraction = self._transcribe(job, path, hand, extraction)
        return media, extraction

    def _parse(
        self, job: Job, path: Path, hand: InHand, options: ExtractOptions
    ) -> tuple[MediaType, Extraction]:
        self._progress.at(job.owner, "extracting")
        return self._pool.extract(
            path,
            options,
            partial(self._progress.at, job.owner, "extracting"),
            known=hand.known(),
            on_piece=lambda piece: hand.keep(piece.reader, piece.number, piece.content),
            cancelled=hand.is_called_off,
        )

    def _transcribe(self, job: Job, path: Path, hand: InHand, extraction: Extraction) -> Extraction:
        transcriber = self._transcriber
        if transcriber is None:
            return transcript.without(extraction)

        def on_step(done_s: float, total_s: float) -> None:
            self._progress.at(job.owner, "transcribing", int(done_s), int(total_s))

        speech = f"speech, {transcriber.revision}"
        known = hand.known_by(speech)
        if not known:  # else it is told from where it goes on
            on_step(0.0, extraction.layout.duration_s)
        heard = transcriber.transcribe(
            path,
            on_step=on_step,
            cancelled=hand.is_called_off,
            known=known,
            on_piece=partial(hand.keep, speech),
        )
        return transcript.merge(extraction, heard, transcriber.name)

    def _changed(self, job: Job, entry: Entry) -> None:
        """Queue a file that changes while it is looked at, later each time."""
        delay_s = self._settling.changed(job.file_id)

        def queue(connection: apsw.Connection) -> None:
            if jobs.still_leased(connection, job.file_id, job.owner):
                files.change(connection, [(job.file_id, entry)])
                jobs.give_back(connection, job.file_id, delay_s=delay_s)

        self._database.write(queue)

    def _attach_known(self, job: Job, source: Source, entry: Entry, sha256: str) -> bool:
        if source.look() != entry:
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
            self._done(job, "completed", recognised=True)
        return known

    def _done(
        self,
        job: Job,
        state: FileState,
        passages: int = 0,
        *,
        recognised: bool = False,
        error: str = "",
    ) -> None:
        self._settling.done(job.file_id)
        self._progress.done(
            state,
            job.size_bytes,
            passages=passages,
            recognised=recognised,
            lease=job.owner,
            file_id=job.file_id,
            error=error,
        )

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

    def _reached(self, job: Job) -> None:
        """What it waited for is over, and so it is for all that waited with it; but for room."""
        if (obstacle_id := job.obstacle_id) is not None:
            self._database.write(lambda c: obstacles.opened(c, obstacle_id))

    @contextlib.contextmanager
    def _wanting_room(self, job: Job) -> Iterator[None]:
        """Read what may have waited for room; unless it was kept from it, it has had room now."""
        try:
            yield
        except ExtractError as error:
            if not (error.transient or error.code in _KEPT_FROM_ROOM or self._stopping.is_set()):
                self._had_room(job)
            raise
        self._had_room(job)

    def _had_room(self, job: Job) -> None:
        if (obstacle_id := job.obstacle_id) is not None:
            self._database.write(lambda c: obstacles.overcome(c, obstacle_id))

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
            self._done(job, state, error=error.code)
            level = logging.DEBUG if error.skip else logging.WARNING
            log.log(level, "%s", discretion.file(error, job.file_id))
