"""What is said in a recording as subtitles: SRT and WebVTT. Pure.

Written here and not by pysubs2: the daemon imports no parser of files, and that library's writers
take braces and backslashes for marks of style and leave them out, and write ``&`` and ``<`` into
WebVTT as they are.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from prismd.models.base import Segment, SpokenWord

_LINE_WIDTH = 42
"""Letters of a line; signs that are twice as wide count twice."""
_CUE_LINES = 2
_CUE_S = 7.0


class Cue(msgspec.Struct, frozen=True):
    """What is shown from one moment to another, in lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def srt(segments: Sequence[Segment]) -> str:
    """Subtitles as SubRip has them; without a word, nothing."""
    return "".join(
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n"
        + "\n".join(cue.lines)
        + "\n\n"
        for number, cue in enumerate(cues(segments), start=1)
    )


def vtt(segments: Sequence[Segment]) -> str:
    """Subtitles as WebVTT has them; without a word, its first line alone."""
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n"
        + "\n".join(map(_escaped, cue.lines))
        + "\n\n"
        for cue in cues(segments)
    )


def cues(segments: Sequence[Segment]) -> list[Cue]:
    """What is shown when: two lines at most, of 42 letters, for seven seconds; cut between words.

    A segment whose words have no times of their own stays whole.
    """
    found: list[Cue] = []
    for segment in segments:
        for start_s, end_s, text in _parts(segment):
            start_ms = max(round(start_s * 1000), found[-1].end_ms if found else 0)
            end_ms = max(round(end_s * 1000), start_ms + 1)
            found.append(Cue(start_ms, end_ms, tuple(_lines(text))))
    return found


def _parts(segment: Segment) -> Iterator[tuple[float, float, str]]:
    """A segment in parts that are not too much at once, about equally long."""
    pieces = _pieces(segment)
    room = _LINE_WIDTH * _CUE_LINES
    parts = max(
        -(-_width(segment.text) // room), -(-(segment.end_s - segment.start_s) // _CUE_S), 1
    )
    share = _width(segment.text) / parts
    begun: list[tuple[SpokenWord, str]] = []
    width, done, part = 0, 0, 1
    for word, text in pieces:
        wide = _width(text)
        full = width + wide > room or done + wide / 2 > share * part
        if begun and (full or word.end_s - begun[0][0].start_s > _CUE_S):
            yield _part(begun)
            begun, width = [], 0
            part += 1
        begun.append((word, text))
        width += wide
        done += wide
    if begun:
        yield _part(begun)
    elif text := segment.text.strip():
        yield segment.start_s, segment.end_s, text


def _part(pieces: Sequence[tuple[SpokenWord, str]]) -> tuple[float, float, str]:
    text = "".join(text for _, text in pieces).strip()
    return pieces[0][0].start_s, max(word.end_s for word, _ in pieces), text


def _pieces(segment: Segment) -> list[tuple[SpokenWord, str]]:
    """The words, each with what stands behind it; nothing when one is not found in its turn."""
    starts: list[int] = []
    at = 0
    for word in segment.words:
        start = segment.text.find(word.text, at)
        if start < 0:
            return []
        starts.append(start)
        at = start + len(word.text)
    borders = [0, *starts[1:], len(segment.text)]
    texts = (segment.text[start:end] for start, end in pairwise(borders))
    return list(zip(segment.words, texts, strict=True)) if starts else []


def _lines(text: str) -> list[str]:
    """A text in lines, of about the same width where there are two."""
    text = " ".join(text.split())
    wide = max(1.0, _width(text) / max(1, len(text)))
    most = int(_LINE_WIDTH / wide)
    if len(text) <= most:
        return [text]
    even = textwrap.wrap(text, max(1, min(most, -(-len(text) * 11 // 20))))
    return even if len(even) <= _CUE_LINES else textwrap.wrap(text, most)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(at_ms: int, point: str) -> str:
    seconds, ms = divmod(at_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
