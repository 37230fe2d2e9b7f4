"""Pictures, recordings and films by their first bytes."""

from __future__ import annotations

import io
import wave

import av
import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prismd.extract.signature import binary_signature


def picture(format_: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(made, format_)
    return made.getvalue()


def heic() -> bytes:
    made = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red")).save(made)
    return made.getvalue()


def recording(format_: str, codec: str, rate: int = 48_000) -> bytes:
    """Half a second of a tone, as a library writes it."""
    made = io.BytesIO()
    with av.open(made, "w", format=format_) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        stream.bit_rate = 64_000
        tone = np.sin(np.arange(rate // 2) / 20).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            stream.codec_context.format, "mono", rate, stream.codec_context.frame_size
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return made.getvalue()


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("AVIF", "image/avif"),
    ],
)
def test_pictures_are_known(format_: str, expected: str) -> None:
    assert binary_signature(picture(format_)) == expected


def test_heic_is_known_by_its_brands() -> None:
    assert binary_signature(heic()) == "image/heic"
    still = b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1%s\x00\x00"
    assert binary_signature(still % b"heic") == "image/heic"
    assert binary_signature(still % b"avif") == "image/avif"
    assert binary_signature(still % b"miaf") == "image/heif"


@pytest.mark.parametrize(
    ("format_", "codec", "expected"),
    [
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("adts", "aac", "audio/aac"),
        ("ipod", "aac", "audio/mp4"),
        ("mp4", "aac", "video/mp4"),
        ("mov", "aac", "video/quicktime"),
        ("ogg", "libopus", "audio/opus"),
        ("flac", "flac", "audio/flac"),
        ("asf", "wmav2", "audio/x-ms-wma"),
        ("webm", "libopus", "video/webm"),
        ("matroska", "aac", "video/x-matroska"),
        ("avi", "libmp3lame", "video/x-msvideo"),
        ("mpegts", "aac", "video/mp2t"),
        ("aiff", "pcm_s16be", "audio/aiff"),
        ("wav", "pcm_s16le", "audio/wav"),
        ("flv", "aac", "video/x-flv"),
    ],
)
def test_recordings_are_known(format_: str, codec: str, expected: str) -> None:
    rate = 44_100 if format_ in ("flv", "avi") else 48_000
    assert binary_signature(recording(format_, codec, rate)) == expected


def test_what_an_ogg_file_holds_is_in_its_first_page() -> None:
    page = b"OggS\x00\x02" + bytes(22)
    assert binary_signature(page + b"\x1e\x01vorbis\x00") == "audio/ogg"
    assert binary_signature(page + b"\x2a\x80theora\x03") == "video/ogg"


def test_an_mp3_is_known_without_a_tag() -> None:
    tagged = recording("mp3", "libmp3lame")
    assert tagged.startswith(b"ID3")
    frames = tagged[tagged.index(b"\xff\xfb") :]
    assert binary_signature(frames) == "audio/mpeg"
    assert binary_signature(b"\x00" * 100 + frames) == "audio/mpeg"


def test_a_tag_may_stand_before_other_recordings() -> None:
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + b"\x00" * 10
    assert binary_signature(tag + recording("adts", "aac")) == "audio/aac"
    assert binary_signature(tag + recording("flac", "flac")) == "audio/flac"


def test_a_quiet_recording_is_not_taken_for_text_of_sixteen_bits() -> None:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.full(4000, 3, np.int16).tobytes())
    assert binary_signature(made.getvalue()) == "audio/wav"


@given(st.text(max_size=300))
@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        ("", "utf-8"),
        ("GIF89a is a format ", "utf-8"),
        ("BMW makes cars and ", "utf-8"),
        ("ID3 tags hold titles ", "utf-8"),
        ("RIFF is a container ", "utf-8"),
        ("", "utf-16-le"),
        ("\ufeff", "utf-16-le"),
        ("\ufeff", "utf-16-be"),
    ],
)
def test_no_text_is_taken_for_one(start: str, encoding: str, text: str) -> None:
    # Signs of control are no text; in sixteen bits, so are those that look like them in eight.
    text = "".join(char for char in text if char.isprintable() and char < "\u3000")
    assert binary_signature((start + text).encode(encoding)) is None


@given(st.binary(max_size=400))
@pytest.mark.parametrize("start", [b"", b"\xff\xfb", b"\xff\xf1", b"ID3\x04", b"\0\0\0\x18ftyp"])
def test_no_bytes_upset_it(start: bytes, data: bytes) -> None:
    assert binary_signature(start + data) is None or binary_signature(start + data)
