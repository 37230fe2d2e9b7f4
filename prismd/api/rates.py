"""How many requests a client may send: a bucket that fills evenly and holds one minute's worth.

Clients are told apart so that a script that runs wild hits its own limit, not that of the tray or
of the web page: by the address, by whether a token or the page's cookie was shown, and by the
User-Agent. Whoever has the token could claim another; the limit is against accidents.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

from msgspec import Struct

_MINUTE_S = 60.0
_CLIENTS = 1_024


class Allowance(Struct, frozen=True):
    """What became of a request, and what is left.

    Attributes:
        limit: Requests in a minute.
        remaining: Requests that could follow at once.
        full_in_s: Until as many could follow as the limit says.
        wait_s: Until there is room again; 0 where the request had room.
    """

    limit: int
    remaining: int
    full_in_s: float
    wait_s: float = 0.0

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """As OpenAI's clients know them; with when to come back, where that is needed."""
        told = [
            (b"x-ratelimit-limit-requests", str(self.limit)),
            (b"x-ratelimit-remaining-requests", str(self.remaining)),
            (b"x-ratelimit-reset-requests", _duration(self.full_in_s)),
        ]
        if self.wait_s:
            told.append((b"retry-after", str(math.ceil(self.wait_s))))
            told.append((b"retry-after-ms", str(math.ceil(1000 * self.wait_s))))
        return [(name, value.encode()) for name, value in told]


class Rates:
    """Buckets of clients; the longest unused is forgotten when there are too many. For one thread.

    Args:
        per_minute: Requests of one client; at least 1.
        clock: Seconds that only go forward.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._each_s = _MINUTE_S / per_minute
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}
        """When the bucket of a client will be full, which says how full it is."""

    def take(self, client: Hashable) -> Allowance:
        """Count a request of a client; one that has no room is not counted."""
        now = self._clock()
        full_at = max(now, self._full_at.pop(client, now)) + self._each_s
        wait_s = full_at - now - _MINUTE_S
        if wait_s > 1e-9:  # rounding, which would refuse the last request of a full bucket
            full_at -= self._each_s
        self._full_at[client] = full_at
        if len(self._full_at) > _CLIENTS:
            del self._full_at[next(iter(self._full_at))]
        full_in_s = full_at - now
        remaining = int((_MINUTE_S - full_in_s) / self._each_s + 1e-9)
        return Allowance(self._limit, remaining, full_in_s, wait_s if wait_s > 1e-9 else 0.0)


def _duration(seconds: float) -> str:
    """Such as ``120ms``, ``7s`` or ``1m0s``."""
    if seconds < 1:
        return f"{math.ceil(1000 * seconds)}ms"
    minutes, rest = divmod(math.ceil(seconds), int(_MINUTE_S))
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
