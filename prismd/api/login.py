"""How a browser gets in: a link that works once and leaves a cookie."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable

CODE_TTL_S = 60.0
COOKIE_MAX_AGE_S = 30 * 24 * 3600
_MAX_CODES = 32
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class LoginCodes:
    """Codes that are good once, for a minute. Any thread may call.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._expiry: dict[str, float] = {}

    def issue(self) -> str:
        """A new code; of too many, the oldest is void."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            now = self._clock()
            self._expiry = {known: end for known, end in self._expiry.items() if end > now}
            while len(self._expiry) >= _MAX_CODES:
                del self._expiry[next(iter(self._expiry))]
            self._expiry[code] = now + CODE_TTL_S
        return code

    def redeem(self, code: str) -> bool:
        """Whether a code is good; it is not any more."""
        with self._lock:
            expiry = self._expiry.pop(code, None)
            return expiry is not None and self._clock() < expiry


def cookie_name(port: int) -> str:
    """Cookies know no ports, so the name tells the daemons of one computer apart."""
    return f"prismd_{port}"


def cookie_value(token: str) -> str:
    """What the cookie holds: made from the token, which it does not give away."""
    return hmac.new(token.encode(), b"prismd browser cookie 1", hashlib.sha256).hexdigest()


def set_cookie(port: int, token: str) -> str:
    """The Set-Cookie header."""
    return (
        f"{cookie_name(port)}={cookie_value(token)}; Path=/; Max-Age={COOKIE_MAX_AGE_S};"
        " HttpOnly; SameSite=Lax"
    )


def local_path(target: str) -> str:
    """A path of this server to go on to; what leads anywhere else becomes the front page."""
    return target if _LOCAL_PATH.fullmatch(target) else "/"
