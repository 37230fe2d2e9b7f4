"""Which language a text is in. Runs in a worker process: the model takes a hundred megabytes."""

from __future__ import annotations

from functools import cache
from typing import Any

_SAMPLE_CHARS = 4_000
_LEAST_LETTERS = 40
_SURE = 0.7


def language_of(text: str) -> str:
    """The language of a text as an ISO 639-1 code; empty when it is too short to tell."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return ""
    language, probability = _identifier().classify(sample)
    return str(language) if probability >= _SURE else ""


def _sample(text: str) -> str:
    """Pieces of the beginning and the middle: title pages and notices may be in another."""
    if len(text) <= _SAMPLE_CHARS:
        return text
    half = _SAMPLE_CHARS // 2
    middle = len(text) // 2
    return text[:half] + " " + text[middle : middle + half]


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
