from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.api.mcp.pipes import MAX_LINE_BYTES, LinesIn, LinesOut

_CLAIMING = """
import os, subprocess, sys
from prismd.api.mcp.pipes import claim
taken = claim(1, 2)
print("stray", flush=True)
subprocess.run(["echo", "stray"], check=True)
os.write(taken, b"protocol")
"""


def lines_of(pieces: list[bytes]) -> list[str]:
    """What is read when pieces are written one after the other."""

    async def read(descriptor: int) -> list[str]:
        return [line async for line in LinesIn(descriptor)]

    def write(descriptor: int) -> None:
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[os.write(descriptor, left) :]
        os.close(descriptor)

    incoming, outgoing = os.pipe()
    writer = threading.Thread(target=write, args=(outgoing,))
    writer.start()
    try:
        return asyncio.run(read(incoming))
    finally:
        writer.join()
        os.close(incoming)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=40)))
def test_lines_are_whole_however_they_come(pieces: list[bytes]) -> None:
    told = b"".join(pieces).split(b"\n")
    if told[-1] == b"":
        told.pop()
    assert lines_of(pieces) == [line.decode("utf-8", "replace") for line in told]


def test_a_line_that_is_too_long_is_left_out_and_those_around_it_are_not() -> None:
    endless = b"x" * (MAX_LINE_BYTES + 1)
    assert lines_of([b"before\n", endless, b"\nafter\n"]) == ["before", "after"]
    assert lines_of([b"y" * MAX_LINE_BYTES + b"\n"]) == ["y" * MAX_LINE_BYTES]
    assert lines_of([endless]) == []


def test_more_than_a_pipe_holds_is_written_whole() -> None:
    incoming, outgoing = os.pipe()
    text = "word " * 100_000

    async def write() -> None:
        lines = LinesOut(outgoing)
        await lines.write(text)
        assert not lines.closed.is_set()

    received: list[bytes] = []

    def read() -> None:
        while sum(map(len, received)) < len(text):
            received.append(os.read(incoming, 65_536))

    reader = threading.Thread(target=read)
    reader.start()
    asyncio.run(write())
    reader.join()
    assert b"".join(received).decode() == text
    os.close(incoming)


def test_who_writes_to_nobody_is_told() -> None:
    incoming, outgoing = os.pipe()
    os.close(incoming)

    async def write() -> bool:
        lines = LinesOut(outgoing)
        await lines.write("anything")
        return lines.closed.is_set()

    assert asyncio.run(write())


def test_what_is_said_beside_the_protocol_goes_beside_it() -> None:
    done = subprocess.run([sys.executable, "-c", _CLAIMING], capture_output=True, check=True)
    assert done.stdout == b"protocol"
    assert done.stderr == b"stray\nstray\n"
