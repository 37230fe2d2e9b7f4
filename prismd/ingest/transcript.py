"""What was heard in a recording, put together with what the recording says of itself. Pure."""

from __future__ import annotations

import msgspec

from prismd.domain import Extraction, TimeLocator
from prismd.extract.timed import Cue, compose
from prismd.layout import line_index, locate
from prismd.models.base import Segment, Transcript

_SPEECH = "speech"
_SOUND = "sound"


def has_sound(extraction: Extraction) -> bool:
    """Whether there is anything to hear, by what the extractor of recordings found."""
    return _SOUND in extraction.metadata


def without(extraction: Extraction) -> Extraction:
    """A recording that nobody could write down: its tags and chapters, and that speech is due."""
    return msgspec.structs.replace(extraction, engines={**extraction.engines, _SPEECH: ""})


def merge(extraction: Extraction, heard: Transcript, engine: str) -> Extraction:
    """A recording with what is said in it.

    Args:
        extraction: Of the extractor of recordings: its tags as captions, its chapters as
            headings.
        heard: What is said.
        engine: The name of the model that wrote it down.

    Returns:
        The tags, then what is said under the chapters in which it begins. Its language is that
        of most of what is said; where there are several, the metadata name them all.
    """
    chapters = _chapters(extraction)
    cues = [_cue(segment, _chapter_at(chapters, segment)) for segment in heard.segments]
    # A chapter's title comes at its beginning, whether or not anything is said in it.
    spoken = {cue.heading for cue in cues}
    cues += [
        chapter
        if chapter.heading not in spoken
        else msgspec.structs.replace(chapter, end_s=chapter.start_s)
        for chapter in chapters
    ]
    text, blocks, layout = compose(
        sorted(cues, key=lambda cue: (cue.start_s, bool(cue.text))),
        lead=_lead(extraction),
        duration_s=extraction.layout.duration_s or heard.duration_s,
    )
    return msgspec.structs.replace(
        extraction,
        text=text,
        blocks=blocks,
        layout=layout,
        language=heard.language or extraction.language,
        metadata={**extraction.metadata, **_languages(heard)},
        engines={**extraction.engines, _SPEECH: engine},
    )


def _languages(heard: Transcript) -> dict[str, str]:
    """What to say of a recording in which several languages are spoken."""
    return {"languages": ", ".join(heard.languages)} if len(heard.languages) > 1 else {}


def _lead(extraction: Extraction) -> str:
    return "\n".join(
        extraction.text[block.start : block.end]
        for block in extraction.blocks
        if block.kind == "caption"
    )


def _chapters(extraction: Extraction) -> list[Cue]:
    """The chapters as cues without text, in order of time."""
    found = []
    for block in extraction.blocks:
        if block.kind == "heading":
            place = locate(extraction.layout, line_index(""), block.start, block.end)
            assert isinstance(place, TimeLocator)  # noqa: S101 - the layout is one of time
            title = extraction.text[block.start : block.end]
            found.append(Cue(place.start_s, place.end_s, "", heading=(*block.heading, title)))
    return sorted(found, key=lambda cue: cue.start_s)


def _chapter_at(chapters: list[Cue], segment: Segment) -> tuple[str, ...]:
    """The heading that a segment stands under: the last chapter that began before its middle."""
    middle_s = (segment.start_s + segment.end_s) / 2
    begun = [chapter for chapter in chapters if chapter.start_s <= middle_s]
    return begun[-1].heading if begun else ()


def _cue(segment: Segment, heading: tuple[str, ...]) -> Cue:
    words = tuple((word.start_s, word.end_s, word.text) for word in segment.words)
    return Cue(segment.start_s, segment.end_s, segment.text, words, heading)
