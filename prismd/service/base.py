"""What prismd wants of a service manager, whichever it is."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from prismd.errors import PrismdError
from prismd.service.command import Command


class Standing(Struct, frozen=True, kw_only=True):
    """How the service stands.

    Attributes:
        manager: ``systemd`` or ``launchd``.
        files: What was written of it.
        starts: When it starts by itself: ``at login``, ``at the first request``; empty for never.
        state: ``running``, ``starting``, ``stopping``, ``reloading``, ``waiting`` (for the first
            request), ``failed``, ``stopped``, or ``unknown`` where the manager does not answer.
        detail: What there is to know of the state.
        pid: Of the daemon, while it runs.
        told: What the daemon said last of how it stands.
        listens: Where the manager listens in prismd's place, until somebody asks; empty for
            nowhere.
        is_edited: Whether a file was changed by hand.
        is_outdated: Whether another 'prismd service install' would write something else.
        lingers: Whether it runs while its user is not logged in; None where nobody knows.
        log_files: As ``ServiceManager.log_files``.
        command: What its files say that it runs; None where nothing can be made of them.
    """

    manager: str
    files: tuple[str, ...] = ()
    starts: str = ""
    state: str = "stopped"
    detail: str = ""
    pid: int | None = None
    told: str = ""
    listens: str = ""
    is_edited: bool = False
    is_outdated: bool = False
    lingers: bool | None = None
    log_files: tuple[str, ...] = ()
    command: Command | None = None

    @property
    def is_installed(self) -> bool:
        """Whether there is a service at all."""
        return bool(self.files)


class ServiceManager(Protocol):
    """Runs prismd for its user."""

    name: str

    def files(self, *, socket: bool = False) -> Mapping[Path, str]:
        """What ``install`` writes: texts by path.

        Args:
            socket: Start at the first request, and not at login.
        """

    def need(self) -> None:
        """Make sure that it answers.

        Raises:
            PrismdError: It does not, for a reason that the message gives.
        """

    def install(self, *, socket: bool, start: bool, force: bool) -> None:
        """Write the files, have them taken, and start; again, and after an update, as well.

        Args:
            socket: Start at the first request, and not at login.
            start: Do so now, too; what runs is started anew.
            force: Replace files that were changed by hand.

        Raises:
            PrismdError: A file was changed by hand, or the manager refuses.
        """

    def uninstall(self, *, force: bool) -> list[Path]:
        """Stop, and remove what was installed; returns what that was.

        Args:
            force: Files that were changed by hand, too.

        Raises:
            PrismdError: A file was changed by hand, or the manager refuses.
        """

    def start(self) -> None:
        """Start what is installed.

        Raises:
            PrismdError: It does not start.
        """

    def stop(self) -> None:
        """Stop it until the next login, or ``start``.

        Raises:
            PrismdError: It does not stop.
        """

    def restart(self) -> None:
        """Stop and start it.

        Raises:
            PrismdError: It does not start.
        """

    def standing(self) -> Standing:
        """How it stands; asks the manager, where it answers."""

    def log_files(self) -> tuple[Path, ...]:
        """The files that its log goes to, the daemon's own first; none where it is the journal."""

    def log_command(self, lines: int, *, follow: bool) -> list[str]:
        """The command that shows the log.

        Args:
            lines: How many of the last.
            follow: Go on until Ctrl-C.
        """


def called(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a program of the system to its end.

    Returns:
        Its exit code, and what it wrote to standard output and to standard error.

    Raises:
        PrismdError: There is no such program.
    """
    try:
        done = subprocess.run(
            list(command), stdin=subprocess.DEVNULL, capture_output=True, check=False, env=env
        )
    except OSError as error:
        raise PrismdError(
            f"{command[0]}: cannot be run ({error.strerror}); without it prismd cannot be a"
            " service here; have 'prismd run' started by what starts programs on this system"
        ) from error
    return (
        done.returncode,
        done.stdout.decode("utf-8", "replace").strip(),
        done.stderr.decode("utf-8", "replace").strip(),
    )
