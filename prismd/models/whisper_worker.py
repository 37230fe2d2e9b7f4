"""The child that writes down speech: ``python -m prismd.models.whisper_worker``.

It decodes a recording by itself, in windows of two minutes, finds speech in each, and hears
the speech in stretches of up to half a minute. Each stretch is a piece, behind which it can go
on another time. It takes one recording at a time; who does not want the rest of one kills it.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.child import Channel, channel
from prismd.errors import ExtractError
from prismd.models.base import Decoding, Segment, SpokenWord, Transcript
from prismd.models.whisper_belief import (
    believable,
    segments,
    within_speech,
    without_loops,
    without_repeats,
)
from prismd.models.whisper_language import Languages
from prismd.models.whisper_windows import Span, Stretch, keep_back, stretches
from prismd.paths.opening import reachable

if TYPE_CHECKING:
    from prismd.models.whisper_hearing import Hearing
    from prismd.soundtrack import Soundtrack

VERSION = "hearing-1"
"""Changes whenever the same weights may write down a recording otherwise, or pack it otherwise."""

_RATE_HZ = 16_000
_DECODED_S = 30.0
_WINDOW_S = 120.0
_LOOK_AHEAD = 3
_PADDING_S = 0.2
_KEPT_PADDING_S = 0.05
"""Of the padding so much is taken for speech, whose first sound is soft."""
_VAD = {
    "threshold": 0.5,
    "min_speech_duration_ms": 200,
    "max_speech_duration_s": 28,
    "min_silence_duration_ms": 300,
    "speech_pad_ms": 1000 * _PADDING_S,
}


class Load(msgspec.Struct, frozen=True, tag=True):
    """Read the weights; the first request. Answered by ``Ready``."""

    folder: str
    threads: int
    beam: int


class Write(msgspec.Struct, frozen=True, tag=True):
    """Write down a recording. Answered by many a ``Step`` and ``Piece``, and one ``Written``.

    ``path`` is as the file system has it, which need not be text; ``known`` are the first pieces,
    without a gap.
    """

    path: bytes
    language: str
    known: tuple[bytes, ...] = ()
    prompt: str = ""


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Leave the recording behind the piece in hand; without one, this means nothing.

    Answered by ``Left``, and not at all where it crosses with the last word on the recording.
    """


Request = Load | Write | Leave


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The weights are in memory, and have been tried."""


class Step(msgspec.Struct, frozen=True, tag=True):
    """So many seconds are done, of so many."""

    done_s: float
    total_s: float


class Piece(msgspec.Struct, frozen=True, tag=True):
    """A stretch has been written down; from 0."""

    number: int
    content: bytes


class Written(msgspec.Struct, frozen=True, tag=True):
    """All that is said."""

    transcript: Transcript


class Left(msgspec.Struct, frozen=True, tag=True):
    """The recording was left, as was asked for."""


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """The recording cannot be read; ``message`` is for a person."""

    message: str
    code: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The model failed; ``message`` is for a person."""

    message: str


Reply = Ready | Step | Piece | Written | Left | Unreadable | Failed


class _LeftOff(Exception):
    """The recording is to be left."""


class _Mark(msgspec.Struct, frozen=True):
    """How far a recording has been heard.

    Attributes:
        window: The sample with which the window in hand begins.
        done_s: So much of that window has been heard; 0 when it is yet to be looked at.
        votes: For each language, as they were then.
        said: What was said in the last stretch.
    """

    window: int = 0
    done_s: float = 0.0
    votes: dict[str, float] = {}
    said: tuple[Segment, ...] = ()

    def pack(self) -> bytes:
        return zlib.compress(msgspec.msgpack.encode(self), 1)


def said_in(piece: bytes) -> tuple[Segment, ...]:
    """What was said in a piece; nothing where it cannot be read."""
    marks = _marks([piece])
    return marks[0].said if marks else ()


def _marks(known: Sequence[bytes]) -> list[_Mark]:
    """The pieces that can be read, up to the first that cannot."""
    found: list[_Mark] = []
    for piece in known:
        try:
            found.append(msgspec.msgpack.decode(zlib.decompress(piece), type=_Mark))
        except (zlib.error, msgspec.DecodeError):
            break
    return found


