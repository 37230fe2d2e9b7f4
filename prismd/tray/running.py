"""Runs the tray: one for each data directory, until it is told to end."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from prismd.encryption.discretion import own
from prismd.errors import ConfigError
from prismd.live_client import Reach
from prismd.tray.backend import Backend, NoScreen, backend, need_host
from prismd.tray.cited import Cited
from prismd.tray.desktop import Desktop, Face
from prismd.tray.doing import Doing
from prismd.tray.lately import Lately
from prismd.tray.link import Link
from prismd.tray.menu import Entry, menu_of
from prismd.tray.notices import Told, news
from prismd.tray.power import Launch
from prismd.tray.standing import AWAY, Standing

log = logging.getLogger(__name__)

_NO_MENU = "No menu without GTK: a click opens prismd"
_PATIENCE_S = 120.0
_LOOK_S = 1.0


class Settings(msgspec.Struct, frozen=True):
    """What the tray has to know.

    Attributes:
        launch: How the daemon is started, and where its data lies.
        configuration: Its configuration file, which need not be there.
        patient: Whether to wait for a panel, which at a login may come later.
    """

    launch: Launch
    configuration: Path
    patient: bool = False


def run(reach: Reach, settings: Settings) -> bool:
    """Show the icon until it is told to end; in the main thread.

    Args:
        reach: Gives a client of the daemon.
        settings: See there.

    Returns:
        False where another tray shows this data directory's daemon already.

    Raises:
        NoScreen: There is nothing to show it on.
        ConfigError: The data directory cannot be written to.
    """
    chosen = _awaited(settings.patient)
    folder = settings.launch.data_dir / "tray"
    with _only_one(folder) as alone:
        if not alone:
            return False
        # pystray leaves the icon's picture where temporary files go; there it would outlive us.
        tempfile.tempdir = str(folder)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is lost by an end at any moment
        _Tray(reach, settings, chosen, folder).run()
    return True


class _Tray:
    """Puts the parts together.

    Args:
        reach: Gives a client of the daemon.
        settings: See there.
        chosen: The way to show it.
        folder: Its own.
    """

    def __init__(self, reach: Reach, settings: Settings, chosen: Backend, folder: Path) -> None:
        self._configuration = settings.configuration
        self._chosen = chosen
        self._told_file = folder / "told.json"
        self._told = _read_told(self._told_file)
        self._lock = threading.Lock()
        self._standing = AWAY
        self._cited: tuple[Cited, ...] = ()
        self._desktop = Desktop(chosen, self._face(), self._do)
        self._lately = Lately(reach, self._cite)
        self._link = Link(reach, self._changed, self._heard, self._lately.look)
        self._doing = Doing(
            reach=reach,
            launch=settings.launch,
            link=self._link,
            configuration=settings.configuration,
            folder=folder,
            complain=self._desktop.notify,
            quit=self._desktop.end,
        )

    def run(self) -> None:
        """Show it until it is told to end; should the panel go, wait for it to come back."""
        if self._chosen.remedy:
            log.info("%s", own(self._chosen.remedy))
        self._doing.start()
        self._lately.start()
        self._link.start()
        self._desktop.run()
        while not self._desktop.ending:
            log.warning("the panel is gone; waiting for it")
            time.sleep(_LOOK_S)
            _awaited(patient=True)
            self._desktop.run()

    def _face(self) -> Face:
        menu = menu_of(
            self._standing,
            configured=self._configuration.exists(),
            cited=self._cited,
            note="" if self._chosen.has_menu else _NO_MENU,
        )
        return Face(self._standing, menu)

    def _do(self, chosen: Entry) -> None:
        self._doing.do(chosen)

    def _changed(self, standing: Standing) -> None:
        with self._lock:  # the face of the last change is to be the last that is shown
            self._standing = standing
            if not standing.reachable:  # the next may be of another index, or an encrypted one
                self._cited = ()
            self._desktop.show(self._face())

    def _cite(self, cited: tuple[Cited, ...]) -> None:
        with self._lock:
            if self._standing.reachable:
                self._cited = cited
                self._desktop.show(self._face())

    def _heard(self, status: dict[str, Any]) -> None:
        notices, told = news(status, self._told)
        if told != self._told:
            self._told = told
            # Should it be lost, a notice comes twice.
            with contextlib.suppress(OSError):
                self._told_file.write_bytes(msgspec.json.encode(told))
        for notice in notices:
            self._desktop.notify(notice)


def _read_told(path: Path) -> Told:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Told)
    except (OSError, msgspec.MsgspecError):
        return Told()


def _awaited(patient: bool) -> Backend:
    """The way to show it, as soon as there is something that shows icons."""
    until_s = time.monotonic() + (_PATIENCE_S if patient else 0.0)
    while True:
        try:
            chosen = backend()
            need_host(chosen)
            return chosen
        except NoScreen:
            if time.monotonic() >= until_s:
                raise
        time.sleep(_LOOK_S)


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[bool]:
    """Whether this is the only tray of its data directory, for as long as the context lasts.

    Raises:
        ConfigError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}); make it writable, or name another"
            " --data-dir"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        for left in folder.glob("tmp*"):  # pictures of one that was killed
            left.unlink(missing_ok=True)
        yield True
    finally:
        os.close(descriptor)
