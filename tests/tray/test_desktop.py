"""The icon where there is no screen: stand-ins for pystray, and for what macOS has."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import pytest

from prismd.tray.backend import Backend
from prismd.tray.desktop import Desktop, Face
from prismd.tray.menu import menu_of
from prismd.tray.standing import AWAY, Standing, standing_of
from tests.building import wait_until
from tests.tray.statuses import IDLE, paused


class MainThread:
    """A main loop, as AppKit's: runs what it is given, in the thread that it runs in."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.policies: list[str] = []
        self.over = False

    def take(self, change: Callable[[], None]) -> None:
        """Run this soon."""
        self._given.put(change)

    def run(self) -> None:
        """Run all that is given, until it is over."""
        while not self.over:
            self._given.get()()


class Icon:
    """An icon of pystray that takes changes in one thread alone."""

    HAS_NOTIFICATION = True
    made: SimpleQueue[Icon]
    loop: MainThread
    title: str
    changes: list[tuple[str, threading.Thread]]
    notices: list[str]

    def __init__(self, name: str, icon: object, title: str, menu: object) -> None:
        self.__dict__.update(title=title, changes=[], notices=[])
        Icon.made.put(self)

    def __setattr__(self, name: str, value: object) -> None:
        self.changes.append((name, threading.current_thread()))
        self.__dict__[name] = value

    def update_menu(self) -> None:
        self.changes.append(("menu", threading.current_thread()))

    def notify(self, notice: str, title: str) -> None:
        self.notices.append(notice)
        raise OSError("nothing here shows notices")

    def run(self, setup: Callable[[Icon], None]) -> None:
        threading.Thread(target=setup, args=(self,)).start()
        self.loop.run()

    def stop(self) -> None:
        self.changes.append(("stop", threading.current_thread()))
        self.loop.over = True


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> MainThread:
    """The loop of a macOS on which everything is put up."""
    loop = Icon.loop = MainThread()
    Icon.made = SimpleQueue()
    application: Any = type("App", (), {"setActivationPolicy_": loop.policies.append})
    shared: Any = type("Shared", (), {"sharedApplication": staticmethod(lambda: application)})
    separator = object()
    menu: Any = type("Menu", (), {"__init__": lambda self, *_: None, "SEPARATOR": separator})
    modules: dict[str, dict[str, Any]] = {
        "pystray": {"Icon": Icon, "Menu": menu},
        "AppKit": {"NSApplication": shared, "NSApplicationActivationPolicyAccessory": "accessory"},
        "PyObjCTools": {},
        "PyObjCTools.AppHelper": {"callAfter": loop.take},
    }
    for name, contents in modules.items():
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["PyObjCTools"].__dict__["AppHelper"] = sys.modules["PyObjCTools.AppHelper"]
    monkeypatch.setenv("PYSTRAY_BACKEND", "")
    return loop


def face(standing: Standing) -> Face:
    return Face(standing, menu_of(standing, configured=True))


def drawn(icon: Icon) -> int:
    """How often the icon was drawn."""
    return sum(name == "icon" for name, _ in icon.changes)


def test_the_icon_is_drawn_once_more_for_a_panel_that_missed_a_change(
    loop: MainThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prismd.tray.desktop._AGAIN_S", 0.01)
    desktop = Desktop(Backend("darwin"), face(AWAY), lambda entry: None)

    def live() -> None:
        icon = Icon.made.get()
        try:
            wait_until(lambda: drawn(icon) == 1)
            desktop.show(face(standing_of(IDLE, 0)))
            wait_until(lambda: drawn(icon) == 3)
        finally:
            desktop.end()

    living = threading.Thread(target=live)
    living.start()
    desktop.run()
    living.join()


def test_on_macos_the_icon_is_changed_by_the_main_thread_alone(
    loop: MainThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prismd.tray.desktop._AGAIN_S", 3_600.0)
    desktop = Desktop(Backend("darwin"), face(AWAY), lambda entry: None)
    assert loop.policies == ["accessory"]

    seen: list[Icon] = []

    def live() -> None:
        icon = Icon.made.get()
        seen.append(icon)
        try:
            desktop.notify("the disk is full")
            wait_until(lambda: icon.notices == ["the disk is full"])
            desktop.show(face(standing_of(IDLE, 0)))
            wait_until(lambda: icon.title.startswith("prismd: up to date"))
            desktop.show(face(standing_of(paused(), 0)))
            wait_until(lambda: icon.title == "prismd: paused")
        finally:
            desktop.end()

    person = threading.Thread(target=live)
    person.start()
    desktop.run()
    person.join()
    [icon] = seen
    assert {thread for _, thread in icon.changes} == {threading.current_thread()}
    changed = [name for name, _ in icon.changes]
    assert changed == ["visible", *["icon", "title", "menu"] * 2, "stop"]