class _Scribe:
    """Writes down one recording, from where it was left."""

    def __init__(
        self,
        hearing: Hearing,
        sound: Soundtrack,
        request: Write,
        parent: Channel,
    ) -> None:
        self._hearing = hearing
        self._sound = sound
        self._language = request.language if request.language in hearing.languages else ""
        self._prompt = request.prompt
        self._parent = parent
        marks = _marks(request.known)
        self._pieces = len(marks)
        self._left = marks[-1] if marks else _Mark()
        self._languages = Languages(self._left.votes)
        self._said = [segment for mark in marks for segment in mark.said]

    def write(self) -> Transcript:
        self._skipped()
        for first, samples, speech in _windows(self._sound, self._left.window, self._skipped):
            self._window(first, samples, stretches(speech))
            self._step(first / _RATE_HZ + (speech[-1][1] if speech else len(samples) / _RATE_HZ))
        return Transcript(
            segments=tuple(without_repeats(self._said)),
            duration_s=max(self._sound.decoded_s, self._sound.facts.duration_s),
            has_sound=self._sound.facts.has_sound,
        )

    def _window(self, first: int, samples: NDArray[np.float32], found: list[Stretch]) -> None:
        done_s = self._left.done_s if first == self._left.window else 0.0
        encoded = {} if self._language else self._look_ahead(samples, found, done_s)
        for stretch in found:
            if stretch.end_s <= done_s:
                continue
            known = encoded.pop(stretch.start_s, None)
            said = self._stretch(first / _RATE_HZ, samples, stretch, known)
            self._said += said
            self._keep(_Mark(first, stretch.end_s, self._languages.votes, tuple(said)))
            self._step(first / _RATE_HZ + stretch.end_s)
        if not found and not done_s:
            self._keep(_Mark(first, len(samples) / _RATE_HZ, self._languages.votes))

    def _look_ahead(
        self, samples: NDArray[np.float32], found: list[Stretch], done_s: float
    ) -> dict[float, Any]:
        """Note the languages of the longest stretches, before the first is heard."""
        longest = sorted(found, key=lambda stretch: stretch.start_s - stretch.end_s)[:_LOOK_AHEAD]
        encoded = {}
        for stretch in longest:
            if stretch.end_s <= done_s:
                continue
            encoded[stretch.start_s] = self._hearing.encode(_cut(samples, stretch))
            if not done_s:  # else they were noted before any was heard
                likely = self._hearing.language(encoded[stretch.start_s])
                self._languages.note(likely, stretch.end_s - stretch.start_s)
        return encoded

    def _stretch(
        self, offset_s: float, samples: NDArray[np.float32], stretch: Stretch, known: Any
    ) -> list[Segment]:
        """What is said in a stretch."""
        duration_s = stretch.end_s - stretch.start_s
        encoded = self._hearing.encode(_cut(samples, stretch)) if known is None else known
        language = self._language
        if not language:
            likely = self._hearing.language(encoded)
            if known is None:
                self._languages.note(likely, duration_s)
            language = self._languages.choose(likely, duration_s)
        heard = self._hearing.hear(encoded, duration_s, language, self._prompt)
        if not believable(heard.log_probability, heard.no_speech, heard.compression):
            return []
        words = [_moved(word, stretch.start_s) for word in without_loops(heard.words)]
        fitted = within_speech(words, stretch.speech, _PADDING_S - _KEPT_PADDING_S)
        decoding = Decoding(
            offset_s + stretch.start_s, heard.log_probability, heard.no_speech, heard.compression
        )
        said = segments([_moved(word, offset_s) for word in fitted], language)
        return [msgspec.structs.replace(segment, decoding=decoding) for segment in said]

    def _keep(self, mark: _Mark) -> None:
        self._parent.send(Piece(self._pieces, mark.pack()))
        self._pieces += 1
        self._look()

    def _look(self) -> None:
        """Leave off where that is asked for: while it works the parent asks for nothing else."""
        with contextlib.suppress(EOFError):  # with the parent this process ends by itself
            if self._parent.poll(Request) is not None:  # type: ignore[arg-type]
                raise _LeftOff

    def _skipped(self) -> None:
        """Say where it goes on, while what has been heard is passed over."""
        self._look()
        if self._pieces:
            self._step(self._left.window / _RATE_HZ + self._left.done_s)

    def _step(self, done_s: float) -> None:
        self._parent.send(Step(done_s, max(done_s, self._sound.facts.duration_s)))


