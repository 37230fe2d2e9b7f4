"""The sound of a recording or film: what the container says of it, and its samples in pieces.

It is opened by the process that reads files and by the one that writes down speech; the daemon
itself never imports this. Memory stays bounded however long the recording is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import msgspec
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from prismd.errors import ExtractError

RATE_HZ = 16_000
_GAP_S = 0.2
"""Sound that is missing for longer than this is filled with silence, to keep the time right."""
_LEAST_FILL_S = 60.0
_MOST_FILL_S = 24 * 3600.0
"""How much silence may be put in in all: as much as the recording claims to last, within these."""
_SHORTFALL_S = 2.0
_SHORTFALL_SHARE = 0.02
_GUESSED_DURATION = frozenset({"aac", "mp3"})
"""Formats without a length of their own: what they seem to be is guessed from their first part."""
_GUESSED_SHARE = 0.25
_UNKNOWN_BYTES = 0xFFFF_FF00
"""Programs that write on the fly declare a WAV file to be as long as can be."""
_OGG_PAGE_BYTES = 65_307
_OGG_HEADER_BYTES = 27
# Playlists and the like name other files, or addresses; nothing but the file itself is opened.
_FORMATS = (
    "mov mp3 wav flac ogg matroska asf aac w64 aiff caf amr amrnb amrwb au ac3 eac3 dts ape wv tta "
    "mpc mpc8 avi flv mpegts mpeg rm 3gp voc xwma"
)
_TAGS: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""Tags that are no text come as surrogates; since PyAV 19 they always do, and nothing is asked."""
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(_FORMATS.split())}


class Chapter(msgspec.Struct, frozen=True):
    """A named stretch of a recording."""

    start_s: float
    end_s: float
    title: str


class Facts(msgspec.Struct, frozen=True):
    """What a container says of itself.

    Attributes:
        duration_s: As declared; 0 when it is not.
        tags: By lower-case name, the container's before those of the sound.
        chapters: In order of time.
        container: The format's short name, such as ``mp3``.
        codec: Of the sound; empty when there is none.
        language: Of the sound, as its tag has it (mostly ISO 639-2); empty when unknown.
        rate_hz: Of the sound, as recorded.
        channels: Of the sound, as recorded.
    """

    duration_s: float
    tags: dict[str, str]
    chapters: tuple[Chapter, ...]
    container: str
    codec: str = ""
    language: str = ""
    rate_hz: int = 0
    channels: int = 0

    @property
    def has_sound(self) -> bool:
        """Whether there is any."""
        return bool(self.codec)


class Soundtrack:
    """An opened recording or film; to be closed, and read once.

    Attributes:
        facts: What the container says of itself.
        faults: How many damaged parts were left out, as far as it has been read.
        decoded_s: Seconds read so far, silence for missing parts included.

    Raises:
        ExtractError: It is no recording, or broken beyond reading.
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._container: InputContainer = av.open(_location(path), options=_OPTIONS, **_TAGS)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except (av.error.FFmpegError, ValueError) as error:
            raise _broken(error) from error
        self._stream: AudioStream | None = self._container.streams.best("audio")
        if self._stream is not None and self._stream.codec_context is None:
            self._container.close()
            raise ExtractError(
                "its sound is coded in a way that no installed decoder reads; "
                "save it as MP3 or FLAC to index it",
                code="unsupported",
            )
        self.facts = _facts(self._container, self._stream)
        self._there = _share_there(path, self.facts.container)
        self.faults = 0
        self.decoded_s = 0.0

    def __enter__(self) -> Self:
        """The soundtrack itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close it."""
        self._container.close()

    def pieces(self, piece_s: float) -> Iterator[NDArray[np.float32]]:
        """The samples, one piece after the other.

        What cannot be decoded is left out; where time stamps tell that sound is missing, there
        is silence, so that sample ``n`` belongs to second ``n / RATE_HZ`` of the recording.

        Args:
            piece_s: Seconds of each piece; the last one is shorter.

        Returns:
            Arrays of shape ``(samples,)``, mono, ``RATE_HZ``, within about [-1, 1].

        Raises:
            ExtractError: There is sound, and none of it can be decoded.
        """
        wanted = int(piece_s * RATE_HZ)
        waiting: list[NDArray[np.float32]] = []
        count = 0
        for samples in self._samples(wanted):
            waiting.append(samples)
            count += len(samples)
            while count >= wanted:
                joined = np.concatenate(waiting)
                self.decoded_s += wanted / RATE_HZ
                yield joined[:wanted]
                waiting, count = [joined[wanted:]], count - wanted
        if count:
            self.decoded_s += count / RATE_HZ
            yield np.concatenate(waiting)
        if self.facts.has_sound and not self.decoded_s:
            raise ExtractError(
                "none of its sound can be decoded; play it to see whether it is damaged, "
                "and save it anew",
                code="broken",
            )

    def damage(self) -> str:
        """What to tell of damage, once all has been read; empty when there was none."""
        declared = self.facts.duration_s
        guessed = self.facts.container in _GUESSED_DURATION
        share = _GUESSED_SHARE if guessed else _SHORTFALL_SHARE
        if declared - self.decoded_s > max(_SHORTFALL_S, declared * share):
            return f"damaged or cut off: {clock(self.decoded_s)} of {clock(declared)} could be read"
        if self._there < 1.0:
            return f"cut off: its sound ends at {clock(self.decoded_s)}, and there was more"
        if self.faults:
            parts = "one part" if self.faults == 1 else f"{self.faults} parts"
            return f"damaged: {parts} of its sound could not be read"
        return ""

    def _samples(self, most: int) -> Iterator[NDArray[np.float32]]:
        """Samples at ``RATE_HZ``, silence put where sound is missing, at most so many at once."""
        mono = _Mono()
        origin_s = (self._container.start_time or 0) / av.time_base
        fill_s = min(max(_LEAST_FILL_S, self.facts.duration_s), _MOST_FILL_S)
        expected_s = 0.0
        for frame in self._frames():
            shown_s = None if frame.time is None else frame.time - origin_s
            gap_s = 0.0 if shown_s is None else shown_s - expected_s
            if gap_s < -_GAP_S or gap_s > fill_s:
                # The clock was reset, or is wrong: from here it is read against what has passed.
                origin_s += gap_s
            elif gap_s > _GAP_S:
                yield from mono.flush()
                yield from _silence(round(gap_s * RATE_HZ), most)
                expected_s += gap_s
                fill_s -= gap_s
            expected_s += frame.samples / frame.sample_rate
            yield from mono.convert(frame)
        yield from mono.flush()

    def _frames(self) -> Iterator[AudioFrame]:
        """Every frame that can be decoded."""
        if self._stream is None:
            return
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, ValueError):
                self.faults += 1
                return
            try:
                frames = packet.decode()
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, ValueError):
                self.faults += 1
                continue
            for frame in frames:
                if frame.samples and frame.sample_rate:
                    yield frame


class _Mono:
    """Converts frames to mono at ``RATE_HZ``, whatever they are and even if they change."""

    def __init__(self) -> None:
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    def convert(self, frame: AudioFrame) -> Iterator[NDArray[np.float32]]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.flush()
            self._resampler = AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
            self._kind = kind
        frame.pts = None
        yield from self._resample(frame)

    def flush(self) -> Iterator[NDArray[np.float32]]:
        if self._resampler is not None:
            yield from self._resample(None)
            self._resampler, self._kind = None, None

    def _resample(self, frame: AudioFrame | None) -> Iterator[NDArray[np.float32]]:
        assert self._resampler is not None  # noqa: S101 - both callers saw to it
        for converted in self._resampler.resample(frame):
            samples = converted.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            # A damaged stream of floats may hold anything.
            yield np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0).clip(-4.0, 4.0)


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    whole = math.floor(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}"


def _share_there(path: Path, container: str) -> float:
    """How much of a file is there, of formats whose decoder takes what is left for the whole."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if container == "wav":
            head = stream.read(8)
            declared = int.from_bytes(head[4:8], "little") + 8
            known = head[:4] == b"RIFF" and declared < _UNKNOWN_BYTES
            return min(1.0, size / declared) if known else 1.0
        if container == "ogg":
            stream.seek(max(0, size - _OGG_PAGE_BYTES))
            return _ogg_share(stream.read(), size)
    return 1.0


