"""What ``GET /status`` gives, as far as the tray reads it."""

from __future__ import annotations

from typing import Any

FILES = {
    "total": 1204,
    "pending": 890,
    "processing": 2,
    "completed": 312,
    "failed": 0,
    "skipped": 0,
    "quarantined": 0,
}
IDLE: dict[str, Any] = {
    "state": "idle",
    "paused": None,
    "files": {**FILES, "pending": 0, "processing": 0, "completed": 1204},
    "left": 0,
    "passages": 9000,
    "passages_embedded": 9000,
    "current": [],
    "eta_s": None,
    "fault": "",
    "faults": [],
    "config_fault": "",
    "encrypted": False,
    "models": {"embedding": {"name": "bge", "state": "loaded", "detail": ""}},
}
INDEXING: dict[str, Any] = {
    **IDLE,
    "state": "indexing",
    "files": FILES,
    "left": 892,
    "eta_s": 230.0,
    "current": [
        {"path": "/home/a/Lease.pdf", "stage": "extracting", "done": 2, "total": 8, "eta_s": None},
        {"path": "/home/a/b.txt", "stage": "reading", "done": 0, "total": 0, "eta_s": None},
    ],
}
FULL_DISK = {"part": "reading", "message": "the disk is full; free some space"}
FAULTY: dict[str, Any] = {**INDEXING, "fault": FULL_DISK["message"], "faults": [FULL_DISK]}


def paused(by: str = "you", why: str = "", until: float | None = None) -> dict[str, Any]:
    """The status of a daemon that is paused."""
    return {**INDEXING, "state": "paused", "paused": {"by": by, "why": why, "until": until}}


def unread(failed: int, quarantined: int) -> dict[str, Any]:
    """The status of a daemon with files that could not be read."""
    return {**IDLE, "files": {**IDLE["files"], "failed": failed, "quarantined": quarantined}}
