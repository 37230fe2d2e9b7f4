"""Starts and stops the daemon: as the service that it is installed as, else as a process.

What a service manager calls it, and how it is asked, is known to ``prismd service`` alone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil
from msgspec import Struct

from prismd.errors import DaemonUnreachable, PrismdError
from prismd.running import find_running

_SERVICE_S = 60.0
_LOG_LINES = "2000"
_LAST_CHARS = 300


class Launch(Struct, frozen=True):
    """How this prismd is called.

    Attributes:
        program: Absolute path of what runs it, with the arguments that it always needs.
        overrides: Options that name another data directory or configuration than the usual.
        url: Where the daemon will answer.
        log_file: Where the daemon logs to; None where the configuration names no file.
    """

    program: tuple[str, ...]
    overrides: tuple[str, ...]
    data_dir: Path
    url: str
    log_file: Path | None = None

    @property
    def own_log(self) -> Path:
        """Where a daemon logs to that the tray has started."""
        return self.log_file or self.data_dir / "prismd.log"


class Service(Struct, frozen=True):
    """The part of what ``prismd service status --json`` tells that matters here."""

    installed: bool = False
    pid: int | None = None
    files: tuple[str, ...] = ()


def find_service(launch: Launch) -> Service | None:
    """The service that runs this data directory's daemon; None where none is installed."""
    try:
        said = _service(launch, "status", "--json")
        found = msgspec.json.decode(said, type=Service)
        texts = [Path(path).read_text(encoding="utf-8") for path in found.files]
    except (PrismdError, msgspec.MsgspecError, OSError, UnicodeDecodeError):
        return None
    ours = found.installed and any(serves(text, launch.overrides) for text in texts)
    return found if ours else None


def serves(text: str, overrides: Sequence[str]) -> bool:
    """Whether a service's file names the same data directory and configuration.

    Args:
        text: The file.
        overrides: Options and their values, in turns; none for the usual places.
    """
    if not overrides:
        return "--data-dir" not in text and "--config" not in text
    return all(value in text for value in overrides)


def _service(launch: Launch, *arguments: str) -> bytes:
    """What ``prismd service`` prints.

    Raises:
        PrismdError: It failed; the message is its own.
    """
    command = [*launch.program, *launch.overrides, "service", *arguments]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=_SERVICE_S
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        raise PrismdError(
            said[-_LAST_CHARS:] or f"'prismd service {arguments[0]}' failed"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise PrismdError(f"'prismd service {arguments[0]}' failed: {error}") from error
    return done.stdout


def start(launch: Launch, ended: Callable[[str], None]) -> None:
    """Start the daemon; returns before it answers.

    Args:
        launch: How it is called.
        ended: Told, in another thread, should it end with a failure: its last words.

    Raises:
        PrismdError: It cannot be started.
    """
    if find_service(launch) is not None:
        _service(launch, "start")
        _wake(launch.url)
        return
    environment = dict(os.environ)
    if launch.log_file is None:
        environment["PRISMD_LOG_FILE"] = str(launch.own_log)
    try:
        process = subprocess.Popen(
            [*launch.program, *launch.overrides, "run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # it outlives the tray
            cwd=Path.home(),
            env=environment,
        )
    except OSError as error:
        raise PrismdError(
            f"{launch.program[0]}: cannot be started ({error.strerror}); install prismd again"
        ) from error
    threading.Thread(target=_await, args=(process, ended), name="prismd-await", daemon=True).start()


def _wake(url: str) -> None:
    """Ask for something: a service that listens by a socket is started by the first request."""
    import httpx

    # Whoever follows it says whether it answers.
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(f"{url}/health", timeout=_SERVICE_S, trust_env=False)


def _await(process: subprocess.Popen[bytes], ended: Callable[[str], None]) -> None:
    """Take in what it says before it logs to its file, and its end."""
    said = ""
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    with process:
        for line in process.stderr:
            said = line.decode("utf-8", "replace").strip() or said
    if process.returncode > 0:
        ended(said[:_LAST_CHARS] or f"ended with status {process.returncode}; see its log")


def stop(launch: Launch) -> None:
    """Have the daemon end; returns before it has.

    Raises:
        DaemonUnreachable: None is running.
        PrismdError: It cannot be told, or it is not sure that it is one.
    """
    running = find_running(launch.data_dir)
    if running is None:
        raise DaemonUnreachable("prismd is not running")
    service = find_service(launch)
    if service is not None and service.pid == running.pid:
        _service(launch, "stop")
        return
    # The file that names it may be older than the process that has its number now.
    if not _listens(running.pid, urlsplit(running.url).port):
        raise PrismdError(f"process {running.pid} is not prismd; end prismd where it was started")
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(running.pid).terminate()


def _listens(pid: int, port: int | None) -> bool:
    try:
        found = psutil.Process(pid).net_connections("inet")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found)


def log_of(launch: Launch, folder: Path) -> Path:
    """A file with the daemon's log in it.

    Args:
        launch: How it is called.
        folder: Takes a copy, where the log is none of files.

    Raises:
        PrismdError: There is no log that could be found.
    """
    if launch.log_file is None and find_service(launch) is not None:
        copy = folder / "log.txt"
        copy.write_bytes(_service(launch, "logs", "--lines", _LOG_LINES))
        return copy
    if not launch.own_log.exists():
        raise PrismdError(
            "the log is where prismd was started, in its terminal, say; name a file under [log] to"
            " have it there"
        )
    return launch.own_log
