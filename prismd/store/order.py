"""In which order files are read: small before large before recordings. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

_LARGE_BYTES = 5_000_000
_RECORDINGS = (
    *(".mp3", ".wav", ".m4a", ".m4b", ".aac", ".ogg", ".oga", ".opus", ".flac", ".wma", ".aiff"),
    *(".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".wmv"),
)
SLOW = 2
"""Priority of files that take minutes: recordings."""


def is_recording(path: str) -> bool:
    """Whether a file's name says that it is a recording or a film."""
    return PurePosixPath(path).suffix.lower() in _RECORDINGS


def priority(path: str, size_bytes: int) -> int:
    """Of a file; the lower comes first."""
    if is_recording(path):
        return SLOW
    return int(size_bytes > _LARGE_BYTES)
