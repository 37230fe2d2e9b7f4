"""A child Python process that speaks length-prefixed msgpack frames with its parent.

Parsers and native engines run in such children, so that a crash, a hang or a leak in one of
them costs a process and not the daemon. The parent's side is ``Child``; the child's module
opens its side with ``channel()`` as the first thing it does::

    from prismd.child import channel

    def main() -> None:
        with channel() as parent:
            for request in parent.requests(Request):
                parent.send(answer(request))

A child is started afresh (never forked from a threaded parent), leads a session and process
group of its own, and does not outlive its parent: it ends at end of file on its input, and on
Linux the kernel kills it when the parent dies, whatever it is doing.

A frame is four bytes of length, little endian, and one msgpack value. Frames of both directions
run over one socket pair, which the child finds as its standard input. Its standard output goes
where its standard error goes, so that a stray print of native code cannot corrupt a frame.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MAX_FRAME_BYTES = 1 << 30
MEMORY_EXIT_CODE = 77
"""Exit code of a child that ended itself because it outgrew its memory (not on Linux)."""

_HEADER = struct.Struct("<I")
_ENVIRONMENT_KEY = "PRISMD_CHILD"
_READ_BYTES = 1 << 18
_STDERR_TAIL_BYTES = 8192
_REAP_S = 10.0
_EXIT_GRACE_S = 2.0
_PR_SET_PDEATHSIG = 1


class ChildError(Exception):
    """A child did not do what it was asked."""


class ChildTimeout(ChildError):
    """The child did not answer, or did not take the request, in time."""


class ChildDied(ChildError):
    """The child ended, could not be started, or wrote what is not a frame.

    Attributes:
        exit_code: What it exited with; None when a signal ended it.
        signal_name: Such as ``SIGSEGV``; empty when it exited by itself.
        stderr: The end of what it wrote to standard error.
    """

    def __init__(
        self,
        message: str,
        *,
        exit_code: int | None = None,
        signal_name: str = "",
        stderr: str = "",
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.signal_name = signal_name
        self.stderr = stderr


class _Terms(msgspec.Struct, frozen=True):
    """What the parent lays down for a child; travels in the environment."""

    parent_pid: int
    memory_bytes: int | None = None


# The kernel's parent-death signal is tied to the thread that spawned the child, not to the
# process: a child started by a short-lived thread would be killed when that thread ends.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-spawner")


class Child:
    """A running child process.

    One thread may send while another receives; each direction has one user at a time.

    Args:
        module: The module to run (``python -m module``); it must call ``channel()``.
        args: Its command line arguments.
        memory_bytes: Cap of its memory: of the address space on Linux, elsewhere of the
            resident size, looked at several times a second.
        env: Variables added to those of this process.
        name: What error messages call it.

    Raises:
        ChildDied: The process could not be started.
    """

    def __init__(
        self,
        module: str,
        *,
        args: Sequence[str] = (),
        memory_bytes: int | None = None,
        env: Mapping[str, str] | None = None,
        name: str = "child",
    ) -> None:
        self.name = name
        terms = _Terms(parent_pid=os.getpid(), memory_bytes=memory_bytes)
        environment = {**os.environ, **(env or {})}
        environment[_ENVIRONMENT_KEY] = msgspec.json.encode(terms).decode()
        # -P: a module lying in the working directory must not be imported in place of ours.
        command = [sys.executable, "-P", "-m", module, *args]
        try:
            spawned = _spawner.submit(_spawn, command, environment).result()
        except OSError as error:
            raise ChildDied(f"{name} could not be started: {error}") from error
        self._process, self._socket, stderr_fd = spawned
        # Closed only with this object: another thread may be waiting on the socket.
        weakref.finalize(self, self._socket.close)
        self._buffer = bytearray()
        self._send_lock = threading.Lock()
        self._receive_lock = threading.Lock()
        self._end_lock = threading.RLock()
        self._ended = False
        self._stderr = bytearray()
        self._stderr_reader = threading.Thread(
            target=_drain, args=(stderr_fd, self._stderr), name=f"{name}-stderr", daemon=True
        )
        self._stderr_reader.start()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        with self._end_lock:
            if not self._ended and self._process.poll() is not None:
                self._end()
            return not self._ended

    def send(self, obj: Any, timeout_s: float = 30.0) -> None:
        """Send one frame; allowed while another thread receives.

        Raises:
            ChildTimeout: The child does not read. The frame may be half written, so the only
                thing left to do with this child is to kill it.
            ChildDied: The child has ended.
        """
        view = memoryview(_frame(obj))
        deadline = time.monotonic() + timeout_s
        with self._send_lock:
            while view:
                self._wait(select.POLLOUT, deadline, "took no request")
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise self._death() from error

    def receive(self, kind: type[T], timeout_s: float | None = None) -> T:
        """Receive the next frame.

        Args:
            kind: What to decode the frame as (any type that msgspec takes).
            timeout_s: For the whole frame; None waits for ever.

        Raises:
            ChildTimeout: No whole frame in time. What has come is kept for the next call.
            ChildDied: The child ended, or wrote what is not a frame of this type.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._receive_lock:
            self._fill(_HEADER.size, deadline)
            size: int = _HEADER.unpack_from(self._buffer)[0]
            if size > MAX_FRAME_BYTES:
                self.kill()
                raise ChildDied(f"{self.name} wrote a frame of {size} bytes and was killed")
            self._fill(_HEADER.size + size, deadline)
            frame = bytes(memoryview(self._buffer)[_HEADER.size : _HEADER.size + size])
            del self._buffer[: _HEADER.size + size]
        try:
            return msgspec.msgpack.decode(frame, type=kind)
        except msgspec.DecodeError as error:
            self.kill()
            raise ChildDied(f"{self.name} wrote an unreadable frame: {error}") from error

    def kill(self) -> None:
        """Kill the process with all of its group, now, and reap it; from any thread, and twice."""
        with self._end_lock:
            if not self._ended:
                self._end()

    def close(self, grace_s: float = 1.0) -> None:
        """Ask the child to end, by the end of its input; kill it after ``grace_s`` seconds."""
        with self._end_lock:
            if self._ended:
                return
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
            self._end()

    def __enter__(self) -> Child:
        """The child itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the child."""
        self.close()

    def _end(self) -> None:
        """Kill the group and reap; once only: afterwards its id may belong to another."""
        self._ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP_S)
        self._stderr_reader.join(_REAP_S)

    def _fill(self, size: int, deadline: float | None) -> None:
        """Read until the buffer holds ``size`` bytes."""
        while len(self._buffer) < size:
            self._wait(select.POLLIN, deadline, "did not answer")
            try:
                read = self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._death() from error
            if not read:
                raise self._death()
            self._buffer += read

    def _wait(self, event: int, deadline: float | None, what: str) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        left_ms = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not poll.poll(left_ms):
            raise ChildTimeout(f"{self.name} {what} in time")

    def _death(self) -> ChildDied:
        """What there is to say of a child that hung up; makes sure that it is gone."""
        with self._end_lock:
            if not self._ended:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_EXIT_GRACE_S)
                self._end()
        code = self._process.returncode
        stderr = bytes(self._stderr).decode("utf-8", "replace").strip()
        if code is not None and code < 0:
            name = _signal_name(-code)
            return ChildDied(f"{self.name} was ended by {name}", signal_name=name, stderr=stderr)
        message = f"{self.name} exited with code {code}"
        return ChildDied(message, exit_code=code, stderr=stderr)


