"""The tray and the installed service: real prismd between them, and a stand-in for systemd."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prismd.errors import PrismdError
from prismd.tray import power
from prismd.tray.power import Launch
from tests.service.desktop import Desktop

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="launchd is what macOS has")


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    """A place with a systemd, whose environment is that of this process, as it is the tray's."""
    made = Desktop(tmp_path)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("PRISMD_CONFIG", "PRISMD_DATA_DIR"):  # a login knows of none
        monkeypatch.delenv(name)
    return made


def launch_of(desktop: Desktop, data_dir: Path | None = None) -> Launch:
    data_dir = data_dir or desktop.data_dir
    return Launch(
        program=(sys.executable, "-P", "-m", "prismd"),
        overrides=("--config", str(desktop.config), "--data-dir", str(data_dir)),
        data_dir=data_dir,
        url=f"http://127.0.0.1:{desktop.port}",
    )


def test_the_log_of_the_service_is_that_of_the_journal(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(desktop.root))
    desktop.install()
    copy = power.log_of(launch_of(desktop), desktop.root)
    assert copy.read_text() == "the last of the log\n"
    assert "--unit=prismd.service --lines=2000 --no-pager" in desktop.calls.read_text()


def test_a_service_is_started_by_its_manager(desktop: Desktop) -> None:
    desktop.install()
    desktop.changes()
    power.start(launch_of(desktop), pytest.fail)
    assert desktop.changes() == ["reset-failed prismd.service", "start prismd.service"]
    assert not desktop.data_dir.exists()  # no daemon was started beside it


def test_a_service_of_another_data_directory_is_not_taken_for_its_own(desktop: Desktop) -> None:
    desktop.install()
    other = launch_of(desktop, desktop.root / "other")
    assert power.find_service(other) is None
    with pytest.raises(PrismdError, match=r"name a file under \[log\]"):
        power.log_of(other, desktop.root)


@pytest.mark.parametrize("name", ["data2", '50% of "mine"', "my data"])
def test_whose_service_it_is_is_told_by_what_it_runs_and_not_by_how_it_is_written(
    desktop: Desktop, name: str
) -> None:
    own = desktop.root / name
    desktop.run("--data-dir", own, "service", "install", "--no-start")
    assert power.find_service(launch_of(desktop, own)) is not None
    assert power.find_service(launch_of(desktop)) is None  # the one's path begins the other's


def test_a_drop_in_that_names_another_data_directory_counts(desktop: Desktop) -> None:
    desktop.install()
    drop_ins = desktop.units / "prismd.service.d"
    drop_ins.mkdir()
    more = f"[Service]\nExecStart=\nExecStart=/p --data-dir {desktop.root}/other run\n"
    (drop_ins / "override.conf").write_text(more)
    assert power.find_service(launch_of(desktop)) is None
    assert power.find_service(launch_of(desktop, desktop.root / "other")) is not None


@pytest.mark.parametrize("named", [False, True])
def test_the_data_directory_is_found_where_the_service_finds_it(
    desktop: Desktop, named: bool
) -> None:
    own = desktop.root / "home" / ".local" / "share" / "prismd"
    option = ""
    if named:
        own = desktop.root / "of the file"
        file = desktop.root / "other.toml"
        file.write_text('data_dir = "of the file"\n')
        option = f"--config={file} "
    desktop.units.mkdir(parents=True)
    desktop.service.write_text(f"[Service]\nExecStart=/usr/bin/prismd {option}run\n")
    assert power.find_service(launch_of(desktop, own)) is not None
    assert power.find_service(launch_of(desktop)) is None


@pytest.mark.parametrize(
    "unit",
    [
        "ExecStart=/usr/bin/prismd --config /gone.toml run",
        "ExecStart=/usr/bin/sh -c 'prismd run'",
        "Environment=XDG_DATA_HOME=/else\nExecStart=/usr/bin/prismd run",
        "ExecStart=/usr/bin/prismd --data-dir",
    ],
)
def test_of_a_service_whose_data_directory_nobody_can_tell_none_is_taken(
    desktop: Desktop, unit: str
) -> None:
    desktop.units.mkdir(parents=True)
    desktop.service.write_text(f"[Service]\n{unit}\n")
    usual = desktop.root / "home" / ".local" / "share" / "prismd"
    assert power.find_service(launch_of(desktop, usual)) is None
