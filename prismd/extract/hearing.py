"""What a worker tells while it reads a file, how long it may take, and whether it is to go on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from prismd.child import Child, ChildTimeout
from prismd.extract.base import MediaType
from prismd.extract.failure import Failure, not_shown, part_went_on, stood_still, went_on
from prismd.extract.pieces import Piece
from prismd.extract.worker import Answer, Detected, InHand, Last

T = TypeVar("T")
OnStep = Callable[[int, int], None]
OnPiece = Callable[[Piece], None]

LOOK_S = 0.2
"""How often it is asked whether a file is to be read on."""
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
        """These, or shorter ones, however far the file comes in that time."""
        if self.deadline_s <= deadline_s:
            return msgspec.structs.replace(self, longest_s=min(self.longest_s, deadline_s))
        return TimeLimits(deadline_s, deadline_s, deadline_s, shortened=True)

    def went_on(self) -> Failure:
        """The failure of a worker that told of steps, and of no end."""
        return not_shown(self.longest_s) if self.shortened else went_on(self.longest_s)

    def stood_still(self) -> Failure:
        """The failure of a worker of which nothing was heard."""
        return not_shown(self.deadline_s) if self.shortened else stood_still(self.deadline_s)


class CalledOff(Exception):
    """The file is not to be read on."""


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
        on_piece: Given every piece of the file that has been read.
        cancelled: Asked often whether the file is not to be read on.

    Attributes:
        media_type: What the file is, once that is known.
        part: The key of the part that is in hand; empty while there is none.
    """

    def __init__(
        self,
        limits: TimeLimits,
        on_step: OnStep | None = None,
        on_piece: OnPiece | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.limits = limits
        self.media_type: MediaType | None = None
        self.part = ""
        self._on_step = on_step
        self._on_piece = on_piece
        self._cancelled = cancelled or _never
        self._end = self._part_end = self._step_end = math.inf

    def last_answer(self, child: Child) -> Last:
        """Hear all of them.

        Raises:
            Overdue: The worker takes too long.
            CalledOff: It is not to go on.
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
            elif isinstance(answer, Piece):
                if self._on_piece is not None:
                    self._on_piece(answer)
            elif self._on_step is not None:
                self._on_step(answer.done, answer.total)

    def look(self) -> None:
        """Ask whether to go on.

        Raises:
            CalledOff: It is not to go on.
        """
        if self._cancelled():
            raise CalledOff

    def receive(self, child: Child, kind: type[T], timeout_s: float) -> T:
        """The worker's next frame, with a look now and then whether it is still wanted.

        Raises:
            CalledOff: It is not.
            ChildError: As ``Child.receive``.
        """
        end_s = time.monotonic() + timeout_s
        while True:
            self.look()
            left_s = max(0.0, end_s - time.monotonic())
            try:
                return child.receive(kind, min(LOOK_S, left_s))
            except ChildTimeout:
                if left_s <= LOOK_S:
                    raise

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
            answer: Answer = self.receive(child, Answer, max(0.0, left_s))  # type: ignore[arg-type]
        except ChildTimeout as error:
            raise self._overdue(ends) from error
        return answer

    def _overdue(self, ends: tuple[float, float, float]) -> Overdue:
        limits = self.limits
        failures = limits.went_on(), part_went_on(limits.part_s), limits.stood_still()
        return Overdue(failures[ends.index(min(ends))])


def _never() -> bool:
    return False
