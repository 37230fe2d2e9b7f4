"""prismd under the systemd of its user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from prismd.errors import PrismdError
from prismd.service import written
from prismd.service.base import Standing, called
from prismd.service.command import Command
from prismd.service.installed import command_of_units
from prismd.service.unit import SERVICE, SOCKET, address_in, service_unit, socket_unit

_STATES = {
    "active": "running",
    "activating": "starting",
    "deactivating": "stopping",
    "reloading": "reloading",
    "failed": "failed",
}
_PROPERTIES = (
    *("ActiveState", "SubState", "Result", "MainPID", "StatusText", "UnitFileState"),
    *("ExecMainStatus", "NRestarts"),
)
_START_LINES = 5
_WRONG_SETTING = "2"


class Systemd:
    """The systemd of this user.

    Args:
        command: What the service runs.
        host: A loopback address that prismd listens on.
        port: The port that it listens on.
        log_file: Where its settings have its log written; None is the journal.
    """

    name = "systemd"

    def __init__(self, command: Command, host: str, port: int, log_file: Path | None) -> None:
        self._command = command
        self._address = (host, port)
        self._log_file = log_file
        config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        self._folder = Path(config) / "systemd" / "user"

    def files(self, *, socket: bool = False) -> Mapping[Path, str]:
        """As ``ServiceManager.files``."""
        texts = {self._folder / SERVICE: service_unit(self._command)}
        if socket:
            texts[self._folder / SOCKET] = socket_unit(*self._address)
        return texts

    def need(self) -> None:
        """As ``ServiceManager.need``."""
        code, _, error = self._systemctl("show-environment")
        if code:
            raise PrismdError(
                f"the systemd of this user does not answer ({error or 'it says nothing'}); in a"
                " container, in WSL without systemd, and after su or sudo there is none: log in as"
                " this user, by ssh or at the screen, or start 'prismd run' by other means"
            )

    def install(self, *, socket: bool, start: bool, force: bool) -> None:
        """As ``ServiceManager.install``."""
        self.need()
        texts = self.files(socket=socket)
        if not force:
            written.need_ours([*texts, self._folder / SOCKET], "replaced")
        if (self._folder / SOCKET).exists():
            self._do("disable", "--now", SOCKET, may_fail=True)
        if not socket:
            written.remove(self._folder / SOCKET)
        for path, text in texts.items():
            written.write(path, text)
        self._do("daemon-reload")
        if socket:
            # It cannot listen while the service has the port.
            self._do("disable", "--now", SERVICE, may_fail=True)
        self._do("enable", SOCKET if socket else SERVICE)
        if start:
            self.restart()

    def uninstall(self, *, force: bool) -> list[Path]:
        """As ``ServiceManager.uninstall``; drop-ins of the user's own are left."""
        there = self._there()
        if not force:
            written.need_ours(there, "removed")
        if there:
            self.need()
            for path in reversed(there):
                self._do("disable", "--now", path.name)
                written.remove(path)
            self._do("daemon-reload")
            for path in there:
                self._do("reset-failed", path.name, may_fail=True)
        return there

    def start(self) -> None:
        """As ``ServiceManager.start``."""
        self._begin("start")

    def restart(self) -> None:
        """As ``ServiceManager.restart``; by a socket it is started by the next request."""
        self._begin("restart")

    def _begin(self, verb: str) -> None:
        # What failed too often before is not kept from starting by that.
        self._do("reset-failed", SERVICE, may_fail=True)
        if (self._folder / SOCKET).exists():
            if verb == "restart":
                self._do("stop", SOCKET, SERVICE)
            self._do("start", SOCKET)
            return
        code, _, error = self._systemctl(verb, SERVICE)
        if code:
            _, log, _ = called([*self._journal(_START_LINES), "--output=cat"], self._environment())
            raise PrismdError(
                f"{SERVICE}: does not start: {log or error}; 'prismd service logs' has more"
            )

    def stop(self) -> None:
        """As ``ServiceManager.stop``; both at once, or the socket starts it again."""
        self._do("stop", *(path.name for path in reversed(self._there())))

    def standing(self) -> Standing:
        """As ``ServiceManager.standing``."""
        there = self._there()
        if not there:
            return Standing(manager=self.name)
        socket = self._folder / SOCKET in there
        installed = Standing(
            manager=self.name,
            files=tuple(str(path) for path in there),
            state="unknown",
            detail="the systemd of this user does not answer",
            listens=self._listens() if socket else "",
            log_files=tuple(map(str, self.log_files())),
            command=self._installed(),
        )
        service = self._shown(SERVICE)
        if not service:
            return installed
        waits = socket and self._shown(SOCKET).get("ActiveState") == "active"
        enabled = self._shown(SOCKET if socket else SERVICE).get("UnitFileState") == "enabled"
        state = _STATES.get(service.get("ActiveState", ""), "stopped")
        pid = int(service.get("MainPID", "0") or 0)
        return replace(
            installed,
            starts=("at the first request" if socket else "at login") if enabled else "",
            state="waiting" if state == "stopped" and waits else state,
            detail=_detail(service),
            pid=pid or None,
            told=service.get("StatusText", "") if pid else "",
            is_edited=any(written.state_of(path) != "ours" for path in there),
            is_outdated=self._is_outdated(socket=socket),
            lingers=self._lingers(),
        )

    def _is_outdated(self, *, socket: bool) -> bool:
        """Whether one of its files, as prismd wrote it, would be written otherwise now."""
        return any(
            path.read_text(encoding="utf-8") != written.sealed(text)
            for path, text in self.files(socket=socket).items()
            if written.state_of(path) == "ours"
        )

    def log_files(self) -> tuple[Path, ...]:
        """As ``ServiceManager.log_files``."""
        return () if self._log_file is None else (self._log_file,)

    def log_command(self, lines: int, *, follow: bool) -> list[str]:
        """As ``ServiceManager.log_command``."""
        if self._log_file is not None:
            return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(self._log_file)]
        return [*self._journal(lines), *(["--follow"] if follow else [])]

    def _journal(self, lines: int) -> list[str]:
        return ["journalctl", "--user", f"--unit={SERVICE}", f"--lines={lines}", "--no-pager"]

    def _there(self) -> list[Path]:
        return [path for name in (SERVICE, SOCKET) if (path := self._folder / name).exists()]

    def _installed(self) -> Command | None:
        unit = self._folder / SERVICE
        paths = [unit, *sorted(unit.with_name(f"{SERVICE}.d").glob("*.conf"))]
        return command_of_units(
            (
                path.read_text(encoding="utf-8", errors="replace")
                for path in paths
                if path.is_file()
            ),
            str(Path.home()),
        )

    def _listens(self) -> str:
        return address_in((self._folder / SOCKET).read_text(encoding="utf-8", errors="replace"))

    def _shown(self, unit: str) -> dict[str, str]:
        code, out, _ = self._systemctl("show", f"--property={','.join(_PROPERTIES)}", unit)
        return dict(line.partition("=")[::2] for line in out.splitlines()) if not code else {}

    def _lingers(self) -> bool | None:
        code, out, _ = called(["loginctl", "show-user", str(os.getuid()), "--property=Linger"])
        return out == "Linger=yes" if not code and out else None

    def _do(self, *arguments: str, may_fail: bool = False) -> None:
        code, _, error = self._systemctl(*arguments)
        if code and not may_fail:
            raise PrismdError(
                f"systemctl --user {' '.join(arguments)}: {error or f'exit code {code}'};"
                " 'prismd service status' shows how it stands"
            )

    def _systemctl(self, *arguments: str) -> tuple[int, str, str]:
        return called(["systemctl", "--user", *arguments], self._environment())

    def _environment(self) -> dict[str, str]:
        """Of systemctl, which finds the user's systemd by a variable that su and cron leave out."""
        runtime = Path(f"/run/user/{os.getuid()}")
        if not os.environ.get("XDG_RUNTIME_DIR") and runtime.is_dir():
            return {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
        return dict(os.environ)


def _detail(service: Mapping[str, str]) -> str:
    result, code = service.get("Result", ""), service.get("ExecMainStatus", "")
    if result in ("", "success"):
        return ""
    if result == "exit-code" and code == _WRONG_SETTING:
        return "a setting is wrong, or the command line"
    return f"{result} {code}" if result == "exit-code" else result
