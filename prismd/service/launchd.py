"""prismd under the launchd of its user."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from prismd.errors import PrismdError
from prismd.service import written
from prismd.service.agent import FILE_NAME, LABEL, agent_plist, caught_file
from prismd.service.base import Standing, called
from prismd.service.command import Command
from prismd.service.installed import command_of_agent

_GONE_S = 90.0
_LOOK_S = 0.2


class Launchd:
    """The launchd of this user, in the session at the screen.

    Args:
        command: What the agent runs.
        log_file: Where its settings have its log written; None is a file that the agent names.
    """

    name = "launchd"

    def __init__(self, command: Command, log_file: Path | None) -> None:
        self._command = command
        home = Path.home()
        self._sets_log = log_file is None
        self._log_file = log_file or home / "Library" / "Logs" / "prismd" / "prismd.log"
        self._path = home / "Library" / "LaunchAgents" / FILE_NAME
        self._domain = f"gui/{os.getuid()}"
        self._target = f"{self._domain}/{LABEL}"

    def files(self, *, socket: bool = False) -> Mapping[Path, str]:
        """As ``ServiceManager.files``.

        Raises:
            PrismdError: It is to start at the first request, for which launchd has an interface
                that only programs in C reach.
        """
        if socket:
            raise PrismdError("--socket: is for systemd; on this system prismd starts at login")
        text = agent_plist(self._command, self._log_file, sets_log=self._sets_log)
        return {self._path: text}

    def need(self) -> None:
        """As ``ServiceManager.need``."""
        code, _, error = called(["launchctl", "print", self._domain])
        if code:
            raise PrismdError(
                f"launchd has no session of this user at the screen ({error or f'code {code}'});"
                " log in there first, or start 'prismd run' by other means"
            )

    def install(self, *, socket: bool, start: bool, force: bool) -> None:
        """As ``ServiceManager.install``."""
        texts = self.files(socket=socket)
        self.need()
        if not force:
            written.need_ours(texts, "replaced")
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            written.write(path, text)
        self._do("enable", self._target)
        if start:
            self.restart()

    def uninstall(self, *, force: bool) -> list[Path]:
        """As ``ServiceManager.uninstall``."""
        if not self._path.exists():
            return []
        if not force:
            written.need_ours([self._path], "removed")
        self.stop()
        written.remove(self._path)
        return [self._path]

    def start(self) -> None:
        """As ``ServiceManager.start``."""
        if self._loaded() is not None:
            self._do("kickstart", self._target)
        else:
            self._do("bootstrap", self._domain, str(self._path))

    def stop(self) -> None:
        """As ``ServiceManager.stop``."""
        if self._loaded() is None:
            return
        called(["launchctl", "bootout", self._target])  # it may say that it is at it
        end_s = time.monotonic() + _GONE_S
        while self._loaded() is not None:
            if time.monotonic() > end_s:
                raise PrismdError(
                    f"{LABEL}: does not end; 'prismd service logs' may say what it is at"
                )
            time.sleep(_LOOK_S)

    def restart(self) -> None:
        """As ``ServiceManager.restart``; the file may be another, so it is loaded anew."""
        self.stop()
        self._do("bootstrap", self._domain, str(self._path))

    def standing(self) -> Standing:
        """As ``ServiceManager.standing``."""
        if not self._path.exists():
            return Standing(manager=self.name)
        told = self._loaded()
        pid = re.search(r"^\s*pid = (\d+)", told or "", re.MULTILINE)
        code = re.search(r"^\s*last exit code = (\d+)", told or "", re.MULTILINE)
        failed = pid is None and code is not None and code[1] != "0"
        state = written.state_of(self._path)
        text = self.files()[self._path]
        return Standing(
            manager=self.name,
            files=(str(self._path),),
            starts="at login",
            state="running" if pid else "failed" if failed else "stopped",
            detail=f"exit code {code[1]}" if failed and code else "",
            pid=int(pid[1]) if pid else None,
            is_edited=state != "ours",
            is_outdated=state == "ours"
            and self._path.read_text(encoding="utf-8") != written.sealed(text),
            log_files=tuple(map(str, self.log_files())),
            command=command_of_agent(self._path.read_text(encoding="utf-8", errors="replace")),
        )

    def log_files(self) -> tuple[Path, ...]:
        """As ``ServiceManager.log_files``."""
        return self._log_file, caught_file(self._log_file)

    def log_command(self, lines: int, *, follow: bool) -> list[str]:
        """As ``ServiceManager.log_command``."""
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(self._log_file)]

    def _loaded(self) -> str | None:
        """What launchd knows of the agent; None where it does not know it."""
        code, out, _ = called(["launchctl", "print", self._target])
        return None if code else out

    def _do(self, *arguments: str) -> None:
        code, _, error = called(["launchctl", *arguments])
        if code:
            raise PrismdError(
                f"launchctl {' '.join(arguments)}: {error or f'exit code {code}'};"
                " 'prismd service status' shows how it stands"
            )