def _ogg_share(tail: bytes, size: int) -> float:
    """By the last page: its header, a list of the lengths of its parts, and those parts."""
    at = tail.rfind(b"OggS")
    if at < 0:
        return 1.0
    page = tail[at:]
    parts = page[_OGG_HEADER_BYTES - 1] if len(page) >= _OGG_HEADER_BYTES else 0
    lengths = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + parts]
    missing = _OGG_HEADER_BYTES + parts + sum(lengths) - len(page)
    return size / (size + missing) if missing > 0 else 1.0


def _silence(samples: int, most: int) -> Iterator[NDArray[np.float32]]:
    while samples > 0:
        yield np.zeros(min(samples, most), dtype=np.float32)
        samples -= most


def _location(path: Path) -> str:
    """A path that cannot be taken for an address, as a bare name with a colon could be."""
    return str(path) if path.is_absolute() else f"./{path}"


def _facts(container: InputContainer, stream: AudioStream | None) -> Facts:
    tags = dict(stream.metadata) if stream is not None else {}
    tags |= container.metadata
    duration_s = (container.duration or 0) / av.time_base
    if (
        not duration_s
        and stream is not None
        and stream.duration is not None
        and stream.time_base is not None
    ):
        duration_s = float(stream.duration * stream.time_base)
    facts = Facts(
        duration_s=duration_s if math.isfinite(duration_s) and duration_s > 0 else 0.0,
        tags={_text(name).lower(): _text(value) for name, value in tags.items()},
        chapters=_chapters(container),
        container=container.format.name.split(",")[0],
    )
    if stream is None:
        return facts
    return msgspec.structs.replace(
        facts,
        codec=stream.codec_context.name,
        language=stream.language or "",
        rate_hz=stream.codec_context.sample_rate or 0,
        channels=stream.codec_context.channels or 0,
    )


def _chapters(container: InputContainer) -> tuple[Chapter, ...]:
    found = []
    for chapter in container.chapters():
        unit = chapter["time_base"]
        title = " ".join(_text(chapter["metadata"].get("title", "")).split())
        if unit is not None and title:
            start_s = max(0.0, float(chapter["start"] * unit))
            found.append(Chapter(start_s, max(start_s, float(chapter["end"] * unit)), title))
    return tuple(sorted(found, key=lambda chapter: chapter.start_s))


def _text(tag: str) -> str:
    """A tag without the bytes that are no text."""
    return tag.encode("utf-8", "ignore").decode("utf-8")


def _broken(error: Exception) -> ExtractError:
    cause = " ".join(str(getattr(error, "strerror", "") or error).split())[:200].rstrip(".")
    return ExtractError(
        f"it cannot be opened as a recording ({cause}); "
        "play it to see whether it is damaged, and save it anew",
        code="broken",
    )
