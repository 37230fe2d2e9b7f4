"""The child that writes down speech: ``python -m prismd.models.whisper_worker``.

It decodes a recording by itself, in windows of two minutes, finds speech in each, and hears
the speech in stretches of up to half a minute. It takes one recording at a time; who does not
want the rest of one kills it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.child import Channel, channel
from prismd.errors import ExtractError
from prismd.models.base import Segment, SpokenWord, Transcript
from prismd.models.whisper_belief import (
    believable,
    segments,
    within_speech,
    without_loops,
    without_repeats,
)
from prismd.models.whisper_language import Languages
from prismd.models.whisper_windows import Span, Stretch, keep_back, stretches
from prismd.opening import reachable

if TYPE_CHECKING:
    from prismd.models.whisper_hearing import Hearing
    from prismd.soundtrack import Soundtrack

_RATE_HZ = 16_000
_PIECE_S = 30.0
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
    """Write down a recording. Answered by any number of ``Step`` and one ``Written``.

    ``path`` is as the file system has it, which need not be text.
    """

    path: bytes
    language: str


Request = Load | Write


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The weights are in memory, and have been tried."""


class Step(msgspec.Struct, frozen=True, tag=True):
    """So many seconds are done, of so many."""

    done_s: float
    total_s: float


class Written(msgspec.Struct, frozen=True, tag=True):
    """All that is said."""

    transcript: Transcript


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """The recording cannot be read; ``message`` is for a person."""

    message: str
    code: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The model failed; ``message`` is for a person."""

    message: str


Reply = Ready | Step | Written | Unreadable | Failed


class _Scribe:
    """Writes down one recording."""

    def __init__(self, hearing: Hearing, sound: Soundtrack, language: str, parent: Channel) -> None:
        self._hearing = hearing
        self._sound = sound
        self._language = language if language in hearing.languages else ""
        self._parent = parent
        self._languages = Languages()
        self._said: list[Segment] = []

    def write(self) -> Transcript:
        for offset_s, samples, speech in _windows(self._sound):
            self._window(offset_s, samples, stretches(speech))
            self._step(offset_s + (speech[-1][1] if speech else len(samples) / _RATE_HZ))
        return Transcript(
            segments=tuple(without_repeats(self._said)),
            duration_s=max(self._sound.decoded_s, self._sound.facts.duration_s),
        )

    def _window(self, offset_s: float, samples: NDArray[np.float32], found: list[Stretch]) -> None:
        encoded = {} if self._language else self._look_ahead(samples, found)
        for stretch in found:
            known = encoded.pop(stretch.start_s, None)
            self._stretch(offset_s, samples, stretch, known)
            self._step(offset_s + stretch.end_s)

    def _look_ahead(self, samples: NDArray[np.float32], found: list[Stretch]) -> dict[float, Any]:
        """Note the languages of the longest stretches, before the first is heard."""
        longest = sorted(found, key=lambda stretch: stretch.start_s - stretch.end_s)[:_LOOK_AHEAD]
        encoded = {}
        for stretch in longest:
            encoded[stretch.start_s] = self._hearing.encode(_cut(samples, stretch))
            likely = self._hearing.language(encoded[stretch.start_s])
            self._languages.note(likely, stretch.end_s - stretch.start_s)
        return encoded

    def _stretch(
        self, offset_s: float, samples: NDArray[np.float32], stretch: Stretch, known: Any
    ) -> None:
        duration_s = stretch.end_s - stretch.start_s
        encoded = self._hearing.encode(_cut(samples, stretch)) if known is None else known
        language = self._language
        if not language:
            likely = self._hearing.language(encoded)
            if known is None:
                self._languages.note(likely, duration_s)
            language = self._languages.choose(likely, duration_s)
        heard = self._hearing.hear(encoded, duration_s, language)
        if not believable(heard.log_probability, heard.no_speech, heard.compression):
            return
        words = [_moved(word, stretch.start_s) for word in without_loops(heard.words)]
        fitted = within_speech(words, stretch.speech, _PADDING_S - _KEPT_PADDING_S)
        words = [_moved(word, offset_s) for word in fitted]
        if words:
            self._said += segments(words, language)

    def _step(self, done_s: float) -> None:
        self._parent.send(Step(done_s, max(done_s, self._sound.facts.duration_s)))


def _windows(sound: Soundtrack) -> Iterator[tuple[float, NDArray[np.float32], list[Span]]]:
    """Windows with the speech to hear in each: where it begins in the recording, samples, speech.

    A window ends in silence: what is being said at its end comes whole in the next one.
    """
    waiting = np.zeros(0, dtype=np.float32)
    offset = 0
    for piece in sound.pieces(_PIECE_S):
        waiting = np.concatenate((waiting, piece))
        if len(waiting) < _WINDOW_S * _RATE_HZ:
            continue
        speech, kept_from_s = keep_back(_speech(waiting), len(waiting) / _RATE_HZ)
        yield offset / _RATE_HZ, waiting, speech
        cut = int(kept_from_s * _RATE_HZ)
        waiting = waiting[cut:]
        offset += cut
    if len(waiting):
        yield offset / _RATE_HZ, waiting, _speech(waiting)


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
                elif hearing is not None:
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


def _write(hearing: Hearing, request: Write, parent: Channel) -> Written:
    from prismd.soundtrack import Soundtrack

    with (
        reachable(request.path) as near,
        Soundtrack(Path(os.fsdecode(near))) as sound,
    ):
        return Written(_Scribe(hearing, sound, request.language, parent).write())


if __name__ == "__main__":
    main()
