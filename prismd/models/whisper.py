"""Speech to text by Whisper (faster-whisper, CTranslate2), in a process of its own.

Native code that dies, hangs or leaks on a recording costs that process and that recording. The
next one starts it anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prismd.child import Child, ChildDied, ChildError, ChildTimeout
from prismd.cores import usable_cores
from prismd.errors import (
    CANCELLED,
    LEFT_OFF,
    ExtractCrash,
    ExtractError,
    ExtractTimeout,
    ModelError,
)
from prismd.models.base import Segment, Transcript
from prismd.models.engine import EngineProcess, crash_of, engine_lost, sleeping_threads
from prismd.models.entry import ModelEntry
from prismd.models.installed import verified
from prismd.models.whisper_belief import certain
from prismd.models.whisper_worker import (
    VERSION,
    Failed,
    Leave,
    Left,
    Load,
    Piece,
    Reply,
    Step,
    Unreadable,
    Write,
    Written,
    said_in,
)

_WORKER = "prismd.models.whisper_worker"
_LOAD_S = 300.0
_LOOK_S = 0.2
_ADDRESS_SPACE_BYTES = 4 << 30
_MOST_KNOWN_BYTES = 256 << 20


def _environment() -> dict[str, str]:
    """The engine's threads wait asleep, and nothing calls home or looks for a network."""
    return {**sleeping_threads(), "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}


class WhisperTranscriber(EngineProcess):
    """A Whisper model in a child process, started on first use.

    Args:
        entry: A catalogue entry of the role ``speech``.
        models_dir: Where the models are.
        threads: To compute with; 0 means one for each core.
        beam: How many candidates are followed; 1 takes two thirds of the time of 5.
        idle_unload_s: End the child after so long without work; None never does.
        stall_timeout_s: The child is killed when a recording makes no progress for so long.
    """

    def __init__(
        self,
        entry: ModelEntry,
        models_dir: Path,
        *,
        threads: int = 0,
        beam: int = 5,
        idle_unload_s: float | None = None,
        stall_timeout_s: float = 300.0,
    ) -> None:
        super().__init__(entry, idle_unload_s)
        self.stall_timeout_s = stall_timeout_s
        self._models_dir = models_dir
        self._threads = threads or usable_cores()
        self._beam = beam
        self._closed: Child | None = None

    @property
    def revision(self) -> str:
        """Names the weights, and how they are used."""
        return f"{self.name} {self.entry.files[0].sha256[:16]}, beam {self._beam}, {VERSION}"

    @property
    def languages(self) -> frozenset[str]:
        """As the catalogue has them."""
        return frozenset(self.entry.languages)

    def transcribe(
        self,
        path: Path,
        *,
        language: str = "",
        prompt: str = "",
        on_step: Callable[[float, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        known: Mapping[int, bytes] | None = None,
        on_piece: Callable[[int, bytes], None] | None = None,
        on_said: Callable[[Sequence[Segment]], None] | None = None,
        leave: Callable[[], bool] | None = None,
    ) -> Transcript:
        """Write down what is said; see ``models.base.Transcriber``. ``close`` ends it too.

        Raises:
            ExtractError: The recording cannot be read, made the engine crash or hang, was called
                off (code ``cancelled``), or left (``left_off``).
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """
        called_off, is_left = cancelled or _never, leave or _never
        self._take_turn(called_off, is_left)
        reply: Reply | None = None
        request = Write(os.fsencode(path), language, _beginning(known or {}), prompt)
        told = _Told(on_step, on_piece, on_said)
        for piece in request.known:
            told.hear(piece)
        try:
            child = self._running(called_off)
            reply = self._written(child, request, told, _Wanted(child, called_off, is_left))
        finally:
            if reply is None:
                # It is at work on what nobody waits for; hearing half a minute cannot be
                # interrupted, and loading again takes less.
                self.kill()
            self.rest()
            self.turn.release()
        return self._result(reply)

    def self_test(self) -> None:
        """Load the model, which tries it: it proves that the engine runs on this processor.

        Raises:
            ModelError: It does not; says what to do.
        """
        with self.turn:
            try:
                self._running(_never)
            finally:
                self.rest()

    def close(self) -> None:
        """End the child, and what it writes; the next call starts it again."""
        child = self._child
        if child is None:
            return
        if self.turn.acquire(blocking=False):
            try:
                self._end_child()
            finally:
                self.turn.release()
        else:
            self._closed = child
            child.kill()

    def _take_turn(self, cancelled: Callable[[], bool], leave: Callable[[], bool]) -> None:
        while not self.turn.acquire(timeout=_LOOK_S):
            if cancelled():
                raise _called_off()
            if leave():
                raise _left_off()
        self._idle.end()

    def _running(self, cancelled: Callable[[], bool]) -> Child:
        """The child, started when it does not run; the turn must be held."""
        self._idle.end()
        if self._child is not None and self._child.alive:
            return self._child
        try:
            child = self._start(cancelled)
        except ModelError as error:
            self.kill()
            self.failure = str(error)
            raise
        self.failure = ""
        return child

    def _start(self, cancelled: Callable[[], bool]) -> Child:
        weights = verified(self.entry, self._models_dir)[self.entry.files[0].name]
        try:
            child = Child(
                _WORKER,
                env=_environment(),
                memory_bytes=_ADDRESS_SPACE_BYTES + 2 * self.entry.size_bytes,
                name=f"{self.name}'s engine",
            )
            self._child = child
            child.send(Load(str(weights.parent), self._threads, self._beam))
            reply = _receive(child, _LOAD_S, cancelled)
        except ChildError as error:
            raise self._not_started(error) from error
        if isinstance(reply, Failed):
            raise ModelError(f"{self.name}: {reply.message}")
        return child

    def _written(
        self,
        child: Child,
        request: Write,
        told: _Told,
        wanted: _Wanted,
    ) -> Reply:
        """Have a recording written down; the child's last word on it."""
        try:
            child.send(request)
            while True:
                reply = _receive(child, self.stall_timeout_s, wanted.is_over)
                if isinstance(reply, Step):
                    told.step(reply)
                elif isinstance(reply, Piece):
                    told.piece(reply)
                else:
                    return reply
        except ChildError as error:
            raise self._lost(child, error) from error

    def _result(self, reply: Reply) -> Transcript:
        if isinstance(reply, Written):
            return reply.transcript
        if isinstance(reply, Left):
            raise _left_off()
        if isinstance(reply, Unreadable):
            raise ExtractError(reply.message, code=reply.code)
        message = reply.message if isinstance(reply, Failed) else "answered out of turn"
        raise ModelError(f"{self.name}: {message}; try again, and see `prismd doctor`")

    def _not_started(self, error: ChildError) -> ModelError:
        if signal_name := crash_of(error):
            return ModelError(
                f"{self.name}: its engine died of {signal_name} when it was tried; this "
                "processor may lack an instruction that it needs, see `prismd doctor`"
            )
        return engine_lost(self.name, error)

    def _lost(self, child: Child, error: ChildError) -> ExtractError:
        """What to tell of a child that died or hangs over a recording."""
        if self._closed is child:
            return _called_off()
        if isinstance(error, ChildTimeout):
            return ExtractTimeout(
                f"writing down its speech made no progress for {self.stall_timeout_s:.0f} s "
                "and was stopped; play it to see whether it is damaged"
            )
        died_of = error.signal_name if isinstance(error, ChildDied) else ""
        return ExtractCrash(
            f"the engine {self.name} died over it ({died_of or error}); "
            "save it anew with another program, or close others if memory is short"
        )


class _Wanted:
    """Whether a recording is wanted any more, now or behind the piece in hand."""

    def __init__(
        self, child: Child, cancelled: Callable[[], bool], leave: Callable[[], bool]
    ) -> None:
        self._child = child
        self._cancelled = cancelled
        self._leave = leave
        self._asked = False

    def is_over(self) -> bool:
        """Whether it is to be given up now; asks the child to leave it where that will do."""
        if not self._asked and self._leave():
            self._asked = True
            self._child.send(Leave())
        return self._cancelled()


class _Told:
    """Whoever is told what comes of a recording, while it is written down."""

    def __init__(
        self,
        on_step: Callable[[float, float], None] | None,
        on_piece: Callable[[int, bytes], None] | None,
        on_said: Callable[[Sequence[Segment]], None] | None,
    ) -> None:
        self._on_step = on_step
        self._on_piece = on_piece
        self._on_said = on_said
        self._said: list[Segment] = []
        self._given = 0

    def step(self, step: Step) -> None:
        if self._on_step is not None:
            self._on_step(step.done_s, step.total_s)

    def piece(self, piece: Piece) -> None:
        if self._on_piece is not None:
            self._on_piece(piece.number, piece.content)
        self.hear(piece.content)

    def hear(self, content: bytes) -> None:
        """Give what is certain; what may turn out to be said too often waits for what follows."""
        if self._on_said is None:
            return
        self._said += said_in(content)
        found = certain(self._said)
        if len(found) > self._given:
            self._on_said(found[self._given :])
            self._given = len(found)


def _receive(child: Child, timeout_s: float, cancelled: Callable[[], bool]) -> Reply:
    """The child's next reply, with a look now and then whether it is still wanted."""
    deadline = time.monotonic() + timeout_s
    while True:
        if cancelled():
            raise _called_off()
        left_s = deadline - time.monotonic()
        try:
            return child.receive(Reply, min(_LOOK_S, max(0.0, left_s)))  # type: ignore[arg-type]
        except ChildTimeout:
            if left_s <= _LOOK_S:
                raise


def _beginning(known: Mapping[int, bytes]) -> tuple[bytes, ...]:
    """The pieces up to the first that is missing, as many as fit."""
    found: list[bytes] = []
    room_bytes = _MOST_KNOWN_BYTES
    while (piece := known.get(len(found))) is not None and len(piece) <= room_bytes:
        found.append(piece)
        room_bytes -= len(piece)
    return tuple(found)


def _called_off() -> ExtractError:
    return ExtractError(
        "writing down its speech was called off; 'prismd retry' goes on with it", code=CANCELLED
    )


def _left_off() -> ExtractError:
    return ExtractError("writing down its speech was left for another recording", code=LEFT_OFF)


def _never() -> bool:
    return False
