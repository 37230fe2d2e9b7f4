"""What both sides of a child agree on: frames, and the terms that the parent lays down."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

MAX_FRAME_BYTES = 1 << 30
MEMORY_EXIT_CODE = 77
"""Exit code of a child that ended itself because it outgrew its memory (not on Linux)."""
ENVIRONMENT_KEY = "PRISMD_CHILD"
"""The variable in which a child finds its terms."""
EXIT_GRACE_S = 2.0
"""How long a side waits for the other one to end by itself."""

HEADER = struct.Struct("<I")


class Terms(msgspec.Struct, frozen=True):
    """What the parent lays down for a child; travels in the environment."""

    parent_pid: int
    memory_bytes: int | None = None


def frame(obj: Any) -> bytes:
    """A value as one frame.

    Raises:
        ValueError: It is larger than a frame may be.
    """
    payload = msgspec.msgpack.encode(obj)
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(payload)} bytes; at most {MAX_FRAME_BYTES}")
    return HEADER.pack(len(payload)) + payload
