"""Worker processes that read files: reused, watched, replaced. The daemon's side.

The daemon opens no file but to hash it: what a file is and what stands in it is found out in a
worker, whose crash, hang or hunger for memory is the file's failure and nobody else's.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.child import ChildDied, ChildError
from prismd.domain import Box, Extraction
from prismd.errors import WorkerError
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.failure import Failure, Lost, called_off, died, out_of_memory, refused
from prismd.extract.hearing import (
    LOOK_S,
    CalledOff,
    Hearing,
    OnPiece,
    OnStep,
    Overdue,
    TimeLimits,
)
from prismd.extract.pieces import Piece
from prismd.extract.worker import (
    OUT_OF_MEMORY,
    AnyRequest,
    DetectRequest,
    Done,
    Failed,
    Image,
    PictureRequest,
    Ready,
    RenderRequest,
    Request,
    ThumbnailRequest,
    Told,
    WordsRequest,
)
from prismd.extract.worker_process import WorkerProcess, start_worker
from prismd.paths.alias import called
from prismd.wording import shown_name

_START_S = 60.0
_IMAGE_DEADLINE_S = 30.0
"""For one picture, or one page to be shown: a person waits for it."""


class ExtractPool:
    """Reads files in worker processes; any number of threads may call it.

    Workers are started when first needed, and their successors while the caller goes on.

    Args:
        size: How many files are read at the same time.
        deadline_s: How long one file may take; where its reader tells how far it has come,
            how long it may take from one step to the next.
        longest_s: How long one reading of it may take in all, however many steps it tells of;
            None allows a hundred times ``deadline_s``. A part that can be left out has a quarter
            of it, and the file is read anew without it (see ``parts``).
        memory_bytes: How much memory one worker may have.
        recycle_after: After so many files a worker is replaced, whatever its parsers leaked.
    """

    def __init__(
        self,
        size: int = 1,
        *,
        deadline_s: float = 120.0,
        longest_s: float | None = None,
        memory_bytes: int = 2 << 30,
        recycle_after: int = 200,
    ) -> None:
        self._limits = TimeLimits.of(deadline_s, longest_s)
        self._memory_bytes = memory_bytes
        self._recycle_after = recycle_after
        self._slots = threading.Semaphore(size)
        self._render_slot = threading.Semaphore(1)
        self._picture_slot = threading.Semaphore(1)
        self._asked_slot = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []
        self._cancelled = 0
        self._closed = False

    def workers(self) -> tuple[int, int]:
        """How many processes are at work, and how many wait for it."""
        with self._lock:
            return len(self._busy), len(self._idle)

    def extract(
        self,
        path: Path,
        options: ExtractOptions | None = None,
        on_step: OnStep | None = None,
        *,
        known: Sequence[Piece] = (),
        on_piece: OnPiece | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[MediaType, Extraction]:
        """Read one file; waits for a free worker.

        Where a part that the file can do without (see ``parts``) hangs or crashes its reader,
        the file is read again without it.

        Args:
            path: The file.
            options: How to read it.
            on_step: Told how many parts are done, of how many, a few times a second at most;
                not for every file.
            known: Pieces that earlier readings of the same content gave, however they ended;
                they are not read again.
            on_piece: Given each piece that is read, of files that are read in pieces.
            cancelled: Asked several times a second; once it says so, the worker is killed.

        Returns:
            What the file is, and what is in it.

        Raises:
            UnsupportedMedia: No extractor takes it.
            EncryptedDocument: It wants a password.
            ExtractTimeout, ExtractCrash: It was not read in time, or the worker died of it.
            WorkerError: No worker can be started; the file is not to blame.
            ExtractError: Anything else, by its code; ``memory`` when it needs more memory than
                a worker may have, ``cancelled`` when it was called off: by ``cancelled``,
                ``cancel_all`` or ``close``.
        """
        subject = shown_name(path)
        request = Request(
            os.fsencode(path), options or ExtractOptions(), known=tuple(known), name=called(path)
        )
        hearing = Hearing(self._limits, on_step, on_piece, cancelled)
        with _turn(self._slots, hearing, subject):
            epoch = self._cancelled
            while True:
                try:
                    return _as_asked(hearing, self._ask(subject, request, hearing, epoch))
                except Lost as lost:
                    request = _without(request, hearing.part, lost, subject)
                    hearing = Hearing(self._limits, on_step, on_piece, cancelled)

    def detect(self, path: Path) -> MediaType:
        """What a file is, by its content first; does not wait for files that are read.

        Raises:
            UnsupportedMedia: No extractor takes it.
            EncryptedDocument: It wants a password.
            ExtractError: As ``extract``; ``empty`` where there is nothing in it.
        """
        answer = self._quick(path, DetectRequest(os.fsencode(path), called(path)), self._asked_slot)
        assert isinstance(answer, Told)  # noqa: S101 - as asked
        return answer.media_type

    def render(self, path: Path, page: int, boxes: Sequence[Box], dpi: int) -> bytes:
        """Show a page of a PDF or a picture, places on it marked.

        Does not wait for files that are read.

        Returns:
            A PNG; see ``render.render_page``.

        Raises:
            ExtractError: As ``extract``; ``no_page`` where there is no such page.
        """
        request = RenderRequest(os.fsencode(path), page, tuple(boxes), dpi, name=called(path))
        return self._image(path, request, self._render_slot)

    def thumbnail(self, path: Path, max_px: int) -> bytes:
        """Show a picture small, its longer side ``max_px``; as ``render``, but a JPEG."""
        request = ThumbnailRequest(os.fsencode(path), max_px, name=called(path))
        return self._image(path, request, self._render_slot)

    def pixels(
        self,
        path: Path,
        edge_px: int,
        *,
        asked: bool = False,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.uint8]:
        """A picture as the input of a model; one at a time, beside the files that are read.

        Args:
            path: The picture.
            edge_px: Edge of the square that it is fitted to.
            asked: Whether a person waits for it: then it does not wait for those that are indexed.
            cancelled: As for ``extract``.

        Returns:
            Shape ``(edge_px, edge_px, 3)``, RGB, read-only; see ``picture.pixels``.

        Raises:
            ExtractError: As ``extract``.
        """
        request = PictureRequest(os.fsencode(path), edge_px, name=called(path))
        slot = self._asked_slot if asked else self._picture_slot
        data = self._image(path, request, slot, cancelled)
        return np.frombuffer(data, np.uint8).reshape(edge_px, edge_px, 3)

    def words(
        self, path: Path, options: ExtractOptions, *, cancelled: Callable[[], bool] | None = None
    ) -> Extraction:
        """The words on a picture that a person sent, without waiting for files that are indexed.

        Arguments and errors are those of ``extract``; what is no picture is refused.
        """
        request = WordsRequest(os.fsencode(path), options)
        answer = self._quick(path, request, self._asked_slot, cancelled)
        assert isinstance(answer, Done)  # noqa: S101 - as asked
        return answer.extraction

    def _image(
        self,
        path: Path,
        request: RenderRequest | ThumbnailRequest | PictureRequest,
        slots: threading.Semaphore,
        cancelled: Callable[[], bool] | None = None,
    ) -> bytes:
        answer = self._quick(path, request, slots, cancelled)
        assert isinstance(answer, Image)  # noqa: S101 - as asked
        return answer.data

    def _quick(
        self,
        path: Path,
        request: AnyRequest,
        slots: threading.Semaphore,
        cancelled: Callable[[], bool] | None = None,
    ) -> Done | Image | Told:
        """The answer to a request for which a person waits, by a worker beside the readers."""
        subject = shown_name(path)
        hearing = Hearing(self._limits.at_most(_IMAGE_DEADLINE_S), cancelled=cancelled)
        try:
            with _turn(slots, hearing, subject):
                return self._ask(subject, request, hearing, self._cancelled)
        except Lost as lost:
            raise lost.failure.error(subject) from lost.__cause__

    def _ask(
        self, subject: str, request: AnyRequest, hearing: Hearing, epoch: int
    ) -> Done | Image | Told:
        """Have one worker answer a request.

        Raises:
            Lost: The worker was lost over it.
            ExtractError: What the worker says of the file, or all was called off.
        """
        with self._worker(subject, epoch) as worker:
            try:
                self._await_start(worker, hearing, epoch, subject)
                worker.child.send(request, hearing.limits.deadline_s)
                answer = hearing.last_answer(worker.child)
            except CalledOff:
                worker.child.kill()
                worker.wanted = False  # starting another is work too
                raise called_off(subject) from None
            except ChildError as error:
                worker.child.kill()
                if self._cancelled != epoch:
                    raise called_off(subject) from None
                raise Lost(self._failure(error, hearing)) from error
            except BaseException:
                worker.child.kill()  # its next answer would be taken for one to the next file
                raise
            if isinstance(answer, Failed) and answer.code == OUT_OF_MEMORY:
                worker.child.kill()  # parsers keep what they took, and the next file would lack it
                raise Lost(out_of_memory(self._memory_bytes))
        if isinstance(answer, Failed):
            raise refused(subject, answer)
        return answer

    def _failure(self, error: ChildError, hearing: Hearing) -> Failure:
        if isinstance(error, ChildDied):
            return died(error, self._memory_bytes)
        if isinstance(error, Overdue):
            return error.failure
        return hearing.limits.stood_still()

    def cancel_all(self) -> None:
        """Stop whatever is being read, now; later calls are served as ever."""
        with self._lock:
            self._cancelled += 1
            busy = list(self._busy)
        for worker in busy:
            worker.child.kill()

    def close(self) -> None:
        """Stop everything and end the workers; later calls are refused."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        self.cancel_all()
        for worker in idle:
            worker.child.kill()

    def worker_pids(self) -> list[int]:
        """The processes of the pool, for those who measure them."""
        with self._lock:
            return [worker.child.pid for worker in (*self._idle, *self._busy)]

    @contextlib.contextmanager
    def _worker(self, subject: str, epoch: int) -> Iterator[WorkerProcess]:
        """A worker for one request, unless all has been called off since ``epoch``."""
        with self._lock:
            if self._closed or self._cancelled != epoch:
                raise called_off(subject)
            worker = self._idle.pop() if self._idle else None
            if worker is None or not worker.child.alive:
                worker = start_worker(self._memory_bytes)
            self._busy.append(worker)
        try:
            yield worker
        finally:
            self._give_back(worker)

    def _give_back(self, worker: WorkerProcess) -> None:
        worker.files += 1
        worn = worker.files >= self._recycle_after
        if worn:
            worker.child.kill()
        with self._lock:
            self._busy.remove(worker)
            if self._closed:
                worker.child.kill()
            elif worker.child.alive:
                self._idle.append(worker)
            elif worker.wanted:
                # It starts up while the caller does something with what has been read.
                with contextlib.suppress(WorkerError):
                    self._idle.append(start_worker(self._memory_bytes))

    def _await_start(
        self, worker: WorkerProcess, hearing: Hearing, epoch: int, subject: str
    ) -> None:
        if worker.ready:
            return
        try:
            hearing.receive(worker.child, Ready, _START_S)
        except ChildError as error:
            worker.child.kill()
            if self._cancelled != epoch:
                raise called_off(subject) from None
            raise WorkerError(
                f"the process that reads files does not start ({error}); reinstall prismd"
            ) from error
        worker.ready = True


@contextlib.contextmanager
def _turn(slots: threading.Semaphore, hearing: Hearing, subject: str) -> Iterator[None]:
    """One of the slots, waited for as long as the file is wanted."""
    try:
        hearing.look()
        while not slots.acquire(timeout=LOOK_S):
            hearing.look()
    except CalledOff:
        raise called_off(subject) from None
    try:
        yield
    finally:
        slots.release()


def _without(request: Request, part: str, lost: Lost, subject: str) -> Request:
    """The request, the part that was in hand left out of the file.

    Raises:
        ExtractError: There was none, or the file is at fault in itself.
    """
    left_out = None if lost.failure.whole else request.left_out.also(part, lost.failure.cause)
    if left_out is None:
        raise lost.failure.error(subject) from lost.__cause__
    return msgspec.structs.replace(request, left_out=left_out)


def _as_asked(hearing: Hearing, answer: Done | Image | Told) -> tuple[MediaType, Extraction]:
    assert hearing.media_type is not None and isinstance(answer, Done)  # noqa: S101 - as asked
    return hearing.media_type, answer.extraction
