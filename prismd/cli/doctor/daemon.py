"""The running daemon, or the port that it would have; and the service that would start it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import psutil

from prismd import __version__
from prismd.access import FILE_NAME as TOKEN
from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.config.options import Config
from prismd.running import Running, find_running
from prismd.wording import counted

_HEALTH_S = 5.0
_STATUS_S = 15.0
_REFUSED = (401, 403)
_START = "prismd run"
_AGAIN = (
    f"stop it (kill {{pid}}) and start it again ({_START}); of a service: prismd service restart"
)


class Daemon(NamedTuple):
    """What was found of the daemon of a data directory.

    Attributes:
        state: ``away``: none runs; ``mute``: its process is there and does not answer;
            ``strange``: it does not take the token; ``up``: it answers.
        url: Where it says that it is.
        pid: Its process.
        version: What it is.
        status: Its ``/status``, when it is up.
    """

    state: Literal["away", "mute", "strange", "up"]
    url: str = ""
    pid: int = 0
    version: str = ""
    status: dict[str, Any] = {}  # noqa: RUF012 - of a tuple, never written


def find(data_dir: Path) -> Daemon:
    """Look for the daemon of a data directory; makes no token where there is none."""
    running = find_running(data_dir)
    if running is None or not _is_prismd(running):
        return Daemon("away")
    version = version_at(running.url)
    if version is None:
        return Daemon("mute", running.url, running.pid)
    try:
        token = (data_dir / TOKEN).read_text(encoding="ascii").strip()
        answer = httpx.get(
            f"{running.url}/status",
            headers={"Authorization": f"Bearer {token}", "User-Agent": f"prismd/{__version__}"},
            timeout=_STATUS_S,
            trust_env=False,
        )
        if answer.status_code in _REFUSED:
            return Daemon("strange", running.url, running.pid, version)
        status = answer.raise_for_status().json()
    except (OSError, UnicodeDecodeError):
        return Daemon("strange", running.url, running.pid, version)
    except (httpx.HTTPError, ValueError):
        return Daemon("mute", running.url, running.pid, version)
    return Daemon("up", running.url, running.pid, version, status)


def _is_prismd(running: Running) -> bool:
    """Whether the process is one of ours: a number may be another program's by now."""
    try:
        words = psutil.Process(running.pid).cmdline()
    except psutil.Error:
        return True  # it is there, and not to be looked at
    return any("prismd" in word for word in words)


def version_at(url: str) -> str | None:
    """The version of the prismd at an address; None where there is none. Shows no token."""
    try:
        found = httpx.get(f"{url}/health", timeout=_HEALTH_S, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None


def judge(daemon: Daemon, version: str = __version__) -> Iterator[Verdict]:
    """What is to be said of a daemon that runs. Pure."""
    again = _AGAIN.format(pid=daemon.pid)
    if daemon.state == "mute":
        yield problem("daemon", f"process {daemon.pid} does not answer at {daemon.url}", again)
        return
    if daemon.version != version:
        detail = f"{daemon.url} runs prismd {daemon.version}; this program is {version}"
        yield note("daemon", detail, again)
    if daemon.state == "strange":
        detail = f"the prismd at {daemon.url} does not take the token of this data directory"
        yield problem("daemon", detail, again)
        return
    if daemon.version == version:
        yield ok("daemon", f"answers at {daemon.url} and takes the token")
    yield from _judge_status(daemon.status, again)


def _judge_status(status: dict[str, Any], again: str) -> Iterator[Verdict]:
    """What the daemon itself says is amiss. Pure."""
    for fault in status.get("faults", []):
        yield problem("at work", fault["message"])
    if status.get("config_fault"):
        remedy = "correct it there, then: prismd config reload"
        yield problem("configuration", status["config_fault"], remedy)
    if status.get("after_restart"):
        waiting = ", ".join(status["after_restart"])
        yield note("restart", f"changed settings wait for the next start: {waiting}", again)
    for waiting in status.get("waiting", []):
        detail = f"{counted(waiting['files'], 'file')} cannot be read now: {waiting['why']}"
        yield note("waiting", detail, "nothing need be done in prismd: it tries again by itself")
    if status.get("paused"):
        yield note("pause", "indexing is paused", "prismd resume")


def look_at_port(config: Config, *, asks: bool = True) -> Iterator[Verdict]:
    """See whether the port can be had, when no daemon runs.

    Args:
        config: The settings.
        asks: Ask whoever has it whether it is prismd; not where that may start it.
    """
    host, port = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        taken = error.errno == errno.EADDRINUSE
        yield judge_port(
            f"{host}, port {port}",
            error,
            version_at(url) if taken and asks else None,
            holder(port) if taken else "",
        )
        return
    yield ok("daemon", f"not running; port {port} is free ('{_START}' starts it)")


def judge_port(where: str, error: OSError, version: str | None, held_by: str) -> Verdict:
    """What is to be said of a port that cannot be had. Pure.

    Args:
        where: The address.
        error: What the system says.
        version: Of the prismd that answers there, if one does.
        held_by: The program that has it, as far as the system shows.
    """
    another = "set port under [server] to another one, such as 7777"
    if error.errno == errno.EADDRINUSE and version is not None:
        by = f"{held_by}, " if held_by else ""
        detail = f"{where}: is used by {by}a prismd {version} with another data directory"
        return problem("port", detail, f"stop that one, or {another}")
    if error.errno == errno.EADDRINUSE:
        detail = f"{where}: is used by {held_by or 'another program'}"
        return problem("port", detail, f"stop it, or {another}")
    if error.errno == errno.EACCES:
        detail = f"{where}: the system does not let you have it"
        return problem("port", detail, f"{another}; those below 1024 are the system's")
    if error.errno == errno.EADDRNOTAVAIL:
        detail = f"{where}: is no address of this computer"
        return problem("port", detail, 'set host under [server] to "127.0.0.1"')
    return problem("port", f"{where}: cannot be listened on ({error.strerror})", another)


def holder(port: int) -> str:
    """The program that listens on a port, as far as the system shows; else empty."""
    try:
        found = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ""
    for each in found:
        listens = each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
        if listens and each.pid:
            try:
                return f"{psutil.Process(each.pid).name()} (process {each.pid})"
            except psutil.Error:
                return f"process {each.pid}"
    return ""
