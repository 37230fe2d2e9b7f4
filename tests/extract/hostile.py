"""An extractor that misbehaves as the file tells it, and pools whose workers know it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prismd.extract.pool import ExtractPool

HOSTILE = """
import ctypes, os, sys, threading
from pathlib import Path
from prismd.domain import Block, Extraction, Layout
from prismd.extract.parts import part
from prismd.extract.pieces import pieces
from prismd.extract.steps import step

class Hostile:
    version = "1"

    def extract(self, path, media_type, options):
        order = path.read_text().strip()
        print("a stray print", flush=True)
        if order == "crash":
            ctypes.string_at(0)
        if order == "exit":
            os._exit(3)
        if order == "hang":
            (Path(__file__).parent / "started").touch()
            threading.Event().wait()
        if order.startswith("steps"):
            _, count, pause_s = order.split()
            for done in range(int(count)):
                step(done + 1, int(count))
                threading.Event().wait(float(pause_s))
        if order.startswith("same steps"):
            *_, count, pause_s = order.split()
            for _ in range(int(count)):
                step(1, 2)
                threading.Event().wait(float(pause_s))
        if order.startswith("pieces"):
            _, count, then = order.split()
            kept = pieces("hostile")
            found = [kept.get(number, str) for number in range(len(kept))]
            for number in range(len(kept), int(count)):
                kept.put(number, f"read by {os.getpid()}")
            if then == "hang":
                threading.Event().wait()
            if then == "crash":
                os._exit(3)
            order = "\\n".join(found) or "nothing"
            return Extraction(order, (Block(0, len(order)),), Layout("text"))
        if order == "flood":
            while True:
                step(1, 1)
                step(2, 2)
        if order == "full":
            Path("/dev/full").write_bytes(b"x")
        if order.startswith("parts"):
            read = []
            for number, what in enumerate(order.split()[1:], 1):
                with part() as passed_over:
                    read += [f"{number}: {passed_over or what}"]
                    if what == "crash" and not passed_over:
                        os._exit(3)
            order = "\\n".join(read)
            return Extraction(order, (Block(0, len(order)),), Layout("text"))
        if order == "environment":
            order = os.environ["OMP_THREAD_LIMIT"]
            return Extraction(order, (Block(0, len(order)),), Layout("text"))
        if order == "eat":
            return bytearray(8 << 30)
        if order == "eat natively":
            sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'")
            sys.stderr.flush()
            os.abort()
        if order == "raise":
            raise KeyError("surprise\\n/in/the/parser")
        if order == "recurse":
            return self.extract(path, media_type, options)
        text = f"{os.getpid()}"
        return Extraction(text, (Block(0, len(text)),), Layout("text"))
"""


@contextmanager
def hostile_pools(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ExtractPool]]:
    """Pools whose workers know an extractor for ``.ics`` that does what the file says."""
    (folder / "hostile_reader.py").write_text(HOSTILE)
    info = folder / "hostile-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[prismd.extractors]\ntext/calendar = hostile_reader:Hostile\n"
    )
    search = [str(folder), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, search)))
    made: list[ExtractPool] = []

    def make(
        size: int = 1,
        deadline_s: float = 60,
        longest_s: float | None = None,
        recycle_after: int = 200,
    ) -> ExtractPool:
        made.append(
            ExtractPool(
                size, deadline_s=deadline_s, longest_s=longest_s, recycle_after=recycle_after
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def wait_for(there: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(6000):
        if there():
            return
        pause.wait(0.02)
    raise AssertionError("what was waited for did not come")
