"""Whether a disk answers that is asked again and again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Pulse:
    """When a disk answered last; set by the thread that asks it, read by any."""

    def __init__(self) -> None:
        self._asked_s: float | None = None

    def beat(self) -> None:
        """It has answered, and is asked once more."""
        self._asked_s = time.monotonic()

    def rest(self) -> None:
        """It is asked nothing."""
        self._asked_s = None

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """It is asked nothing as long as the context lasts, and then goes on where it was asked."""
        is_asked = self._asked_s is not None
        self.rest()
        try:
            yield
        finally:
            if is_asked:
                self.beat()

    def silent_s(self) -> float:
        """For how long it has been asked without an answer; 0 when it is asked nothing."""
        asked_s = self._asked_s
        return 0.0 if asked_s is None else time.monotonic() - asked_s
