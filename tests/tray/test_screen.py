"""The tray on a real panel: what is to be seen there, and what its menu does to a real daemon."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from prismd.tray.backend import _system_gi
from prismd.tray.drawing import TILE
from prismd.tray.standing import Mood
from tests.building import wait_until
from tests.cli.harness import COMMAND, Place
from tests.needing import leave_out
from tests.tray.screen import Icon, Screen, desktop, missing_programs

pytestmark = [pytest.mark.screen, pytest.mark.slow]

_LEAST_PX = 40
_PATIENCE_S = 60


def need(missing: list[str], remedy: str) -> None:
    """Skip where something is missing; in CI, where all of it can be installed, fail."""
    if missing:
        leave_out(f"{', '.join(missing)}: not installed; {remedy}")


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A desktop for all tests here."""
    need(missing_programs(), "scripts/test installs it where it may")
    with desktop(tmp_path_factory.mktemp("desktop")) as screen:
        yield screen


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran, with a file and one that is broken."""
    place = Place(tmp_path)
    place.write("a_b.txt", "The ferry sails at noon.")
    place.write("broken.pdf", "%PDF-1.7\nnothing of a PDF follows")
    return place


class Tray:
    """A running tray."""

    def __init__(self, place: Place, screen: Screen, process: subprocess.Popen[bytes]) -> None:
        self.place = place
        self.screen = screen
        self.process = process
        self.opened = place.root / "opened"

    @property
    def icon(self) -> Icon:
        """Its icon, once the panel was told of it."""
        wait_until(lambda: self.screen.icon() is not None)
        found = self.screen.icon()
        assert found is not None
        return found

    def await_mood(self, mood: Mood) -> None:
        """Wait until the panel shows a state's colour, and none of the others."""

        def shown() -> bool:
            counts = {name: len(self.screen.places_of(TILE[name])) for name in TILE}
            return counts.pop(mood) > _LEAST_PX and not any(counts.values())

        wait_until(shown)

    def await_opened(self) -> str:
        """What was opened last, by a browser or an editor."""
        wait_until(lambda: self.opened.exists() and self.opened.read_text().endswith("\n"))
        said = self.opened.read_text().split()[-1]
        self.opened.unlink()
        return said


