"""Requests, and what they took, counted around everything: refusals and unknown paths as well.

Labels take few values: routes by their templates, methods and statuses as there are. No path, no
name of a file and no text of a request is among them.
"""

from __future__ import annotations

import time

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from prismd.api.within import is_within

# When a figure was first counted is of no use, and doubles them.
disable_created_metrics()  # type: ignore[no-untyped-call]

_OTHER = "other"
"""The route of what is refused before it is looked up, and of what there is not."""
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})
_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_NO_STATUS = 499
"""Of a request whose client went away before anything was answered."""


class RequestMetrics:
    """What is counted as it happens.

    Attributes:
        registry: Everything that ``/metrics`` shows.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "prismd_http_requests",
            "Requests that were answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "prismd_http_request_duration_seconds",
            "From a request's arrival to the end of its answer, streams included.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._in_progress = Gauge(
            "prismd_http_requests_in_progress",
            "Requests that are being answered.",
            registry=self.registry,
        )
        self._tokens = Counter(
            "prismd_tokens",
            "Tokens that models read (prompt) and wrote (completion) for chat requests.",
            ("kind",),
            registry=self.registry,
        )
        self._recorded = Counter(
            "prismd_transcribed_seconds",
            "Seconds of recordings that were written down for requests.",
            registry=self.registry,
        )

    def began(self) -> None:
        """A request has come."""
        self._in_progress.inc()

    def ended(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request has been answered."""
        self._in_progress.dec()
        known = method if method in _METHODS else _OTHER
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def generated(self, prompt_tokens: int, completion_tokens: int) -> None:
        """An answer was written."""
        self._tokens.labels("prompt").inc(prompt_tokens)
        self._tokens.labels("completion").inc(completion_tokens)

    def transcribed(self, seconds: float) -> None:
        """A recording was written down."""
        self._recorded.inc(seconds)


class Counted:
    """Counts the requests that go through it.

    Args:
        app: What answers them.
        metrics: Where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on.

        WebSockets, the server's own messages and requests of this process are not counted.
        """
        if scope["type"] != "http" or is_within(scope):  # type: ignore[comparison-overlap]
            await self._app(scope, receive, send)
            return
        status = _NO_STATUS

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began_s = time.perf_counter()
        self._metrics.began()
        try:
            await self._app(scope, receive, noting)
        finally:
            # The router notes the template once it has found the route.
            route = str(scope.get("path_template") or _OTHER)
            seconds = time.perf_counter() - began_s
            self._metrics.ended(route, str(scope.get("method")), status, seconds)
