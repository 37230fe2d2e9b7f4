"""A transcriber without weights, for tests and for trying prismd out; see ``fake``."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from prismd.errors import CANCELLED, LEFT_OFF, ExtractError
from prismd.models.base import Segment, SpokenWord, Transcript

_TURN_S = 0.02
_SIGNATURES = (b"RIFF", b"OggS", b"fLaC", b"ID3", b"\xff", b"\x1aE\xdf\xa3", b"0&\xb2u", b"FORM")


class FakeTranscriber:
    """Hears what a WAV file has written into it: a chunk ``said``, JSON of start, end and text.

    Of other recordings, and of WAV files without the chunk, it hears nothing.

    Attributes:
        delay_s: How long it takes over each segment.
        transcribed: How many recordings it has written down, for tests that count work.
        heard: How many segments it has written down, whether or not it came to the end.
        prompts: The prompts that it was given, in order.
    """

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self._turn = threading.Lock()
        self.transcribed = 0
        self.heard = 0
        self.prompts: list[str] = []

    @property
    def name(self) -> str:
        """``fake``."""
        return "fake"

    @property
    def revision(self) -> str:
        """``fake-1``."""
        return "fake-1"

    @property
    def languages(self) -> frozenset[str]:
        """English and German."""
        return frozenset({"de", "en"})

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
        """Write down what is said; see ``models.base.Transcriber``.

        Raises:
            ExtractError: The file does not begin like a recording, or it was called off or left.
        """
        called_off, is_left = cancelled or _never, leave or _never
        while not self._turn.acquire(timeout=_TURN_S):
            _check(called_off, is_left)
        try:
            said, duration_s = _said(path)
            segments = _unpacked(known or {})
            if prompt:
                self.prompts.append(prompt)
            if on_said is not None and segments:
                on_said(segments)
            if segments and on_step is not None:
                on_step(segments[-1].end_s, max(duration_s, segments[-1].end_s))
            for start_s, end_s, text in said[len(segments) :]:
                _check(called_off, is_left)
                self._wait(called_off)
                segments.append(_spoken(start_s, end_s, text, language or "en"))
                self.heard += 1
                if on_piece is not None:
                    on_piece(len(segments) - 1, msgspec.msgpack.encode(segments[-1]))
                if on_said is not None:
                    on_said(segments[-1:])
                if on_step is not None:
                    on_step(end_s, max(duration_s, end_s))
            _check(called_off)
            if on_step is not None:
                on_step(duration_s, duration_s)
            self.transcribed += 1
        finally:
            self._turn.release()
        return Transcript(tuple(segments), duration_s)

    def close(self) -> None:
        """Nothing to give back."""

    def _wait(self, cancelled: Callable[[], bool]) -> None:
        until_s = time.monotonic() + self.delay_s
        while time.monotonic() < until_s:
            threading.Event().wait(_TURN_S)
            _check(cancelled)


def _never() -> bool:
    return False


def _check(cancelled: Callable[[], bool], leave: Callable[[], bool] = _never) -> None:
    if cancelled():
        raise ExtractError("writing down its speech was called off", code=CANCELLED)
    if leave():
        raise ExtractError("writing down its speech was left", code=LEFT_OFF)


def _said(path: Path) -> tuple[list[tuple[float, float, str]], float]:
    """What a WAV file has written into it, and its duration in seconds; nothing of others."""
    content = path.read_bytes()
    if not content.startswith(_SIGNATURES) and content[4:8] != b"ftyp":
        raise ExtractError(
            "it cannot be opened as a recording; play it to see whether it is damaged",
            code="broken",
        )
    said: list[tuple[float, float, str]] = []
    bytes_per_s, at = 0, 12
    while content.startswith(b"RIFF") and at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt ":
            bytes_per_s = int.from_bytes(body[8:12], "little")
        elif name == b"said":
            said = msgspec.json.decode(body, type=list[tuple[float, float, str]])
        elif name == b"data" and bytes_per_s:
            return said, len(body) / bytes_per_s
        at += 8 + size + size % 2
    return said, 0.0


def _unpacked(known: Mapping[int, bytes]) -> list[Segment]:
    """The segments that are known, up to the first that is not."""
    found: list[Segment] = []
    with contextlib.suppress(KeyError, msgspec.DecodeError):
        while True:
            found.append(msgspec.msgpack.decode(known[len(found)], type=Segment))
    return found


def _spoken(start_s: float, end_s: float, text: str, language: str) -> Segment:
    """A segment whose words take the same time each."""
    words = text.split()
    step_s = (end_s - start_s) / max(1, len(words))
    times = [start_s + step_s * number for number in range(len(words) + 1)]
    spoken = (
        SpokenWord(first_s, last_s, word)
        for (first_s, last_s), word in zip(pairwise(times), words, strict=True)
    )
    return Segment(start_s, end_s, text, tuple(spoken), language=language)
