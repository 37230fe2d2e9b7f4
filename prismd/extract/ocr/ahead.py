"""Several pictures being read at once, in order, and few of them in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from prismd.extract.base import ExtractOptions

_Picture = TypeVar("_Picture")
_Read = TypeVar("_Read")

_MOST_AT_ONCE = 8
"""A picture that waits takes tens of megabytes, and a worker's memory is limited."""


def at_once(options: ExtractOptions) -> int:
    """How many pictures of one file are read at once."""
    return min(options.parallel or os.cpu_count() or 1, _MOST_AT_ONCE)


def read_ahead(
    pictures: Iterable[_Picture], read: Callable[[_Picture], _Read], options: ExtractOptions
) -> Iterator[_Read]:
    """Read pictures, several at once.

    Args:
        pictures: Taken by the caller's thread, which may thus draw or decode them; at most one
            more than are read at once waits to be given out.
        read: Called in other threads.
        options: ``parallel`` says how many are read at once.

    Yields:
        What ``read`` made of them, in their order; what it raised is raised in its turn.
    """
    count = at_once(options)
    with ThreadPoolExecutor(count, thread_name_prefix="ocr") as threads:
        ahead: deque[Future[_Read]] = deque()
        for picture in pictures:
            ahead.append(threads.submit(read, picture))
            if len(ahead) > count:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
