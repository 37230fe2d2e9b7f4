"""A desktop without a monitor: a virtual screen, a message bus, and a panel that shows icons."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageGrab

from tests.building import wait_until

_WATCHER = "org.kde.StatusNotifierWatcher"
_ITEM = "org.kde.StatusNotifierItem"
_MENU = "com.canonical.dbusmenu"
_PROGRAMS = ("Xvfb", "dbus-daemon", "gdbus", "xfce4-panel")
_SIZE = "800x600x24"

RGB = tuple[int, int, int]


def missing_programs() -> list[str]:
    """Which of the programs of a desktop are not installed."""
    return [name for name in _PROGRAMS if shutil.which(name) is None]


class Screen:
    """A running desktop.

    Args:
        environment: Variables by which programs find it.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def shot(self) -> Image.Image:
        """A picture of it."""
        return ImageGrab.grab(xdisplay=self.environment["DISPLAY"]).convert("RGB")

    def places_of(self, colour: RGB) -> list[tuple[int, int]]:
        """Where a colour is to be seen."""
        rows, columns = np.nonzero((np.asarray(self.shot()) == colour).all(axis=2))
        return list(zip(columns.tolist(), rows.tolist(), strict=True))

    def click(self, place: tuple[int, int]) -> None:
        """Click with the first button of the mouse."""
        from Xlib import X
        from Xlib.display import Display
        from Xlib.ext import xtest

        display = Display(self.environment["DISPLAY"])
        xtest.fake_input(display, X.MotionNotify, x=place[0], y=place[1])
        for event in (X.ButtonPress, X.ButtonRelease):
            xtest.fake_input(display, event, 1)
        display.sync()
        display.close()

    def icon(self) -> Icon | None:
        """The icon that the panel was told of by D-Bus; None as long as there is none."""
        told = self.call(_WATCHER, "/StatusNotifierWatcher", *_get(_WATCHER, _ITEMS))
        match = re.search(r"'([^'/]+)(/[^']*)'", told)
        return Icon(self, match[1], match[2]) if match else None

    def has_panel(self) -> bool:
        """Whether there is a panel yet that shows icons."""
        bus = "org.freedesktop.DBus"
        told = self.call(bus, "/org/freedesktop/DBus", f"{bus}.NameHasOwner", _WATCHER)
        return "true" in told

    def call(self, name: str, path: str, method: str, *arguments: str) -> str:
        """Call a method over D-Bus; the answer in GVariant's text format, empty for an error."""
        done = subprocess.run(
            ["gdbus", "call", "--session", "-d", name, "-o", path, "-m", method, "--", *arguments],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout


_ITEMS = "RegisteredStatusNotifierItems"


def _get(interface: str, name: str) -> tuple[str, str, str]:
    return ("org.freedesktop.DBus.Properties.Get", interface, name)


class Icon:
    """An icon as a panel sees it: by D-Bus."""

    def __init__(self, screen: Screen, name: str, path: str) -> None:
        self._screen = screen
        self._name = name
        self._path = path

    @property
    def title(self) -> str:
        """Its title."""
        return self._property("Title")

    def picture(self) -> Image.Image | None:
        """What it shows; None while it is just being changed."""
        try:
            with Image.open(self._property("IconName")) as image:
                return image.convert("RGBA")
        except OSError:
            return None

    def labels(self) -> dict[str, int]:
        """The lines of its menu and what is under them, each with its number."""
        layout = self._menu("GetLayout", "0", "-1", "[]")
        pattern = r"\((\d+), \{[^{}]*?'label': <(?:'((?:[^'\\]|\\.)*)'|\"([^\"]*)\")>"
        return {
            single or double: int(number)
            for number, single, double in re.findall(pattern, layout.replace("uint32 ", ""))
        }

    def choose(self, label: str) -> None:
        """Click a line of the menu, as soon as there is one of that label."""
        wait_until(lambda: label in self.labels())
        self._menu("Event", str(self.labels()[label]), "clicked", "<''>", "0")

    def _property(self, name: str) -> str:
        told = self._screen.call(self._name, self._path, *_get(_ITEM, name))
        match = re.search(r"<'((?:[^'\\]|\\.)*)'>", told)
        return match[1] if match else ""

    def _menu(self, method: str, *arguments: str) -> str:
        return self._screen.call(self._name, f"{self._path}/Menu", f"{_MENU}.{method}", *arguments)


@contextmanager
def desktop(home: Path, *, panel: bool = True) -> Iterator[Screen]:
    """A desktop.

    Args:
        home: An empty folder for its settings.
        panel: Whether it has one.
    """
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WAYLAND")},
        "HOME": str(home),
        "NO_AT_BRIDGE": "1",
        "GSETTINGS_BACKEND": "memory",
        "XDG_RUNTIME_DIR": str(home),
    }
    with ExitStack() as stack:
        read, write = os.pipe()
        x_server = ["Xvfb", "-displayfd", str(write), "-screen", "0", _SIZE, "-noreset"]
        stack.enter_context(_program([*x_server, "-nolisten", "tcp"], environment, (write,)))
        os.close(write)
        environment["DISPLAY"] = f":{_first_line(read)}"
        read, write = os.pipe()
        bus = ["dbus-daemon", "--session", "--nofork", f"--print-address={write}"]
        stack.enter_context(_program(bus, environment, (write,)))
        os.close(write)
        environment["DBUS_SESSION_BUS_ADDRESS"] = _first_line(read)
        screen = Screen(environment)
        if panel:
            stack.enter_context(_program(["xfce4-panel", "--disable-wm-check"], environment))
            wait_until(screen.has_panel)
        yield screen


@contextmanager
def _program(
    command: Sequence[str], environment: dict[str, str], pass_fds: Sequence[int] = ()
) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env=environment,
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _first_line(descriptor: int) -> str:
    with open(descriptor, encoding="ascii") as stream:
        return stream.readline().strip()
