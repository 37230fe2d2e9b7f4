"""``GET /debug/stats``: what a report of a fault needs, and nothing of what is in the index.

It holds no path, no name of a file or folder, no text and no key, and is quick to put together.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from msgspec.structs import replace

from prismd.api.offload import Use
from prismd.api.services import Api, ApiRequest, api_of
from prismd.models.load import ModelState
from prismd.store import figures, files

_NAPS = 5
_NAP_S = 0.005
_LIBRARIES = (
    *(
        "litestar",
        "uvicorn",
        "msgspec",
        "apsw-sqlite3mc",
        "sqlite-vec",
        "numpy",
        "onnxruntime",
        "tokenizers",
    ),
    *("faster-whisper", "ctranslate2", "av", "pymupdf", "pillow", "watchfiles", "psutil"),
    "llama-cpp-python",
)


class Machine(Struct, frozen=True):
    """What it runs on."""

    python: str
    platform: str
    processor: str
    cores: int
    memory_bytes: int
    libraries: dict[str, str]


class Process(Struct, frozen=True):
    """The daemon's process; ``own_bytes`` is the memory that it shares with no other."""

    pid: int
    uptime_s: float
    cpu_s: float
    resident_bytes: int
    own_bytes: int
    open_files: int
    threads: dict[str, int]
    garbage: tuple[int, ...]


class ChildProcess(Struct, frozen=True):
    """A process that reads files or runs a model."""

    module: str
    pid: int
    cpu_s: float
    resident_bytes: int
    threads: int


class Loop(Struct, frozen=True):
    """The event loop: how much later than asked it comes back, and its tasks."""

    lag_ms: float
    tasks: int


class Gate(Struct, frozen=True):
    """How many answers are in work, and how many wait."""

    in_work: int
    waiting: int


class Workers(Struct, frozen=True):
    """Processes that read files."""

    busy: int
    idle: int


class Index(Struct, frozen=True):
    """The index, by numbers."""

    bytes: int
    files: dict[str, int]
    writes_waiting: int
    writes_done: int
    database: figures.Figures


class DebugStats(Struct, frozen=True):
    """Everything; ``took_ms`` is how long it took to find out."""

    version: str
    took_ms: float
    machine: Machine
    process: Process
    children: tuple[ChildProcess, ...]
    event_loop: Loop
    offload: dict[str, Use]
    answers: dict[str, Gate]
    workers: Workers
    models: dict[str, ModelState]
    index: Index
    roots: dict[str, int]
    in_hand: dict[str, int]
    faults: int
    settings: Mapping[str, Any]


@get("/debug/stats", summary="Figures for reports of faults")
async def debug_stats(request: ApiRequest) -> DebugStats:
    """What a report of a fault needs; nothing of what is in the index, and no paths."""
    api = api_of(request)
    began_s = time.perf_counter()
    loop = await _loop()
    return await api.offload.read(lambda: _stats(api, loop, began_s))


def _stats(api: Api, loop: Loop, began_s: float) -> DebugStats:
    services = api.services
    gates = {"chat": api.gate, "transcription": api.recordings}
    busy, idle = services.pool.workers()
    found = DebugStats(
        version=api.settings.version,
        took_ms=0.0,
        machine=_machine(),
        process=_process(services.started_at),
        children=_children(),
        event_loop=loop,
        offload=api.offload.uses(),
        answers={kind: Gate(gate.in_work, gate.waiting) for kind, gate in gates.items()},
        workers=Workers(busy, idle),
        models={
            # What is to be done about one may name a folder or an address.
            str(role): ModelState(state.name, state.state)
            for role, state in services.model_states().items()
        },
        index=_index(api),
        roots=_roots(api),
        in_hand=dict(Counter(current.stage for current in services.progress.snapshot().current)),
        faults=len(services.progress.faults),
        settings=services.settings(),
    )
    return replace(found, took_ms=round((time.perf_counter() - began_s) * 1000, 1))


async def _loop() -> Loop:
    """How late the event loop is, at worst of a few short naps."""
    late_s = 0.0
    for _ in range(_NAPS):
        began_s = time.perf_counter()
        await asyncio.sleep(_NAP_S)
        late_s = max(late_s, time.perf_counter() - began_s - _NAP_S)
    return Loop(round(late_s * 1000, 2), len(asyncio.all_tasks()))


@cache
def _machine() -> Machine:
    return Machine(
        python=sys.version.split()[0],
        platform=platform.platform(),
        processor=platform.machine(),
        cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        libraries={name: found for name in _LIBRARIES if (found := _version(name))},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _process(started_at: float) -> Process:
    process = psutil.Process()
    times, memory = process.cpu_times(), process.memory_full_info()
    names = Counter(
        thread.name.rstrip("0123456789").rstrip("_-") for thread in threading.enumerate()
    )
    return Process(
        pid=process.pid,
        uptime_s=round(time.time() - started_at, 1),
        cpu_s=round(times.user + times.system, 2),
        resident_bytes=memory.rss,
        own_bytes=memory.uss,
        open_files=process.num_fds(),
        threads=dict(sorted(names.items())),
        garbage=gc.get_count(),
    )


def _children() -> tuple[ChildProcess, ...]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            with child.oneshot():
                times = child.cpu_times()
                found.append(
                    ChildProcess(
                        module=_module(child.cmdline()),
                        pid=child.pid,
                        cpu_s=round(times.user + times.system, 2),
                        resident_bytes=child.memory_info().rss,
                        threads=child.num_threads(),
                    )
                )
        except psutil.Error:
            continue  # it has ended meanwhile
    return tuple(found)


def _module(command: list[str]) -> str:
    """Which of our modules a process runs; of other programs nothing is told, paths least."""
    return next((word for word in command if word.startswith("prismd.")), "another program")


def _index(api: Api) -> Index:
    database = api.services.database
    return Index(
        bytes=database.size_bytes(),
        files=database.read(files.counts),
        writes_waiting=database.writes_waiting,
        writes_done=database.writes_done,
        database=database.read(figures.figures),
    )


def _roots(api: Api) -> dict[str, int]:
    folders = api.services.folders
    states = folders.watches.states().values() if folders is not None else ()
    return dict(Counter(watched.state for watched in states))


ROUTES: list[HTTPRouteHandler] = [debug_stats]
