"""What binary files of pictures, sound and film begin with. Pure.

Where a library tells these formats apart by their first bytes alone, more is asked for here:
a text that begins with "GIF89a" or "BM" is a text, and two bytes of an MP3 frame are nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_FRAMES = 3
_LONGEST_JUNK = 4096
_TS_PACKET = 188
_AUDIO_MEDIA = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_VIDEO_MEDIA = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_EBML_TYPE = re.compile(rb"\x42\x82(?:[\x81-\xff]|\x40.|\x01.{7})(webm|matroska)", re.DOTALL)

_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"fLaC\x00", "audio/flac"),
    (b"#!AMR\n", "audio/amr"),
    (b"#!AMR-WB\n", "audio/amr"),
    (b"caff\x00\x01", "audio/x-caf"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)
_HEIC = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"},
)
_AVIF = frozenset({b"avif", b"avis"})
_STILL = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})
_M4A = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_NOT_FILM = {b"crx ": "image/x-canon-cr3", b"jp2 ": "image/jp2", b"jpx ": "image/jpx"}
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free"})
_ATOM_PARTS = (b"mvhd", b"moov", b"mdat", b"trak", b"cmov")

# MPEG audio: bit rates in kbit/s by (version 1 or not, layer), sample rates by version bits.
_BIT_RATES = {
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def binary_signature(head: bytes) -> str | None:
    """The media type of a picture, recording or film by its first bytes; None if it is none.

    Every one of these has bytes that no text has, so this may be asked before whether it is text.

    Args:
        head: The file's beginning, some kilobytes of it.
    """
    return next((name for ask in _ASKED if (name := ask(head))), None)


def _prefixed(head: bytes) -> str | None:
    return next((name for mark, name in _PREFIXES if head.startswith(mark)), None)


def _gif(head: bytes) -> str | None:
    # Behind the mark are the sizes and flags, of which a text's letters would make nonsense.
    if not head.startswith((b"GIF87a", b"GIF89a")):
        return None
    return "image/gif" if any(byte < 9 or byte > 126 for byte in head[6:16]) else None


def _bmp(head: bytes) -> str | None:
    if not head.startswith(b"BM") or len(head) < 26:
        return None
    header_bytes = int.from_bytes(head[14:18], "little")
    return "image/bmp" if header_bytes in _BMP_HEADERS else None


def _riff(head: bytes) -> str | None:
    form = head[8:12]
    if head.startswith((b"RIFF", b"RIFX", b"RF64", b"BW64")):
        kinds = {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
        return kinds.get(form)
    if head.startswith(b"FORM") and form in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    return None


def _base_media(head: bytes) -> str | None:
    """MP4, MOV, HEIC and their kin: boxes with a size and a name of four letters."""
    size, name = int.from_bytes(head[:4], "big"), head[4:8]
    if name == b"ftyp" and 8 <= size <= _LONGEST_JUNK:
        brands = [head[8:12], *_compatible(head[16:size])]
        return _by_brand(brands)
    if name in _OLD_QUICKTIME and any(part in head for part in _ATOM_PARTS):
        return "video/quicktime"
    return None


def _compatible(listed: bytes) -> Iterator[bytes]:
    for at in range(0, len(listed) - 3, 4):
        yield listed[at : at + 4]


def _by_brand(brands: list[bytes]) -> str:
    major = brands[0]
    if major in _STILL or major in _HEIC or major in _AVIF:
        named = [major] if major not in _STILL else brands
        if _AVIF.intersection(named):
            return "image/avif"
        return "image/heic" if _HEIC.intersection(named) else "image/heif"
    if major in _M4A:
        return "audio/mp4"
    if major in _NOT_FILM:
        return _NOT_FILM[major]
    if major == b"qt  ":
        return "video/quicktime"
    return "video/3gpp" if major.startswith((b"3gp", b"3g2")) else "video/mp4"


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    found = _EBML_TYPE.search(head[:_LONGEST_JUNK])
    return "video/webm" if found and found[1] == b"webm" else "video/x-matroska"


def _ogg(head: bytes) -> str | None:
    if not head.startswith(b"OggS\x00"):
        return None
    if b"\x80theora" in head[:_LONGEST_JUNK]:
        return "video/ogg"
    return "audio/opus" if b"OpusHead" in head[:_LONGEST_JUNK] else "audio/ogg"


def _asf(head: bytes) -> str | None:
    if not head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return None
    film = _VIDEO_MEDIA in head or _AUDIO_MEDIA not in head
    return "video/x-ms-wmv" if film else "audio/x-ms-wma"


def _transport_stream(head: bytes) -> str | None:
    # Blu-ray and camcorders put four bytes of time before each packet.
    for first, step in ((0, _TS_PACKET), (4, _TS_PACKET + 4)):
        marks = head[first : first + 8 * step : step]
        if len(marks) == 8 and set(marks) == {0x47}:
            return "video/mp2t"
    return None


def _tagged_sound(head: bytes) -> str | None:
    """A recording behind an ID3 tag, which may be longer than what is seen of the file."""
    if not head.startswith(b"ID3") or len(head) < 10 or head[3] > 9 or max(head[6:10]) > 127:
        return None
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    behind = head[10 + size :]
    if behind.startswith(b"fLaC"):
        return "audio/flac"
    return _adts(behind) or "audio/mpeg"


def _adts(head: bytes) -> str | None:
    """AAC as a stream: frames that each say where the next begins."""
    at = seen = 0
    while seen < _FRAMES and at + 7 <= len(head):
        if head[at] != 0xFF or head[at + 1] & 0xF6 != 0xF0 or (head[at + 2] >> 2 & 15) > 12:
            return None
        frame = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
        if frame < 7:
            return None
        at, seen = at + frame, seen + 1
    return "audio/aac" if seen == _FRAMES or (seen and at >= len(head)) else None


def _mpeg_audio(head: bytes) -> str | None:
    """MP3 without a tag, possibly after some zeros: three frames, each where it is to be."""
    start = len(head) - len(head.lstrip(b"\x00"))
    at, seen = min(start, _LONGEST_JUNK), 0
    while seen < _FRAMES and at + 4 <= len(head):
        frame = _mpeg_frame(head[at : at + 4])
        if not frame:
            return None
        at, seen = at + frame, seen + 1
    return "audio/mpeg" if seen == _FRAMES or (seen and at >= len(head)) else None


def _mpeg_frame(header: bytes) -> int:
    """The length in bytes of a frame of MPEG audio, layer II or III; 0 if it is none."""
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, sampling = header[2] >> 4, header[2] >> 2 & 3
    sync = header[0] == 0xFF and header[1] & 0xE0 == 0xE0
    if not sync or version == 1 or layer not in (2, 3) or rate in (0, 15) or sampling == 3:
        return 0
    first = version == 3
    bits = _BIT_RATES[first, layer][rate - 1] * 1000
    samples = 1152 if first or layer == 2 else 576
    return samples // 8 * bits // _SAMPLE_RATES[version][sampling] + (header[2] >> 1 & 1)


_ASKED: tuple[Callable[[bytes], str | None], ...] = (
    *(_prefixed, _gif, _bmp, _riff, _base_media, _matroska, _ogg, _asf, _tagged_sound),
    *(_adts, _mpeg_audio, _transport_stream),
)
