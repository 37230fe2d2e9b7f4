"""What the desktop offers for an icon, and what would make it better.

pystray has three ways on Linux: by GTK and AppIndicator, by GTK alone, and by X without either,
which has no menu. The first two need ``gi``, which the distributions ship and which cannot be
installed by pip without a compiler. So where this Python has none, that of the system is taken,
if it was made for the same Python.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from prismd.errors import PrismdError

log = logging.getLogger(__name__)

Name = Literal["darwin", "appindicator", "gtk", "xorg"]

_GNOME = (
    "this desktop shows no tray icons; on GNOME, install the extension AppIndicator"
    " (gnome-shell-extension-appindicator) and log in again, elsewhere add a tray to the panel"
)
_GTK_REMEDY = (
    "for a menu, install python3-gi and gir1.2-ayatanaappindicator3-0.1 (apt), or python3-gobject"
    " and libayatana-appindicator-gtk3 (dnf), and run prismd by the system's own Python"
)
_INDICATOR_REMEDY = (
    "where panels do not show it, install gir1.2-ayatanaappindicator3-0.1 (apt) or"
    " libayatana-appindicator-gtk3 (dnf)"
)
_BUS_REMEDY = "for a menu, start it in a session with a message bus (DBUS_SESSION_BUS_ADDRESS)"
_SCREEN_REMEDY = "the screen does not answer; start 'prismd tray' within the desktop"
_WATCHER = "org.kde.StatusNotifierWatcher"


class Backend(Struct, frozen=True):
    """A way to show an icon.

    Attributes:
        name: pystray's name of it.
        has_menu: Whether it shows one; without, a click on the icon opens prismd's page.
        remedy: What would make it better; empty where nothing would.
    """

    name: Name
    has_menu: bool = True
    remedy: str = ""


class NoScreen(PrismdError):
    """There is nothing that an icon could be shown on."""


def backend(env: Mapping[str, str] = os.environ) -> Backend:
    """The best way that there is here.

    Raises:
        NoScreen: There is none; the message says why.
    """
    if sys.platform == "darwin":
        return Backend("darwin")
    has_x = bool(env.get("DISPLAY"))
    if not has_x and not env.get("WAYLAND_DISPLAY"):
        raise NoScreen(
            "no screen (neither DISPLAY nor WAYLAND_DISPLAY is set); start 'prismd tray' within a"
            " desktop, or use 'prismd status --follow'"
        )
    lacking = _lacking_for_gtk()
    if not lacking:
        if _has_namespace("AyatanaAppIndicator3", "AppIndicator3"):
            return Backend("appindicator")
        if has_x:
            return Backend("gtk", remedy=_INDICATOR_REMEDY)
        raise NoScreen(f"this desktop takes icons by AppIndicator alone; {_INDICATOR_REMEDY}")
    if has_x and _tray_window() is not None:
        return Backend("xorg", has_menu=False, remedy=lacking)
    raise NoScreen(f"no icon can be shown here; {lacking}")


def need_host(chosen: Backend) -> None:
    """Make sure that something shows icons.

    Raises:
        NoScreen: Nothing does, now.
    """
    if chosen.name == "darwin" or _tray_window():
        return
    if chosen.name != "appindicator" or not _has_watcher():
        raise NoScreen(_GNOME)


def _lacking_for_gtk() -> str:
    """What helps where GTK cannot be used; empty where it can."""
    gi = _gi()
    if gi is None:
        return _GTK_REMEDY
    try:
        gi.require_version("Gtk", "3.0")
        from gi.repository import Gio, Gtk
    except (ImportError, ValueError) as error:
        log.info("GTK cannot be used: %s", error)
        return _GTK_REMEDY
    try:
        Gio.bus_get_sync(Gio.BusType.SESSION, None)  # pystray's notifications need it
    except Exception as error:  # of GLib's own kind
        log.info("no message bus: %s", error)
        return _BUS_REMEDY
    return "" if Gtk.init_check()[0] else _SCREEN_REMEDY


def _gi() -> Any:
    """PyGObject: this Python's, or else the system's; None where there is neither."""
    with contextlib.suppress(ImportError):
        import gi

        return gi
    folder = _system_gi()
    if folder is None:
        return None
    spec = importlib.util.spec_from_file_location(
        "gi", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None  # noqa: S101 - of a file with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules["gi"] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        del sys.modules["gi"]
        log.info("%s: cannot be used by this Python: %s", folder, error)
        return None
    return module


def _system_gi() -> Path | None:
    """Where the distribution keeps its PyGObject, if it was made for this very Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = ("python3/dist-packages", f"{version}/site-packages")
    compiled = f"_gi{sysconfig.get_config_var('EXT_SUFFIX')}"
    for library in ("/usr/lib", "/usr/lib64"):
        for place in places:
            folder = Path(library, place, "gi")
            if (folder / compiled).exists():
                return folder
    return None


def _has_namespace(*names: str) -> bool:
    gi = _gi()
    for name in names:
        with contextlib.suppress(ValueError):
            gi.require_version(name, "0.1")
            return True
    return False


def _has_watcher() -> bool:
    """Whether the desktop takes icons by D-Bus."""
    from gi.repository import Gio, GLib

    bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
    said = bus.call_sync(
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "NameHasOwner",
        GLib.Variant("(s)", (_WATCHER,)),
        None,
        Gio.DBusCallFlags.NONE,
        -1,
        None,
    )
    return bool(said.unpack()[0])


def _tray_window() -> bool | None:
    """Whether a panel takes icons by X; None where there is no X at all."""
    from Xlib import X
    from Xlib.display import Display

    try:
        display = Display()
    except Exception as error:  # DISPLAY may be anything, and so is what is made of it
        log.info("no X: %s", error)
        return None
    try:
        selection = display.intern_atom(f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}")
        return bool(display.get_selection_owner(selection) != X.NONE)
    finally:
        display.close()
