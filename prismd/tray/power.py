"""Starts and stops the daemon: as the service that it is installed as, else as a process.

What a service manager calls it, and how it is asked, is known to ``prismd service`` alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil
from msgspec import Struct

from prismd.errors import DaemonUnreachable, PrismdError
from prismd.running import Running, find_running, find_waiting

log = logging.getLogger(__name__)

_SERVICE_S = 60.0
_STOP_S = 60.0
_LOG_LINES = "2000"
_LAST_CHARS = 300
_COPY = "log.txt"


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
        return self.log_file or _own_log(self.data_dir)


class Service(Struct, frozen=True):
    """The part of what ``prismd service status --json`` tells that matters here.

    Attributes:
        data_dir: Whose daemon it runs; None where nobody can tell.
    """

    installed: bool = False
    pid: int | None = None
    data_dir: str | None = None
    log_files: tuple[str, ...] = ()


def _own_log(data_dir: Path) -> Path:
    return data_dir / "prismd.log"


def logs_in(data_dir: Path) -> tuple[Path, ...]:
    """Where in a data directory there may be logs that the tray has had written."""
    return _own_log(data_dir), data_dir / "tray" / _COPY


def find_service(launch: Launch) -> Service | None:
    """The service that runs this data directory's daemon; None where none is installed."""
    try:
        found = msgspec.json.decode(_service(launch, "status", "--json"), type=Service)
    except (PrismdError, msgspec.MsgspecError):
        return None
    if not found.installed or found.data_dir is None:
        return None
    ours = os.path.realpath(found.data_dir) == os.path.realpath(launch.data_dir)
    return found if ours else None


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
            [*launch.program, *launch.overrides, "run", "--attended"],
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
        ended(
            said.removeprefix("prismd: ")[:_LAST_CHARS]
            or f"ended with status {process.returncode}; see its log"
        )


def stop(launch: Launch, patience_s: float = _STOP_S) -> None:
    """Have the daemon end; returns before it has.

    Args:
        launch: How it is called.
        patience_s: One that has not ended by then hangs, and is ended at once, at the cost of what
            it has in hand: so does the service manager.

    Raises:
        DaemonUnreachable: None is running.
        PrismdError: It cannot be told, or it is not sure that it is one.
    """
    # What waits for its key holds the file that names it; the other may be older than the process
    # that has its number now.
    running = find_waiting(launch.data_dir) or find_running(launch.data_dir)
    if running is None:
        raise DaemonUnreachable("prismd is not running")
    service = find_service(launch)
    if service is not None and service.pid == running.pid:
        _service(launch, "stop")
        return
    if isinstance(running, Running) and not _listens(running.pid, urlsplit(running.url).port):
        raise PrismdError(f"process {running.pid} is not prismd; end prismd where it was started")
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(running.pid)
        process.terminate()
        threading.Thread(
            target=_see_end, args=(process, patience_s), name="prismd-stop", daemon=True
        ).start()


def _see_end(process: psutil.Process, patience_s: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        try:
            process.wait(patience_s)
        except psutil.TimeoutExpired:
            log.warning("process %d: did not end when it was asked to, and is killed", process.pid)
            process.kill()


def _listens(pid: int, port: int | None) -> bool:
    try:
        found = psutil.Process(pid).net_connections("inet")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found)


def log_of(launch: Launch, folder: Path) -> Path:
    """A file with the daemon's log in it.

    The journal is no file, and is copied: to where nothing outlives the login, for it may name
    files, and it is not the tray's to write such things to a disk.

    Args:
        launch: How it is called.
        folder: The tray's own; tells its copy from another tray's.

    Raises:
        PrismdError: There is no log that could be found, or no place for a copy.
    """
    service = find_service(launch) if launch.log_file is None else None
    if service is not None and service.log_files:
        return Path(service.log_files[0])
    if service is not None:
        copy = _in_memory(folder) / _COPY
        copy.write_bytes(_service(launch, "logs", "--lines", _LOG_LINES))
        return copy
    if not launch.own_log.exists():
        raise PrismdError(
            "the log is where prismd was started, in its terminal, say; name a file under [log] to"
            " have it there"
        )
    return launch.own_log


def _in_memory(folder: Path) -> Path:
    """What stands for a folder in the one that the system keeps in memory for each login.

    Raises:
        PrismdError: There is none.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    which = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    made = base / f"prismd-tray-{which}"
    try:
        made.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise PrismdError(
            "the log is in the system's journal; 'prismd service logs' shows it in a terminal"
        ) from error
    return made