@contextmanager
def tray(place: Place, screen: Screen, env: Mapping[str, str] | None = None) -> Iterator[Tray]:
    """A tray of a place on a screen."""
    with (place.root / "tray.log").open("a") as log:
        process = subprocess.Popen(
            [*COMMAND, "tray"],
            env=environment(place, screen, env),
            stdin=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        yield Tray(place, screen, process)
    finally:
        process.kill()
        process.wait()


def environment(
    place: Place, screen: Screen, env: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Variables of a tray; whatever it opens is only noted."""
    programs = place.root / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("browser", "xdg-open"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "$1" >> {place.root / "opened"}\n')
        program.chmod(0o755)
    found = {name: screen.environment[name] for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS")}
    return {
        **place.environment(),
        **found,
        "NO_AT_BRIDGE": "1",
        "BROWSER": f"{programs / 'browser'} %s",
        "PATH": f"{programs}:{os.environ['PATH']}",
        **(env or {}),
    }


@pytest.fixture
def shown(place: Place, screen: Screen) -> Iterator[Tray]:
    """A tray with a menu."""
    if _system_gi() is None:
        # In CI as well: no package of the system helps a Python that is not the system's.
        pytest.skip("no GTK for this Python; run the tests by the system's own, with python3-gi")
    with tray(place, screen) as shown:
        yield shown


def test_icon_title_and_menu_follow_the_daemon_and_the_menu_drives_it(shown: Tray) -> None:
    shown.await_mood("away")
    icon = shown.icon
    assert icon.title == "prismd: not running"
    assert "Start prismd" in icon.labels()
    with shown.place.daemon() as daemon:
        shown.await_mood("idle")
        wait_until(lambda: icon.title == "prismd: up to date, 2 files")
        wait_until(lambda: "1 file with errors…" in icon.labels())
        icon.choose("For 15 minutes")
        wait_until(lambda: daemon.status()["state"] == "paused")
        shown.await_mood("paused")
        wait_until(lambda: icon.title.startswith("prismd: paused until "))
        icon.choose("Resume")
        wait_until(lambda: daemon.status()["state"] != "paused")
        shown.await_mood("idle")
        icon.choose("Until resumed")
        wait_until(lambda: daemon.status()["paused"] is not None)
        assert daemon.status()["paused"]["until"] is None
        icon.choose("Resume")
        wait_until(lambda: daemon.status()["paused"] is None)
    shown.await_mood("away")
    wait_until(lambda: "Pause" not in icon.labels())


def test_while_files_are_read_the_icon_says_so_and_names_the_one_in_hand(
    shown: Tray,
) -> None:
    place = shown.place
    with place.daemon() as daemon:
        daemon.client.post("/pause", json={}).raise_for_status()
        shown.await_mood("paused")
        for number in range(400):
            place.write(f"many/{number}.txt", f"Ferry {number} sails at noon.")
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: daemon.status()["files"]["pending"] >= 400)
        daemon.client.post("/resume", json={}).raise_for_status()
        shown.await_mood("indexing")
        wait_until(lambda: "402 files" in shown.icon.title)
        shown.await_mood("idle")
        wait_until(lambda: shown.icon.title == "prismd: up to date, 402 files")


def test_a_fault_is_shown_and_told_once_and_goes_away(
    place: Place, screen: Screen, shown: Tray
) -> None:
    with shown.place.daemon() as daemon:
        shown.await_mood("idle")
        sound = shown.place.config.read_text()
        shown.place.config.write_text("[index]\nworkers = -1\n")
        assert daemon.client.post("/config/reload").status_code == 400
        shown.await_mood("attention")
        wait_until(lambda: "workers" in shown.icon.title)
        wait_until(lambda: "workers" in (place.root / "tray.log").read_text())
        shown.process.kill()
        shown.process.wait()
        shown.place.config.write_text(sound)  # the daemon has not read it yet
        with tray(place, screen) as again:
            again.await_mood("attention")
            again.icon.choose("Quit this icon")
            assert again.process.wait(_PATIENCE_S) == 0
        told = (place.root / "tray.log").read_text()
        assert len([line for line in told.splitlines() if "workers" in line]) == 1
        daemon.client.post("/config/reload").raise_for_status()
        with tray(place, screen) as again:
            again.await_mood("idle")


def test_the_page_the_errors_the_configuration_and_the_log_are_opened(shown: Tray) -> None:
    with shown.place.daemon() as daemon:
        shown.await_mood("idle")
        shown.icon.choose("Open prismd")
        assert shown.await_opened().startswith(f"{daemon.url}/login?code=")
        shown.icon.choose("1 file with errors…")
        assert shown.await_opened().endswith("next=%2F%23%2Factivity")
        shown.icon.choose("Open configuration")
        assert shown.await_opened() == str(shown.place.config)


def test_prismd_is_started_and_stopped_and_the_icon_taken_away(shown: Tray) -> None:
    shown.await_mood("away")
    shown.icon.choose("Start prismd")
    shown.await_mood("idle")
    shown.icon.choose("Open log")
    assert shown.await_opened() == str(shown.place.data_dir / "prismd.log")
    shown.icon.choose("Stop prismd")
    shown.await_mood("away")
    shown.icon.choose("Quit this icon")
    assert shown.process.wait(_PATIENCE_S) == 0
    wait_until(lambda: not shown.screen.places_of(TILE["away"]))
    left = {path.name for path in (shown.place.data_dir / "tray").iterdir()}
    assert left <= {"lock", "told.json"}


def test_of_two_trays_the_first_stays(shown: Tray) -> None:
    shown.await_mood("away")
    env = environment(shown.place, shown.screen)
    said = shown.place.run("tray", env=env)
    assert said == f"An icon for {shown.place.data_dir} is shown already.\n"
    assert shown.process.poll() is None


def test_a_tray_that_was_killed_leaves_nothing_in_the_way(
    place: Place, screen: Screen, shown: Tray
) -> None:
    shown.await_mood("away")
    shown.process.kill()
    shown.process.wait()
    with tray(place, screen) as again:
        again.await_mood("away")
        pictures = list((place.data_dir / "tray").glob("tmp*"))
        assert len(pictures) == 1


@pytest.fixture
def bare(place: Place, screen: Screen) -> Iterator[Tray]:
    """A tray on a desktop without a message bus, where there is no menu."""
    without = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={place.root}/none", "XDG_RUNTIME_DIR": ""}
    with tray(place, screen, without) as bare:
        yield bare


def test_without_a_menu_the_icon_follows_and_a_click_opens_prismd(bare: Tray) -> None:
    bare.await_mood("away")
    with bare.place.daemon() as daemon:
        bare.await_mood("idle")
        bare.screen.click(bare.screen.places_of(TILE["idle"])[0])
        assert bare.await_opened().startswith(f"{daemon.url}/login?code=")
        daemon.client.post("/pause", json={}).raise_for_status()
        bare.await_mood("paused")


def test_where_no_panel_shows_icons_the_person_is_told_what_to_install(
    place: Place, screen: Screen, tmp_path: Path
) -> None:
    with desktop(tmp_path / "bare", panel=False) as empty:
        said = place.run("tray", exit_code=1, env=environment(place, empty))
    assert "this desktop shows no tray icons; on GNOME, install the extension" in said
