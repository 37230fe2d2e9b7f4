"""What is told of a worker that was lost."""

from __future__ import annotations

import pytest

from prismd.child import MEMORY_EXIT_CODE, ChildDied
from prismd.errors import ExtractCrash, ExtractError
from prismd.extract.failure import died


@pytest.mark.parametrize(
    ("signal_name", "exit_code", "stderr", "memory"),
    [
        ("SIGABRT", None, "terminate called after throwing an instance of 'std::bad_alloc'", True),
        ("SIGABRT", None, "malloc of 80000000 bytes failed", True),
        ("SIGABRT", None, "malloc(): unsorted double linked list corrupted", False),
        ("SIGABRT", None, "malloc(): mismatching next->prev_size (unsorted)", False),
        ("SIGABRT", None, "malloc of 8 bytes failed\nfree(): invalid pointer", False),
        ("SIGSEGV", None, "", False),
        ("SIGKILL", None, "", True),
        ("", MEMORY_EXIT_CODE, "", True),
        ("", 1, "MemoryError", True),
        ("", 3, "", False),
    ],
)
def test_want_of_memory_is_told_from_a_crash(
    signal_name: str, exit_code: int | None, stderr: str, memory: bool
) -> None:
    error = ChildDied("x", exit_code=exit_code, signal_name=signal_name, stderr=stderr)
    told = died(error, 1 << 30).error("a.pdf")
    assert type(told) is (ExtractError if memory else ExtractCrash)
    assert told.code == ("memory" if memory else "crash")
    assert ("raise [index] memory_mb" in str(told)) is memory
    assert told.transient is not memory
