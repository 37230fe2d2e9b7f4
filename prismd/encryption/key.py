"""The key of an encrypted index: 32 random bytes, which no message and no log ever shows."""

from __future__ import annotations

import secrets

_BYTES = 32


class Key:
    """A key; shown by ``text`` alone.

    Args:
        raw: 32 bytes.

    Raises:
        ValueError: They are more, or fewer.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != _BYTES:
            raise ValueError(f"a key has {_BYTES} bytes, not {len(raw)}")
        self._raw = raw

    @classmethod
    def fresh(cls) -> Key:
        """A key that nobody has yet."""
        return cls(secrets.token_bytes(_BYTES))

    @classmethod
    def parse(cls, text: str) -> Key:
        """The key that ``text`` showed; blanks and line breaks around it, or in it, do not count.

        Raises:
            ValueError: It is none.
        """
        return cls(bytes.fromhex("".join(text.split())))

    @property
    def text(self) -> str:
        """The key as 64 hexadecimal digits, for whoever keeps it."""
        return self._raw.hex()

    def __repr__(self) -> str:
        return "Key(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and secrets.compare_digest(self._raw, other._raw)

    def __hash__(self) -> int:
        return hash(self._raw)
