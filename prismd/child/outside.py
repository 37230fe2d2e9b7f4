"""The parent's side: a child is started, spoken to, and ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from prismd.child.terms import (
    ENVIRONMENT_KEY,
    EXIT_GRACE_S,
    HEADER,
    MAX_FRAME_BYTES,
    Terms,
    frame,
)

T = TypeVar("T")

_READ_BYTES = 1 << 18
_STDERR_TAIL_BYTES = 8192
_REAP_S = 10.0


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
        terms = Terms(parent_pid=os.getpid(), memory_bytes=memory_bytes)
        environment = {**os.environ, **(env or {})}
        environment[ENVIRONMENT_KEY] = msgspec.json.encode(terms).decode()
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
        view = memoryview(frame(obj))
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
            self._fill(HEADER.size, deadline)
            size: int = HEADER.unpack_from(self._buffer)[0]
            if size > MAX_FRAME_BYTES:
                self.kill()
                raise ChildDied(f"{self.name} wrote a frame of {size} bytes and was killed")
            self._fill(HEADER.size + size, deadline)
            payload = bytes(memoryview(self._buffer)[HEADER.size : HEADER.size + size])
            del self._buffer[: HEADER.size + size]
        try:
            return msgspec.msgpack.decode(payload, type=kind)
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
                    self._process.wait(EXIT_GRACE_S)
                self._end()
        code = self._process.returncode
        stderr = bytes(self._stderr).decode("utf-8", "replace").strip()
        if code is not None and code < 0:
            name = _signal_name(-code)
            return ChildDied(f"{self.name} was ended by {name}", signal_name=name, stderr=stderr)
        message = f"{self.name} exited with code {code}"
        return ChildDied(message, exit_code=code, stderr=stderr)


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
