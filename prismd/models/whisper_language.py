"""Which language is spoken where in a recording. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

_SURE = 0.8
_SURE_S = 5.0


class Languages:
    """Gathers evidence over a recording.

    A long stretch that is clear speaks for itself, so that a recording in two languages comes
    out in both. A short or doubtful one ("Hello?") goes with the rest.

    Args:
        votes: The evidence so far, where it is gathered on.
    """

    def __init__(self, votes: Mapping[str, float] | None = None) -> None:
        self._votes = defaultdict[str, float](float, votes or {})

    @property
    def votes(self) -> dict[str, float]:
        """The evidence so far, by language."""
        return dict(self._votes)

    def note(self, likely: Mapping[str, float], seconds: float) -> None:
        """Take a stretch into account, once: how likely each language is in it."""
        for language, probability in likely.items():
            self._votes[language] += probability * seconds

    def choose(self, likely: Mapping[str, float], seconds: float) -> str:
        """The language to hear a stretch in; it must have been noted before."""
        best = max(likely, key=lambda language: likely[language])
        if likely[best] >= _SURE and seconds >= _SURE_S:
            return best
        return max(self._votes, key=lambda language: self._votes[language], default=best)
