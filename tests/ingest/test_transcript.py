"""What was heard, put together with what a recording says of itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prismd.chunk import Chunking, chunk
from prismd.domain import Extraction, TimeLocator
from prismd.extract.timed import Cue, compose
from prismd.ingest import transcript
from prismd.layout import line_index, locate
from prismd.models.base import Segment, SpokenWord, Transcript
from prismd.models.fake import FakeTokens


def recording(*chapters: tuple[float, float, str], lead: str = "Artist: A") -> Extraction:
    text, blocks, layout = compose(
        [Cue(start_s, end_s, "", heading=(title,)) for start_s, end_s, title in chapters],
        lead=lead,
        duration_s=100.0,
    )
    return Extraction(text, blocks, layout, title="Talk", metadata={"sound": "mp3"}, sound=b"1234")


def said(*rows: tuple[float, float, str], languages: Sequence[str] = ()) -> Transcript:
    segments = []
    for number, (start_s, end_s, text) in enumerate(rows):
        language = languages[number] if languages else "de"
        words = text.split()
        step_s = (end_s - start_s) / len(words)
        spoken = tuple(
            SpokenWord(start_s + n * step_s, start_s + (n + 1) * step_s, word)
            for n, word in enumerate(words)
        )
        segments.append(Segment(start_s, end_s, text, spoken, language=language))
    return Transcript(tuple(segments), 100.0)


def outline(extraction: Extraction) -> list[tuple[str, str]]:
    return [(block.kind, extraction.text[block.start : block.end]) for block in extraction.blocks]


def when(extraction: Extraction, quote: str) -> tuple[float, float]:
    start = extraction.text.index(quote)
    place = locate(extraction.layout, line_index(extraction.text), start, start + len(quote))
    assert isinstance(place, TimeLocator)
    return round(place.start_s, 2), round(place.end_s, 2)


def test_speech_follows_the_tags_and_knows_its_seconds() -> None:
    merged = transcript.merge(recording(), said((10.0, 12.0, "Guten Morgen")), "whisper-base")
    assert outline(merged) == [("caption", "Artist: A"), ("paragraph", "Guten Morgen")]
    assert when(merged, "Morgen") == (11.0, 12.0)
    assert merged.language == "de"
    assert merged.engines == {"speech": "whisper-base"}


def test_a_recording_in_several_languages_is_of_the_one_most_is_said_in_and_names_all() -> None:
    heard = said(
        (0.0, 10.0, "Good evening"),
        (20.0, 36.0, "Guten Abend"),
        (40.0, 42.0, "Bonsoir"),
        (50.0, 59.0, "Good night"),
        languages=("en", "de", "fr", "en"),
    )
    assert heard.languages == ("en", "de", "fr")
    merged = transcript.merge(recording(), heard, "w")
    assert merged.language == "en"
    assert merged.metadata == {"sound": "mp3", "languages": "en, de, fr"}


def test_a_recording_in_one_language_names_no_others() -> None:
    heard = said((0.0, 10.0, "Guten Abend"), (20.0, 36.0, "Gute Nacht"))
    assert transcript.merge(recording(), heard, "w").metadata == {"sound": "mp3"}


def test_where_no_language_is_known_that_of_the_tags_stays() -> None:
    tagged = msgspec.structs.replace(recording(), language="nl")
    assert said().language == said((0.0, 1.0, "Ah"), languages=("",)).language == ""
    assert transcript.merge(tagged, said(), "w").language == "nl"


def test_what_the_extractor_found_is_kept() -> None:
    merged = transcript.merge(recording(), said((10.0, 12.0, "Guten Morgen")), "w")
    assert (merged.title, merged.sound, merged.layout.duration_s) == ("Talk", b"1234", 100.0)


def test_speech_stands_under_its_chapter() -> None:
    merged = transcript.merge(
        recording((5.0, 50.0, "One"), (50.0, 100.0, "Two"), lead=""),
        said(
            (1.0, 2.0, "before"), (6.0, 7.0, "in one"), (49.8, 52.0, "in two"), (90.0, 91.0, "on")
        ),
        "w",
    )
    assert outline(merged) == [
        ("paragraph", "before"),
        ("heading", "One"),
        ("paragraph", "in one"),
        ("heading", "Two"),
        ("paragraph", "in two"),
        ("paragraph", "on"),
    ]
    assert when(merged, "One\n\nin one") == (5.0, 7.0)


def test_a_chapter_without_speech_keeps_its_title_and_its_time() -> None:
    merged = transcript.merge(
        recording((0.0, 30.0, "Music"), (30.0, 100.0, "Talk")), said((40.0, 41.0, "hello")), "w"
    )
    assert when(merged, "Music") == (0.0, 30.0)
    assert when(merged, "Talk\n\nhello") == (30.0, 41.0)


def test_silence_leaves_tags_and_chapters_and_says_who_listened() -> None:
    merged = transcript.merge(recording((0.0, 30.0, "Music")), said(), "w")
    assert outline(merged) == [("caption", "Artist: A"), ("heading", "Music")]
    assert merged.engines == {"speech": "w"}


def test_merging_again_gives_the_same() -> None:
    heard = said((6.0, 7.0, "in one"), (60.0, 61.0, "in two"))
    first = transcript.merge(recording((5.0, 50.0, "One"), (50.0, 100.0, "Two")), heard, "w")
    again = transcript.merge(first, heard, "w")
    assert outline(again) == outline(first)


def test_without_a_transcriber_speech_is_marked_as_wanted() -> None:
    waiting = transcript.without(recording())
    assert waiting.engines == {"speech": ""}
    assert waiting.text == "Artist: A"


def test_only_what_has_sound_is_to_be_written_down() -> None:
    assert transcript.has_sound(recording())
    assert not transcript.has_sound(Extraction("", (), recording().layout))


def test_passages_of_speech_carry_their_seconds() -> None:
    rows = [(n * 3.0, n * 3.0 + 2.5, f"This is the sentence number {n}.") for n in range(30)]
    merged = transcript.merge(recording(lead=""), said(*rows), "w")
    passages = chunk(merged, FakeTokens().offsets, Chunking(target_tokens=32, overlap_tokens=0))
    assert len(passages) > 3
    for passage in passages:
        assert isinstance(passage.locator, TimeLocator)
        first = int(passage.text.split("number ")[1].split(".")[0])
        assert abs(passage.locator.start_s - rows[first][0]) < 0.01
        assert passage.locator.end_s - passage.locator.start_s < 30
