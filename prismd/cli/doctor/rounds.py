"""Carries checks out side by side: one that fails or hangs spoils none of the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from prismd.cli.doctor.verdict import Verdict, problem, problem_of
from prismd.errors import PrismdError

T = TypeVar("T")


class Check(NamedTuple):
    """Something to look at.

    Attributes:
        group: The heading that it stands under.
        what: What its verdict is called when it comes to none.
        look: Looks, and says what it found.
        within_s: After this it is waited for no more: a disk may never answer.
        hangs: What helps when it comes to no end.
    """

    group: str
    what: str
    look: Callable[[], Iterable[Verdict]]
    within_s: float = 30.0
    hangs: str = "a disk may hang: see which ones answer ('df'), and unmount what does not"


def made(checks: Sequence[Check]) -> Iterator[tuple[Check, list[Verdict]]]:
    """Make the checks, all at once, and give what each found in their order.

    A thread whose disk does not answer is left behind.
    """
    started_s = time.monotonic()
    found = [_started(partial(_listed, check.look), check.what) for check in checks]
    for check, future in zip(checks, found, strict=True):
        left_s = max(0.0, started_s + check.within_s - time.monotonic())
        yield check, _verdicts(check, future, left_s)


def _listed(look: Callable[[], Iterable[Verdict]]) -> list[Verdict]:
    return list(look())


class Shared(Generic[T]):
    """Something that several checks go by, and that is looked up once, beginning now.

    Args:
        look: Looks it up.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self._future = _started(look, "shared")

    def needed(self) -> T:
        """What was found; waits for it.

        Raises:
            Exception: Whatever ended the look.
        """
        return self._future.result()

    def meanwhile(self, within_s: float) -> T | None:
        """What was found; None where that failed, or takes longer: it spoils no other check."""
        try:
            return self._future.result(within_s)
        except Exception:  # told by the check that needs it
            return None


def _started(look: Callable[[], T], name: str) -> Future[T]:
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(look())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name=f"prismd-doctor-{name}", daemon=True).start()
    return future


def _verdicts(check: Check, future: Future[list[Verdict]], left_s: float) -> list[Verdict]:
    try:
        error = future.exception(left_s)
    except TimeoutError:
        detail = f"no answer within {check.within_s:g} s"
        return [problem(check.what, detail, check.hangs)]
    if error is None:
        return future.result()
    if isinstance(error, PrismdError):
        return [problem_of(check.what, error)]
    detail = f"could not be looked at ({type(error).__name__}: {error})"
    if isinstance(error, OSError):
        return [problem(check.what, detail, "mend what the system says there, and ask again")]
    return [problem(check.what, detail, "please report this; the other checks were made")]