def _windows(
    sound: Soundtrack, start: int, skipped: Callable[[], None]
) -> Iterator[tuple[int, NDArray[np.float32], list[Span]]]:
    """Windows with the speech to hear in each: its first sample, its samples, the speech.

    A window ends in silence: what is being said at its end comes whole in the next one.

    Args:
        sound: The recording.
        start: The first sample of the first window: of any that another call gave, the rest will
            be as they were then.
        skipped: Called now and then while what is before it is decoded. Only so is every sample
            what it was: decoders do not give the same where they begin in the middle.
    """
    waiting = np.zeros(0, dtype=np.float32)
    first, ahead = start, start
    for piece in sound.pieces(_DECODED_S):
        if ahead >= len(piece):
            ahead -= len(piece)
            skipped()
            continue
        waiting = np.concatenate((waiting, piece[ahead:]))
        ahead = 0
        if len(waiting) < _WINDOW_S * _RATE_HZ:
            continue
        speech, kept_from_s = keep_back(_speech(waiting), len(waiting) / _RATE_HZ)
        yield first, waiting, speech
        cut = int(kept_from_s * _RATE_HZ)
        waiting = waiting[cut:]
        first += cut
    if len(waiting):
        yield first, waiting, _speech(waiting)


def _speech(samples: NDArray[np.float32]) -> list[Span]:
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    found = get_speech_timestamps(samples, VadOptions(**_VAD))
    return [(span["start"] / _RATE_HZ, span["end"] / _RATE_HZ) for span in found]


def _cut(samples: NDArray[np.float32], stretch: Stretch) -> NDArray[np.float32]:
    return samples[int(stretch.start_s * _RATE_HZ) : int(stretch.end_s * _RATE_HZ)]


def _moved(word: SpokenWord, by_s: float) -> SpokenWord:
    return msgspec.structs.replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s)


def main() -> None:
    """Serve one parent until it hangs up."""
    with channel() as parent:
        hearing: Hearing | None = None
        request: Request
        for request in parent.requests(Request):  # type: ignore[arg-type]
            try:
                if isinstance(request, Load):
                    hearing = _load(request)
                    parent.send(Ready())
                elif isinstance(request, Write) and hearing is not None:
                    parent.send(_write(hearing, request, parent))
            except ImportError as error:
                parent.send(
                    Failed(f"its engine is not installed ({error}); run `pip install prismd` again")
                )
            except ExtractError as error:
                parent.send(Unreadable(str(error), error.code))
            except OSError as error:
                cause = error.strerror or str(error)
                parent.send(Unreadable(f"it cannot be read ({cause})", "unreadable"))
            except MemoryError:
                parent.send(_out_of_memory(request))
            except (ValueError, RuntimeError) as error:
                parent.send(Failed(str(error)))


def _out_of_memory(request: Request) -> Reply:
    if isinstance(request, Write):
        return Unreadable(
            "writing down its speech needs more memory than it may use; split the recording",
            "memory",
        )
    return Failed("there is not enough memory for it; choose a smaller model")


def _load(request: Load) -> Hearing:
    from prismd.models.whisper_hearing import Hearing

    hearing = Hearing(Path(request.folder), request.threads, request.beam)
    # An engine that this processor cannot run dies here, where no recording is to blame.
    noise = np.random.default_rng(0).standard_normal(_RATE_HZ).astype(np.float32)
    hearing.hear(hearing.encode(noise), 1.0, "en")
    _speech(noise)
    return hearing


def _write(hearing: Hearing, request: Write, parent: Channel) -> Written | Left:
    from prismd.soundtrack import Soundtrack

    with (
        reachable(request.path) as near,
        Soundtrack(Path(os.fsdecode(near))) as sound,
    ):
        try:
            return Written(_Scribe(hearing, sound, request, parent).write())
        except _LeftOff:
            return Left()


if __name__ == "__main__":
    main()