class Channel:
    """The child's side: frames from and to the parent. One thread uses it.

    A thread of its own reads ahead, so that a request to stop is seen while the child works
    (``poll``), and so that a child whose parent has hung up ends soon, busy or not.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._finished = threading.Event()
        threading.Thread(target=self._read_ahead, name="channel-reader", daemon=True).start()

    def send(self, obj: Any) -> None:
        """Send one frame. Ends the process when the parent is gone."""
        frame = _frame(obj)
        try:
            self._socket.sendall(frame)
        except OSError:
            os._exit(1)

    def receive(self, kind: type[T]) -> T:
        """Wait for the next frame.

        Raises:
            EOFError: The parent has hung up.
        """
        frame = self._frames.get()
        if frame is None:
            self._frames.put(None)
            raise EOFError
        return msgspec.msgpack.decode(frame, type=kind)

    def poll(self, kind: type[T]) -> T | None:
        """The next frame if one has come, such as a request to stop; None if not.

        Raises:
            EOFError: The parent has hung up.
        """
        return None if self._frames.empty() else self.receive(kind)

    def requests(self, kind: type[T]) -> Iterator[T]:
        """Every frame until the parent hangs up."""
        with contextlib.suppress(EOFError):
            while True:
                yield self.receive(kind)

    def finish(self) -> None:
        """Leave the process free to end in its own time."""
        self._finished.set()

    def _read_ahead(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as stream:
            while len(header := stream.read(_HEADER.size)) == _HEADER.size:
                size = _HEADER.unpack(header)[0]
                if len(frame := stream.read(size)) < size:
                    break
                self._frames.put(frame)
        self._frames.put(None)
        if not self._finished.wait(_EXIT_GRACE_S):
            os._exit(1)


@contextlib.contextmanager
def channel() -> Iterator[Channel]:
    """Open the child's side, lay down its limits, and tie its life to the parent's.

    To be called once, first, before anything heavy is imported.
    """
    terms = msgspec.json.decode(os.environ.pop(_ENVIRONMENT_KEY), type=_Terms)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if terms.memory_bytes is not None:
        _limit_memory(terms.memory_bytes)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != terms.parent_pid:
        os._exit(1)  # The parent died before the kernel knew to tell us.
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    opened = Channel(connection)
    try:
        yield opened
    finally:
        opened.finish()


def _limit_memory(memory_bytes: int) -> None:
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        return
    # Other kernels do not hold RLIMIT_AS (macOS takes it and lets every mmap pass).
    threading.Thread(target=_watch_memory, args=(memory_bytes,), daemon=True).start()


def _watch_memory(memory_bytes: int, interval_s: float = 0.25) -> None:
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes <= memory_bytes:
        time.sleep(interval_s)
    os._exit(MEMORY_EXIT_CODE)


def _frame(obj: Any) -> bytes:
    payload = msgspec.msgpack.encode(obj)
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(payload)} bytes; at most {MAX_FRAME_BYTES}")
    return _HEADER.pack(len(payload)) + payload


def _spawn(
    command: list[str], environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """Start the process; gives it, our end of the socket pair, and its standard error."""
    ours, theirs = socket.socketpair()
    stderr_read, stderr_write = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=stderr_write,
            stderr=stderr_write,
            env=environment,
            start_new_session=True,
        )
    except OSError:
        ours.close()
        os.close(stderr_read)
        raise
    finally:
        theirs.close()
        os.close(stderr_write)
    ours.setblocking(False)
    return process, ours, stderr_read


def _drain(fd: int, tail: bytearray) -> None:
    with open(fd, "rb", buffering=0) as stream:
        while read := stream.read(_READ_BYTES):
            tail += read
            del tail[:-_STDERR_TAIL_BYTES]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
