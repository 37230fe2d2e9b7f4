"""Shows it: the icon, its title and its menu, and notices, by pystray."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from prismd.tray.backend import Backend
from prismd.tray.menu import SEPARATOR, Entry, shape
from prismd.tray.standing import Mood, Standing

log = logging.getLogger(__name__)

_NAME = "prismd"
_TITLE_REST_S = 2.0
_TEXT_REST_S = 5.0
"""A menu that is drawn anew closes on some desktops, so what is only to be read may be old."""
_DOCK_S = 5.0
_AGAIN_S = 2.0
"""After so long the icon is drawn once more: a panel that asked for it while it was changed may
show what it was before."""


class Face(Struct, frozen=True):
    """What is to be seen."""

    standing: Standing
    menu: tuple[Entry, ...]


class Desktop:
    """An icon that shows the latest of what it was told. Any thread may tell.

    Args:
        chosen: The way to show it.
        face: What is to be seen first.
        do: Called with what is chosen; must return at once.
    """

    def __init__(self, chosen: Backend, face: Face, do: Callable[[Entry], None]) -> None:
        os.environ["PYSTRAY_BACKEND"] = chosen.name  # what pystray would try first may fail
        import pystray

        self._pystray = pystray
        self._chosen = chosen
        self._do = do
        self._face = face
        self._notices: list[str] = []
        self._changed = threading.Condition()
        self._ending = self._over = False
        self._change = _in_main_thread() if chosen.name == "darwin" else _at_once

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self._ending

    def show(self, face: Face) -> None:
        """Show this from now on."""
        with self._changed:
            self._face = face
            self._changed.notify()

    def notify(self, notice: str) -> None:
        """Show a notice, where the desktop shows any; it is logged at any rate."""
        log.warning("notice: %s", notice)
        with self._changed:
            self._notices.append(notice)
            self._changed.notify()

    def end(self) -> None:
        """Take the icon away; ``run`` returns soon."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def run(self) -> None:
        """Show the icon until it is to end, or its panel goes away; in the main thread."""
        self._over = False
        icon = self._icon()
        if self._chosen.name == "xorg":
            _hear_clicks(icon)
            # It reports, with a trace, each time that there is no panel to be on.
            logging.getLogger("pystray").setLevel(logging.CRITICAL)
        keeper = threading.Thread(target=self._keep, args=(icon,), name="prismd-icon", daemon=True)

        def show() -> None:
            icon.visible = True
            keeper.start()

        def shown(_: Any) -> None:
            self._change(show)

        try:
            icon.run(shown)
        except Exception as error:
            # Its last words are to the notification service, which need not be there.
            log.log(logging.DEBUG if self._ending else logging.ERROR, "the icon failed: %s", error)
        finally:
            with self._changed:
                self._over = True
                self._changed.notify()

    def _icon(self) -> Any:
        from prismd.tray.drawing import icon

        return self._pystray.Icon(
            _NAME,
            icon(self._face.standing.mood),
            self._face.standing.title,
            menu=self._pystray.Menu(lambda: self._items(self._face.menu)),
        )

    def _items(self, entries: Iterable[Entry]) -> Iterator[Any]:
        """The menu in pystray's terms; called in the desktop's thread."""
        for entry in entries:
            if entry == SEPARATOR:
                yield self._pystray.Menu.SEPARATOR
            else:
                yield self._item(entry)

    def _item(self, entry: Entry) -> Any:
        if entry.under:
            return self._pystray.MenuItem(entry.text, self._pystray.Menu(*self._items(entry.under)))

        def chosen() -> None:
            self._do(entry)

        return self._pystray.MenuItem(
            entry.text, chosen, default=entry.default, enabled=bool(entry.action)
        )

    def _keep(self, icon: Any) -> None:
        """Bring the icon to what is to be seen, in a thread of its own."""
        shown, seen_s = self._face, _Seen()
        while True:
            face, notices, over = self._next(shown, seen_s)
            if self._chosen.name == "xorg":
                _dock(icon)
            if over:
                return
            if self._ending:
                self._change(icon.stop)
                return
            for notice in notices:
                _notify(icon, notice)
            shown = self._draw(icon, shown, face, seen_s)
            if shown != face:
                self._rest(shown)

    def _next(self, shown: Face, seen_s: _Seen) -> tuple[Face, list[str], bool]:
        """What is to be seen and told, and whether all is over; as soon as any of it is new."""
        timeout = _DOCK_S if self._chosen.name == "xorg" else None
        with self._changed:
            self._changed.wait_for(
                lambda: self._ending or self._over or self._notices or self._face != shown,
                timeout=timeout if seen_s.icon is None else _AGAIN_S,
            )
            notices, self._notices = self._notices, []
            return self._face, notices, self._over

    def _rest(self, shown: Face) -> None:
        """Wait until what was put off is due, or something comes that is not to be put off."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._ending or self._over or bool(self._notices) or _urgent(shown, self._face)
                ),
                timeout=_TITLE_REST_S,
            )

    def _draw(self, icon: Any, shown: Face, face: Face, seen_s: _Seen) -> Face:
        """Change what is another now, and what is due; gives what is shown then."""
        from prismd.tray.drawing import icon as drawn

        now_s = time.monotonic()
        urgent = _urgent(shown, face)
        standing, menu = shown.standing, shown.menu
        if face.standing.mood != standing.mood:
            self._set(icon, "icon", drawn(face.standing.mood))
            seen_s.icon = now_s
        elif seen_s.icon is not None and now_s - seen_s.icon >= _AGAIN_S:
            self._set(icon, "icon", drawn(face.standing.mood))
            seen_s.icon = None
        if face.standing != standing and (urgent or now_s - seen_s.title >= _TITLE_REST_S):
            self._set(icon, "title", face.standing.title)
            standing, seen_s.title = face.standing, now_s
        if face.menu != menu and (urgent or now_s - seen_s.menu >= _TEXT_REST_S):
            self._change(icon.update_menu)
            menu, seen_s.menu = face.menu, now_s
        return Face(standing, menu)

    def _set(self, icon: Any, name: str, value: object) -> None:
        self._change(lambda: setattr(icon, name, value))


class _Seen:
    """When the title and the menu were changed last, and the icon, until it is drawn once more."""

    title = menu = float("-inf")

    def __init__(self) -> None:
        self.icon: float | None = time.monotonic()


def _at_once(change: Callable[[], None]) -> None:
    """Change the icon from any thread: GTK and X have pystray see to the right one itself."""
    change()


def _in_main_thread() -> Callable[[Callable[[], None]], None]:
    """How the icon is changed on macOS: AppKit takes it from the main thread alone.

    prismd has no place in the Dock, and no menu of a program's own.
    """
    from AppKit import NSApplication, NSApplicationActivationPolicyAccessory
    from PyObjCTools import AppHelper

    NSApplication.sharedApplication().setActivationPolicy_(NSApplicationActivationPolicyAccessory)
    take: Callable[[Callable[[], None]], None] = AppHelper.callAfter
    return take


def _notify(icon: Any, notice: str) -> None:
    """Show a notice; what shows notices may be missing, or fail."""
    try:
        if icon.HAS_NOTIFICATION:
            icon.notify(notice, _NAME)
    except Exception as error:  # of GLib's own kind, or of the program that macOS has for it
        log.info("no notice is shown: %s", error)


def _urgent(shown: Face, face: Face) -> bool:
    """Whether a change is more than one of figures."""
    before, now = _gist(shown), _gist(face)
    return before != now


def _gist(face: Face) -> tuple[Mood, tuple[Entry, ...]]:
    return face.standing.mood, shape(face.menu)


def _hear_clicks(icon: Any) -> None:
    """Ask X for clicks on the icon: pystray has code for them, but never asks (0.19)."""
    from Xlib import X

    icon._window.change_attributes(
        event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask
    )


def _dock(icon: Any) -> None:
    """Have the icon taken by a panel that is there again; pystray tries only as the old one goes.

    Args:
        icon: Of the X kind.
    """
    if icon._systray_manager is None:
        icon.icon = icon.icon
