"""Where in a recording speech is, and how it is cut into what a model hears at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

STRETCH_S = 29.0
"""The model hears 30 seconds at once; a little less leaves room for the padding."""
_JOIN_GAP_S = 3.0
"""Speech that is not further apart is heard together."""
_EDGE_S = 0.5
"""Whether speech has ended is not known of what is so near to the end of a window."""

Span = tuple[float, float]
"""Start and end second."""


class Stretch(msgspec.Struct, frozen=True):
    """What is heard at once: a range of seconds, and where in it speech is."""

    start_s: float
    end_s: float
    speech: tuple[Span, ...]


def stretches(speech: Sequence[Span]) -> list[Stretch]:
    """Join neighbouring speech as far as it is heard at once; what is longer is cut.

    Args:
        speech: In order, not overlapping.
    """
    found: list[Stretch] = []
    for start_s, end_s in speech:
        for piece_start_s, piece_end_s in _cut(start_s, end_s):
            last = found[-1] if found else None
            if (
                last is not None
                and piece_start_s - last.end_s <= _JOIN_GAP_S
                and piece_end_s - last.start_s <= STRETCH_S
            ):
                joined = (*last.speech, (piece_start_s, piece_end_s))
                found[-1] = Stretch(last.start_s, piece_end_s, joined)
            else:
                piece = (piece_start_s, piece_end_s)
                found.append(Stretch(piece_start_s, piece_end_s, (piece,)))
    return found


def keep_back(speech: Sequence[Span], window_s: float) -> tuple[list[Span], float]:
    """What of a window can be heard now, and from where the rest waits for the next window.

    Speech that runs into the window's end may go on behind it, so it waits; where it fills more
    than half of the window it is cut there instead.

    Args:
        speech: Within the window, from 0; in order.
        window_s: The window's length.

    Returns:
        The speech to hear now, and the second from which the window is kept.
    """
    if not speech or window_s - speech[-1][1] > _EDGE_S:
        kept_from_s = max(window_s - _EDGE_S, speech[-1][1]) if speech else window_s - _EDGE_S
        return list(speech), max(0.0, kept_from_s)
    start_s = speech[-1][0]
    if start_s < window_s / 2:
        return list(speech), window_s
    return list(speech[:-1]), start_s


def _cut(start_s: float, end_s: float) -> list[Span]:
    pieces = max(1, -(-(end_s - start_s) // STRETCH_S))
    step_s = (end_s - start_s) / pieces
    borders = [start_s + step_s * number for number in range(int(pieces))] + [end_s]
    return list(pairwise(borders))
