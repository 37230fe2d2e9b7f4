"""What transcriptions are asked with, and what they look like: OpenAI's shapes. Pure.

What the model does not tell is left out: no figure is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from prismd.api.openai.spoken_languages import name_of
from prismd.extract.timed import space_between
from prismd.models.base import Segment, Transcript

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
_FRAMES_PER_S = 100
"""OpenAI counts ``seek`` in the frames of its models."""


class TranscriptionRequest(Struct, frozen=True, kw_only=True):
    """``POST /v1/audio/transcriptions``; lists may have ``[]`` behind their names, or not."""

    model: Annotated[str, Meta(min_length=1)]
    language: Annotated[str, Meta(description="ISO 639-1; else it is found out")] | None = None
    prompt: (
        Annotated[str, Meta(description="text that might stand before; spells names")] | None
    ) = None
    response_format: (
        Annotated[str, Meta(extra_json_schema={"enum": list(FORMATS), "default": "json"})] | None
    ) = None
    temperature: (
        Annotated[float, Meta(ge=0, le=1, description="changes nothing: no dice are thrown")] | None
    ) = None
    timestamp_granularities: list[Literal["word", "segment"]] | None = None
    stream: bool | None = None
    include: list[str] | None = None


class Usage(Struct, frozen=True):
    """How long the recording is."""

    seconds: float
    type: Literal["duration"] = "duration"


class TextOnly(Struct, frozen=True):
    """``json``."""

    text: str
    usage: Usage


class Word(Struct, frozen=True):
    """When a word is said."""

    word: str
    start: float
    end: float


class TimedSegment(Struct, frozen=True, kw_only=True):
    """What is said in one breath; the figures are those of the stretch that was heard at once."""

    id: int
    start: float
    end: float
    text: str
    seek: int | UnsetType = UNSET
    tokens: tuple[int, ...] | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    avg_logprob: float | UnsetType = UNSET
    compression_ratio: float | UnsetType = UNSET
    no_speech_prob: float | UnsetType = UNSET


class Verbose(Struct, frozen=True, kw_only=True):
    """``verbose_json``."""

    task: Literal["transcribe"] = "transcribe"
    language: str
    duration: float
    text: str
    segments: tuple[TimedSegment, ...] | UnsetType = UNSET
    words: tuple[Word, ...] | UnsetType = UNSET
    usage: Usage


class TextDelta(Struct, frozen=True, tag_field="type", tag="transcript.text.delta"):
    """What was said since; a streamed event."""

    delta: str


class TextDone(Struct, frozen=True, tag_field="type", tag="transcript.text.done"):
    """All that is said; the last streamed event."""

    text: str


def text_of(segments: Sequence[Segment]) -> str:
    """What is said, in one line."""
    text = ""
    for segment in segments:
        text += added(text, segment)
    return text


def added(text: str, segment: Segment) -> str:
    """What a segment adds to the text before it."""
    space = space_between(text, segment.text) if text and segment.text else ""
    return space + segment.text


def text_only(transcript: Transcript) -> TextOnly:
    """A transcript as ``json``."""
    return TextOnly(text_of(transcript.segments), _usage(transcript))


def verbose(transcript: Transcript, language: str, granularities: Sequence[str]) -> Verbose:
    """A transcript as ``verbose_json``.

    Args:
        transcript: What is said.
        language: ISO 639-1 code of the language that was asked for, if one was.
        granularities: ``segment``, ``word``, or both.
    """
    return Verbose(
        language=name_of(transcript.language or language),
        duration=_rounded(transcript.duration_s),
        text=text_of(transcript.segments),
        segments=_segments(transcript) if "segment" in granularities else UNSET,
        words=_words(transcript) if "word" in granularities else UNSET,
        usage=_usage(transcript),
    )


def _segments(transcript: Transcript) -> tuple[TimedSegment, ...]:
    return tuple(_segment(number, said) for number, said in enumerate(transcript.segments))


def _segment(number: int, said: Segment) -> TimedSegment:
    timed = TimedSegment(
        id=number, start=_rounded(said.start_s), end=_rounded(said.end_s), text=said.text
    )
    decoding = said.decoding
    if decoding is None:
        return timed
    return msgspec.structs.replace(
        timed,
        seek=int(decoding.start_s * _FRAMES_PER_S),
        tokens=tuple(token for word in said.words for token in word.tokens),
        temperature=0.0,
        avg_logprob=decoding.log_probability,
        compression_ratio=decoding.compression,
        no_speech_prob=decoding.no_speech,
    )


def _words(transcript: Transcript) -> tuple[Word, ...]:
    return tuple(
        Word(word.text, _rounded(word.start_s), _rounded(word.end_s))
        for said in transcript.segments
        for word in said.words
    )


def _usage(transcript: Transcript) -> Usage:
    return Usage(_rounded(transcript.duration_s))


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
