"""Which of Tesseract's languages to read a picture with; pure."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import msgspec

TOGETHER = 3
"""So many languages are read at once; each more costs time, and letters of its own intrude."""

_SCRIPTS: dict[str, tuple[str, ...]] = {
    "Arabic": ("ara", "fas", "urd", "pus", "snd", "uig", "kur_ara"),
    "Armenian": ("hye",),
    "Bengali": ("ben", "asm"),
    "Cherokee": ("chr",),
    "Cyrillic": (
        *("rus", "ukr", "bul", "srp", "bel", "mkd", "kaz", "kir", "mon", "tgk", "tat"),
        *("aze_cyrl", "uzb_cyrl"),
    ),
    "Devanagari": ("hin", "mar", "nep", "san"),
    "Ethiopic": ("amh", "tir"),
    "Fraktur": ("frk", "deu_frak", "dan_frak", "slk_frak"),
    "Georgian": ("kat", "kat_old"),
    "Greek": ("ell", "grc"),
    "Gujarati": ("guj",),
    "Gurmukhi": ("pan",),
    "Han": ("chi_sim", "chi_tra"),
    "Hebrew": ("heb", "yid"),
    "Japanese": ("jpn",),
    "Kannada": ("kan",),
    "Khmer": ("khm",),
    "Korean": ("kor",),
    "Lao": ("lao",),
    "Malayalam": ("mal",),
    "Myanmar": ("mya",),
    "Oriya": ("ori",),
    "Sinhala": ("sin",),
    "Syriac": ("syr",),
    "Tamil": ("tam",),
    "Telugu": ("tel",),
    "Thaana": ("div",),
    "Thai": ("tha",),
    "Tibetan": ("bod", "dzo"),
}
"""The languages that are not written in Latin letters, by the script's name in Tesseract; the
more likely ones first."""
_SAME_SCRIPT = {"Hangul": "Korean", "Katakana": "Japanese", "Hiragana": "Japanese"}

_BY_ISO = {
    **{"af": "afr", "bs": "bos", "ca": "cat", "cs": "ces", "cy": "cym", "da": "dan", "de": "deu"},
    **{"en": "eng", "eo": "epo", "es": "spa", "et": "est", "eu": "eus", "fi": "fin", "fr": "fra"},
    **{"ga": "gle", "gl": "glg", "hr": "hrv", "hu": "hun", "id": "ind", "is": "isl", "it": "ita"},
    **{"la": "lat", "lb": "ltz", "lt": "lit", "lv": "lav", "ms": "msa", "mt": "mlt", "nb": "nor"},
    **{"nl": "nld", "nn": "nor", "no": "nor", "pl": "pol", "pt": "por", "ro": "ron", "sk": "slk"},
    **{"sl": "slv", "sq": "sqi", "sv": "swe", "sw": "swa", "tr": "tur", "vi": "vie"},
}
"""Languages in Latin letters, from ISO 639-1."""


class Choice(msgspec.Struct, frozen=True):
    """What to read with: ``languages`` first; others where the picture shows to be in them."""

    languages: tuple[str, ...]
    by_text: tuple[str, ...] = ()
    """Latin languages that are installed, more than can be read at once."""
    by_script: dict[str, tuple[str, ...]] = {}
    """Languages of other scripts that are installed, by script."""
    missing: tuple[str, ...] = ()
    """Languages that are asked for and not installed."""


def choose(wanted: Sequence[str], installed: Collection[str]) -> Choice:
    """Choose the languages to begin with.

    Args:
        wanted: What the settings name; nothing leaves it to what is installed.
        installed: What there is data for.

    Returns:
        The choice; without languages only where nothing is installed.
    """
    found = tuple(dict.fromkeys(name for name in wanted if name in installed))
    if found:
        return Choice(found, missing=_without(wanted, installed))
    by_script = {
        script: those[:TOGETHER]
        for script, names in _SCRIPTS.items()
        if (those := tuple(name for name in names if name in installed))
    }
    others = {name for names in _SCRIPTS.values() for name in names}
    # The variants for vertical lines are no languages of their own.
    latin = sorted(
        (n for n in installed if n not in others and not n.endswith("_vert")),
        key=lambda name: (name != "eng", name),
    )
    missing = _without(wanted, installed)
    if not latin:
        first = next(iter(by_script.values()), ())
        return Choice(first, by_script=by_script, missing=missing)
    if len(latin) <= TOGETHER:
        return Choice(tuple(latin), by_script=by_script, missing=missing)
    return Choice(tuple(latin[:1]), tuple(latin), by_script, missing)


def for_script(choice: Choice, script: str) -> tuple[str, ...]:
    """The languages to read a script with; empty where there are none but those tried first."""
    languages = choice.by_script.get(_SAME_SCRIPT.get(script, script), ())
    return () if languages == choice.languages else languages


def for_language(choice: Choice, iso: str) -> tuple[str, ...]:
    """The languages to read a text with that is in this one (ISO 639-1), if that is better."""
    name = _BY_ISO.get(iso, "")
    if name not in choice.by_text or name in choice.languages:
        return ()
    return (name, *choice.languages)


def about_missing(missing: Sequence[str], used: Sequence[str]) -> str:
    """What to tell a person of languages that are asked for and not installed."""
    names = ", ".join(missing)
    if sys.platform == "darwin":
        remedy = "brew install tesseract-lang"
    else:
        packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in missing)
        remedy = f"apt install {packages}"
    return (
        f"pictures were read as {'+'.join(used)}: Tesseract has no data for {names}; "
        f"install it ({remedy}), then run `prismd reindex --stale`"
    )


def _without(wanted: Sequence[str], installed: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in wanted if name not in installed))
