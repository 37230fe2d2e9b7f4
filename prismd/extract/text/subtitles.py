"""SRT, VTT and SSA by pysubs2: what is shown when, each word tied to its seconds."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import ClassVar

import pysubs2
from pysubs2.exceptions import Pysubs2Error

from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions
from prismd.extract.text.text import TextExtractor, read_text
from prismd.extract.timed import Cue, compose

_FORMATS = {"application/x-subrip": "srt", "text/vtt": "vtt", "text/x-ssa": "ass"}
_VOICE = re.compile(r"<v(?:\.[^\s>]*+)?+\s++([^>]{1,80})>")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<\d\d?:[\d:.]+>|\{\\[^{}]*\}")
# Of signs that draw a shape instead of writing words; pysubs2 finds them in quadratic time.
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9]")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": "", "&amp;": "&"}
_LONGEST_S = 360_000.0


class SubtitleExtractor:
    """Reads subtitles; a file without a single cue is read as plain text."""

    version: ClassVar[str] = "subtitles-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read subtitles; see ``Extractor``."""
        text, remarks = read_text(path, options)
        try:
            with warnings.catch_warnings():
                # It speaks of margins and colours that it does not understand.
                warnings.simplefilter("ignore")
                parsed = pysubs2.SSAFile.from_string(
                    text, format_=_FORMATS[media_type], keep_html_tags=True
                )
        except (Pysubs2Error, ValueError, IndexError, KeyError, TypeError, OverflowError):
            return TextExtractor().extract(path, "text/plain", options)
        cues = _cues(parsed, is_styled=media_type == "text/x-ssa")
        if not cues:
            return TextExtractor().extract(path, "text/plain", options)
        composed, blocks, layout = compose(cues)
        title = str(parsed.info.get("Title") or "") if media_type == "text/x-ssa" else ""
        return Extraction(
            text=composed,
            blocks=blocks,
            layout=layout,
            title="" if title.startswith("Default") else title,
            warnings=remarks,
        )


def _cues(parsed: pysubs2.SSAFile, *, is_styled: bool) -> list[Cue]:
    """What is shown, without marks; a line that goes on over several cues is there once."""
    cues: list[Cue] = []
    for event in sorted(parsed, key=lambda event: event.start):
        if event.is_comment or _DRAWING.search(event.text):
            continue
        start_s, end_s = event.start / 1000, event.end / 1000
        text = _shown(event.text, event.name, is_styled=is_styled)
        if not text or not 0 <= start_s <= end_s <= _LONGEST_S:
            continue
        last = cues[-1] if cues else None
        if last is not None and last.text == text and start_s - last.end_s < 1:
            cues[-1] = Cue(last.start_s, max(last.end_s, end_s), text)
        else:
            cues.append(Cue(start_s, end_s, text))
    return cues


def _shown(source: str, speaker: str, *, is_styled: bool) -> str:
    # The library writes the lines of any format with this sign; the others are SSA's own.
    text = source.replace("\\N", "\n")
    if is_styled:
        text = text.replace("\\n", "\n").replace("\\h", " ")
    text = _MARKUP.sub("", _VOICE.sub(r"\1: ", text))
    for entity, char in _ENTITIES.items():
        text = text.replace(entity, char)
    text = " ".join(text.split())
    return f"{speaker}: {text}" if speaker and text else text
