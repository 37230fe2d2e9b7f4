"""Which of the words that a model wrote down were said. Pure.

A model of speech always writes something: of noise "you", of music "Thank you", and where it
is lost the same words over and over. Figures tell these apart, never lists of words: measured
on the default model, speech is written with a mean log-probability above -0.5, and noise,
silence and music below -0.8 with a probability of no speech above 0.6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from prismd.models.base import Segment, SpokenWord
from prismd.models.whisper_windows import Span

_LEAST_LOG_PROBABILITY = -1.0
_NO_SPEECH = 0.6
_SURE_LOG_PROBABILITY = -0.5
_COMPRESSION = 2.4
_ALIKE = 4
"""So many segments with the same words, one right after the other, are a loop."""
_LOOP_GAP_S = 2.0
_LONGEST_LOOP = 12
_PAUSE_S = 0.8
_LONGEST_S = 15.0
_LONGEST_CHARS = 240
_SENTENCE_END = re.compile("[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019\xbb)\\]]*$")
_SIGNS = re.compile(r"[\W_]+")


def believable(log_probability: float, no_speech: float, compression: float) -> bool:
    """Whether what was written of a stretch was said, by the model's own figures.

    Args:
        log_probability: Mean over the tokens.
        no_speech: The probability that nobody speaks.
        compression: How often shorter the text is when compressed.
    """
    if compression > _COMPRESSION and log_probability < _SURE_LOG_PROBABILITY:
        return False
    if no_speech > _NO_SPEECH and log_probability < _SURE_LOG_PROBABILITY:
        return False
    return log_probability >= _LEAST_LOG_PROBABILITY


def without_loops(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """The words, of each loop only its first round.

    A loop is one word five times in a row, or several words three times; people say "no, no,
    no", and "again and again", and keep it.
    """
    keys = [_SIGNS.sub("", word.text).casefold() for word in words]
    kept: list[SpokenWord] = []
    at = 0
    while at < len(words):
        length, rounds = _loop(keys, at)
        if rounds:
            kept += words[at : at + length]
            at += length * rounds
        else:
            kept.append(words[at])
            at += 1
    return kept


def _loop(keys: Sequence[str], at: int) -> tuple[int, int]:
    """Length and rounds of the loop that begins here; (0, 0) where none does."""
    for length in range(1, _LONGEST_LOOP + 1):
        first = keys[at : at + length]
        if len(first) < length or not any(first):
            break
        rounds = 1
        while keys[at + rounds * length : at + (rounds + 1) * length] == first:
            rounds += 1
        if rounds >= (5 if length == 1 else 3):
            return length, rounds
    return 0, 0


def within_speech(
    words: Sequence[SpokenWord], speech: Sequence[Span], padding_s: float = 0.0
) -> list[SpokenWord]:
    """The words, none of them reaching into the silence before or after its speech.

    The model lets the first word after a silence begin somewhere in the silence: measured, 0.17
    seconds too early in the median.

    Args:
        words: In order.
        speech: Where speech is, on the same clock, in order.
        padding_s: How much silence was left before and after each stretch of speech.
    """
    fitted = []
    bare = _unpadded(speech, padding_s)
    for word in words:
        middle_s = (word.start_s + word.end_s) / 2
        start_s, end_s = min(
            bare, key=lambda span: max(span[0] - middle_s, middle_s - span[1], 0.0)
        )
        first_s = min(max(word.start_s, start_s), end_s)
        last_s = max(min(word.end_s, end_s), first_s)
        fitted.append(msgspec.structs.replace(word, start_s=first_s, end_s=last_s))
    return fitted


def segments(words: Sequence[SpokenWord], language: str = "") -> list[Segment]:
    """Join words to what was said in one breath: up to a sentence's end, or a pause.

    Args:
        words: In order; each ``text`` with the space before it, where there is one.
        language: In which they were said.
    """
    found: list[Segment] = []
    breath: list[SpokenWord] = []
    length = 0
    for word in words:
        if breath and (
            word.start_s - breath[-1].end_s > _PAUSE_S
            or word.end_s - breath[0].start_s > _LONGEST_S
            or length > _LONGEST_CHARS
            or _SENTENCE_END.search(breath[-1].text)
        ):
            found.append(_segment(breath, language))
            breath, length = [], 0
        breath.append(word)
        length += len(word.text)
    if breath:
        found.append(_segment(breath, language))
    return found


def without_repeats(said: Sequence[Segment]) -> list[Segment]:
    """The segments; of many with the same words, one right after the other, only the first.

    An announcement that comes every ten minutes stays each time.
    """
    kept: list[Segment] = []
    at = 0
    while at < len(said):
        end = at + 1
        while end < len(said) and _again(said[end - 1], said[end]):
            end += 1
        kept += said[at : at + 1] if end - at >= _ALIKE else said[at:end]
        at = end
    return kept


def certain(said: Sequence[Segment]) -> list[Segment]:
    """Of the segments up to now those that ``without_repeats`` will leave, whatever follows."""
    end = len(said)
    while end > 1 and _again(said[end - 2], said[end - 1]):
        end -= 1
    return without_repeats(said[:end])


def _again(before: Segment, segment: Segment) -> bool:
    """Whether a segment says the same as the one right before it."""
    return _key(before) == _key(segment) and segment.start_s - before.end_s <= _LOOP_GAP_S


def _key(segment: Segment) -> str:
    return _SIGNS.sub("", segment.text).casefold()


def _unpadded(speech: Sequence[Span], padding_s: float) -> list[Span]:
    """Speech without its padding, which is less where two stretches touch."""
    bare = []
    for number, (start_s, end_s) in enumerate(speech):
        before_s = start_s - speech[number - 1][1] if number else padding_s
        after_s = speech[number + 1][0] - end_s if number + 1 < len(speech) else padding_s
        first_s = start_s + (padding_s if before_s > 0 else 0.0)
        last_s = end_s - (padding_s if after_s > 0 else 0.0)
        bare.append((first_s, last_s) if first_s < last_s else (start_s, end_s))
    return bare


def _segment(words: Sequence[SpokenWord], language: str) -> Segment:
    return Segment(
        start_s=words[0].start_s,
        end_s=max(word.end_s for word in words),
        text=" ".join("".join(word.text for word in words).split()),
        words=tuple(msgspec.structs.replace(word, text=word.text.strip()) for word in words),
        probability=sum(word.probability for word in words) / len(words),
        language=language,
    )
