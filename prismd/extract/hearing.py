"""What a worker tells while it reads a file, and how long it may take over it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import msgspec

from prismd.child import Child, ChildTimeout
from prismd.extract.base import MediaType
from prismd.extract.failure import Failure, not_shown, part_went_on, stood_still, went_on
from prismd.extract.worker import Answer, Detected, InHand, Last

OnStep = Callable[[int, int], None]

_MOST_DEADLINES = 100
_PARTS_SHARE = 0.25


class TimeLimits(msgspec.Struct, frozen=True):
    """How long a worker may take: from step to step, over one part, and in all."""

    deadline_s: float
    part_s: float
    longest_s: float
    shortened: bool = False
    """Whether a person waits, who will not do so for long."""

    @classmethod
    def of(cls, deadline_s: float, longest_s: float | None = None) -> TimeLimits:
        """The limits that go with a deadline."""
        longest_s = longest_s or _MOST_DEADLINES * deadline_s
        return cls(deadline_s, longest_s * _PARTS_SHARE, longest_s)

    def at_most(self, deadline_s: float) -> TimeLimits:
        """These, or shorter ones."""
        if self.deadline_s <= deadline_s:
            return self
        return msgspec.structs.replace(self, deadline_s=deadline_s, shortened=True)

    def stood_still(self) -> Failure:
        """The failure of a worker of which nothing was heard."""
        return not_shown(self.deadline_s) if self.shortened else stood_still(self.deadline_s)


class Overdue(ChildTimeout):
    """One of the limits is over."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


class Hearing:
    """The answers to one request.

    Args:
        limits: How long they may take.
        on_step: Told of every step.

    Attributes:
        media_type: What the file is, once that is known.
        part: The key of the part that is in hand; empty while there is none.
    """

    def __init__(self, limits: TimeLimits, on_step: OnStep | None = None) -> None:
        self.limits = limits
        self.media_type: MediaType | None = None
        self.part = ""
        self._on_step = on_step
        self._end = self._part_end = self._step_end = math.inf

    def last_answer(self, child: Child) -> Last:
        """Hear all of them.

        Raises:
            Overdue: The worker takes too long.
            ChildError: Whatever else has happened to it.
        """
        self._end = time.monotonic() + self.limits.longest_s
        self._came_on()
        while True:
            answer = self._next(child)
            if isinstance(answer, Last):
                return answer
            if isinstance(answer, Detected):
                self.media_type = answer.media_type
                continue
            self._came_on()
            if isinstance(answer, InHand):
                self._take(answer.key)
            elif self._on_step is not None:
                self._on_step(answer.done, answer.total)

    def _came_on(self) -> None:
        self._step_end = time.monotonic() + self.limits.deadline_s

    def _take(self, key: str) -> None:
        self.part = key
        self._part_end = time.monotonic() + self.limits.part_s if key else math.inf

    def _next(self, child: Child) -> Answer:
        ends = self._end, self._part_end, self._step_end
        left_s = min(ends) - time.monotonic()
        # A worker that talks all the time would be heard for ever. One that has answered while
        # nobody listened is in time.
        if left_s <= 0 and self._step_end > min(ends):
            raise self._overdue(ends)
        try:
            answer: Answer = child.receive(Answer, max(0.0, left_s))  # type: ignore[arg-type]
        except ChildTimeout as error:
            raise self._overdue(ends) from error
        return answer

    def _overdue(self, ends: tuple[float, float, float]) -> Overdue:
        limits = self.limits
        failures = went_on(limits.longest_s), part_went_on(limits.part_s), limits.stood_still()
        return Overdue(failures[ends.index(min(ends))])
