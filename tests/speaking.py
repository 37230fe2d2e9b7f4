"""Recordings for tests: speech from a synthesiser, noise and music, in every container."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FOX = "The quick brown fox jumps over the lazy dog near the river bank."
TEA = "On Monday morning we will drink a cup of green tea in the garden."

Samples = NDArray[np.float32]
Said = Sequence[tuple[float, float, str]]

FORMATS: Mapping[str, tuple[str, str, int]] = {
    "mp3": ("mp3", "libmp3lame", 16_000),
    "wav": ("wav", "pcm_s16le", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "aac": ("adts", "aac", 16_000),
    "ogg": ("ogg", "libopus", 48_000),
    "opus": ("opus", "libopus", 48_000),
    "flac": ("flac", "flac", 16_000),
    "wma": ("asf", "wmav2", 44_100),
    "mp4": ("mp4", "aac", 16_000),
    "mkv": ("matroska", "aac", 16_000),
    "webm": ("webm", "libopus", 48_000),
}
"""Format, encoder and rate by file name extension."""
FILMS = frozenset({"mp4", "mkv", "webm"})


@cache
def speech(text: str, voice: str = "en-us") -> Samples:
    """A text spoken by eSpeak, mono at ``RATE_HZ``, without the silence around it."""
    spoken, rate_hz = _espeak(text, voice)
    step = rate_hz / RATE_HZ
    at = np.arange(0, len(spoken) - 1, step)
    resampled = np.interp(at, np.arange(len(spoken)), spoken)
    audible = np.flatnonzero(np.abs(resampled) > 0.01)
    return np.asarray(resampled[audible[0] : audible[-1] + 1], dtype=np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


def joined(*parts: Samples) -> tuple[Samples, list[float]]:
    """Parts one after the other, and the second at which each begins."""
    starts = np.cumsum([0, *map(len, parts)])[:-1] / RATE_HZ
    return np.concatenate(parts), starts.tolist()


def write(
    path: Path,
    samples: Samples,
    *,
    tags: Mapping[str, str] | None = None,
    chapters: Sequence[tuple[float, float, str]] = (),
    picture: bool | None = None,
) -> Path:
    """Write sound into the container that the path's extension names; films get a picture."""
    container_format, codec, rate_hz = FORMATS[path.suffix[1:]]
    with av.open(str(path), "w", format=container_format) as container:
        container.metadata.update(tags or {})
        if chapters:
            container.set_chapters([_chapter(n, *row) for n, row in enumerate(chapters)])
        stream: Any = container.add_stream(codec, rate=rate_hz, layout="mono")
        stream.bit_rate = 64_000
        film = path.suffix[1:] in FILMS if picture is None else picture
        video: Any = _video(container, path.suffix) if film else None
        if video is not None:
            for packet in _pictures(video, len(samples) / RATE_HZ):
                container.mux(packet)
        for frame in _frames(samples, stream, rate_hz):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_film_without_sound(path: Path, seconds: float = 2.0) -> Path:
    with av.open(str(path), "w") as container:
        video = _video(container, path.suffix)
        for packet in _pictures(video, seconds):
            container.mux(packet)
    return path


def write_said(path: Path, seconds: float, said: Said) -> Path:
    """A WAV file of silence that ``FakeTranscriber`` hears something in."""
    return write_wav(path, silence(seconds), said)


def write_wav(path: Path, samples: Samples, said: Said = ()) -> Path:
    """A WAV file; what is said in it stands in a chunk of its own, before the samples."""
    sound = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    chunks = _chunk(b"fmt ", form)
    if said:
        chunks += _chunk(b"said", msgspec.json.encode(list(said)))
    chunks += _chunk(b"data", sound)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _chapter(number: int, start_s: float, end_s: float, title: str) -> Any:
    from fractions import Fraction

    return {
        "id": number,
        "start": round(start_s * 1000),
        "end": round(end_s * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def _frames(samples: Samples, stream: Any, rate_hz: int) -> Iterator[Any]:
    resampler = av.AudioResampler(stream.format, "mono", rate_hz, stream.frame_size or None)
    whole = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    step = 10 * RATE_HZ
    for at in range(0, len(whole), step):
        frame = av.AudioFrame.from_ndarray(whole[None, at : at + step], "s16", "mono")
        frame.sample_rate = RATE_HZ
        frame.pts = at
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _video(container: Any, suffix: str) -> Any:
    video = container.add_stream("libvpx" if suffix == ".webm" else "mpeg4", rate=5)
    video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
    return video


def _pictures(video: Any, seconds: float) -> Iterator[Any]:
    for number in range(max(1, int(seconds * 5))):
        picture = np.full((48, 64, 3), number % 256, dtype=np.uint8)
        yield from video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
    yield from video.encode(None)


@cache
def _library() -> tuple[Any, int]:
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    # 2: samples come by the callback, as they are made.
    rate_hz = library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
    return library, rate_hz


def _espeak(text: str, voice: str) -> tuple[NDArray[np.float32], int]:
    library, rate_hz = _library()
    heard: list[NDArray[np.int16]] = []
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )

    def collect(samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = kind(collect)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(1, 150, 0)  # words a minute
    said = text.encode()
    library.espeak_Synth(said, len(said) + 1, 0, 0, 0, 1, None, None)
    library.espeak_Synchronize()
    return np.concatenate(heard).astype(np.float32) / np.float32(32768), rate_hz
