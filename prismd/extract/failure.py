"""Why a worker was lost over a file: what to tell of it, and what to do about it."""

from __future__ import annotations

import msgspec

from prismd.child import MEMORY_EXIT_CODE, ChildDied
from prismd.errors import CANCELLED, ExtractCrash, ExtractError, ExtractTimeout
from prismd.extract.worker import KINDS, OUT_OF_MEMORY, Failed

_MEMORY_SIGNS = ("MemoryError", "bad_alloc", "annot allocate", "out of memory", "malloc of")
_HEAP_SIGNS = ("corrupt", "invalid pointer", "invalid size", "double free")
"""What the C library says of a heap that a program has written over; it speaks of malloc too."""

_MORE_TIME = "raise [index] deadline_s, or split the file, to index it"


class Failure(msgspec.Struct, frozen=True):
    """What happened to the worker, as it is told.

    Attributes:
        kind: Of the error.
        cause: In the middle of a sentence; goes for a part of the file as for all of it.
        remedy: What to do about it.
        code: Of the error; empty stands for that of its kind.
        transient: Whether the same bytes may work at another try; None as its kind has it.
        whole: Whether it is the file's failure, whichever part was in hand.
    """

    kind: type[ExtractError]
    cause: str
    remedy: str
    code: str = ""
    transient: bool | None = None
    whole: bool = False

    def error(self, subject: str) -> ExtractError:
        """This, said of a file."""
        message = f"{subject}: {self.cause}; {self.remedy}"
        return self.kind(message, code=self.code or None, transient=self.transient)


class Lost(Exception):
    """A worker was lost over a request."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


def refused(subject: str, answer: Failed) -> ExtractError:
    """What a worker says of a file, said with its name."""
    return KINDS.get(answer.kind, ExtractError)(
        f"{subject}: {answer.message}",
        code=answer.code,
        skip=answer.skip,
        transient=answer.transient,
    )


def died(error: ChildDied, memory_bytes: int) -> Failure:
    """The worker is gone, and was not told to go."""
    if _ran_out_of_memory(error):
        return out_of_memory(memory_bytes)
    cause = error.signal_name or f"exit code {error.exit_code}"
    return Failure(
        ExtractCrash,
        f"the program that reads it crashed ({cause})",
        "save it anew with another program to index it",
    )


def out_of_memory(memory_bytes: int) -> Failure:
    """There was not enough memory, whether the worker could still say so or not."""
    return Failure(
        ExtractError,
        f"reading it needs more than the {memory_bytes >> 20} MB of memory that a worker may use",
        "raise [index] memory_mb, or split the file, to index it",
        code=OUT_OF_MEMORY,
    )


def stood_still(deadline_s: float) -> Failure:
    """Nothing was heard of the worker for too long."""
    return Failure(ExtractTimeout, f"not read within {deadline_s:g} s", _MORE_TIME)


def part_went_on(part_s: float) -> Failure:
    """A part of the file came on all the time, and to no end."""
    return Failure(ExtractTimeout, f"not read to its end within {part_s:g} s", _MORE_TIME)


def went_on(longest_s: float) -> Failure:
    """The file came on all the time, and to no end; it would do the same again."""
    return Failure(
        ExtractTimeout,
        f"not read to its end within {longest_s:g} s, though it came on all the time",
        "split the file, or raise [index] deadline_s (a hundred times that is the limit), "
        "to index it",
        transient=False,
        whole=True,
    )


def not_shown(deadline_s: float) -> Failure:
    """A page or picture that a person waits for took too long."""
    return Failure(
        ExtractTimeout,
        f"not shown within {deadline_s:g} s",
        "open the file itself to see it",
    )


def _ran_out_of_memory(error: ChildDied) -> bool:
    # Nobody but the kernel, short of memory, kills a worker behind the pool's back.
    if error.signal_name == "SIGKILL" or error.exit_code == MEMORY_EXIT_CODE:
        return True
    if any(sign in error.stderr for sign in _HEAP_SIGNS):
        return False
    return any(sign in error.stderr for sign in _MEMORY_SIGNS)


def called_off(subject: str) -> ExtractError:
    """That a file was not to be read on."""
    return ExtractError(
        f"{subject}: reading it was called off; it is read at the next run",
        code=CANCELLED,
        transient=True,
    )
