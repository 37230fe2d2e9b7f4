from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.harness import Place

linux = pytest.mark.skipif(sys.platform == "darwin", reason="an agent of launchd there")
NO_SCREEN = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}


def entry(place: Place) -> Path:
    return place.root / "home" / ".config" / "autostart" / "prismd-tray.desktop"


@linux
def test_without_a_screen_it_ends_and_makes_nothing(place: Place) -> None:
    said = place.run("tray", exit_code=1, env=NO_SCREEN)
    assert said.startswith("prismd: no screen (neither DISPLAY nor WAYLAND_DISPLAY is set);")
    assert not place.data_dir.exists()


@linux
def test_it_is_shown_at_login_by_the_very_command_and_its_overrides(place: Place) -> None:
    said = place.run("tray", "install")
    assert f"{entry(place)}: written" in said
    (line,) = [x for x in entry(place).read_text().splitlines() if x.startswith("Exec=")]
    program = line.removeprefix("Exec=").split()[0]
    assert Path(program).is_absolute()
    assert Path(program).exists()
    assert line.endswith(f" --config {place.config} --data-dir {place.data_dir} tray --patient")
    first = entry(place).read_bytes()
    place.run("tray", "install")
    assert entry(place).read_bytes() == first


@linux
def test_what_is_set_in_this_shell_alone_is_kept_where_it_can_be_and_else_told_of(
    place: Place,
) -> None:
    variables = {"XDG_DATA_HOME": str(place.root / "share"), "PRISMD_MODELS_DIR": "/models"}
    process = place.start("tray", "install", env=variables)
    _, notes = process.communicate(timeout=120)
    assert process.returncode == 0
    (line,) = [x for x in entry(place).read_text().splitlines() if x.startswith("Exec=")]
    assert line.startswith(f"Exec=/usr/bin/env XDG_DATA_HOME={place.root}/share ")
    told = notes.removeprefix("note: ").partition(": set in this shell, and not at a login;")
    assert {"PRISMD_PORT", "PRISMD_MODELS_DIR"} <= set(told[0].split(", "))
    assert "PRISMD_DATA_DIR" not in notes  # it is written into the command


@linux
def test_a_configuration_file_in_its_usual_place_is_not_named(place: Place) -> None:
    usual = place.root / "home" / ".config" / "prismd" / "config.toml"
    usual.parent.mkdir(parents=True)
    place.config.rename(usual)
    place.run("tray", "install", env={"PRISMD_CONFIG": str(usual)})
    (line,) = [x for x in entry(place).read_text().splitlines() if x.startswith("Exec=")]
    assert line.endswith(f" --data-dir {place.data_dir} tray --patient")


@linux
def test_it_is_shown_at_login_no_more(place: Place) -> None:
    assert place.run("tray", "uninstall") == "The icon is not shown at login.\n"
    place.run("tray", "install")
    assert place.run("tray", "uninstall").startswith(f"{entry(place)}: removed;")
    assert not entry(place).exists()


def test_a_broken_configuration_is_said_so(place: Place) -> None:
    place.config.write_text("[index]\nworkers = -1\n")
    assert "workers" in place.run("tray", exit_code=2)
    assert "workers" in place.run("tray", "install", exit_code=2)
