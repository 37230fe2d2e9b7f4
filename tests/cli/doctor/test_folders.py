from __future__ import annotations

from pathlib import Path

import pytest

from prismd.cli.doctor.folders import (
    Seen,
    count_folders,
    judge,
    judge_instances,
    judge_watches,
    look,
)
from prismd.cli.doctor.verdict import Verdict
from prismd.config.options import Config, Folder
from prismd.store.files import Root
from tests.hung_paths import HungPaths

DATA = "/home/anna/.local/share/prismd"


def found(folder: Seen, others: list[str] | None = None, platform: str = "linux") -> Verdict:
    return judge(folder, DATA, [folder.real, *(others or [])], platform)


def config(tmp_path: Path, *folders: Path) -> Config:
    named = tuple(Folder(path=path) for path in folders)
    return Config(data_dir=tmp_path / "data", folders=named)


def test_a_folder_that_is_there_is_well() -> None:
    assert found(Seen("/files", "/files")).level == "ok"


@pytest.mark.parametrize(
    ("folder", "level", "detail", "remedy"),
    [
        (Seen("/f", "/f", "silent"), "note", "/f: its disk does not answer", "bring its disk or"),
        (Seen("/f", "/f", "missing"), "note", "/f: offline", "plug its disk in; or, if it is gone"),
        (
            Seen("/f", "/f", "missing", known=False),
            "problem",
            "/f: there is no such folder",
            "correct the path, or remove the folder from the configuration",
        ),
        (
            Seen("/my f", "/my f", "Permission denied"),
            "problem",
            "/my f: cannot be listed (Permission denied)",
            "allow yourself to read it: chmod u+rx '/my f'",
        ),
        (Seen("/f", "/f", silent_mount=True), "note", "/f: on a network disk", "nothing need be"),
        (
            Seen(f"{DATA}/files", f"{DATA}/files"),
            "problem",
            f"{DATA}/files: lies within the data directory",
            "name another folder",
        ),
    ],
)
def test_what_is_amiss_with_a_folder_is_told(
    folder: Seen, level: str, detail: str, remedy: str
) -> None:
    verdict = found(folder)
    assert verdict.level == level
    assert verdict.detail.startswith(detail)
    assert verdict.remedy.startswith(remedy)


def test_the_data_directory_may_lie_within_a_folder() -> None:
    assert found(Seen("/home/anna", "/home/anna")).level == "ok"


def test_a_folder_within_another_is_told() -> None:
    verdict = found(Seen("/files/a", "/files/a"), ["/files"])
    assert (verdict.level, verdict.detail) == ("problem", "/files/a: overlaps the folder /files")
    assert verdict.remedy == "prismd remove /files/a, or take it out of the configuration"
    assert found(Seen("/files-a", "/files-a"), ["/files"]).level == "ok"


def test_on_a_mac_the_way_to_the_privacy_settings_is_told() -> None:
    verdict = found(Seen("/f", "/f", "Operation not permitted"), platform="darwin")
    assert "Full Disk Access" in verdict.remedy


def test_the_folders_of_settings_and_index_are_looked_at(tmp_path: Path) -> None:
    here, gone, by_command = tmp_path / "here", tmp_path / "gone", tmp_path / "command"
    here.mkdir()
    a_file = tmp_path / "a file"
    a_file.write_text("no folder")
    roots = [
        Root(1, str(here), "config", "watching"),
        Root(2, str(by_command), "command", "offline"),
    ]
    verdicts = [v for v in look(config(tmp_path, here, gone, a_file), roots) if v.what == "folder"]
    assert [v.level for v in verdicts] == ["ok", "problem", "problem", "note"]
    assert verdicts[3].detail.startswith(f"{by_command}: offline")


def test_without_a_folder_the_command_is_told(tmp_path: Path) -> None:
    (verdict,) = look(config(tmp_path), [])
    assert (verdict.level, verdict.remedy.startswith("prismd add FOLDER")) == ("note", True)


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hung, here = tmp_path / "hung", tmp_path / "here"
    hung.mkdir()
    here.mkdir()
    paths = HungPaths(monkeypatch)
    paths.hang(hung)
    try:
        verdicts = list(look(config(tmp_path, hung, here), []))
    finally:
        paths.answer_all()
    assert [v.level for v in verdicts if v.what == "folder"] == ["note", "ok"]
    assert verdicts[0].detail == f"{hung}: its disk does not answer"


def test_folders_that_are_watched_are_counted_without_junk(tmp_path: Path) -> None:
    for name in ("a/b", "node_modules/x", ".hidden/y", "c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert count_folders(config(tmp_path), [str(tmp_path)], 60) == (4, True)
    assert count_folders(config(tmp_path), [str(tmp_path)], 0) == (0, False)
    assert count_folders(config(tmp_path), [str(tmp_path / "gone")], 60) == (1, True)


def test_a_limit_of_watches_that_is_too_low_is_told_with_the_line() -> None:
    verdict = judge_watches(60_000, whole=False, limit=65_536)
    assert verdict.level == "note"
    assert verdict.detail.startswith("more than 60,000 folders to watch; the system allows 65,536")
    assert verdict.remedy.startswith(
        "sudo sysctl fs.inotify.max_user_watches=262144; to keep it:"
        " echo fs.inotify.max_user_watches=262144 | sudo tee /etc/sysctl.d/60-prismd.conf"
    )
    assert judge_watches(1, whole=True, limit=65_536).level == "ok"


def test_a_limit_of_watching_programs_that_is_reached_is_told() -> None:
    (verdict,) = judge_instances(127, 128)
    assert verdict.remedy.startswith("sudo sysctl fs.inotify.max_user_instances=1024; to keep it")
    assert list(judge_instances(3, 128)) == []


def test_of_an_index_that_was_not_read_no_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    (unknown,) = look(config(tmp_path), None)
    assert unknown.detail.startswith("those that commands have named are not known")
    (tmp_path / "files").mkdir()
    unknown, named, *_ = look(config(tmp_path, tmp_path / "files"), None)
    assert (unknown.level, named.level) == ("note", "ok")
    (none,) = look(config(tmp_path), ())
    assert none.detail == "none is named yet"
