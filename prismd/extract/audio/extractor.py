"""Recordings and films: what they say of themselves, their chapters, and how they sound.

What is said in them is written down elsewhere, by a model; see ``prismd.ingest.transcript``.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from prismd.domain import Extraction
from prismd.extract.audio.sound import SoundStatistics
from prismd.extract.base import ExtractOptions
from prismd.extract.steps import step
from prismd.extract.timed import Cue, compose
from prismd.soundtrack import RATE_HZ, Facts, Soundtrack

_PIECE_S = 30.0
_LONGEST_TAG_CHARS = 5_000
_TAGS = {
    "artist": "Artist",
    "album_artist": "Album artist",
    "album": "Album",
    "composer": "Composer",
    "show": "Show",
    "date": "Date",
    "genre": "Genre",
    "comment": "Comment",
    "description": "Description",
    "synopsis": "Synopsis",
    "lyrics": "Lyrics",
}
"""Tags that are worth finding, and what they are called in the text."""


class AudioExtractor:
    """Reads the sound of a recording or film once, in pieces."""

    version: ClassVar[str] = "audio-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a recording; its text is its tags and the titles of its chapters.

        Raises:
            ExtractError: It is broken beyond reading, or none of its sound can be decoded.
        """
        statistics = SoundStatistics(RATE_HZ)
        with Soundtrack(path) as sound:
            total_s = int(sound.facts.duration_s)
            for piece in sound.pieces(_PIECE_S):
                statistics.add(piece)
                done_s = int(sound.decoded_s)
                step(done_s, max(done_s, total_s))
            facts, damage = sound.facts, sound.damage()
            duration_s = sound.decoded_s if damage else max(sound.decoded_s, facts.duration_s)
        vector = statistics.vector()
        text, blocks, layout = compose(
            [Cue(c.start_s, c.end_s, "", heading=(c.title,)) for c in facts.chapters],
            lead=_lead(facts)[: options.max_chars],
            duration_s=duration_s,
        )
        return Extraction(
            text=text,
            blocks=blocks,
            layout=layout,
            title=_tag(facts, "title"),
            metadata=_metadata(facts),
            warnings=_warnings(facts, damage),
            sound=vector.astype("<f4").tobytes() if vector is not None else b"",
        )


def _lead(facts: Facts) -> str:
    """The tags as lines of text."""
    return "\n".join(
        f"{label}: {value}" for name, label in _TAGS.items() if (value := _tag(facts, name))
    )


def _metadata(facts: Facts) -> dict[str, str]:
    found = {name: _tag(facts, name) for name in ("artist", "album", "date", "genre")}
    found["author"] = found["artist"]
    found["container"] = facts.container
    if facts.has_sound:
        channels = {1: "mono", 2: "stereo"}.get(facts.channels, f"{facts.channels} channels")
        found["sound"] = f"{facts.codec}, {facts.rate_hz / 1000:g} kHz, {channels}"
    # Many programs write "und" or "eng" without being told, so it is no more than a hint.
    found["declared_language"] = facts.language if facts.language != "und" else ""
    found["chapters"] = str(len(facts.chapters)) if facts.chapters else ""
    return {name: value for name, value in found.items() if value}


def _warnings(facts: Facts, damage: str) -> tuple[str, ...]:
    if not facts.has_sound:
        return ("has no sound",)
    return (damage,) if damage else ()


def _tag(facts: Facts, name: str) -> str:
    value = facts.tags.get(name, "")[:_LONGEST_TAG_CHARS].replace("\x00", " ")
    return " ".join(value.split())
