"""Folders by the paths that they really have."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.errors import ConfigError
from prismd.paths.real_path import is_folder, real_path
from prismd.watch.folders import need_folder
from tests.building import wait_until
from tests.hung_paths import HungPaths
from tests.watch.watched import unprivileged


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[HungPaths]:
    made = HungPaths(monkeypatch)
    yield made
    made.answer_all()
    wait_until(lambda: not asking())


def asking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prismd-path"]


def test_links_are_followed_and_nothing_need_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    base = os.path.realpath(tmp_path)
    assert real_path(tmp_path / "link" / ".." / "folder" / "x") == f"{base}/folder/x"
    assert is_folder(tmp_path / "link") is True
    assert is_folder(folder / "x") is False


def test_no_disk_has_a_name_with_a_zero_in_it(tmp_path: Path) -> None:
    assert real_path(f"{tmp_path}/a\0b/../c") == f"{tmp_path}/c"
    assert is_folder(f"{tmp_path}/a\0b") is False


def test_a_link_that_leads_to_itself_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    assert real_path(tmp_path / "link") == os.path.realpath(tmp_path) + "/link"
    assert is_folder(tmp_path / "link") is False


def test_what_the_system_says_of_a_path_is_handed_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / ("a" * 300)
    with pytest.raises(OSError, match="File name too long"):
        is_folder(long)
    with pytest.raises(ConfigError, match=r"cannot be looked at \(File name too long\); correct"):
        need_folder(str(long), "correct it")
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_is_closed_to_this_user_is_not_one_whose_disk_is_silent(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0)
    try:
        with unprivileged(closed), pytest.raises(ConfigError, match=r"\(Permission denied\)"):
            need_folder(str(closed / "inner"), "correct it")
    finally:
        closed.chmod(0o700)


def test_a_disk_that_does_not_answer_is_asked_once_and_again_when_it_has(
    tmp_path: Path, hung: HungPaths
) -> None:
    hung.hang(tmp_path)
    for _ in range(3):
        assert real_path(tmp_path) is None
        assert is_folder(tmp_path) is None
    wait_until(lambda: len(hung.asked) == 2)
    assert len(asking()) == 2
    hung.answer(tmp_path)
    wait_until(lambda: not asking())
    assert real_path(tmp_path) == os.path.realpath(tmp_path)
    assert is_folder(tmp_path) is True


def test_of_questions_that_were_answered_nothing_is_left(tmp_path: Path, hung: HungPaths) -> None:
    from prismd.paths import real_path as module

    hung.hang(tmp_path)
    assert is_folder(tmp_path) is None
    for number in range(5):
        with pytest.raises(OSError, match="File name too long"):
            is_folder(f"/{'b' * 300}{number}")
        assert is_folder(tmp_path / f"{number}") is False
    assert len(module._asking) == 1
    hung.answer(tmp_path)
    wait_until(lambda: not module._asking)


def test_two_who_ask_at_once_both_have_the_answer(
    tmp_path: Path, hung: HungPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prismd.paths.real_path._PATIENCE_S", 60.0)
    hung.hang(tmp_path)
    found: list[bool | None] = []
    threads = [threading.Thread(target=lambda: found.append(is_folder(tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(hung.asked) == 1)
    hung.answer(tmp_path)
    for thread in threads:
        thread.join()
    assert found == [True, True]
