"""From bytes to text: byte order marks first, UTF-8 next, then a guess that says it is one."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES = 1 << 16
_GUESS_BYTES = 1 << 17
_BINARY_SHARE = 0.1
_UTF16_SHARE = 0.7
_BROKEN_UTF8_SHARE = 0.02
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_HIGH_PAIR = re.compile(rb"[\x80-\xff](?=[\x80-\xff])")
_PAIR_SHARE = 0.2
_WESTERN_SIGNS = frozenset(
    "\u2018\u2019\u201a\u201c\u201d\u201e\u2013\u2014\u2022\u2026\u20ac\u2122\xa0\xa3\xa7\xa9\xab\xad\xae\xb0\xb7\xbb\xbf\xa1"
)
# Control characters have no place in a text and upset databases and terminals: a space each,
# so that lines and columns stay as they are in the file.
_TO_SPACE = {code: " " for code in (*range(9), 11, 12, *range(14, 32), 127)}


def looks_like_text(head: bytes) -> bool:
    """Whether the beginning of a file is text in some encoding."""
    sample = head[:_SAMPLE_BYTES]
    if any(sample.startswith(mark) for mark, _ in _MARKS) or _utf16_without_mark(sample):
        return True
    if b"\x00" in sample and sample.count(b"\x00") > len(sample) // 200:
        return False
    share = len(_CONTROL.findall(sample)) / max(1, len(sample))
    if share > _BINARY_SHARE:
        return False
    # A character cut in two by the end of the sample is no fault.
    good = sample.decode("utf-8", "ignore")
    invalid = len(sample) - len(good.encode("utf-8"))
    return invalid <= 3 or share < 0.001


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    r"""Decode a whole file; lines end with ``\n``, control characters are spaces.

    Returns:
        The text, without byte order mark, and warnings where decoding was a guess or lost bytes.
    """
    text, warnings = _decode(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_TO_SPACE), warnings


def _decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lenient(data[len(mark) :], encoding)
    if unmarked := _utf16_without_mark(data[:_SAMPLE_BYTES]):
        return _lenient(data, unmarked)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    high = len(_HIGH.findall(data[:_GUESS_BYTES])) or 1
    broken = data[:_GUESS_BYTES].decode("utf-8", "replace").count("\ufffd")
    if broken <= _BROKEN_UTF8_SHARE * high:
        return _lenient(data, "utf-8")
    return _guess(data)


def _lenient(data: bytes, encoding: str) -> tuple[str, tuple[str, ...]]:
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        lost = text.count("\ufffd")
        return text, (f"{lost} places are not valid {encoding.upper()} and are shown as \ufffd",)


def _guess(data: bytes) -> tuple[str, tuple[str, ...]]:
    # The guess costs much; the parts that tell are the ones that are not ASCII.
    lines = [line for line in data[: 8 * _GUESS_BYTES].splitlines() if not line.isascii()]
    sample = b"\n".join(lines)[:_GUESS_BYTES] or data[:_GUESS_BYTES]
    if _is_western(sample):
        encoding = "cp1252"
    else:
        best = charset_normalizer.from_bytes(sample).best()
        encoding = best.encoding if best else "cp1252"
    text, warnings = _lenient(data, encoding)
    return text, (f"its encoding was guessed: {encoding}", *warnings)


def _is_western(sample: bytes) -> bool:
    """Whether these are Western European words in Windows' (or ISO's) code page.

    There a letter beyond ASCII stands alone among others; other scripts have whole words of
    such bytes, and other code pages have signs where letters ought to be.
    """
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    high = [char for char in text if char > "\x7f"]
    letters = all(char.isalpha() or char in _WESTERN_SIGNS for char in high)
    pairs = len(_HIGH_PAIR.findall(sample))
    return letters and pairs <= _PAIR_SHARE * len(high)


def _utf16_without_mark(sample: bytes) -> str | None:
    """UTF-16 of mostly Latin text shows itself by zeros at every other byte."""
    half = len(sample) // 2
    if half < 2:
        return None
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > _UTF16_SHARE and even < 0.02:
        return "utf-16-le"
    if even > _UTF16_SHARE and odd < 0.02:
        return "utf-16-be"
    return None
