"""Ports of the loopback interface for servers that tests start in other processes."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator

# Below those that systems give out by themselves: between the moment at which a port is found to
# be free and the start of its server, such a one may be given to anything. Above 10080, the last
# that browsers refuse to go to (https://fetch.spec.whatwg.org/#port-blocking).
_FIRST, _AFTER_LAST = 10_100, 32_000


def _own() -> range:
    """The ports of this process; those that run tests beside it have others."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return range(_FIRST + worker, _AFTER_LAST, workers)


def _all() -> Iterator[int]:
    """Those ports, again and again; processes that start one after the other start far apart."""
    own = _own()
    for number in itertools.count(os.getpid() * 64):
        yield own[number % len(own)]


_NEXT = _all()


def free_port() -> int:
    """A port on which nothing listens, and that no other test is given for long."""
    for port in itertools.islice(_NEXT, len(_own())):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("every port is in use")
