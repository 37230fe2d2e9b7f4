"""What reading a file costs, by its kind: learned from files that were read. Pure.

A file costs so much, and so much more for every megabyte. What they are to each other is as it was
where prismd was made; how many times as much it is here is learned for every kind, from the files
of which the latest count most. A kind of which none was read yet is judged by the others.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

import msgspec

Kind = Literal["text", "page", "office", "pdf", "picture", "wave", "sound", "film"]

_MB = 1_000_000
_FORGET = 0.985
"""Weight that an observation loses with each further one: the last 70 files or so count."""
_PRIOR_WEIGHT = 2.0
"""The prior counts as much as so many files that were read."""
_SPEED_FORGET = 0.95
_LEAST_S = 1e-4

_SUFFIXES: dict[Kind, str] = {
    "page": "htm html xhtml eml mbox mht json ipynb xml",
    "office": "docx docm doc pptx pptm ppt xlsx xlsm xls odt ods odp epub msg rtf",
    "pdf": "pdf",
    "picture": "jpg jpeg jpe png gif bmp webp tif tiff heic heif",
    "wave": "wav aiff aif flac",
    "sound": "mp3 m4a m4b aac ogg oga opus wma",
    "film": "mp4 m4v mkv webm mov avi wmv",
}
_KINDS: dict[str, Kind] = {
    f".{suffix}": kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()
}


class Cost(msgspec.Struct, frozen=True):
    """What files of a kind take.

    Attributes:
        file_s: For any file, in seconds of a machine that does nothing else.
        mb_s: For every megabyte, besides.
        mb_passages: How many passages a megabyte has.
    """

    file_s: float
    mb_s: float
    mb_passages: float

    def seconds(self, files: int, size_bytes: int) -> float:
        """What so many files of so many bytes together take."""
        return files * self.file_s + size_bytes / _MB * self.mb_s

    def passages(self, size_bytes: int) -> float:
        """How many passages so many bytes have."""
        return size_bytes / _MB * self.mb_passages


PRIORS: dict[Kind, Cost] = {
    "text": Cost(0.01, 0.7, 1500.0),
    "page": Cost(0.01, 0.3, 500.0),
    "office": Cost(0.02, 0.5, 70.0),
    "pdf": Cost(0.2, 0.5, 100.0),
    "picture": Cost(0.6, 3.0, 5.0),
    "wave": Cost(1.2, 1.5, 5.0),
    "sound": Cost(1.2, 4.0, 15.0),
    "film": Cost(1.2, 1.0, 2.0),
}
"""Measured with ``tests/benchmarks/forecast.py`` on two cores."""


def kind_of(path: str) -> Kind:
    """The kind of a file, by its name; what has no known end is taken for a text."""
    return _KINDS.get(PurePosixPath(path).suffix.lower(), "text")


def kind_of_end(end: str) -> Kind:
    """The same by the last few characters of a name, which hold its suffix."""
    dot = end.rfind(".")
    return _KINDS.get(end[dot:].lower(), "text") if dot >= 0 else "text"


class _Scale:
    """How many times as much as the prior has it a kind costs, by sums of which the latest count.

    A hundred small files and a large one count alike: what they took in all is held against what
    they should have taken in all.
    """

    def __init__(self, prior: Cost) -> None:
        self._typical_s = _PRIOR_WEIGHT * 2 * prior.file_s
        self._seen_s = self._expected_s = 0.0
        self.count = 0

    def add(self, seen_s: float, expected_s: float) -> None:
        """A file took so long, and should have taken so long."""
        self.count += 1
        self._seen_s = _FORGET * self._seen_s + seen_s
        self._expected_s = _FORGET * self._expected_s + expected_s

    def scale(self, speed: float) -> float:
        """The factor; what was seen of all kinds holds until there is more of this one."""
        seen_s = self._seen_s + speed * self._typical_s
        return seen_s / (self._expected_s + self._typical_s)


class Costs:
    """What files cost here, as far as it is known. Not for several threads."""

    def __init__(self) -> None:
        self._scales = {kind: _Scale(prior) for kind, prior in PRIORS.items()}
        self._passages = {kind: [0.0, 0.0] for kind in PRIORS}
        self._expected_s = self._seen_s = 0.0

    def observe(self, kind: Kind, size_bytes: int, seconds: float, passages: int) -> None:
        """A file was read.

        Args:
            kind: Its kind.
            size_bytes: Its size.
            seconds: What it took, or would have taken had nothing else been going on.
            passages: How many it gave.
        """
        seconds = max(seconds, _LEAST_S)
        expected_s = PRIORS[kind].seconds(1, size_bytes)
        self._scales[kind].add(seconds, expected_s)
        self._seen_s = _SPEED_FORGET * self._seen_s + seconds
        self._expected_s = _SPEED_FORGET * self._expected_s + expected_s
        found, megabytes = self._passages[kind]
        self._passages[kind] = [
            _FORGET * found + passages,
            _FORGET * megabytes + size_bytes / _MB,
        ]

    def seen(self, *kinds: Kind) -> int:
        """How many files of kinds were read; without kinds, of all."""
        return sum(self._scales[kind].count for kind in kinds or self._scales)

    def of(self, kind: Kind) -> Cost:
        """What files of a kind cost."""
        prior = PRIORS[kind]
        scale = self._scales[kind].scale(self._speed())
        found, megabytes = self._passages[kind]
        # As if so many typical files of the prior had been read, too.
        extra = _PRIOR_WEIGHT * prior.file_s / prior.mb_s
        passages = (found + extra * prior.mb_passages) / (megabytes + extra)
        return Cost(scale * prior.file_s, scale * prior.mb_s, passages)

    def _speed(self) -> float:
        return self._seen_s / self._expected_s if self._expected_s else 1.0
