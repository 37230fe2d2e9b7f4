"""Worker processes that read files: reused, watched, replaced. The daemon's side.

The daemon opens no file but to hash it: what a file is and what stands in it is found out in a
worker, whose crash, hang or hunger for memory is the file's failure and nobody else's.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.child import MEMORY_EXIT_CODE, Child, ChildDied, ChildError, ChildTimeout
from prismd.domain import Box, Extraction
from prismd.errors import ExtractCrash, ExtractError, ExtractTimeout, WorkerError
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.worker import (
    KINDS,
    OUT_OF_MEMORY,
    Answer,
    AnyRequest,
    Detected,
    Done,
    Failed,
    Image,
    PictureRequest,
    Ready,
    RenderRequest,
    Request,
    Step,
    ThumbnailRequest,
)
from prismd.wording import shown_name

OnStep = Callable[[int, int], None]

CANCELLED = "cancelled"
"""Error code of a file that was being read, or waited for a worker, when all was called off."""

_START_S = 60.0
_MOST_DEADLINES = 100
"""A file that shows progress all the time is given up after so many deadlines all the same."""
_IMAGE_DEADLINE_S = 30.0
"""For one picture, or one page to be shown: a person waits for it."""
_WORKER_ENVIRONMENT = {
    # Workers run side by side already. Tesseract with threads of its own crawls then.
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_MEMORY_SIGNS = ("MemoryError", "bad_alloc", "annot allocate memory", "out of memory", "malloc")


class _Worker(msgspec.Struct, eq=False):
    child: Child
    files: int = 0
    ready: bool = False


class ExtractPool:
    """Reads files in worker processes; any number of threads may call it.

    Workers are started when first needed, and their successors while the caller goes on.

    Args:
        size: How many files are read at the same time.
        deadline_s: How long one file may take; where its reader tells how far it has come,
            how long it may take from one step to the next.
        memory_bytes: How much memory one worker may have.
        recycle_after: After so many files a worker is replaced, whatever its parsers leaked.
    """

    def __init__(
        self,
        size: int = 1,
        *,
        deadline_s: float = 120.0,
        memory_bytes: int = 2 << 30,
        recycle_after: int = 200,
    ) -> None:
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._recycle_after = recycle_after
        self._slots = threading.Semaphore(size)
        self._render_slot = threading.Semaphore(1)
        self._picture_slot = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._cancelled = 0
        self._closed = False

    def extract(
        self,
        path: Path,
        options: ExtractOptions | None = None,
        on_step: OnStep | None = None,
    ) -> tuple[MediaType, Extraction]:
        """Read one file; waits for a free worker.

        Args:
            path: The file.
            options: How to read it.
            on_step: Told how many parts are done, of how many, a few times a second at most;
                not for every file.

        Returns:
            What the file is, and what is in it.

        Raises:
            UnsupportedMedia: No extractor takes it.
            EncryptedDocument: It wants a password.
            ExtractTimeout: It was not read in time; the worker was killed.
            ExtractCrash: The worker died of it.
            WorkerError: No worker can be started; the file is not to blame.
            ExtractError: Anything else, by its code; ``memory`` when it needs more memory than
                a worker may have, ``cancelled`` after ``cancel_all`` or ``close``.
        """
        request = Request(os.fsencode(path), options or ExtractOptions())
        media_type, answer = self._ask(path, request, self._slots, self._deadline_s, on_step)
        assert media_type is not None and isinstance(answer, Done)  # noqa: S101 - as asked
        return media_type, answer.extraction

    def render(self, path: Path, page: int, boxes: Sequence[Box], dpi: int) -> bytes:
        """Show a page of a PDF or a picture, places on it marked.

        Does not wait for files that are read.

        Returns:
            A PNG; see ``render.render_page``.

        Raises:
            ExtractError: As ``extract``; ``no_page`` where there is no such page.
        """
        request = RenderRequest(os.fsencode(path), page, tuple(boxes), dpi)
        return self._image(path, request, self._render_slot)

    def thumbnail(self, path: Path, max_px: int) -> bytes:
        """Show a picture small, its longer side ``max_px``; as ``render``, but a JPEG."""
        request = ThumbnailRequest(os.fsencode(path), max_px)
        return self._image(path, request, self._render_slot)

    def pixels(self, path: Path, edge_px: int) -> NDArray[np.uint8]:
        """A picture as the input of a model; one at a time, beside the files that are read.

        Returns:
            Shape ``(edge_px, edge_px, 3)``, RGB, read-only; see ``picture.pixels``.

        Raises:
            ExtractError: As ``extract``.
        """
        request = PictureRequest(os.fsencode(path), edge_px)
        data = self._image(path, request, self._picture_slot)
        return np.frombuffer(data, np.uint8).reshape(edge_px, edge_px, 3)

    def _image(
        self,
        path: Path,
        request: RenderRequest | ThumbnailRequest | PictureRequest,
        slots: threading.Semaphore,
    ) -> bytes:
        deadline_s = min(self._deadline_s, _IMAGE_DEADLINE_S)
        _, answer = self._ask(path, request, slots, deadline_s)
        assert isinstance(answer, Image)  # noqa: S101 - as asked
        return answer.data

    def _ask(
        self,
        path: Path,
        request: AnyRequest,
        slots: threading.Semaphore,
        deadline_s: float,
        on_step: OnStep | None = None,
    ) -> tuple[MediaType | None, Done | Image]:
        subject = shown_name(path)
        with self._worker(subject, slots) as (worker, epoch):
            self._await_start(worker, epoch, subject)
            try:
                worker.child.send(request, deadline_s)
                media_type, answer = _answers(worker.child, deadline_s, on_step)
            except ChildError as error:
                worker.child.kill()
                if self._cancelled != epoch:
                    raise _called_off(subject) from None
                self._fail(subject, error, deadline_s)
            except BaseException:
                worker.child.kill()  # its next answer would be taken for one to the next file
                raise
        if isinstance(answer, Failed):
            raise _error(subject, answer)
        return media_type, answer

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
    def _worker(self, subject: str, slots: threading.Semaphore) -> Iterator[tuple[_Worker, int]]:
        """A worker for one file, and the count of cancellations before it."""
        with slots:
            with self._lock:
                if self._closed:
                    raise _called_off(subject)
                worker = self._idle.pop() if self._idle else None
                if worker is None or not worker.child.alive:
                    worker = self._start()
                self._busy.append(worker)
                epoch = self._cancelled
            try:
                yield worker, epoch
            finally:
                self._give_back(worker)

    def _give_back(self, worker: _Worker) -> None:
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
            else:
                # It starts up while the caller does something with what has been read.
                with contextlib.suppress(WorkerError):
                    self._idle.append(self._start())

    def _start(self) -> _Worker:
        try:
            return _Worker(
                Child(
                    "prismd.extract.worker",
                    memory_bytes=self._memory_bytes,
                    env=_WORKER_ENVIRONMENT,
                    name="extraction worker",
                )
            )
        except ChildDied as error:
            raise WorkerError(
                f"the process that reads files cannot be started ({error}); "
                "free some memory, or end some programs"
            ) from error

    def _await_start(self, worker: _Worker, epoch: int, subject: str) -> None:
        if worker.ready:
            return
        try:
            worker.child.receive(Ready, _START_S)
        except ChildError as error:
            worker.child.kill()
            if self._cancelled != epoch:
                raise _called_off(subject) from None
            raise WorkerError(
                f"the process that reads files does not start ({error}); reinstall prismd"
            ) from error
        worker.ready = True

    def _fail(self, subject: str, error: ChildError, deadline_s: float) -> NoReturn:
        if isinstance(error, ChildTimeout):
            raise ExtractTimeout(_too_late(subject, deadline_s, self._deadline_s)) from error
        assert isinstance(error, ChildDied)  # noqa: S101 - there is no third kind
        if _ran_out_of_memory(error):
            raise ExtractError(
                f"{subject}: reading it needs more than the {self._memory_bytes >> 20} MB of "
                "memory that a worker may use; raise [index] memory_mb, "
                "or split the file, to index it",
                code=OUT_OF_MEMORY,
            ) from error
        cause = error.signal_name or f"exit code {error.exit_code}"
        raise ExtractCrash(
            f"{subject}: the program that reads it crashed ({cause}); "
            "save it anew with another program to index it"
        ) from error


def _answers(
    child: Child, deadline_s: float, on_step: OnStep | None
) -> tuple[MediaType | None, Done | Image | Failed]:
    """The worker's answers to one request: what the file is, if it says so, and the last one.

    The time counts anew from every step that leads on.
    """
    media_type: MediaType | None = None
    last: Step | None = None
    now = time.monotonic()
    deadline, cap = now + deadline_s, now + _MOST_DEADLINES * deadline_s
    while True:
        left_s = max(0.0, min(deadline, cap) - time.monotonic())
        answer: Answer = child.receive(Answer, left_s)  # type: ignore[arg-type]
        if isinstance(answer, Detected):
            media_type = answer.media_type
        elif not isinstance(answer, Step):
            return media_type, answer
        elif answer != last:
            last = answer
            deadline = time.monotonic() + deadline_s
            if on_step is not None:
                on_step(answer.done, answer.total)


def _too_late(subject: str, deadline_s: float, configured_s: float) -> str:
    if deadline_s < configured_s:
        return f"{subject}: not shown within {deadline_s:g} s; open the file itself to see it"
    return (
        f"{subject}: not read within {deadline_s:g} s; "
        "raise [index] deadline_s, or split the file, to index it"
    )


def _error(subject: str, answer: Failed) -> ExtractError:
    return KINDS.get(answer.kind, ExtractError)(
        f"{subject}: {answer.message}",
        code=answer.code,
        skip=answer.skip,
        transient=answer.transient,
    )


def _called_off(subject: str) -> ExtractError:
    return ExtractError(
        f"{subject}: reading it was called off; it is read at the next run",
        code=CANCELLED,
        transient=True,
    )


def _ran_out_of_memory(error: ChildDied) -> bool:
    # Nobody but the kernel, short of memory, kills a worker behind the pool's back.
    if error.signal_name == "SIGKILL" or error.exit_code == MEMORY_EXIT_CODE:
        return True
    return any(sign in error.stderr for sign in _MEMORY_SIGNS)
